"""The lanes: on the editor's axis to the pixel, every state with a shape or a word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QColor, QContextMenuEvent, QImage, QKeyEvent
from PyQt6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from engine.audio import FrameSpan
from engine.key import Key
from gui import theme
from gui.state.clip import Lane, LaneState
from gui.widgets.lane_layout import ROW_PX
from gui.widgets.lanes_view import LanesView
from gui.widgets.waveform_editor import WaveformEditor
from tests.gui.canvas_parts import (
    BAR,
    LEFT,
    NONE,
    done_lane,
    drag,
    is_green,
    is_grey,
    move,
    picture,
    press,
    release,
    tone_clip,
)

GRAFT = FrameSpan(BAR + 700, 2 * BAR + 300)
TAKES = tuple(
    tone_clip(clip_id=f"take {i}", grafted=(GRAFT,), seam_score=score)
    for i, score in enumerate((0.4, 0.3, 1.4))
)
LANES = (
    done_lane("A", TAKES[0]),
    done_lane("B", TAKES[1], rating=1),
    done_lane("C", TAKES[2]),
    Lane("D", LaneState.MAKING, progress=0.5),
    Lane("E", LaneState.WAITING),
    Lane("F", LaneState.FAILED),
    Lane("G", LaneState.CANCELLED),
)
NOTES = ("", "", "", "step 6 of 12", "", "out of memory", "")


class Canvas(QWidget):
    """Editor and lanes under each other, as in the window."""

    def __init__(self) -> None:
        super().__init__()
        self.editor, self.lanes = WaveformEditor(), LanesView()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.editor, 1)
        column.addWidget(self.lanes)
        self.editor.axis_changed.connect(self.lanes.set_axis)


@pytest.fixture
def canvas(qtbot: QtBot) -> Canvas:
    theme.load_fonts()
    widget = Canvas()
    qtbot.addWidget(widget)
    widget.resize(740, 700)
    widget.lanes.set_lanes(LANES, NOTES)
    widget.editor.show_clip(TAKES[0], tone_clip())
    widget.show()
    QApplication.processEvents()
    return widget


@pytest.fixture
def lanes(canvas: Canvas) -> LanesView:
    return canvas.lanes


def middle(lanes: LanesView, index: int, x: float = 400.0) -> QPointF:
    return QPointF(x, lanes.layout_px.row(index).center().y())


def green_columns(image: QImage, row: int, left: int, right: int) -> list[int]:
    return [x for x in range(left, right) if is_green(image.pixelColor(x, row))]


# ---------------------------------------------------------------------- the shared axis


@pytest.mark.parametrize("zoomed", [False, True])
def test_lanes_lie_under_the_waveform_to_the_pixel(canvas: Canvas, zoomed: bool) -> None:
    editor, lanes = canvas.editor, canvas.lanes
    if zoomed:
        editor.set_selection((FrameSpan(BAR, 2 * BAR),))
        editor.zoom_to_selection()
        editor.set_selection(())
    left, right = round(editor.axis.left), round(editor.axis.right)
    above, below = picture(editor), picture(lanes)
    wave = editor.layout_px.wave
    shown = green_columns(above, round(wave.top() + 0.4 * wave.height()), left, right)
    for index in range(3):
        row = round(middle(lanes, index).y()) - 6
        assert green_columns(below, row, left, right) == shown
    assert shown


def test_a_take_with_an_intro_begins_left_of_its_source(canvas: Canvas) -> None:
    intro = tone_clip(5 * BAR, "intro", grafted=(FrameSpan(0, BAR),), start_frame=-BAR)
    canvas.editor.show_clip(intro, tone_clip())
    canvas.lanes.set_lanes((done_lane("A", intro),))
    image = picture(canvas.lanes)
    axis = canvas.editor.axis
    green = green_columns(
        image, round(middle(canvas.lanes, 0).y()) - 6, round(axis.left), round(axis.right)
    )
    assert green == list(range(round(axis.x_of(-BAR)), round(axis.x_of(0))))


def test_a_take_at_another_rate_spans_the_same_time(canvas: Canvas) -> None:
    take = tone_clip(8 * BAR, "double", grafted=(FrameSpan(2 * BAR, 4 * BAR),), sample_rate=16_000)
    canvas.lanes.set_lanes((done_lane("A", take),))
    canvas.lanes.set_axis(canvas.editor.axis, 8_000)
    axis = canvas.editor.axis
    row = round(middle(canvas.lanes, 0).y()) - 6
    green = green_columns(picture(canvas.lanes), row, round(axis.left), round(axis.right))
    assert green == list(range(round(axis.x_of(BAR)), round(axis.x_of(2 * BAR))))


def test_what_is_the_sources_is_grey(lanes: LanesView, canvas: Canvas) -> None:
    image = picture(lanes)
    row = round(middle(lanes, 0).y()) - 6
    for bar in (0.3, 0.8, 2.5, 3.6):
        color = image.pixelColor(round(canvas.editor.axis.x_of(bar * BAR)), row)
        assert is_grey(color)
        assert color != QColor(theme.DARK.bg)


# ---------------------------------------------------------------------- states


def test_every_state_is_told_in_words(lanes: LanesView) -> None:
    words = [lanes.words(index) for index in range(len(LANES))]
    assert "seamless" in words[0]
    assert "starred" in words[1]
    assert "a joint can be heard" in words[2]
    assert words[3:] == [
        "D · step 6 of 12",
        "E · waiting",
        "F · failed: out of memory",
        "G · cancelled",
    ]
    for line in words:
        assert line in lanes.accessibleDescription()


def test_every_state_has_a_shape_of_its_own(lanes: LanesView) -> None:
    """Told apart without colour: which pixels of the state's square are not background."""
    image = picture(lanes)
    background = QColor(theme.DARK.bg)
    shapes: list[frozenset[tuple[int, int]]] = []
    for index in (0, 2, 3, 4, 5, 6):
        y = round(middle(lanes, index).y())
        shapes.append(
            frozenset(
                (dx, dy)
                for dx in range(-6, 7)
                for dy in range(-6, 7)
                if image.pixelColor(27 + dx, y + dy) != background
            )
        )
    assert all(shapes)
    assert len(set(shapes)) == len(shapes)


def test_measurements_are_in_the_tip(lanes: LanesView) -> None:
    take = replace(TAKES[0], key=Key.parse("C minor"))
    lanes.set_lanes((done_lane("A", take),))
    tip = lanes.tip_at(middle(lanes, 0))
    for part in ("120.0 bpm", "C minor", "seam 0.40", "−9.8 LUFS"):
        assert part in tip


def test_the_veil_grows_with_the_step(canvas: Canvas) -> None:
    lanes, axis = canvas.lanes, canvas.editor.axis
    edges: list[int] = []
    for progress in (0.25, 0.75):
        lanes.set_lanes((replace(LANES[3], progress=progress),), ("step",))
        row = round(lanes.layout_px.row(0).bottom()) - 4
        image = picture(lanes)
        edges.append(green_columns(image, row, round(axis.left), round(axis.right))[-1])
    expected = [axis.left + share * axis.width for share in (0.25, 0.75)]
    assert edges == pytest.approx(expected, abs=2)


def test_progress_draws_no_waveform_again(lanes: LanesView) -> None:
    picture(lanes)
    renders = lanes.wave_renders
    for step in range(5):
        making = replace(LANES[3], progress=step / 5)
        lanes.set_lanes((*LANES[:3], making, *LANES[4:]), NOTES)
        lanes.set_active(0)
        lanes.set_playhead(step * BAR / 2)
        picture(lanes)
    assert lanes.wave_renders == renders


def test_the_active_row_is_tinted_and_holds_the_playhead(canvas: Canvas) -> None:
    lanes = canvas.lanes
    lanes.set_active(1)
    lanes.set_playhead(2.5 * BAR)
    image = picture(lanes)
    row = lanes.layout_px.row(1)
    tint = image.pixelColor(3, round(row.bottom()) - 3)
    assert is_green(tint)
    x = round(canvas.editor.axis.x_of(2.5 * BAR))
    bright = image.pixelColor(x, round(row.bottom()) - 2)
    assert bright.lightness() > 2 * tint.lightness()
    assert "chosen" in lanes.accessibleDescription()


# ---------------------------------------------------------------------- by pointer


def test_a_click_chooses_a_finished_lane_only(lanes: LanesView, qtbot: QtBot) -> None:
    chosen: list[int] = []
    lanes.lane_chosen.connect(chosen.append)
    for index in range(len(LANES)):
        qtbot.mouseClick(lanes, LEFT, NONE, middle(lanes, index).toPoint())
    assert chosen == [0, 1, 2]


def test_a_click_on_the_star_toggles_it_and_chooses_nothing(lanes: LanesView, qtbot: QtBot) -> None:
    stars: list[int] = []
    chosen: list[int] = []
    lanes.star_toggled.connect(stars.append)
    lanes.lane_chosen.connect(chosen.append)
    for index in (1, 4):
        qtbot.mouseClick(lanes, LEFT, NONE, middle(lanes, index, 44.0).toPoint())
    assert stars == [1]
    assert chosen == []


def test_a_given_star_is_filled_and_another_only_outlined(lanes: LanesView) -> None:
    image = picture(lanes)
    centres = [image.pixelColor(middle(lanes, index, 44.0).toPoint()) for index in (0, 1)]
    assert centres == [QColor(theme.DARK.bg), QColor(theme.DARK.warn)]


def test_a_drag_starts_beyond_the_distance_and_never_chooses(lanes: LanesView) -> None:
    wanted: list[int] = []
    chosen: list[int] = []
    lanes.drag_wanted.connect(wanted.append)
    lanes.lane_chosen.connect(chosen.append)
    start = middle(lanes, 2)
    distance = QApplication.startDragDistance()
    press(lanes, start)
    move(lanes, start + QPointF(distance - 1, 0), LEFT, NONE)
    assert wanted == []
    move(lanes, start + QPointF(distance + 1, 0), LEFT, NONE)
    move(lanes, start + QPointF(distance + 40, 0), LEFT, NONE)
    release(lanes, start + QPointF(distance + 40, 0))
    assert wanted == [2]
    assert chosen == []


def test_an_unfinished_lane_is_not_dragged(lanes: LanesView) -> None:
    wanted: list[int] = []
    lanes.drag_wanted.connect(wanted.append)
    for index in range(3, len(LANES)):
        start = middle(lanes, index)
        drag(lanes, start, start + QPointF(60, 5))
    assert wanted == []


@pytest.mark.parametrize(
    "reason", [QContextMenuEvent.Reason.Mouse, QContextMenuEvent.Reason.Keyboard]
)
def test_a_menu_is_wanted_by_pointer_and_by_key(
    lanes: LanesView, reason: QContextMenuEvent.Reason
) -> None:
    wanted: list[tuple[int, QPoint]] = []

    def note(index: int, point: QPoint) -> None:
        wanted.append((index, point))

    lanes.menu_wanted.connect(note)
    lanes.set_active(2)
    point = middle(lanes, 2).toPoint()
    QApplication.sendEvent(lanes, QContextMenuEvent(reason, point, lanes.mapToGlobal(point)))
    assert [index for index, _ in wanted] == [2]
    assert lanes.rect().contains(lanes.mapFromGlobal(wanted[0][1]))


# ---------------------------------------------------------------------- by keyboard, compact


def test_arrows_choose_the_next_finished_lane_and_star_stars(
    lanes: LanesView, qtbot: QtBot
) -> None:
    chosen: list[int] = []
    stars: list[int] = []
    lanes.lane_chosen.connect(chosen.append)
    lanes.lane_chosen.connect(lanes.set_active)
    lanes.star_toggled.connect(stars.append)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up):
        qtbot.keyClick(lanes, key)
    assert chosen == [0, 1, 0]
    qtbot.keyClick(lanes, Qt.Key.Key_Asterisk)
    assert stars == [0]


def test_what_is_not_made_yet_gets_no_star(lanes: LanesView, qtbot: QtBot) -> None:
    stars: list[int] = []
    lanes.star_toggled.connect(stars.append)
    for index in (None, 3, len(LANES)):
        lanes.set_active(index)
        qtbot.keyClick(lanes, "*")
    assert stars == []


def is_claimed(lanes: LanesView, key: Qt.Key) -> bool:
    """Return whether a key is taken before the window's shortcuts see it."""
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, NONE)
    event.ignore()
    QApplication.sendEvent(lanes, event)
    return event.isAccepted()


def test_arrows_step_along_the_letters_for_who_came_by_tab(canvas: Canvas, qtbot: QtBot) -> None:
    """For all others left and right move the selection, as they do in the whole window."""
    lanes = canvas.lanes
    lanes.set_compact(True)
    with qtbot.waitActive(canvas):
        canvas.activateWindow()
    lanes.setFocus(Qt.FocusReason.MouseFocusReason)
    assert not is_claimed(lanes, Qt.Key.Key_Right)
    lanes.clearFocus()
    lanes.setFocus(Qt.FocusReason.TabFocusReason)
    assert is_claimed(lanes, Qt.Key.Key_Right)
    assert not is_claimed(lanes, Qt.Key.Key_Down)
    chosen: list[int] = []
    lanes.lane_chosen.connect(chosen.append)
    lanes.lane_chosen.connect(lanes.set_active)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left):
        qtbot.keyClick(lanes, key)
    assert chosen == [0, 1, 0]


def test_lanes_that_go_while_one_is_pressed_do_no_harm(lanes: LanesView) -> None:
    told: list[int] = []
    lanes.lane_chosen.connect(told.append)
    lanes.drag_wanted.connect(told.append)
    start = middle(lanes, 2)
    press(lanes, start)
    lanes.set_lanes(LANES[:1])
    move(lanes, start + QPointF(80, 0), LEFT, NONE)
    release(lanes, start + QPointF(80, 0))
    press(lanes, middle(lanes, 0))
    lanes.set_lanes(())
    release(lanes, start)
    assert told == []


def test_a_take_that_waits_for_the_bar_says_so(lanes: LanesView) -> None:
    plain = picture(lanes)
    lanes.set_pending(2)
    assert picture(lanes) != plain
    assert "C" in lanes.accessibleDescription().split("next bar")[0].split(";")[-1]
    lanes.set_pending(None)
    assert picture(lanes) == plain
    assert "next bar" not in lanes.accessibleDescription()


def test_the_axis_comes_with_its_rate_from_the_editor(canvas: Canvas) -> None:
    """A source at 16 kHz over takes at 8 kHz: the same time lies under the same pixel."""
    source = tone_clip(8 * BAR, "source at 16 kHz", sample_rate=16_000)
    take = tone_clip(4 * BAR, "take", grafted=(FrameSpan(BAR, 2 * BAR),))
    canvas.editor.show_clip(source)
    canvas.lanes.set_lanes((done_lane("A", take),))
    axis = canvas.editor.axis
    row = round(middle(canvas.lanes, 0).y()) - 6
    green = green_columns(picture(canvas.lanes), row, round(axis.left), round(axis.right))
    assert green == list(range(round(axis.x_of(2 * BAR)), round(axis.x_of(4 * BAR))))


def test_compact_lanes_are_a_row_of_letters_that_does_the_same(
    lanes: LanesView, qtbot: QtBot
) -> None:
    chosen: list[int] = []
    lanes.lane_chosen.connect(chosen.append)
    lanes.set_compact(True)
    assert lanes.sizeHint().height() < ROW_PX
    for index in range(len(LANES)):
        qtbot.mouseClick(lanes, LEFT, NONE, lanes.layout_px.row(index).center().toPoint())
    assert chosen == [0, 1, 2]
    tops = {lanes.layout_px.row(index).top() for index in range(len(LANES))}
    assert tops == {0.0}


def test_rows_share_what_height_there_is(canvas: Canvas) -> None:
    lanes = canvas.lanes
    assert lanes.layout_px.row_px == ROW_PX
    lanes.resize(740, 26 * len(LANES))
    assert lanes.layout_px.row(len(LANES) - 1).bottom() <= lanes.height()


def test_no_lanes_take_no_room(lanes: LanesView) -> None:
    lanes.set_lanes(())
    assert lanes.sizeHint().height() == 0
    assert lanes.accessibleDescription() == "No takes yet."
    picture(lanes)
