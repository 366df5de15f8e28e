"""What an engine must survive, as functions of a client and requests: for any maker of takes."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from engine.client import EngineClient, EngineEvent, EngineRestarting, WorkerOptions
from engine.messages import (
    JobCancelledMessage,
    JobDone,
    JobFailed,
    Phase,
    Progress,
    Ready,
    TakeDone,
)
from engine.request import GenerationRequest
from tests.event_recorder import TIMEOUT_SECONDS, EventRecorder

FINAL = (JobDone, JobCancelledMessage, JobFailed)

Event = TypeVar("Event", bound=EngineEvent)


class Recorder(EventRecorder[EngineEvent]):
    """What an engine client tells, job by job."""

    def of_job(self, kind: type[Event], job_id: str) -> list[Event]:
        return [event for event in self.of(kind) if getattr(event, "job_id", None) == job_id]

    def wait_job(
        self,
        kind: type[Event] | tuple[type[Event], ...],
        job_id: str,
        *,
        start: int = 0,
        where: Callable[[Event], bool] = lambda _event: True,
    ) -> Event:
        """Return the first matching event of a job from index `start` on."""
        return self.wait(
            kind, lambda e: getattr(e, "job_id", None) == job_id and where(e), start=start
        )

    def wait_end(self, job_id: str) -> JobDone | JobCancelledMessage | JobFailed:
        return self.wait_job(FINAL, job_id)

    def check_one_end(self, job_id: str) -> None:
        assert sum(len(self.of_job(kind, job_id)) for kind in FINAL) == 1


@contextmanager
def engine(options: WorkerOptions) -> Iterator[tuple[EngineClient, Recorder]]:
    recorder = Recorder()
    with EngineClient(options, recorder) as client:
        yield client, recorder


def finish(client: EngineClient, recorder: Recorder, request: GenerationRequest) -> list[TakeDone]:
    """Submit, wait for success, return the takes."""
    job_id = client.submit(request)
    end = recorder.wait_end(job_id)
    assert isinstance(end, JobDone), end
    recorder.check_one_end(job_id)
    takes = recorder.of_job(TakeDone, job_id)
    assert [take.take_index for take in takes] == list(range(request.variations))
    assert [take.facts.request.seed - request.seed for take in takes] == list(
        range(request.variations)
    )
    return takes


def cancel_at(
    client: EngineClient,
    recorder: Recorder,
    phase: Phase | None,
    slow: GenerationRequest,
    quick: GenerationRequest,
) -> float:
    """Cancel in a phase (None: at once), then make the next job succeed.

    Returns the seconds from the cancel to its answer.
    """
    job_id = client.submit(slow)
    if phase is not None:
        recorder.wait_job(Progress, job_id, where=lambda event: event.phase is phase)
    began = time.monotonic()
    client.cancel(job_id)
    end = recorder.wait_end(job_id)
    seconds = time.monotonic() - began
    assert isinstance(end, JobCancelledMessage), end
    finish(client, recorder, quick)
    recorder.check_one_end(job_id)
    return seconds


def kill_in(
    client: EngineClient, recorder: Recorder, phase: Phase, request: GenerationRequest
) -> None:
    """Kill the worker when the job is in a phase; the job must come to its end all the same."""
    start = len(recorder.events)
    if phase is Phase.LOADING:
        _kill_while_loading(client, recorder)
        job_id = client.submit(request)
    else:
        job_id = client.submit(request)
        recorder.wait_job(Progress, job_id, where=lambda event: event.phase is phase)
        _kill(client.worker_pid)
    death = recorder.wait(EngineRestarting, start=start)
    assert death.exit_code == -signal.SIGKILL
    assert isinstance(recorder.wait_end(job_id), JobDone)
    indices = [take.take_index for take in recorder.of_job(TakeDone, job_id)]
    assert indices == list(range(request.variations))
    recorder.check_one_end(job_id)


def _kill_while_loading(client: EngineClient, recorder: Recorder) -> None:
    recorder.wait(Ready)
    old = client.worker_pid
    _kill(old)
    _kill(wait_for_pid(client, old))


def wait_for_pid(client: EngineClient, other_than: int | None = None) -> int:
    """Return the next worker's process id. Polled: a start has no event before Ready."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (pid := client.worker_pid) in (None, other_than):
        assert time.monotonic() < deadline, "no worker was started"
        time.sleep(0.002)
    assert pid is not None
    return pid


def _kill(pid: int | None) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
