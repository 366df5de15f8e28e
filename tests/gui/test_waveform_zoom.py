"""The waveform's axis: zoomed, scrolled, told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.audio import FrameSpan
from gui.state.clip import TimeAxis
from gui.widgets.canvas_layout import GUTTER_PX
from gui.widgets.waveform_editor import WaveformEditor
from tests.gui.canvas_parts import (
    BAR,
    CTRL,
    NONE,
    move,
    swipe,
    tone_clip,
    wheel,
)
from tests.gui.editor_parts import Heard, at, shown_editor


@pytest.fixture
def editor(qtbot: QtBot) -> Iterator[WaveformEditor]:
    yield from shown_editor(qtbot)


@pytest.fixture
def heard(editor: WaveformEditor) -> Heard:
    return Heard(editor)


def test_the_wheel_with_ctrl_zooms_at_the_pointer(editor: WaveformEditor) -> None:
    point = at(editor, 1.7 * BAR)
    frame = editor.axis.frame_at(point.x())
    for _ in range(6):
        wheel(editor, point, 1, CTRL)
    assert editor.axis.x_of(frame) == pytest.approx(point.x(), abs=0.01)
    assert editor.axis.stop - editor.axis.start < 1.2 * BAR


def test_keys_zoom_at_the_pointer_and_round_the_selection_without_one(
    editor: WaveformEditor, qtbot: QtBot
) -> None:
    point = at(editor, 3.1 * BAR)
    frame = editor.axis.frame_at(point.x())
    move(editor, point, Qt.MouseButton.NoButton, NONE)
    qtbot.keyClick(editor, "+")
    assert editor.axis.stop - editor.axis.start == pytest.approx(2 * BAR)
    assert editor.axis.x_of(frame) == pytest.approx(point.x(), abs=0.01)
    qtbot.keyClick(editor, "0")
    assert editor.axis.stop - editor.axis.start == 4 * BAR
    QApplication.sendEvent(editor, QEvent(QEvent.Type.Leave))
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    middle = editor.axis.x_of(1.5 * BAR)
    qtbot.keyClick(editor, "=")
    assert editor.axis.x_of(1.5 * BAR) == pytest.approx(middle, abs=0.01)
    qtbot.keyClick(editor, "-")
    assert editor.axis.stop - editor.axis.start == 4 * BAR


def test_two_fingers_carry_the_waveform_with_them(editor: WaveformEditor) -> None:
    editor.zoom(4.0)
    frame = editor.axis.frame_at(400)
    swipe(editor, QPointF(400, 200), QPoint(-37, 2))
    assert editor.axis.x_of(frame) == pytest.approx(400 - 37, abs=0.01)


def test_paging_moves_a_part_of_the_view(editor: WaveformEditor, qtbot: QtBot) -> None:
    editor.zoom(4.0)
    start, seen = editor.axis.start, editor.axis.stop - editor.axis.start
    qtbot.keyClick(editor, Qt.Key.Key_PageDown)
    assert start < editor.axis.start < start + seen
    qtbot.keyClick(editor, Qt.Key.Key_PageUp)
    assert editor.axis.start == pytest.approx(start)


def test_the_wheel_scrolls_within_the_sound(editor: WaveformEditor) -> None:
    editor.zoom(4.0)
    start = editor.axis.start
    wheel(editor, at(editor, 2 * BAR), -1)
    assert editor.axis.start > start
    for _ in range(60):
        wheel(editor, at(editor, 2 * BAR), 1)
    assert editor.axis.start == 0.0


def test_the_axis_is_told_on_every_change(editor: WaveformEditor, heard: Heard) -> None:
    editor.zoom(2.0)
    editor.zoom_all()
    editor.resize(900, 420)
    editor.set_compact(True)
    assert heard.axes[-1] == editor.axis
    assert len(heard.axes) == 4
    assert editor.axis.left < GUTTER_PX


def test_the_axis_is_told_with_the_rate_that_it_counts_in(editor: WaveformEditor) -> None:
    told: list[tuple[TimeAxis, int]] = []

    def note(axis: TimeAxis, sample_rate: int) -> None:
        told.append((axis, sample_rate))

    editor.axis_changed.connect(note)
    editor.show_clip(tone_clip(clip_id="same frames", sample_rate=16_000))
    assert told == [(editor.axis, 16_000)]


def test_a_view_of_all_stays_one_when_the_window_grows(editor: WaveformEditor) -> None:
    editor.resize(1400, 700)
    assert (editor.axis.start, editor.axis.stop) == (0.0, 4.0 * BAR)
    assert editor.axis.right <= 1400
