"""The waveform: what is drawn where, and what pointer and keyboard make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PyQt6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt
from PyQt6.QtGui import QColor, QKeyEvent, QPaintEvent, QRegion
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.audio import AudioClip, FrameSpan
from engine.peaks import build_peaks
from gui import theme
from gui.state.clip import PulledEdges, TimeAxis
from gui.widgets.canvas_layout import GUTTER_PX, Grip
from gui.widgets.gestures import CURSORS
from gui.widgets.ruler import marks
from gui.widgets.selection_edit import MAX_PULLED_BARS
from gui.widgets.waveform_editor import WaveformEditor
from tests.gui.canvas_parts import (
    ALT,
    BAR,
    BEAT,
    CTRL,
    LEFT,
    NONE,
    RATE,
    SHIFT,
    click,
    double_click,
    drag,
    is_blue,
    is_green,
    move,
    picture,
    press,
    release,
    swipe,
    tone_clip,
    wheel,
)

GRAFTED = FrameSpan(BAR, 2 * BAR)


@pytest.fixture
def editor(qtbot: QtBot) -> Iterator[WaveformEditor]:
    theme.load_fonts()
    before = set(QApplication.topLevelWidgets())
    widget = WaveformEditor()
    qtbot.addWidget(widget)
    widget.resize(740, 420)
    widget.show_clip(tone_clip())
    widget.show()
    yield widget
    widget.close()
    assert set(QApplication.topLevelWidgets()) - before <= {widget}


class Heard:
    """What the editor told."""

    def __init__(self, editor: WaveformEditor) -> None:
        self.selections: list[tuple[FrameSpan, ...]] = []
        self.pulled: list[PulledEdges] = []
        self.seeks: list[int] = []
        self.axes: list[TimeAxis] = []
        self.drags: list[bool] = []
        editor.selection_changed.connect(self.selections.append)
        editor.pulled_changed.connect(self.pulled.append)
        editor.seek_requested.connect(self.seeks.append)
        editor.axis_changed.connect(self.axes.append)
        editor.drag_wanted.connect(lambda: self.drags.append(True))


@pytest.fixture
def heard(editor: WaveformEditor) -> Heard:
    return Heard(editor)


def at(editor: WaveformEditor, frame: float, height: float = 0.8) -> QPointF:
    """Return the place of a frame in the waveform's area."""
    area = editor.layout_px.wave
    return QPointF(editor.own_axis.x_of(frame), area.top() + height * area.height())


def colors_at(editor: WaveformEditor, frames: range) -> list[QColor]:
    """Return the drawn colours of frames, a little above the zero line."""
    image = picture(editor)
    points = (at(editor, frame, 0.4).toPoint() for frame in frames)
    return [image.pixelColor(point) for point in points]


def handle(editor: WaveformEditor, *, left: bool) -> QPointF:
    area = editor.layout_px.wave
    x = editor.axis.left if left else editor.axis.right
    return QPointF(x, area.center().y())


# ---------------------------------------------------------------------- what is drawn


def test_the_users_frames_are_blue_and_grafted_ones_green(editor: WaveformEditor) -> None:
    editor.show_clip(tone_clip(grafted=(GRAFTED,)))
    step = BAR // 20
    assert all(map(is_blue, colors_at(editor, range(step, BAR - step, step))))
    assert all(map(is_green, colors_at(editor, range(BAR + step, 2 * BAR - step, step))))
    assert all(map(is_blue, colors_at(editor, range(2 * BAR + step, 4 * BAR - step, step))))


def test_green_begins_and_ends_at_the_graft_to_the_pixel(editor: WaveformEditor) -> None:
    editor.show_clip(tone_clip(grafted=(FrameSpan(BAR + 700, 2 * BAR + 300),)))
    image = picture(editor)
    row = at(editor, 0, 0.4).toPoint().y()
    left, right = round(editor.axis.left), round(editor.axis.right)
    green = [x for x in range(left, right) if is_green(image.pixelColor(x, row))]
    start, stop = (round(editor.own_axis.x_of(f)) for f in (BAR + 700, 2 * BAR + 300))
    assert green == list(range(start, stop))


def test_a_quiet_sound_fills_the_height_like_a_loud_one(editor: WaveformEditor) -> None:
    rows: list[list[QColor]] = []
    for level in (0.9, 0.01):
        editor.show_clip(tone_clip(clip_id=f"level {level}", level=level))
        image = picture(editor)
        x = at(editor, BAR // 2).toPoint().x()
        rows.append([image.pixelColor(x, y) for y in range(30, 400)])
    assert rows[0] == rows[1]


def test_before_is_drawn_at_the_same_place_on_the_timeline(editor: WaveformEditor) -> None:
    source = tone_clip()
    intro = tone_clip(5 * BAR, "intro", grafted=(FrameSpan(0, BAR),), start_frame=-BAR)
    editor.show_clip(intro, source)
    axis = editor.axis
    assert is_green(colors_at(editor, range(BAR // 2, BAR // 2 + 1))[0])
    editor.set_before_shown(True)
    assert editor.axis == axis
    # Where the intro was there is nothing; where the source lies it is drawn.
    off_the_grid = BAR // 2 + 500
    empty, user = colors_at(editor, range(off_the_grid, 2 * BAR, BAR))
    assert empty == QColor(theme.DARK.bg)
    assert is_blue(user)
    image, row = picture(editor), at(editor, 0, 0.4).toPoint().y()
    start = round(editor.axis.x_of(0))
    edge = [is_blue(image.pixelColor(x, row)) for x in range(start - 3, start + 3)]
    assert edge == [False, False, False, True, True, True]


def test_the_view_stays_when_another_take_of_the_same_sound_is_shown(
    editor: WaveformEditor,
) -> None:
    source = tone_clip()
    editor.show_clip(tone_clip(clip_id="a"), source)
    editor.zoom(4.0)
    axis = editor.axis
    editor.show_clip(tone_clip(clip_id="b"), source)
    assert editor.axis == axis
    editor.show_clip(tone_clip(2 * BAR, clip_id="another"))
    assert (editor.axis.start, editor.axis.stop) == (0.0, 2.0 * BAR)


def test_an_empty_canvas_invites_in_words(editor: WaveformEditor) -> None:
    editor.show_clip(None)
    image = picture(editor)
    middle = image.height() // 2
    for rows in (range(middle - 24, middle - 6), range(middle, middle + 18)):
        written = {image.pixelColor(x, y).name() for x in range(200, 540) for y in rows}
        assert len(written) > 1
    assert "Nothing is open" in editor.accessibleDescription()


def test_light_and_dark_are_drawn_anew(editor: WaveformEditor) -> None:
    for palette in (theme.LIGHT, theme.DARK):
        editor.set_palette(palette)
        assert picture(editor).pixelColor(2, 2) == QColor(palette.bg)


def test_the_ruler_names_bars_then_beats_then_seconds() -> None:
    clip = tone_clip()
    wide, near = TimeAxis(0, 4 * BAR, 104, 600), TimeAxis(BAR, 2 * BAR, 104, 600)
    assert [text for text, _ in marks(wide, clip)] == ["1", "2", "3", "4", "5"]
    assert [text for text, _ in marks(near, clip)] == ["2", "2.2", "2.3", "2.4", "3"]
    assert marks(wide, tone_clip(tempo_bpm=None))[1] == ("1 s", 8_000.0)


def test_the_ruler_names_parts_of_a_beat_and_what_is_nearer_still() -> None:
    clip = tone_clip()
    beat = TimeAxis(BEAT, 2 * BEAT, 104, 600)
    assert [text for text, _ in marks(beat, clip)] == ["1.2", "1.2.2", "1.2.3", "1.2.4", "1.3"]
    few_frames = TimeAxis(BEAT, BEAT + 64, 104, 600)
    texts = [text for text, _ in marks(few_frames, clip)]
    assert texts[:3] == ["0.500 s", "0.501 s", "0.502 s"]
    assert len(texts) == len(set(texts))


def test_the_ruler_counts_long_sounds_in_minutes_and_an_intro_below_the_first_bar() -> None:
    minutes = tone_clip(tempo_bpm=None)
    texts = [text for text, _ in marks(TimeAxis(0, 150 * 8_000, 104, 600), minutes)]
    assert texts[:4] == ["0:00", "0:30", "1:00", "1:30"]
    intro = TimeAxis(-2 * BAR, BAR, 104, 600)
    assert [text for text, _ in marks(intro, tone_clip())] == ["−1", "0", "1", "2"]
    assert marks(TimeAxis(-8_000, 8_000, 104, 600), minutes)[0][0] == "−1.0 s"


@pytest.mark.parametrize("tempo_bpm", [None, 40.0, 174.0])
@given(start=st.floats(-1e5, 1e7), frames=st.floats(64.0, 3e7))
def test_the_rulers_texts_are_unique_and_in_view(
    tempo_bpm: float | None, start: float, frames: float
) -> None:
    axis = TimeAxis(start, start + frames, 104, 600)
    found = marks(axis, tone_clip(tempo_bpm=tempo_bpm))
    texts = [text for text, _ in found]
    assert len(texts) == len(set(texts))
    assert all(103.9 <= axis.x_of(frame) <= 704.1 for _, frame in found)


# ---------------------------------------------------------------------- the playhead


def test_the_playhead_moves_without_drawing_the_waveform_again(editor: WaveformEditor) -> None:
    editor.set_playhead(0)
    picture(editor)
    renders = editor.waveform_renders
    for frame in range(0, 4 * BAR, BAR // 8):
        editor.set_playhead(frame)
        picture(editor)
    assert editor.waveform_renders == renders


class PaintedRegions(QObject):
    """Notes what a widget is asked to paint."""

    def __init__(self) -> None:
        super().__init__()
        self.regions: list[QRegion] = []

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802
        if isinstance(a1, QPaintEvent):
            self.regions.append(a1.region())
        return super().eventFilter(a0, a1)


def test_the_playhead_repaints_two_thin_strips(editor: WaveformEditor, qtbot: QtBot) -> None:
    editor.set_playhead(BAR)
    watch = PaintedRegions()
    editor.installEventFilter(watch)
    qtbot.waitUntil(editor.isVisible)
    QApplication.processEvents()
    watch.regions.clear()
    editor.set_playhead(3 * BAR)
    qtbot.waitUntil(lambda: bool(watch.regions))
    editor.removeEventFilter(watch)
    (region,) = watch.regions
    assert region.rectCount() == 2
    middle = round(editor.own_axis.x_of(2 * BAR))
    for side in (QRect(0, 0, middle, 420), QRect(middle, 0, 740, 420)):
        assert 0 < region.intersected(side).boundingRect().width() <= 8


def test_the_playhead_and_a_seek_are_in_frames_of_what_is_drawn(
    editor: WaveformEditor, heard: Heard
) -> None:
    """An intro puts the take's first frame in front of the source's."""
    intro = tone_clip(5 * BAR, "intro", grafted=(FrameSpan(0, BAR),), start_frame=-BAR)
    editor.show_clip(intro, tone_clip())
    x = editor.axis.x_of(2 * BAR)
    for before, frame in ((False, 3 * BAR), (True, 2 * BAR)):
        editor.set_before_shown(before)
        editor.set_playhead(frame)
        assert editor.playhead == 2 * BAR
        click(editor, QPointF(x, 10))
        assert heard.seeks[-1] == frame
    editor.set_before_shown(False)
    assert editor.playhead == 2 * BAR


def test_single_frames_are_drawn_as_a_line_per_channel(editor: WaveformEditor) -> None:
    """Left rises from frame to frame while right falls; a mono sound has one line."""
    ramp = np.linspace(-0.8, 0.8, 4_000, dtype=np.float32)
    crossed = np.stack((ramp, -ramp))
    counts: list[int] = []
    for name, samples in (("stereo", crossed), ("mono", crossed[:1]), ("both", crossed[[0, 0]])):
        clip = replace(
            tone_clip(4_000, name),
            audio=AudioClip(samples, RATE),
            peaks=build_peaks(samples),
            tempo_bpm=None,
        )
        editor.show_clip(clip)
        editor.set_selection((FrameSpan(600, 640),))
        editor.zoom_to_selection()
        editor.set_selection(())
        image, area = picture(editor), editor.layout_px.wave
        x = round(editor.own_axis.x_of(620)) + 4
        rows = range(round(area.top()), round(area.bottom()))
        blue = [is_blue(image.pixelColor(x, y)) for y in rows]
        counts.append(sum(now and not then for then, now in pairwise([False, *blue])))
    assert counts == [2, 1, 1]


def test_every_zoom_draws_the_tone_from_top_to_bottom(editor: WaveformEditor) -> None:
    """From all of it down to single frames: no gap, nothing over the edge."""
    for _ in range(14):
        image, area = picture(editor), editor.layout_px.wave
        xs = range(round(area.left()) + 20, round(area.right()) - 20, 7)
        ys = range(round(area.top()), round(area.bottom()))
        assert all(any(is_blue(image.pixelColor(x, y)) for y in ys) for x in xs)
        editor.zoom(2.0)
    assert editor.axis.stop - editor.axis.start == 64.0


def test_the_playhead_is_white_where_its_frame_is(editor: WaveformEditor) -> None:
    editor.set_playhead(2 * BAR + BEAT // 2)
    point = at(editor, 2 * BAR + BEAT // 2, 0.05).toPoint()
    assert picture(editor).pixelColor(point) == QColor(theme.DARK.text)


# ---------------------------------------------------------------------- selecting by pointer


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


# ---------------------------------------------------------------------- veil and bracket


def test_the_veil_grows_over_what_is_made(editor: WaveformEditor) -> None:
    plain = picture(editor)
    editor.set_veil(GRAFTED, 0.5)
    veiled = picture(editor)
    row = at(editor, 0, 0.02).toPoint().y()
    changed = [
        x
        for x in range(round(editor.axis.left), round(editor.axis.right))
        if plain.pixelColor(x, row) != veiled.pixelColor(x, row)
    ]
    assert changed[0] == pytest.approx(editor.own_axis.x_of(BAR), abs=1)
    assert changed[-1] + 1 == pytest.approx(editor.own_axis.x_of(1.5 * BAR), abs=1)
    editor.set_veil(None, None)
    assert picture(editor) == plain


def test_the_veil_covers_every_stretch_that_is_made(editor: WaveformEditor) -> None:
    plain = picture(editor)
    spans = (FrameSpan(0, BEAT), FrameSpan(2 * BAR, 3 * BAR))
    editor.set_veil(spans, 1.0)
    veiled = picture(editor)
    for frame, covered in ((0.5 * BEAT, True), (BAR, False), (2.5 * BAR, True)):
        point = at(editor, frame, 0.02).toPoint()
        assert (plain.pixelColor(point) != veiled.pixelColor(point)) is covered
    editor.set_veil(None, None)
    editor.set_pulled(PulledEdges(0, 2))
    bare = picture(editor)
    editor.set_veil(None, 1.0)
    point = at(editor, 5 * BAR, 0.5).toPoint()
    assert bare.pixelColor(point) != picture(editor).pixelColor(point)


def test_the_bracket_shows_the_context_beside_the_selection(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(2 * BAR, 3 * BAR),))
    editor.set_context_seconds(2.0)
    image = picture(editor)
    area = editor.layout_px.bracket
    row = round(area.top()) + 6
    drawn = [
        x
        for x in range(round(area.left()), round(area.right()))
        if image.pixelColor(x, row) == QColor(theme.DARK.dim)
    ]
    for frame, found in ((BAR, min(drawn)), (4 * BAR, max(drawn))):
        assert found == pytest.approx(editor.own_axis.x_of(frame), abs=6)
    inside = round(editor.own_axis.x_of(2.5 * BAR))
    assert inside not in drawn


def test_two_selections_that_hear_the_same_share_a_bracket(editor: WaveformEditor) -> None:
    """A foot in the middle would look like two stretches."""
    editor.set_selection((FrameSpan(0, BEAT), FrameSpan(3 * BAR, 4 * BAR)))
    editor.set_context_seconds(4.0)
    image = picture(editor)
    area = editor.layout_px.bracket
    feet = [
        x
        for x in range(round(area.left()), round(area.right()))
        if image.pixelColor(x, round(area.top()) + 3) == QColor(theme.DARK.dim)
    ]
    assert len(feet) == 2


# ---------------------------------------------------------------------- the axis


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


# ---------------------------------------------------------------------- by keyboard


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
        ([(GO_LEFT, SHIFT)], FrameSpan(3 * BEAT, 5 * BEAT)),
        ([("a", CTRL)], FrameSpan(0, 4 * BAR)),
    ],
)
def test_arrow_keys_move_and_extend_the_selection(
    editor: WaveformEditor, heard: Heard, qtbot: QtBot, ways: list[Way], selection: FrameSpan
) -> None:
    editor.set_selection((FrameSpan(4 * BEAT, 5 * BEAT),))
    if ways[0][0] == GO_LEFT and ways[0][1] == SHIFT:
        qtbot.keyClick(editor, GO_LEFT, SHIFT)  # the free edge turns over at the other
    for key, modifier in ways:
        qtbot.keyClick(editor, key, modifier)
    expected = (selection,)
    if ways == [(GO_LEFT, SHIFT)]:
        expected = (FrameSpan(2 * BEAT, 4 * BEAT),)
    assert editor.selection == expected
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


def test_escape_clears_what_is_selected_and_pulled_out(
    editor: WaveformEditor, heard: Heard, qtbot: QtBot
) -> None:
    editor.set_selection((FrameSpan(0, BAR),))
    editor.set_pulled(PulledEdges(0, 2))
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert editor.selection == ()
    assert editor.pulled == PulledEdges()
    assert heard.selections == [()]
    assert heard.pulled == [PulledEdges()]


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
