"""Plan a graft: what the result is made of, and which stretches the model looks at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from engine.audio import MODEL_SAMPLE_RATE, FrameSpan, merge_spans
from engine.errors import BadArgument
from engine.request import GenerationRequest, Task
from engine.tempo import Tempo

#: The longest stretch the model sees at once: 256 latent frames and 2 of guard, its window's 258.
WINDOW_SECONDS = 11.88
#: What it sees beside a span by default.
CONTEXT_SECONDS = 4.0
#: The most that is made in one piece: about 11 MB of memory a second.
LONGEST_SECONDS = 180.0
#: A source counts as a loop when its length is this close to whole bars.
LOOP_TOLERANCE_BEATS = 0.04
#: How much is regenerated on each side of the wrap point when a loop is closed.
WRAP_BEATS = Fraction(1, 2)


@dataclass(frozen=True)
class SourceGrid:
    """Where the beat falls in a source. tempo None: none was found."""

    tempo: Tempo | None
    downbeat_frame: int
    beats_per_bar: int
    frames: int
    sample_rate: int

    @property
    def beats(self) -> float:
        if self.tempo is None:
            return 0.0
        return float(self.tempo.frames_to_beats(self.frames, self.sample_rate))

    @property
    def is_loop(self) -> bool:
        """Return whether the length is a whole number of bars (of half bars under one)."""
        bars = self.beats / self.beats_per_bar
        away = abs(bars - round(bars)) * self.beats_per_bar
        return round(bars) >= 1 and away <= LOOP_TOLERANCE_BEATS


@dataclass(frozen=True)
class GraftPlan:
    """The result of a graft before it is made, in frames at the source's rate.

    frames: of the result. source_offset: where the source starts in it. spans: what is made.
    circular: whether the end of the result meets its start. keeps_old: whether the spans hold
    audio of the source now, from which a fade can start.
    """

    frames: int
    source_offset: int
    spans: tuple[FrameSpan, ...]
    circular: bool
    keeps_old: bool


@dataclass(frozen=True)
class Canvas:
    """A stretch of the result that the model sees at once; it may wrap round.

    start: first frame (may be negative in a circular result). frames: at the source's rate.
    closes: the stretch is the whole circular result, so its end meets its start.
    """

    start: int
    frames: int
    closes: bool


def plan_graft(request: GenerationRequest, grid: SourceGrid) -> GraftPlan:
    """Work out what is kept and what is made. Raises BadArgument when it cannot be."""
    match request.task:
        case Task.INPAINT:
            spans = merge_spans(tuple(s.within(grid.frames) for s in request.spans))
            return GraftPlan(grid.frames, 0, spans, grid.is_loop, keeps_old=True)
        case Task.VARY:
            wanted = request.spans or (FrameSpan(0, grid.frames),)
            spans = merge_spans(tuple(s.within(grid.frames) for s in wanted))
            return GraftPlan(grid.frames, 0, spans, grid.is_loop, keeps_old=True)
        case Task.CONTINUE:
            return _plan_continuation(request, grid)
        case Task.LOOP:
            return _plan_closing(grid)
        case _:
            raise BadArgument(f"The task {request.task} grafts nothing into a source.")


def _plan_continuation(request: GenerationRequest, grid: SourceGrid) -> GraftPlan:
    if grid.tempo is None:
        raise BadArgument(
            "No tempo could be measured in the source; give one with --bpm to continue by bars."
        )
    beats = (request.bars or 0) * grid.beats_per_bar
    added = grid.tempo.beats_to_frames(beats, grid.sample_rate)
    total = grid.frames + added
    if request.direction == "forward":
        return GraftPlan(total, 0, (FrameSpan(grid.frames, total),), grid.is_loop, keeps_old=False)
    return GraftPlan(total, added, (FrameSpan(0, added),), grid.is_loop, keeps_old=False)


def _plan_closing(grid: SourceGrid) -> GraftPlan:
    if grid.tempo is None:
        reach = grid.frames // 16
    else:
        reach = grid.tempo.beats_to_frames(WRAP_BEATS, grid.sample_rate)
    reach = min(reach, grid.frames // 4)
    if reach < 1:
        raise BadArgument(f"A source of {grid.frames} frames is too short to close as a loop.")
    spans = (FrameSpan(0, reach), FrameSpan(grid.frames - reach, grid.frames))
    return GraftPlan(grid.frames, 0, spans, circular=True, keeps_old=True)


def plan_canvases(
    plan: GraftPlan, sample_rate: int, context_seconds: float | None
) -> tuple[tuple[Canvas, tuple[FrameSpan, ...]], ...]:
    """Return the stretches to work on in turn, each with the spans (result frames) it makes.

    A span across the wrap of a circular result is one span that ends past the last frame.
    Spans that would hear each other's old audio share a canvas.
    """
    seconds = plan.frames / sample_rate
    if seconds <= WINDOW_SECONDS and context_seconds is None:
        return ((Canvas(0, plan.frames, plan.circular), _joined_at_the_wrap(plan)),)
    context = round((context_seconds or CONTEXT_SECONDS) * sample_rate)
    groups: list[list[FrameSpan]] = []
    for span in _joined_at_the_wrap(plan):
        if groups and span.start - groups[-1][-1].stop < 2 * context:
            groups[-1].append(span)
        else:
            groups.append([span])
    return tuple((_canvas_round(group, context, plan), tuple(group)) for group in groups)


def _joined_at_the_wrap(plan: GraftPlan) -> tuple[FrameSpan, ...]:
    """Put a span that ends the circle in front of the one that starts it, as one run."""
    first, last = plan.spans[0], plan.spans[-1]
    if plan.circular and len(plan.spans) > 1 and first.start == 0 and last.stop == plan.frames:
        joined = FrameSpan(last.start, plan.frames + first.stop)
        return (*plan.spans[1:-1], joined)
    return plan.spans


def _canvas_round(group: list[FrameSpan], context: int, plan: GraftPlan) -> Canvas:
    start, stop = group[0].start - context, group[-1].stop + context
    if plan.circular:
        if stop - start >= plan.frames:
            return Canvas(0, plan.frames, closes=True)
        return Canvas(start, stop - start, closes=False)
    start, stop = max(0, start), min(plan.frames, stop)
    return Canvas(start, stop - start, closes=False)


def check_seconds(seconds: float) -> None:
    """Raise BadArgument when more is asked for than is made in one piece."""
    if seconds > LONGEST_SECONDS:
        raise BadArgument(
            f"{seconds:.0f} s at once is more than {LONGEST_SECONDS:.0f} s; "
            "choose fewer bars or a shorter span."
        )


def model_frames(frames: int, sample_rate: int) -> int:
    """Return how many frames at the model's rate stand for `frames` at `sample_rate`."""
    return math.ceil(Fraction(frames * MODEL_SAMPLE_RATE, sample_rate))
