"""Jobs and their queue as frozen values; every change is a pure function from queue to queue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from engine.request import GenerationRequest

#: How often a worker may die under a job, since its last finished take, before the job fails.
INTERRUPTIONS_LIMIT = 2

INTERRUPTED_SENTENCE = (
    "The engine stopped twice while making this take, so it was given up; "
    "try fewer bars, fewer takes or another device."
)


class JobState(Enum):
    """Where a job is. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return not MOVES[self]


MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset(
        {JobState.QUEUED, JobState.DONE, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.DONE: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}


class IllegalMove(RuntimeError):
    """A job was asked to do what its state does not allow: a defect, or a worker gone wrong."""


@dataclass(frozen=True)
class Job:
    """One request on its way. takes_done counts the takes that are stored already."""

    job_id: str
    request: GenerationRequest
    state: JobState = JobState.QUEUED
    takes_done: int = 0
    interruptions: int = 0
    cancel_requested: bool = False
    sentence: str = ""

    def moved(self, state: JobState, sentence: str = "") -> Job:
        """Return the job in `state`. Raises IllegalMove where the table does not allow it."""
        if state not in MOVES[self.state]:
            raise IllegalMove(f"Job {self.job_id} cannot go from {self.state} to {state}.")
        return replace(self, state=state, sentence=sentence)

    @property
    def is_complete(self) -> bool:
        return self.takes_done >= self.request.variations


class Change(NamedTuple):
    """A queue after a change, and the jobs that the change touched."""

    queue: JobQueue
    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True)
class JobQueue:
    """The jobs that are not over: those waiting, oldest first, and the one that runs."""

    waiting: tuple[Job, ...] = ()
    running: Job | None = None

    def __len__(self) -> int:
        return len(self.waiting) + (self.running is not None)

    def submit(self, job: Job, *, replace_waiting: bool = False) -> Change:
        """Add a queued job at the end; with `replace_waiting` it is the only one that waits.

        The jobs of the change are those dropped, now cancelled.
        """
        if job.state is not JobState.QUEUED or self._knows(job.job_id):
            raise IllegalMove(f"Job {job.job_id} was submitted twice.")
        if not replace_waiting:
            return Change(replace(self, waiting=(*self.waiting, job)))
        dropped = tuple(old.moved(JobState.CANCELLED) for old in self.waiting)
        return Change(replace(self, waiting=(job,)), dropped)

    def start_next(self) -> Change:
        """Run the job that waits longest. Raises IllegalMove when one runs or none waits."""
        if self.running is not None or not self.waiting:
            raise IllegalMove("There is no job to start, or one runs already.")
        job = self.waiting[0].moved(JobState.RUNNING)
        return Change(JobQueue(self.waiting[1:], job), (job,))

    def take_done(self, job_id: str, take_index: int) -> Change:
        """Count a stored take of the running job; takes come in order."""
        job = self._the_running(job_id)
        if take_index != job.takes_done or job.is_complete:
            raise IllegalMove(f"Job {job_id} reported take {take_index} after {job.takes_done}.")
        job = replace(job, takes_done=take_index + 1, interruptions=0)
        return Change(replace(self, running=job), (job,))

    def done(self, job_id: str) -> Change:
        """End the running job. Raises IllegalMove while takes are missing."""
        if not self._the_running(job_id).is_complete:
            raise IllegalMove(f"Job {job_id} is called done, but takes are missing.")
        return self._end(job_id, JobState.DONE)

    def failed(self, job_id: str, sentence: str) -> Change:
        return self._end(job_id, JobState.FAILED, sentence)

    def cancelled(self, job_id: str) -> Change:
        """End the running job that the worker stopped."""
        return self._end(job_id, JobState.CANCELLED)

    def cancel(self, job_id: str) -> Change:
        """Drop a waiting job, or mark the running one. A job that is over changes nothing."""
        if self.running is not None and self.running.job_id == job_id:
            job = replace(self.running, cancel_requested=True)
            return Change(replace(self, running=job), (job,))
        kept = tuple(job for job in self.waiting if job.job_id != job_id)
        dropped = tuple(
            job.moved(JobState.CANCELLED) for job in self.waiting if job.job_id == job_id
        )
        return Change(replace(self, waiting=kept), dropped)

    def interrupted(self) -> Change:
        """Take back the running job from a worker that died.

        It waits again at the head, its stored takes kept; or it is over: done when nothing was
        missing, cancelled when that was asked, failed at the second death without a new take.
        """
        if self.running is None:
            return Change(self)
        job = replace(self.running, interruptions=self.running.interruptions + 1)
        if job.is_complete:
            return self._ended(job.moved(JobState.DONE))
        if job.cancel_requested:
            return self._ended(job.moved(JobState.CANCELLED))
        if job.interruptions >= INTERRUPTIONS_LIMIT:
            return self._ended(job.moved(JobState.FAILED, INTERRUPTED_SENTENCE))
        job = job.moved(JobState.QUEUED)
        return Change(JobQueue((job, *self.waiting)), (job,))

    def all_ended(self, state: JobState, sentence: str = "") -> Change:
        """End every job, failed or cancelled: the engine is given up or closed."""
        jobs = (self.running, *self.waiting) if self.running else self.waiting
        return Change(JobQueue(), tuple(job.moved(state, sentence) for job in jobs))

    def _knows(self, job_id: str) -> bool:
        jobs = (self.running, *self.waiting)
        return any(job is not None and job.job_id == job_id for job in jobs)

    def _the_running(self, job_id: str) -> Job:
        if self.running is None or self.running.job_id != job_id:
            raise IllegalMove(f"Job {job_id} does not run.")
        return self.running

    def _end(self, job_id: str, state: JobState, sentence: str = "") -> Change:
        return self._ended(self._the_running(job_id).moved(state, sentence))

    def _ended(self, job: Job) -> Change:
        return Change(replace(self, running=None), (job,))
