"""What an engine must survive, as functions of a client and requests: for any maker of takes."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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

TIMEOUT_SECONDS = 60.0
FINAL = (JobDone, JobCancelledMessage, JobFailed)

Event = TypeVar("Event", bound=EngineEvent)


@dataclass
class Recorder:
    """Keeps every event and lets a test wait for one."""

    events: list[EngineEvent] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, event: EngineEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, kind: type[Event], job_id: str | None = None) -> list[Event]:
        with self._changed:
            found = [event for event in self.events if isinstance(event, kind)]
        return [e for e in found if job_id is None or getattr(e, "job_id", None) == job_id]

    def wait(
        self,
        kind: type[Event] | tuple[type[Event], ...],
        job_id: str | None = None,
        *,
        start: int = 0,
        where: Callable[[Event], bool] = lambda _event: True,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Event:
        """Return the first matching event from index `start` on."""
        deadline = time.monotonic() + timeout
        position = start
        with self._changed:
            while True:
                for event in self.events[position:]:
                    named = job_id is None or getattr(event, "job_id", None) == job_id
                    if isinstance(event, kind) and named and where(event):
                        return event
                position = len(self.events)
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    recent = self.events[-5:]
                    raise AssertionError(f"no {kind} of job {job_id}; the last were {recent}")

    def wait_end(self, job_id: str) -> JobDone | JobCancelledMessage | JobFailed:
        return self.wait(FINAL, job_id)

    def check_one_end(self, job_id: str) -> None:
        assert sum(len(self.of(kind, job_id)) for kind in FINAL) == 1


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
    takes = recorder.of(TakeDone, job_id)
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
        recorder.wait(Progress, job_id, where=lambda event: event.phase is phase)
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
        recorder.wait(Progress, job_id, where=lambda event: event.phase is phase)
        _kill(client.worker_pid)
    death = recorder.wait(EngineRestarting, start=start)
    assert death.exit_code == -signal.SIGKILL
    assert isinstance(recorder.wait_end(job_id), JobDone)
    indices = [take.take_index for take in recorder.of(TakeDone, job_id)]
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
