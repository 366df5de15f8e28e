"""Grid, axis and selection: the values under the canvas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audio import FrameSpan
from engine.tempo import TimeSignature
from gui.state.clip import PulledEdges, TimeAxis
from gui.widgets.selection_edit import (
    MAX_PULLED_BARS,
    Grid,
    bar_around,
    beside,
    extended,
    moved,
    nudged,
    pulled_by,
    resized,
    swept,
)
from gui.widgets.selection_words import selection_words
from tests.gui.canvas_parts import BAR, BEAT, tone_clip

CLIP = tone_clip()
GRIDS = st.builds(
    Grid,
    st.builds(
        tone_clip,
        st.integers(1, 3 * BAR),
        tempo_bpm=st.one_of(st.none(), st.floats(41.0, 290.0)),
        downbeat_frame=st.integers(0, BEAT),
    ),
    st.sampled_from((None, 0.25, 0.5, 1.0, 4.0)),
)
FRAMES = st.floats(-2.0 * BAR, 6.0 * BAR)
LIMITS = st.tuples(st.floats(-1e6, 0.0), st.floats(1e3, 3e7))


def on_grid(grid: Grid, frame: int) -> bool:
    return grid.snap(frame) == frame


@given(GRIDS, FRAMES, FRAMES)
def test_a_swept_selection_lies_on_the_grid_inside_the_clip(
    grid: Grid, anchor: float, frame: float
) -> None:
    span = swept(grid, anchor, frame)
    assert 0 <= span.start < span.stop <= grid.clip.frames
    # Without a tempo a cell is half a second long, but any frame is a line.
    assert on_grid(grid, span.start)
    assert on_grid(grid, span.stop)


@given(GRIDS, FRAMES, FRAMES, FRAMES, st.booleans())
def test_a_resized_edge_is_on_the_grid_and_the_other_stays(
    grid: Grid, anchor: float, frame: float, to: float, start: bool
) -> None:
    span = swept(grid, anchor, frame)
    changed = resized(grid, span, to, start=start)
    fixed = span.stop if start else span.start
    assert fixed in (changed.start, changed.stop)
    assert on_grid(grid, changed.start)
    assert on_grid(grid, changed.stop)


@given(GRIDS, FRAMES, FRAMES, FRAMES)
def test_a_moved_selection_keeps_its_length_inside_the_clip(
    grid: Grid, anchor: float, frame: float, by: float
) -> None:
    span = swept(grid, anchor, frame)
    shifted = moved(grid, span, by)
    assert shifted.frames == span.frames
    assert shifted.start >= 0
    assert shifted.stop <= grid.clip.frames


@given(GRIDS, FRAMES, FRAMES, st.integers(-40, 40))
def test_nudging_keeps_lengths_inside_the_clip(
    grid: Grid, anchor: float, frame: float, steps: int
) -> None:
    spans = (swept(grid, anchor, frame),)
    (shifted,) = nudged(grid, spans, steps)
    assert shifted.frames == spans[0].frames
    assert shifted.start >= 0
    assert shifted.stop <= grid.clip.frames


@given(GRIDS, FRAMES, FRAMES, st.sampled_from((-2, -1, 1, 2)))
def test_a_region_beside_others_touches_none_and_lies_inside_the_clip(
    grid: Grid, anchor: float, frame: float, steps: int
) -> None:
    span = swept(grid, anchor, frame)
    added = beside(grid, (span,), steps)
    if added is None:
        return
    assert 0 <= added.start < added.stop <= grid.clip.frames
    assert added.start > span.stop or added.stop < span.start


def test_without_a_tempo_an_edge_can_be_drawn_in_to_a_single_frame() -> None:
    grid = Grid(tone_clip(tempo_bpm=None))
    assert resized(grid, FrameSpan(100, 200), 200.0, start=True) == FrameSpan(199, 200)
    assert resized(grid, FrameSpan(100, 200), 100.0, start=False) == FrameSpan(100, 101)
    assert swept(grid, 300.2, 300.4) == FrameSpan(300, 301)


def test_extending_forth_and_back_returns_to_the_first_step_and_turns_over() -> None:
    grid = Grid(CLIP)
    span, from_start = FrameSpan(4 * BEAT, 5 * BEAT), False
    span, from_start = extended(grid, span, 1, from_start=from_start)
    assert span == FrameSpan(4 * BEAT, 6 * BEAT)
    span, from_start = extended(grid, span, -1, from_start=from_start)
    assert span == FrameSpan(4 * BEAT, 5 * BEAT)
    span, from_start = extended(grid, span, -1, from_start=from_start)
    assert (span, from_start) == (FrameSpan(3 * BEAT, 4 * BEAT), True)
    span, from_start = extended(grid, span, -1, from_start=from_start)
    assert (span, from_start) == (FrameSpan(2 * BEAT, 4 * BEAT), True)


def test_the_bar_around_a_frame_is_whole() -> None:
    assert bar_around(CLIP, 1.4 * BAR) == FrameSpan(BAR, 2 * BAR)
    assert bar_around(CLIP, 99 * BAR) == FrameSpan(3 * BAR, 4 * BAR)


@given(st.integers(-40, 40), st.integers(-40, 40), st.booleans())
def test_an_edge_is_pulled_out_by_no_more_than_sixteen_bars(
    first: int, second: int, left: bool
) -> None:
    edges = pulled_by(pulled_by(PulledEdges(), first, left=left), second, left=left)
    bars, other = (edges.left_bars, edges.right_bars)[:: 1 if left else -1]
    assert 0 <= bars <= MAX_PULLED_BARS
    assert other == 0


@given(LIMITS, st.floats(0.0, 1.0), st.floats(0.2, 20.0), st.floats(1.0, 4.0))
def test_the_frame_under_the_pointer_stays_while_zooming_in(
    limits: tuple[float, float], share: float, first: float, factor: float
) -> None:
    low, high = limits
    axis = TimeAxis(low, high, 104.0, 900.0).zoomed(first, (low + high) / 2, limits)
    x = axis.left + share * axis.width
    frame = axis.frame_at(x)
    zoomed = axis.zoomed(factor, frame, limits)
    assert zoomed.x_of(frame) == pytest.approx(x, abs=0.01)  # a hundredth of a pixel
    assert low - 1e-6 <= zoomed.start < zoomed.stop <= high + 1e-6


@given(LIMITS, st.floats(1.0, 50.0), st.floats(-1e7, 1e7))
def test_scrolling_keeps_the_scale_and_the_limits(
    limits: tuple[float, float], factor: float, frames: float
) -> None:
    low, high = limits
    axis = TimeAxis(low, high, 104.0, 900.0).zoomed(factor, (low + high) / 2, limits)
    scrolled = axis.scrolled(frames, limits)
    assert scrolled.frames_per_pixel == pytest.approx(axis.frames_per_pixel)
    assert low - 1e-6 <= scrolled.start
    assert scrolled.stop <= high + 1e-6


@given(st.integers(-BAR, BAR), st.integers(0, 4 * BAR), st.sampled_from((8_000, 44_100)))
def test_a_clip_is_drawn_where_it_lies_on_the_timeline(start: int, frame: int, rate: int) -> None:
    clip = tone_clip(start_frame=start, sample_rate=rate)
    axis = TimeAxis(-100.0, 70_000.0, 104.0, 900.0)
    own = axis.in_frames_of(clip, 8_000)
    on_timeline = (start + frame) * 8_000 / rate
    assert own.x_of(frame) == pytest.approx(axis.x_of(on_timeline), abs=1e-6)


@pytest.mark.parametrize(
    ("spans", "pulled", "words"),
    [
        ((FrameSpan(3 * BAR, 4 * BAR),), PulledEdges(), "Bar 4, beats 1–4"),
        ((FrameSpan(5 * BEAT, 6 * BEAT),), PulledEdges(), "Bar 2, beat 2"),
        ((FrameSpan(BAR, 3 * BAR),), PulledEdges(), "Bars 2–3"),
        ((FrameSpan(2 * BEAT, 6 * BEAT),), PulledEdges(), "Bar 1, beat 3 to bar 2, beat 2"),
        ((FrameSpan(2_000, 6_000),), PulledEdges(), "Bar 1.1.50 to 1.2.50"),
        (
            (FrameSpan(0, BEAT), FrameSpan(BAR, 2 * BAR)),
            PulledEdges(),
            "Bar 1, beat 1; Bar 2, beats 1–4",
        ),
        ((), PulledEdges(1, 0), "1 bar in front"),
        ((), PulledEdges(0, 2), "2 bars after the end"),
        ((), PulledEdges(), ""),
    ],
)
def test_what_is_selected_is_said_in_bars_and_beats(
    spans: tuple[FrameSpan, ...], pulled: PulledEdges, words: str
) -> None:
    assert selection_words(CLIP, spans, pulled) == words


def test_beats_are_counted_in_the_meter_from_the_downbeat() -> None:
    clip = tone_clip(downbeat_frame=BEAT, signature=TimeSignature(3, 4))
    span = FrameSpan(4 * BEAT, 7 * BEAT)
    assert selection_words(clip, (span,), PulledEdges()) == "Bar 2, beats 1–3"


def test_without_a_tempo_a_selection_is_said_in_seconds() -> None:
    clip = tone_clip(tempo_bpm=None)
    assert selection_words(clip, (FrameSpan(4_000, 9_600),), PulledEdges()) == "0.50–1.20 s"
