"""The waveform: what the pointer makes of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QColor, QKeyEvent
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.audio import FrameSpan
from gui import theme
from gui.state.clip import PulledEdges
from gui.widgets.canvas_layout import Grip
from gui.widgets.gestures import CURSORS
from gui.widgets.selection_edit import MAX_PULLED_BARS
from gui.widgets.waveform_editor import WaveformEditor
from tests.gui.canvas_parts import (
    ALT,
    BAR,
    BEAT,
    CTRL,
    LEFT,
    NONE,
    SHIFT,
    click,
    double_click,
    drag,
    is_green,
    move,
    picture,
    press,
    release,
    tone_clip,
)
from tests.gui.editor_parts import Heard, at, handle, shown_editor


@pytest.fixture
def editor(qtbot: QtBot) -> Iterator[WaveformEditor]:
    yield from shown_editor(qtbot)


@pytest.fixture
def heard(editor: WaveformEditor) -> Heard:
    return Heard(editor)


def test_a_drag_selects_on_the_grid(editor: WaveformEditor, heard: Heard) -> None:
    drag(editor, at(editor, 1.1 * BEAT), at(editor, 5.8 * BEAT))
    assert editor.selection == (FrameSpan(BEAT, 6 * BEAT),)
    assert heard.selections[-1] == editor.selection
    assert heard.seeks == []


def test_the_selected_band_is_tinted_with_bright_edges(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    image = picture(editor)
    inside = image.pixelColor(at(editor, 1.5 * BAR, 0.02).toPoint())
    assert is_green(inside)
    edge = image.pixelColor(round(editor.own_axis.x_of(BAR)), round(at(editor, 0, 0.02).y()))
    assert edge == QColor(theme.DARK.graft)


def test_a_drag_with_alt_selects_any_frame(editor: WaveformEditor) -> None:
    drag(editor, at(editor, 1.3 * BEAT), at(editor, 2.6 * BEAT), ALT)
    (span,) = editor.selection
    assert span.start == pytest.approx(1.3 * BEAT, abs=editor.axis.frames_per_pixel)
    assert span.stop == pytest.approx(2.6 * BEAT, abs=editor.axis.frames_per_pixel)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.floats(0.0, 4.0), st.floats(0.05, 4.0), st.sampled_from((0.25, 0.5, 1.0, 4.0)))
def test_every_drag_ends_on_grid_lines(
    editor: WaveformEditor, start: float, way: float, beats: float
) -> None:
    editor.clear_selection()
    editor.zoom_all()
    editor.set_grid_beats(beats)
    drag(editor, at(editor, start * BAR * 0.99), at(editor, (start + way) * BAR))
    for span in editor.selection:
        assert span.start % (beats * BEAT) == 0
        assert span.stop % (beats * BEAT) == 0


@pytest.mark.parametrize("modifier", [CTRL, SHIFT])
def test_a_drag_replaces_and_with_a_modifier_adds(
    editor: WaveformEditor, modifier: Qt.KeyboardModifier
) -> None:
    drag(editor, at(editor, 0.1 * BAR), at(editor, 0.9 * BAR))
    drag(editor, at(editor, 2.05 * BAR), at(editor, 2.95 * BAR), modifier)
    assert editor.selection == (FrameSpan(0, BAR), FrameSpan(2 * BAR, 3 * BAR))
    drag(editor, at(editor, 1.1 * BAR), at(editor, 1.9 * BAR))
    assert editor.selection == (FrameSpan(BAR, 2 * BAR),)


def test_a_click_clears_and_seeks(editor: WaveformEditor, heard: Heard, qtbot: QtBot) -> None:
    editor.set_selection((FrameSpan(0, BAR),))
    point = at(editor, 2.5 * BAR).toPoint()
    qtbot.mouseClick(editor, LEFT, NONE, point)
    assert editor.selection == ()
    assert heard.selections == [()]
    assert heard.seeks == [round(editor.own_axis.frame_at(point.x()))]


def test_a_click_on_the_ruler_seeks_and_keeps_the_selection(
    editor: WaveformEditor, heard: Heard, qtbot: QtBot
) -> None:
    editor.set_selection((FrameSpan(0, BAR),))
    x = round(editor.own_axis.x_of(BAR * 2))
    qtbot.mouseClick(editor, LEFT, NONE, QPoint(x, 10))
    assert editor.selection == (FrameSpan(0, BAR),)
    assert heard.seeks == [round(editor.own_axis.frame_at(x))]


def test_a_double_click_selects_the_bar(editor: WaveformEditor) -> None:
    double_click(editor, at(editor, 2.3 * BAR))
    assert editor.selection == (FrameSpan(2 * BAR, 3 * BAR),)


@pytest.mark.parametrize("modifier", [CTRL, SHIFT])
def test_a_double_click_with_a_modifier_adds_the_bar(
    editor: WaveformEditor, modifier: Qt.KeyboardModifier
) -> None:
    editor.set_selection((FrameSpan(0, BEAT),))
    double_click(editor, at(editor, 2.3 * BAR), modifier)
    assert editor.selection == (FrameSpan(0, BEAT), FrameSpan(2 * BAR, 3 * BAR))


def test_quick_clicks_on_the_ruler_all_seek(editor: WaveformEditor, heard: Heard) -> None:
    double_click(editor, QPointF(300, 10))
    assert len(heard.seeks) == 2


def test_a_click_with_a_modifier_takes_a_span_away_or_adds_a_beat(
    editor: WaveformEditor, heard: Heard
) -> None:
    editor.set_selection((FrameSpan(0, BEAT), FrameSpan(BAR, 2 * BAR)))
    click(editor, at(editor, 1.5 * BAR), SHIFT)
    assert editor.selection == (FrameSpan(0, BEAT),)
    click(editor, at(editor, 9.5 * BEAT), CTRL)
    assert editor.selection == (FrameSpan(0, BEAT), FrameSpan(9 * BEAT, 10 * BEAT))
    assert heard.seeks == []


def test_a_move_without_the_button_changes_nothing(editor: WaveformEditor) -> None:
    press(editor, at(editor, BAR))
    move(editor, at(editor, 2 * BAR), Qt.MouseButton.NoButton, NONE)
    move(editor, at(editor, 3 * BAR), Qt.MouseButton.NoButton, NONE)
    assert editor.selection == ()


def test_another_sound_under_a_drag_ends_it(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(3 * BAR, 4 * BAR),))
    press(editor, at(editor, 3.5 * BAR))
    move(editor, at(editor, 3.2 * BAR), LEFT, NONE)
    editor.show_clip(tone_clip(2 * BAR, "short"))
    move(editor, at(editor, 0.2 * BAR), LEFT, NONE)
    release(editor, at(editor, 0.2 * BAR))
    assert editor.selection == ()


def test_the_middle_moves_and_the_edges_resize(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    drag(editor, at(editor, 1.5 * BAR), at(editor, 1.5 * BAR + 2.1 * BEAT))
    assert editor.selection == (FrameSpan(BAR + 2 * BEAT, 2 * BAR + 2 * BEAT),)
    drag(editor, at(editor, 2 * BAR + 2 * BEAT), at(editor, 3.02 * BAR))
    assert editor.selection == (FrameSpan(BAR + 2 * BEAT, 3 * BAR),)
    drag(editor, at(editor, BAR + 2 * BEAT), at(editor, 0.97 * BAR))
    assert editor.selection == (FrameSpan(BAR, 3 * BAR),)


def test_an_edge_dragged_past_the_other_turns_the_selection_over(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    drag(editor, at(editor, 2 * BAR), at(editor, 0.5 * BAR))
    assert editor.selection == (FrameSpan(BAR // 2, BAR),)


def test_moving_one_of_several_spans_leaves_the_others(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(0, BEAT), FrameSpan(BAR, 2 * BAR)))
    drag(editor, at(editor, 1.5 * BAR), at(editor, 2.5 * BAR))
    assert editor.selection == (FrameSpan(0, BEAT), FrameSpan(2 * BAR, 3 * BAR))


def test_escape_ends_a_drag_as_if_it_had_not_been(editor: WaveformEditor, heard: Heard) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    press(editor, at(editor, 2.2 * BAR))
    move(editor, at(editor, 3.2 * BAR), LEFT, NONE)
    assert editor.selection != (FrameSpan(BAR, 2 * BAR),)
    escape = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Escape, NONE)
    QApplication.sendEvent(editor, escape)
    assert escape.isAccepted()
    release(editor, at(editor, 3.2 * BAR))
    assert editor.selection == (FrameSpan(BAR, 2 * BAR),)
    assert heard.seeks == []
    assert not editor.cancel_gesture()


def test_a_drag_out_of_the_view_scrolls_along(editor: WaveformEditor, qtbot: QtBot) -> None:
    editor.zoom(4.0)
    first = editor.axis
    press(editor, at(editor, editor.own_axis.frame_at(400)))
    beyond = QPointF(editor.axis.right + 60, 300)
    move(editor, beyond, LEFT, NONE)
    qtbot.waitUntil(lambda: editor.axis.stop == 4 * BAR)
    assert editor.axis.start > first.start
    assert editor.selection[0].stop == 4 * BAR
    release(editor, beyond)
    assert not editor.is_scrolling


def test_scrolling_along_ends_when_the_pointer_returns_or_the_editor_hides(
    editor: WaveformEditor,
) -> None:
    for end in (lambda: move(editor, at(editor, 2 * BAR), LEFT, NONE), editor.hide):
        press(editor, at(editor, 2 * BAR))
        move(editor, QPointF(editor.axis.right + 60, 300), LEFT, NONE)
        assert editor.is_scrolling
        end()
        assert not editor.is_scrolling


# ---------------------------------------------------------------------- pulled edges


def test_the_right_edge_is_pulled_out_by_bars_and_back(
    editor: WaveformEditor, heard: Heard
) -> None:
    start = handle(editor, left=False)
    press(editor, start)
    move(editor, start + QPointF(65, 0), LEFT, NONE)
    assert editor.pulled == PulledEdges(0, 2)
    assert editor.axis.stop == 6 * BAR
    move(editor, start, LEFT, NONE)
    release(editor, start)
    assert heard.pulled[-1] == PulledEdges()
    assert editor.axis.stop == 4 * BAR


def test_the_left_edge_is_pulled_out_for_an_intro(editor: WaveformEditor) -> None:
    start = handle(editor, left=True)
    drag(editor, start, start - QPointF(33, 0))
    assert editor.pulled == PulledEdges(1, 0)
    assert editor.axis.start == -BAR


def test_a_handle_out_of_view_is_not_taken_hold_of(editor: WaveformEditor, heard: Heard) -> None:
    point = handle(editor, left=True) - QPointF(50, 0)
    editor.set_selection((FrameSpan(BAR, 4 * BAR),))
    editor.zoom_to_selection()
    # The clip's start lies left of the view now, under the gutter.
    assert editor.own_axis.x_of(0) < editor.axis.left - 10
    for x in range(0, 120, 4):
        drag(editor, QPointF(x, point.y()), QPointF(x - 60, point.y()))
    assert heard.pulled == []


def test_without_a_tempo_an_edge_is_pulled_in_seconds(editor: WaveformEditor) -> None:
    editor.show_clip(tone_clip(tempo_bpm=None))
    editor.pull("right", 2)
    assert editor.words == "4 s after the end"
    picture(editor)


def test_an_edge_goes_no_further_than_sixteen_bars(editor: WaveformEditor) -> None:
    start = handle(editor, left=False)
    drag(editor, start, start + QPointF(3_000, 0))
    assert editor.pulled == PulledEdges(0, MAX_PULLED_BARS)


def test_what_will_be_made_is_hatched_green_behind_a_dashed_line(editor: WaveformEditor) -> None:
    editor.set_pulled(PulledEdges(0, 2))
    image = picture(editor)
    row = at(editor, 0, 0.6).toPoint().y()
    xs = range(round(editor.own_axis.x_of(4.2 * BAR)), round(editor.own_axis.x_of(5.8 * BAR)))
    hatch = [image.pixelColor(x, row).green() for x in xs]
    assert max(hatch) > min(hatch)
    assert all(image.pixelColor(x, row).green() >= QColor(theme.DARK.bg).green() for x in xs)
    seam = round(editor.own_axis.x_of(4 * BAR))
    rows = range(40, 200)
    bright = [is_green(image.pixelColor(seam, y)) for y in rows]
    assert any(bright)


def test_pulling_keeps_a_zoomed_view_where_it_is(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    editor.zoom_to_selection()
    axis = editor.axis
    editor.pull("right", 2)
    assert editor.axis == axis


# ---------------------------------------------------------------------- the rest


def test_the_grip_in_the_gutter_starts_a_drag_out(editor: WaveformEditor, heard: Heard) -> None:
    press(editor, QPointF(30, 60))
    far = QApplication.startDragDistance() + 5
    move(editor, QPointF(30 + far, 60), LEFT, NONE)
    move(editor, QPointF(60 + far, 60), LEFT, NONE)
    release(editor, QPointF(60 + far, 60))
    assert heard.drags == [True]
    assert heard.seeks == []


def test_a_drag_out_starts_nowhere_else(editor: WaveformEditor, heard: Heard) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    places = [
        at(editor, 1.5 * BAR),
        at(editor, BAR),
        at(editor, 3 * BAR),
        QPointF(300, 10),
        QPointF(30, 10),
        handle(editor, left=True),
        handle(editor, left=False),
        QPointF(300, editor.height() - 4),
        QPointF(30, editor.height() - 4),
    ]
    for place in places:
        drag(editor, place, place + QPointF(90, 30))
    assert heard.drags == []


def test_a_click_on_the_grip_does_nothing(editor: WaveformEditor, heard: Heard) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    click(editor, QPointF(30, 60))
    assert heard.drags == []
    assert editor.selection == (FrameSpan(BAR, 2 * BAR),)


@pytest.mark.parametrize("compact", [False, True])
def test_the_grip_is_seen_where_it_is(editor: WaveformEditor, compact: bool) -> None:
    editor.set_compact(compact)
    image, gutter = picture(editor), editor.layout_px.gutter
    dots = {
        image.pixelColor(x, y).name()
        for x in range(round(gutter.width()))
        for y in range(round(gutter.top()), round(gutter.top()) + 30)
    }
    assert len(dots) > 1


def test_the_ruler_with_alt_starts_a_drag_out(editor: WaveformEditor, heard: Heard) -> None:
    drag(editor, QPointF(300, 10), QPointF(340, 60), ALT)
    assert heard.drags == [True]
    assert heard.seeks == []


def test_the_pointer_shows_what_it_can_do(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    places = {
        Grip.WAVE: at(editor, 3 * BAR),
        Grip.INSIDE: at(editor, 1.5 * BAR),
        Grip.START: at(editor, BAR),
        Grip.RULER: QPointF(300, 8),
        Grip.TITLE: QPointF(20, 200),
        Grip.PULL_RIGHT: handle(editor, left=False),
    }
    for grip, point in places.items():
        move(editor, point, Qt.MouseButton.NoButton, NONE)
        assert editor.cursor().shape() == CURSORS[grip], grip


def test_tips_say_what_is_selected_and_what_a_handle_does(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    assert editor.tip_at(at(editor, 1.5 * BAR)) == "Bar 2, beats 1–4"
    assert "continue" in editor.tip_at(handle(editor, left=False))
    assert "intro" in editor.tip_at(handle(editor, left=True))


def test_the_selection_is_told_to_screen_readers(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(3 * BAR, 4 * BAR),))
    assert editor.accessibleName() == "Waveform"
    assert "Bar 4, beats 1–4" in editor.accessibleDescription()
    assert editor.words == "Bar 4, beats 1–4"


def test_focus_by_keyboard_is_seen(editor: WaveformEditor, qtbot: QtBot) -> None:
    with qtbot.waitActive(editor):
        editor.activateWindow()
    editor.clearFocus()
    plain = picture(editor)
    editor.setFocus(Qt.FocusReason.TabFocusReason)
    assert picture(editor) != plain
    editor.clearFocus()
    editor.setFocus(Qt.FocusReason.MouseFocusReason)
    assert picture(editor) == plain
