"""How a selection comes about: swept, moved, resized, nudged, on a grid. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.audio import FrameSpan, merge_spans
from gui.state.clip import Clip, PulledEdges

MAX_PULLED_BARS = 16

Spans = tuple[FrameSpan, ...]


@dataclass(frozen=True)
class Grid:
    """Lines that a selection's edges keep to. step_beats: None for single frames."""

    clip: Clip
    step_beats: float | None = 1.0

    @property
    def is_free(self) -> bool:
        """Whether every frame is a line to keep to."""
        return self.step_beats is None or self.clip.beat_frames is None

    @property
    def step_frames(self) -> float:
        """Return the distance of two lines; without a tempo a beat is half a second."""
        if self.step_beats is None:
            return 1.0
        beat = self.clip.beat_frames or self.clip.sample_rate / 2
        return max(1.0, beat * self.step_beats)

    def snap(self, frame: float) -> int:
        """Return the nearest line; the clip's ends count as lines."""
        if self.step_beats is None:
            return min(max(0, round(frame)), self.clip.frames)
        return self.clip.snapped(frame, self.step_beats)

    def cell(self, frame: float) -> FrameSpan:
        """Return the stretch between the two lines round a frame."""
        step, origin = self.step_frames, self.clip.downbeat_frame
        inside = math.floor(min(max(0.0, frame), self.clip.frames - 1.0))
        # Lines are rounded to frames, so that one may lie a little left of where it is exactly.
        line = math.floor((inside + 0.5 - origin) / step)
        low, high = (round(origin + n * step) for n in (line, line + 1))
        start = min(max(0, low), self.clip.frames - 1)
        return FrameSpan(start, max(start + 1, min(self.clip.frames, high)))


def swept(grid: Grid, anchor: float, frame: float) -> FrameSpan:
    """Return the span between two frames, at least one cell of the grid, or one free frame."""
    low, high = sorted((grid.snap(anchor), grid.snap(frame)))
    if low < high:
        return FrameSpan(low, high)
    return Grid(grid.clip, None).cell(anchor) if grid.is_free else grid.cell(anchor)


def moved(grid: Grid, span: FrameSpan, frames: float) -> FrameSpan:
    """Move a span as a whole within the clip; its start keeps to the grid."""
    last = max(0, grid.clip.frames - span.frames)
    start = min(grid.snap(span.start + frames), last)
    if start != last and span.start + frames >= last:
        start = last
    return FrameSpan(start, start + span.frames)


def resized(grid: Grid, span: FrameSpan, frame: float, *, start: bool) -> FrameSpan:
    """Move one edge of a span to a frame; past the other edge the span turns over."""
    fixed = span.stop if start else span.start
    at = grid.snap(frame)
    if at == fixed:
        least = 1.0 if grid.is_free else grid.step_frames
        at = grid.snap(fixed - least if start else fixed + least)
    return FrameSpan(min(at, fixed), max(at, fixed))


def replaced(spans: Spans, index: int, span: FrameSpan) -> Spans:
    """Return the spans with one of them exchanged, joined where they touch."""
    return merge_spans((*spans[:index], span, *spans[index + 1 :]))


def nudged(grid: Grid, spans: Spans, steps: int) -> Spans:
    """Move all spans by grid steps, as far as the clip goes."""
    first, last = spans[0], spans[-1]
    target = grid.snap(first.start + steps * grid.step_frames)
    shift = min(max(target - first.start, -first.start), grid.clip.frames - last.stop)
    return tuple(FrameSpan(span.start + shift, span.stop + shift) for span in spans)


def extended(
    grid: Grid, span: FrameSpan, steps: int, *, from_start: bool
) -> tuple[FrameSpan, bool]:
    """Move the free edge by grid steps, as Shift and the arrows do in a text.

    from_start: whether the start is the free edge. Returns the span and the same for it.
    """
    free, fixed = (span.start, span.stop) if from_start else (span.stop, span.start)
    at = grid.snap(free + steps * grid.step_frames)
    if at == fixed:
        at = grid.snap(at + math.copysign(grid.step_frames, steps))
    if at == fixed:
        return span, from_start
    return FrameSpan(min(at, fixed), max(at, fixed)), at < fixed


def beside(grid: Grid, spans: Spans, steps: int) -> FrameSpan | None:
    """Return the grid's cell that lies steps beside all spans; None where the clip ends."""
    away = steps * grid.step_frames
    if steps > 0:
        start = grid.snap(spans[-1].stop + away)
        return grid.cell(start) if start < grid.clip.frames else None
    stop = grid.snap(spans[0].start + away)
    return grid.cell(stop - 1) if stop > 0 else None


def bar_around(clip: Clip, frame: float) -> FrameSpan:
    """Return the bar that a frame lies in, as far as the clip goes."""
    return Grid(clip, float(clip.signature.beats_per_bar)).cell(frame)


def pulled_by(edges: PulledEdges, bars: int, *, left: bool) -> PulledEdges:
    """Pull one edge out by so many more bars, 0 to 16 in all."""
    before = edges.left_bars if left else edges.right_bars
    total = min(max(0, before + bars), MAX_PULLED_BARS)
    if left:
        return PulledEdges(total, edges.right_bars)
    return PulledEdges(edges.left_bars, total)
