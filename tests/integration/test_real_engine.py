"""The worker with the real weights: cancels that answer, kills that lose nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.client import EngineClient, EngineRestarting, WorkerOptions
from engine.messages import JobCancelledMessage, Phase, Progress, TakeDone
from engine.request import GenerationRequest, Task
from tests.engine.engine_scenarios import Recorder, cancel_at, engine, finish, kill_in

SLOW = GenerationRequest(
    task=Task.GENERATE, seed=1, prompt="techno drums", bpm=120, bars=4, steps=100
)
QUICK = replace(SLOW, bars=1, steps=1)
KILLED_PHASES = (Phase.LOADING, Phase.SAMPLING, Phase.DECODING)


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> WorkerOptions:
    return WorkerOptions(library=tmp_path_factory.mktemp("library"), maker="graft")


@pytest.fixture
def running(options: WorkerOptions) -> Iterator[tuple[EngineClient, Recorder]]:
    with engine(options) as running:
        yield running


def fresh(request: GenerationRequest, number: int) -> GenerationRequest:
    """Return the request with a seed of its own: a take that exists is not made again."""
    return replace(request, seed=request.seed + 1000 * number)


@pytest.mark.parametrize("phase", [None, Phase.SAMPLING, Phase.DECODING])
@pytest.mark.parametrize("times", [4, pytest.param(100, marks=pytest.mark.slow)])
def test_a_cancel_stops_within_a_step_and_the_next_job_succeeds(
    running: tuple[EngineClient, Recorder],
    phase: Phase | None,
    times: int,
    record_property: Callable[[str, object], None],
) -> None:
    client, recorder = running
    slow = replace(SLOW, steps=2) if phase is Phase.DECODING else SLOW
    first = 1 + 1_000 * times + 100 * len(str(phase))
    finish(client, recorder, fresh(QUICK, 10 * first))
    waits = [
        cancel_at(client, recorder, phase, fresh(slow, first + i), fresh(QUICK, first + i))
        for i in range(times)
    ]
    record_property("p95_cancel_seconds", float(np.percentile(waits, 95)))
    assert not recorder.of(EngineRestarting), "a cancel had to kill the worker"
    for end in recorder.of(JobCancelledMessage):
        told = [e.step for e in recorder.of_job(Progress, end.job_id) if e.phase is Phase.SAMPLING]
        assert len(told) < (slow.steps or 0) or phase is Phase.DECODING, "the job ran on to its end"


@pytest.mark.parametrize("phase", KILLED_PHASES)
@pytest.mark.parametrize("kills", [1, pytest.param(17, marks=pytest.mark.slow)])
def test_a_killed_worker_is_replaced_and_the_job_ends(
    options: WorkerOptions, phase: Phase, kills: int, tmp_path: Path
) -> None:
    eager = replace(options, library=tmp_path, backoff_seconds=0.05)
    with engine(eager) as (client, recorder):
        for number in range(kills):
            kill_in(client, recorder, phase, replace(fresh(SLOW, number), steps=8, variations=2))


def test_the_same_order_gives_the_same_samples(
    running: tuple[EngineClient, Recorder], tmp_path: Path, options: WorkerOptions
) -> None:
    client, recorder = running
    order = replace(SLOW, steps=3, bars=1, seed=99, prompt="reese bass in F minor")
    (first,) = finish(client, recorder, order)
    with engine(replace(options, library=tmp_path)) as (other, other_recorder):
        (second,) = finish(other, other_recorder, order)
    assert first.path != second.path
    assert second.facts.take_id == first.facts.take_id
    assert data_chunk(first) == data_chunk(second)


def data_chunk(take: TakeDone) -> bytes:
    """Return a float take's samples; the recipe after them tells how long each run took."""
    whole = take.path.read_bytes()
    start = whole.index(b"data")
    return whole[start : start + 8 + take.facts.frames * take.facts.channels * 4]
