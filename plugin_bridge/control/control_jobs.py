"""The orders of scripts: sent to the warm engine, and what became of each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from engine.errors import BadArgument, ModelProblem
from engine.messages import JobCancelledMessage, JobDone, JobFailed, Progress, TakeDone
from engine.request import GenerationRequest
from engine.take import TakeFacts
from plugin_bridge.command_line.take_run import progress_text
from plugin_bridge.engine_link import EngineLink, Events, Interrupted, LinkEvent, LinkLost

_log = logging.getLogger(__name__)

#: Jobs that may wait or run at once, and jobs that are remembered.
OPEN_LIMIT = 8
KEPT_LIMIT = 64

State = Literal["open", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class ControlJob:
    """One order. fraction: 0-1 of the whole. sentence: why it failed."""

    job_id: str
    state: State = "open"
    fraction: float = 0.0
    text: str = "waiting"
    takes: tuple[TakeFacts, ...] = ()
    sentence: str = ""


class ControlJobs:
    """Any thread. The link is opened with the first order, and again when it was lost."""

    def __init__(self, open_link: Callable[[], EngineLink]) -> None:
        self._open_link = open_link
        self._link_lock = threading.Lock()
        self._link: EngineLink | None = None
        self._reader: threading.Thread | None = None
        self._lock = threading.Lock()
        self._jobs: dict[str, ControlJob] = {}

    def submit(self, request: GenerationRequest) -> str:
        """Order takes; returns the job's id. Raises ModelProblem, BadArgument: too many."""
        with self._link_lock:
            if self.open_count >= OPEN_LIMIT:
                raise BadArgument(
                    f"{OPEN_LIMIT} orders are being made already; wait for one, or cancel one."
                )
            link = self._link or self._connect()
            # Its first event must find the job.
            with self._lock:
                job_id = link.submit(request)
                self._jobs[job_id] = ControlJob(job_id)
                self._forget()
        return job_id

    def cancel(self, job_id: str) -> ControlJob:
        """Stop a job; one that is over stays what it is. Raises BadArgument."""
        job = self.job(job_id)
        with self._link_lock:
            if job.state == "open" and self._link is not None:
                self._link.cancel(job_id)
        return job

    def job(self, job_id: str) -> ControlJob:
        """Return what is known of a job. Raises BadArgument."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None:
            raise BadArgument("There is no such job.")
        return job

    @property
    def all(self) -> tuple[ControlJob, ...]:
        with self._lock:
            return tuple(self._jobs.values())

    @property
    def open_count(self) -> int:
        return sum(job.state == "open" for job in self.all)

    def close(self) -> None:
        """Cancel what still runs and free the engine."""
        with self._link_lock:
            link, reader = self._link, self._reader
            self._link = self._reader = None
        if link is not None:
            link.events.put(Interrupted())
        if reader is not None:  # it has ended by itself where the link was lost
            reader.join()
        if link is not None:
            link.close()

    def _connect(self) -> EngineLink:
        link = self._open_link()
        self._link = link
        self._reader = threading.Thread(
            target=self._read, args=(link.events,), name="control-jobs", daemon=True
        )
        self._reader.start()
        return link

    def _read(self, events: Events) -> None:
        while not isinstance(event := events.get(), Interrupted):
            if isinstance(event, LinkLost):
                self._lose()
                return
            self._hear(event)

    def _lose(self) -> None:
        """The server is gone, and every open job with it; the next order starts another."""
        sentence = ModelProblem("The engine ended while it made this; order it again.").sentence
        with self._lock:
            for job in self._jobs.values():
                if job.state == "open":
                    self._jobs[job.job_id] = replace(job, state="failed", sentence=sentence)
        with self._link_lock:
            link, self._link = self._link, None
        if link is not None:
            link.close()

    def _hear(self, event: LinkEvent) -> None:
        job_id = getattr(event, "job_id", None)
        with self._lock:
            job = self._jobs.get(job_id) if job_id else None
            if job is not None:
                self._jobs[job.job_id] = changed(job, event)

    def _forget(self) -> None:
        over = [job.job_id for job in self._jobs.values() if job.state != "open"]
        for job_id in over[: max(0, len(self._jobs) - KEPT_LIMIT)]:
            del self._jobs[job_id]


def changed(job: ControlJob, event: LinkEvent) -> ControlJob:
    """Return the job after an event of its own."""
    match event:
        case Progress():
            within = event.step / event.steps if event.steps else 0.0
            fraction = (event.take_index + within) / max(1, event.takes)
            return replace(job, fraction=min(1.0, fraction), text=progress_text(event))
        case TakeDone():
            return replace(job, takes=(*job.takes, event.facts))
        case JobDone():
            return replace(job, state="done", fraction=1.0, text="done")
        case JobCancelledMessage():
            return replace(job, state="cancelled", text="cancelled")
        case JobFailed():
            return replace(job, state="failed", text="failed", sentence=event.sentence)
        case _:
            return job
