"""The bar under the canvas: a press that moves far enough drags, and all else is a click."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import QEvent, QPointF, Qt
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.audio import FrameSpan
from gui.state.exports import BitDepth
from gui.theme import DARK, LIGHT
from gui.widgets.export_bar import NOTHING, ExportBar
from tests.gui.canvas_parts import LEFT, NONE, move, press, tone_clip

FAR = QApplication.startDragDistance
START = QPointF(40, 20)


@pytest.fixture
def bar(qtbot: QtBot) -> ExportBar:
    made = ExportBar()
    qtbot.addWidget(made)
    made.resize(900, made.height())
    made.show_clip(tone_clip(grafted=(FrameSpan(0, 32_000),)))
    made.show()
    return made


@pytest.fixture
def drags(bar: ExportBar) -> list[bool]:
    told: list[bool] = []
    bar.drag_wanted.connect(lambda: told.append(True))
    return told


def test_a_drag_begins_when_the_pointer_went_far_enough_and_once(
    bar: ExportBar, drags: list[bool]
) -> None:
    press(bar.handle, START)
    move(bar.handle, START + QPointF(FAR() - 1, 0), LEFT, NONE)
    assert drags == []
    for further in range(3):
        move(bar.handle, START + QPointF(FAR() + further, 0), LEFT, NONE)
    assert drags == [True]


def test_moving_without_a_press_and_a_click_drag_nothing(bar: ExportBar, drags: list[bool]) -> None:
    move(bar.handle, START + QPointF(80, 0), Qt.MouseButton.NoButton, NONE)
    QTest.mouseClick(bar.handle, LEFT, pos=START.toPoint())
    move(bar.handle, START + QPointF(80, 0), Qt.MouseButton.NoButton, NONE)
    assert drags == []


def test_the_right_button_drags_nothing(bar: ExportBar, drags: list[bool]) -> None:
    right = Qt.MouseButton.RightButton
    QApplication.sendEvent(
        bar.handle,
        QMouseEvent(QEvent.Type.MouseButtonPress, START, START, right, right, NONE),
    )
    move(bar.handle, START + QPointF(80, 0), right, NONE)
    assert drags == []


def test_without_a_sound_nothing_can_leave(bar: ExportBar, drags: list[bool]) -> None:
    bar.show_clip(None)
    assert not bar.copy.isEnabled()
    assert not bar.reveal.isEnabled()
    assert bar.handle.accessibleName() == NOTHING
    press(bar.handle, START)
    move(bar.handle, START + QPointF(80, 0), LEFT, NONE)
    assert drags == []


def test_another_clip_ends_the_press(bar: ExportBar, drags: list[bool]) -> None:
    press(bar.handle, START)
    bar.show_clip(tone_clip(clip_id="other"))
    move(bar.handle, START + QPointF(80, 0), LEFT, NONE)
    assert drags == []


def test_copy_and_reveal_ask_for_what_they_say(bar: ExportBar, qtbot: QtBot) -> None:
    with qtbot.waitSignal(bar.copy_wanted):
        bar.copy.click()
    with qtbot.waitSignal(bar.reveal_wanted):
        bar.reveal.click()


def test_every_format_can_be_chosen_and_shown(bar: ExportBar) -> None:
    chosen: list[object] = []
    bar.format_chosen.connect(chosen.append)
    for row, depth in enumerate(BitDepth):
        bar.show_format(depth)
        assert bar.format.currentText() == depth.label
        bar.format.activated.emit(row)
    assert chosen == list(BitDepth)


def test_the_handle_draws_the_users_audio_blue_and_grafts_green(bar: ExportBar) -> None:
    for palette in (DARK, LIGHT):
        bar.set_palette(palette)
        image = bar.handle.grab().toImage()
        drawn = {image.pixelColor(x, 22).name() for x in range(image.width())}
        green, blue = palette.color("graft"), palette.color("source")
        assert any(_nearly(name, green.name()) for name in drawn)
        assert any(_nearly(name, blue.name()) for name in drawn)


def _nearly(first: str, second: str) -> bool:
    """Tell whether two #rrggbb are as near as a bar on a card is to its pure colour."""
    parts = ((int(name[i : i + 2], 16) for i in (1, 3, 5)) for name in (first, second))
    return all(abs(one - other) <= 48 for one, other in zip(*parts, strict=True))


def test_a_long_name_and_a_narrow_bar_stay_inside(bar: ExportBar) -> None:
    bar.show_clip(tone_clip(clip_id="a very long name " * 20))
    bar.resize(600, bar.height())
    bar.grab()
    assert bar.minimumSizeHint().width() <= 600
