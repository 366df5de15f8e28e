"""Plans of grafts: what is made lies inside, and the model sees it with what is around it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio import MODEL_SAMPLE_RATE, FrameSpan
from engine.diffusion.canvas import (
    CONTEXT_SECONDS,
    WINDOW_SECONDS,
    Canvas,
    GraftPlan,
    SourceGrid,
    check_seconds,
    model_frames,
    plan_canvases,
    plan_graft,
)
from engine.errors import BadArgument
from engine.request import GRAFTING_TASKS, GenerationRequest, SourceReference, Task
from engine.tempo import Tempo

SOURCE = SourceReference("/music/loop.wav", "ab" * 32)
RATES = st.sampled_from([8_000, 22_050, 44_100, 48_000, 96_000, 192_000])
TEMPO = Tempo.of(120)


def _request(task: Task, **more) -> GenerationRequest:
    defaults = {Task.INPAINT: {"spans": (FrameSpan(0, 1),)}, Task.CONTINUE: {"bars": 1}}
    return GenerationRequest(task, 1, source=SOURCE, **{**defaults.get(task, {}), **more})


def _grid(frames: int, rate: int, tempo: Tempo | None = TEMPO) -> SourceGrid:
    return SourceGrid(tempo, 0, 4, frames, rate)


@st.composite
def _plans(draw: st.DrawFn) -> tuple[GraftPlan, int, float | None]:
    """Any task on sources of 0.1 s to 10 min; a third of them closed loops."""
    rate = draw(RATES)
    task = draw(st.sampled_from(GRAFTING_TASKS))
    bars = draw(st.none() | st.integers(1, 300))
    frames = TEMPO.beats_to_frames(4 * bars, rate) if bars else draw(
        st.integers(rate // 10, 600 * rate)
    )  # fmt: skip
    points = draw(st.lists(st.integers(0, frames), min_size=2, max_size=8, unique=True))
    # The ends often: that is where joins go wrong.
    points = sorted({*points, *draw(st.sets(st.sampled_from([0, frames])))})
    spans = tuple(FrameSpan(a, b) for a, b in zip(points[::2], points[1::2], strict=False))
    request = _request(
        task,
        spans=spans,
        bars=draw(st.integers(1, 8)),
        direction=draw(st.sampled_from(["forward", "backward"])),
    )
    context = draw(st.none() | st.floats(0.1, 20))
    return plan_graft(request, _grid(frames, rate)), rate, context


def _pieces(span: FrameSpan, frames: int) -> list[FrameSpan]:
    if span.stop <= frames:
        return [span]
    return [FrameSpan(span.start, frames), FrameSpan(0, span.stop - frames)]


@settings(max_examples=200)
@given(_plans())
def test_spans_of_a_plan_lie_inside_sorted_and_apart(
    planned: tuple[GraftPlan, int, float | None],
) -> None:
    plan, _, _ = planned
    assert plan.spans
    assert plan.spans[0].start >= 0
    assert plan.spans[-1].stop <= plan.frames
    assert all(a.stop < b.start for a, b in zip(plan.spans, plan.spans[1:], strict=False))


@settings(max_examples=300)
@given(_plans())
def test_canvases_make_every_span_once_with_its_context(
    planned: tuple[GraftPlan, int, float | None],
) -> None:
    plan, rate, asked = planned
    context = round((asked or CONTEXT_SECONDS) * rate)
    made: list[FrameSpan] = []
    for canvas, spans in plan_canvases(plan, rate, asked):
        assert 0 < canvas.frames <= plan.frames
        for span in spans:
            made += _pieces(span, plan.frames)
            assert canvas.start <= span.start
            if canvas.closes:
                assert (canvas.start, canvas.frames) == (0, plan.frames)
                continue
            assert span.stop <= canvas.start + canvas.frames
            if canvas.frames == plan.frames and not plan.circular:
                continue
            low, high = span.start - context, span.stop + context
            if not plan.circular:
                low, high = max(0, low), min(plan.frames, high)
            assert canvas.start <= low
            assert high <= canvas.start + canvas.frames
    assert tuple(sorted(made)) == plan.spans


@settings(max_examples=200)
@given(_plans())
def test_a_circle_that_is_made_at_both_its_ends_has_one_span_across_them(
    planned: tuple[GraftPlan, int, float | None],
) -> None:
    """Or the old click at the wrap would be faded in again on both its sides."""
    plan, rate, asked = planned
    spans = [span for _, some in plan_canvases(plan, rate, asked) for span in some]
    across = plan.circular and len(plan.spans) > 1
    across = across and plan.spans[0].start == 0 and plan.spans[-1].stop == plan.frames
    assert sum(span.stop > plan.frames for span in spans) == int(across)


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("task", GRAFTING_TASKS)
def test_ten_minutes_are_worked_on_in_short_canvases(rate: int, task: Task) -> None:
    frames = 600 * rate
    spans = (FrameSpan(100 * rate, 102 * rate), FrameSpan(400 * rate, 402 * rate))
    request = _request(task, spans=spans, bars=2)
    for tempo in (TEMPO, Tempo.of(77.7)):  # a loop of 300 bars, and none
        plan = plan_graft(request, _grid(frames, rate, tempo))
        canvases = plan_canvases(plan, rate, None)
        assert len(canvases) == (2 if task in (Task.INPAINT, Task.VARY) else 1)
        assert all(canvas.frames <= (8 + 6.5) * rate for canvas, _ in canvases)


@given(RATES, st.integers(1, 10**9))
def test_model_frames_hold_the_whole_stretch(rate: int, frames: int) -> None:
    exact = Fraction(frames * MODEL_SAMPLE_RATE, rate)
    assert exact <= model_frames(frames, rate) < exact + 1


def test_the_longest_single_canvas_fits_the_model_with_its_guard() -> None:
    hop, guard, limit = 2048, 2, 258
    frames = int(WINDOW_SECONDS * MODEL_SAMPLE_RATE)
    assert -(-frames // hop) + guard <= limit
    assert plan_canvases(GraftPlan(frames, 0, (FrameSpan(0, 9),), False, True), 44_100, None) == (
        (Canvas(0, frames, closes=False), (FrameSpan(0, 9),)),
    )


@pytest.mark.parametrize(("direction", "offset"), [("forward", 0), ("backward", 88_200)])
def test_continuing_adds_exact_bars_on_the_asked_side(direction: str, offset: int) -> None:
    request = _request(Task.CONTINUE, bars=1, direction=direction)
    plan = plan_graft(request, _grid(100_000, 44_100))
    assert plan.frames == 188_200
    assert plan.source_offset == offset
    start = 100_000 if direction == "forward" else 0
    assert plan.spans == (FrameSpan(start, start + 88_200),)
    assert not plan.keeps_old
    assert not plan.circular


def test_continuing_without_a_tempo_is_refused() -> None:
    with pytest.raises(BadArgument, match="--bpm"):
        plan_graft(_request(Task.CONTINUE), _grid(100_000, 44_100, None))


def test_closing_makes_half_a_beat_on_each_side_of_the_wrap() -> None:
    plan = plan_graft(_request(Task.LOOP), _grid(100_000, 44_100))
    assert plan.circular
    assert plan.spans == (FrameSpan(0, 11_025), FrameSpan(88_975, 100_000))


@pytest.mark.parametrize("frames", [1, 3])
def test_closing_next_to_nothing_is_refused(frames: int) -> None:
    with pytest.raises(BadArgument, match="too short"):
        plan_graft(_request(Task.LOOP), _grid(frames, 44_100))


def test_varying_without_spans_varies_everything() -> None:
    plan = plan_graft(_request(Task.VARY), _grid(5_000, 44_100))
    assert plan.spans == (FrameSpan(0, 5_000),)


def test_a_span_outside_the_source_is_refused() -> None:
    request = _request(Task.INPAINT, spans=(FrameSpan(5_000, 6_000),))
    with pytest.raises(BadArgument, match="the file has 5000 frames"):
        plan_graft(request, _grid(5_000, 44_100))


@pytest.mark.parametrize(
    ("beats", "loop"),
    [(16, True), (4, True), (16.03, True), (16.06, False), (15, False), (2, False)],
)
def test_a_source_of_whole_bars_is_a_loop(beats: float, loop: bool) -> None:
    assert _grid(round(beats * 22_050), 44_100).is_loop == loop


def test_without_a_tempo_nothing_is_a_loop() -> None:
    assert not _grid(88_200, 44_100, None).is_loop


@pytest.mark.parametrize("task", [Task.GENERATE, Task.MORPH])
def test_other_tasks_graft_nothing(task: Task) -> None:
    request = GenerationRequest(task, 1, prompt="a", to_prompt="b")
    with pytest.raises(BadArgument):
        plan_graft(request, _grid(5_000, 44_100))


def test_more_than_three_minutes_at_once_are_refused_in_one_sentence() -> None:
    check_seconds(180.0)
    with pytest.raises(BadArgument, match=r"600 s at once is more than 180 s"):
        check_seconds(600.0)
