"""The waveform: what the keyboard makes of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PyQt6.QtCore import QEvent, QPointF, Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence
from pytestqt.qtbot import QtBot

from engine.audio import FrameSpan
from gui.state.clip import PulledEdges
from gui.widgets.waveform_editor import WaveformEditor
from gui.widgets.waveform_keys import WAVE_KEYS
from tests.gui.canvas_parts import (
    ALT,
    BAR,
    BEAT,
    CTRL,
    NONE,
    SHIFT,
    drag,
    picture,
    wheel,
)
from tests.gui.editor_parts import Heard, shown_editor


@pytest.fixture
def editor(qtbot: QtBot) -> Iterator[WaveformEditor]:
    yield from shown_editor(qtbot)


@pytest.fixture
def heard(editor: WaveformEditor) -> Heard:
    return Heard(editor)


def test_nudging_without_a_selection_takes_the_step_at_the_playhead(
    editor: WaveformEditor, heard: Heard
) -> None:
    editor.set_playhead(round(5.4 * BEAT))
    editor.nudge(1)
    assert editor.selection == (FrameSpan(5 * BEAT, 6 * BEAT),)
    editor.nudge(2)
    assert editor.selection == (FrameSpan(7 * BEAT, 8 * BEAT),)
    editor.nudge(1, extend=True)
    assert editor.selection == (FrameSpan(7 * BEAT, 9 * BEAT),)
    editor.nudge(-2, extend=True)
    assert editor.selection == (FrameSpan(6 * BEAT, 7 * BEAT),)
    editor.nudge(-1, extend=True)
    assert editor.selection == (FrameSpan(5 * BEAT, 7 * BEAT),)
    assert heard.selections[-1] == editor.selection


def test_nudging_keeps_the_selection_in_view(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(0, BEAT),))
    editor.zoom_to_selection()
    for _ in range(9):
        editor.nudge(1)
    (span,) = editor.selection
    assert editor.own_axis.start <= span.start
    assert span.stop <= editor.own_axis.stop + 1e-6


Way = tuple[Qt.Key | str, Qt.KeyboardModifier]
RIGHT, GO_LEFT = Qt.Key.Key_Right, Qt.Key.Key_Left


@pytest.mark.parametrize(
    ("ways", "selection"),
    [
        ([(RIGHT, NONE)], FrameSpan(5 * BEAT, 6 * BEAT)),
        ([(GO_LEFT, NONE), (GO_LEFT, NONE)], FrameSpan(2 * BEAT, 3 * BEAT)),
        ([(RIGHT, SHIFT), (RIGHT, SHIFT)], FrameSpan(4 * BEAT, 7 * BEAT)),
        ([(GO_LEFT, SHIFT)], FrameSpan(3 * BEAT, 4 * BEAT)),
        ([(GO_LEFT, SHIFT), (GO_LEFT, SHIFT)], FrameSpan(2 * BEAT, 4 * BEAT)),
        ([("a", CTRL)], FrameSpan(0, 4 * BAR)),
    ],
)
def test_arrow_keys_move_and_extend_the_selection(
    editor: WaveformEditor, heard: Heard, qtbot: QtBot, ways: list[Way], selection: FrameSpan
) -> None:
    editor.set_selection((FrameSpan(4 * BEAT, 5 * BEAT),))
    for key, modifier in ways:
        qtbot.keyClick(editor, key, modifier)
    assert editor.selection == (selection,)
    assert heard.selections[-1] == editor.selection


def test_arrow_keys_with_alt_leave_the_grid(editor: WaveformEditor, qtbot: QtBot) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    qtbot.keyClick(editor, RIGHT, ALT)
    (span,) = editor.selection
    assert span.frames == BAR
    assert 0 < span.start - BAR <= 1.5 * editor.axis.frames_per_pixel
    qtbot.keyClick(editor, RIGHT, ALT | SHIFT)
    assert 0 < editor.selection[0].frames - BAR <= 1.5 * editor.axis.frames_per_pixel
    qtbot.keyClick(editor, RIGHT)
    assert editor.selection[0].start % BEAT == 0


def test_a_second_region_is_selected_and_moved_by_keys_alone(
    editor: WaveformEditor, qtbot: QtBot
) -> None:
    first = FrameSpan(0, BEAT)
    qtbot.keyClick(editor, RIGHT)
    assert editor.selection == (first,)
    qtbot.keyClick(editor, RIGHT, CTRL | SHIFT)
    assert editor.selection == (first, FrameSpan(2 * BEAT, 3 * BEAT))
    qtbot.keyClick(editor, RIGHT)
    qtbot.keyClick(editor, RIGHT, SHIFT)
    assert editor.selection == (first, FrameSpan(3 * BEAT, 5 * BEAT))
    qtbot.keyClick(editor, RIGHT, CTRL | SHIFT)
    qtbot.keyClick(editor, RIGHT)
    assert editor.selection == (
        first,
        FrameSpan(3 * BEAT, 5 * BEAT),
        FrameSpan(7 * BEAT, 8 * BEAT),
    )
    # What is set from elsewhere is moved as a whole again.
    editor.set_selection((FrameSpan(BEAT, 2 * BEAT), FrameSpan(3 * BEAT, 4 * BEAT)))
    qtbot.keyClick(editor, RIGHT)
    assert editor.selection == (FrameSpan(2 * BEAT, 3 * BEAT), FrameSpan(4 * BEAT, 5 * BEAT))


def test_a_region_beyond_the_ends_is_not_added(editor: WaveformEditor, qtbot: QtBot) -> None:
    editor.select_all()
    for key in (RIGHT, GO_LEFT):
        qtbot.keyClick(editor, key, CTRL | SHIFT)
    assert editor.selection == (FrameSpan(0, 4 * BAR),)


def test_brackets_pull_the_edges_out_and_braces_push_them_back(
    editor: WaveformEditor, heard: Heard, qtbot: QtBot
) -> None:
    for key in "]][}":
        qtbot.keyClick(editor, key)
    assert heard.pulled[-1] == PulledEdges(1, 1)
    qtbot.keyClick(editor, "{")
    assert editor.pulled == PulledEdges(0, 1)


def test_clearing_clears_what_is_selected_and_pulled_out(
    editor: WaveformEditor, heard: Heard
) -> None:
    editor.set_selection((FrameSpan(0, BAR),))
    editor.set_pulled(PulledEdges(0, 2))
    editor.clear_selection()
    assert editor.selection == ()
    assert editor.pulled == PulledEdges()
    assert heard.selections == [()]
    assert heard.pulled == [PulledEdges()]


def test_the_window_and_the_waveform_read_one_table(editor: WaveformEditor, qtbot: QtBot) -> None:
    keys = [key for deed in WAVE_KEYS for key in deed.keys]
    assert len(keys) == len(set(keys))
    for key in keys:
        (pressed,) = list(QKeySequence(key))
        event = QKeyEvent(
            QEvent.Type.KeyPress, pressed.key(), pressed.keyboardModifiers(), key[-1:]
        )
        event.accept()
        editor.keyPressEvent(event)
        assert event.isAccepted(), f"{key} is the window's alone"


def test_zooming_to_the_selection_has_the_same_key_everywhere(
    editor: WaveformEditor, qtbot: QtBot
) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    qtbot.keyClick(editor, Qt.Key.Key_Z)
    assert editor.axis.stop - editor.axis.start < 1.3 * BAR
    qtbot.keyClick(editor, Qt.Key.Key_Z, SHIFT)
    assert editor.axis.stop - editor.axis.start == 4 * BAR


def test_keys_without_a_meaning_are_left_to_the_window(editor: WaveformEditor) -> None:
    for key, text in ((Qt.Key.Key_Escape, ""), (Qt.Key.Key_Space, " "), (Qt.Key.Key_B, "b")):
        event = QKeyEvent(QEvent.Type.KeyPress, key, NONE, text)
        event.accept()
        editor.keyPressEvent(event)
        assert not event.isAccepted()


def test_all_is_selected_and_cleared(editor: WaveformEditor, heard: Heard) -> None:
    editor.select_all()
    assert editor.selection == (FrameSpan(0, 4 * BAR),)
    editor.clear_selection()
    assert heard.selections == [(FrameSpan(0, 4 * BAR),), ()]


def test_edges_are_pulled_by_keyboard(editor: WaveformEditor, heard: Heard) -> None:
    editor.pull("right", 1)
    editor.pull("right", 1)
    editor.pull("left", 1)
    editor.pull("right", -1)
    assert heard.pulled[-1] == PulledEdges(1, 1)
    with pytest.raises(ValueError, match="up"):
        editor.pull("up", 1)


def test_zooming_to_the_selection_fills_the_view_with_it(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(BAR, 2 * BAR),))
    editor.zoom_to_selection()
    shown = editor.axis.stop - editor.axis.start
    assert BAR < shown < 1.3 * BAR
    editor.zoom_all()
    assert editor.axis.stop - editor.axis.start == 4 * BAR


def test_setters_tell_nothing(editor: WaveformEditor, heard: Heard) -> None:
    editor.set_selection((FrameSpan(0, BAR),))
    editor.set_pulled(PulledEdges(1, 0))
    assert heard.selections == []
    assert heard.pulled == []


def test_an_empty_canvas_bears_every_key_and_press(editor: WaveformEditor, heard: Heard) -> None:
    editor.show_clip(None)
    editor.nudge(1)
    editor.pull("left", 1)
    editor.select_all()
    editor.zoom(2.0)
    editor.zoom_to_selection()
    drag(editor, QPointF(200, 200), QPointF(400, 200))
    wheel(editor, QPointF(200, 200), 1, CTRL)
    picture(editor)
    assert heard.selections == []
    assert heard.seeks == []
