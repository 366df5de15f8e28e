"""Keeps one worker alive and gives it the queue's jobs: heartbeat, restart, cancel ladder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from engine.child_keeper import EXIT_PATIENCE_SECONDS, ChildKeeper, Tail, Watch
from engine.errors import ModelProblem
from engine.jobs import Change, IllegalMove, Job, JobQueue, JobState
from engine.messages import (
    Cancel,
    FromWorker,
    JobCancelledMessage,
    JobDone,
    JobFailed,
    LoadFailed,
    Ping,
    Pong,
    Progress,
    Ready,
    Shutdown,
    Submit,
    TakeDone,
    ToWorker,
    decode_from_worker,
)
from engine.worker_process import WorkerOptions, WorkerProcess, start_worker

_log = logging.getLogger(__name__)

#: Workers that may die in a row, no take finished in between, before the engine is given up.
CRASH_LIMIT = 3
BACKOFF_LIMIT_SECONDS = 30.0

GAVE_UP_SENTENCE = (
    f"The engine stopped {CRASH_LIMIT} times in a row without finishing a take; "
    "restart Loopgraft, or choose another device."
)
_CANCEL_REASON = "it did not stop when told to"
_LONGEST_WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class EngineRestarting:
    """The worker ended unasked or was ended; another one starts in `in_seconds`.

    exit_code: negative is the signal, None is unknown. job_id: the job it had, if any, which
    goes on with its remaining takes unless its own last event says otherwise.
    """

    reason: str
    exit_code: int | None
    stderr_tail: tuple[str, ...]
    job_id: str | None
    in_seconds: float


@dataclass(frozen=True)
class EngineGaveUp:
    """There is no worker and none will be started until the next job is submitted."""

    sentence: str
    details: str


EngineEvent = (
    Ready
    | Progress
    | TakeDone
    | JobDone
    | JobCancelledMessage
    | JobFailed
    | EngineRestarting
    | EngineGaveUp
)


class _Watch(Watch[ToWorker]):
    """What is known of the present worker, in the clock's seconds."""

    def __init__(self, child: WorkerProcess, now: float, heartbeat_seconds: float) -> None:
        super().__init__(child, now, heartbeat_seconds)
        self.is_ready = False
        self.moved_at = now
        self.cancel_sent_at: float | None = None
        self.load_failure: LoadFailed | None = None


class Supervisor(ChildKeeper[_Watch, ToWorker]):
    """One thread calls every method; `emit` is called on it. `child_pid` is for any thread."""

    NONSENSE = (msgspec.MsgspecError, IllegalMove)

    def __init__(
        self,
        options: WorkerOptions,
        emit: Callable[[EngineEvent], None],
        on_line: Callable[[WorkerProcess, bytes | None], None],
    ) -> None:
        shortest = min(options.heartbeat_seconds, options.cancel_deadline_seconds)
        super().__init__("Worker", min(shortest / 2, _LONGEST_WAIT_SECONDS))
        self._options = options
        self._emit = emit
        self._on_line = on_line
        self._queue = JobQueue()
        self._faults = options.faults
        self._crashes = 0

    def _spawn(self) -> _Watch:
        """Start a worker, with the ordered faults when it is the first."""
        faults, self._faults = self._faults, ()
        child = start_worker(self._options, faults, self._on_line)
        return _Watch(child, self._clock.now, self._options.heartbeat_seconds)

    def submit(self, job: Job, *, replace_waiting: bool) -> None:
        """Queue a job; an engine that was given up gets a new chance."""
        self._apply(self._queue.submit(job, replace_waiting=replace_waiting))
        if self._watch is None and self._start_at is None:
            self._crashes = 0
            self._start_at = self._clock.now
        self._feed()

    def cancel(self, job_id: str | None) -> None:
        """Drop a waiting job; ask the worker to stop a running one."""
        target = self._next_job_id() if job_id is None else job_id
        if target is None:
            return
        was_running = self._queue.running
        self._apply(self._queue.cancel(target))
        watch = self._watch
        if watch is None or was_running is None or was_running.job_id != target:
            return
        if watch.cancel_sent_at is None:
            _log.info("Job %s: cancel", target)
            watch.child.send(Cancel(target))
            watch.cancel_sent_at = self._clock.now

    def close(self) -> None:
        """Cancel every job and end the worker: politely first, then not."""
        self._end_politely(Shutdown(), self._options.close_deadline_seconds)
        self._apply(self._queue.all_ended(JobState.CANCELLED))

    def _receive(self, watch: _Watch, line: bytes) -> None:
        self._take(watch, decode_from_worker(line))

    def _ping(self, number: int) -> ToWorker:
        return Ping(number)

    def _take(self, watch: _Watch, message: FromWorker) -> None:
        if isinstance(message, Pong):
            watch.heartbeat.answered(message.number)
            return
        watch.moved_at = self._clock.now
        match message:
            case LoadFailed():
                watch.load_failure = message
                self._bury("it could not load its model", EXIT_PATIENCE_SECONDS)
                return
            case Ready():
                watch.is_ready = True
            case TakeDone():
                self._queue = self._queue.take_done(message.job_id, message.take_index).queue
                self._crashes = 0
            case JobDone() | JobCancelledMessage() | JobFailed():
                self._queue = _ended(self._queue, message)
                watch.cancel_sent_at = None
            case Progress():
                pass
        self._emit(message)
        self._feed()

    def _feed(self) -> None:
        """Give the worker its next job when it is ready for one."""
        watch, queue = self._watch, self._queue
        if watch is None or not watch.is_ready or queue.running or not queue.waiting:
            return
        self._queue, (job,) = queue.start_next()
        _log.info("Job %s: starts at take %s", job.job_id, job.takes_done)
        watch.moved_at = self._clock.now
        watch.child.send(Submit(job.job_id, job.request, job.takes_done))

    def _overdue(self, watch: _Watch) -> str | None:
        """Return why the worker must be ended now, None while all is well."""
        options, now = self._options, self._clock.now
        since_cancel = 0.0 if watch.cancel_sent_at is None else now - watch.cancel_sent_at
        if since_cancel > options.cancel_deadline_seconds:
            return _CANCEL_REASON
        deadline = (
            options.answer_deadline_seconds if watch.is_ready else options.load_deadline_seconds
        )
        if watch.heartbeat.silent_seconds(now) > deadline:
            return "it did not answer"
        is_busy = self._queue.running is not None or not watch.is_ready
        if is_busy and now - watch.moved_at > options.stall_deadline_seconds:
            return "it made no progress"
        return None

    def _ended(self, watch: _Watch, reason: str, exit_code: int | None, tail: Tail) -> None:
        failure = watch.load_failure
        if failure is not None:
            self._give_up(failure.sentence, failure.details, failure.exit_code)
        else:
            self._is_gone(reason, exit_code, tail)

    def _is_gone(self, reason: str, exit_code: int | None, tail: Tail) -> None:
        job = self._queue.running
        job_id = None if job is None else job.job_id
        lines = "\n".join(tail)
        _log.warning("Job %s: worker lost, %s; exit code %s\n%s", job_id, reason, exit_code, lines)
        change = self._queue.interrupted()
        if reason != _CANCEL_REASON:
            self._crashes += 1
        if self._crashes >= CRASH_LIMIT:
            self._apply(change)
            details = f"{reason}; exit code {exit_code}\n{lines}"
            self._give_up(GAVE_UP_SENTENCE, details, ModelProblem.exit_code)
            return
        delay = self._backoff_seconds()
        self._start_at = self._clock.now + delay
        self._emit(EngineRestarting(reason, exit_code, tail, job_id, delay))
        self._apply(change, lines)

    def _backoff_seconds(self) -> float:
        if self._crashes == 0:
            return 0.0
        return min(
            self._options.backoff_seconds * 2.0 ** (self._crashes - 1), BACKOFF_LIMIT_SECONDS
        )

    def _give_up(self, sentence: str, details: str, exit_code: int) -> None:
        jobs = self._queue.all_ended(JobState.FAILED, sentence)
        self._apply(jobs, details, exit_code)
        self._emit(EngineGaveUp(sentence, details))

    def _apply(
        self, change: Change, details: str = "", exit_code: int = ModelProblem.exit_code
    ) -> None:
        """Adopt the changed queue and tell of the jobs that ended by it."""
        self._queue = change.queue
        for job in change.jobs:
            match job.state:
                case JobState.DONE:
                    self._emit(JobDone(job.job_id))
                case JobState.CANCELLED:
                    self._emit(JobCancelledMessage(job.job_id))
                case JobState.FAILED:
                    self._emit(JobFailed(job.job_id, job.sentence, details, exit_code))
                case JobState.QUEUED | JobState.RUNNING:
                    pass

    def _next_job_id(self) -> str | None:
        if self._queue.running is not None:
            return self._queue.running.job_id
        return self._queue.waiting[0].job_id if self._queue.waiting else None


def _ended(queue: JobQueue, message: JobDone | JobCancelledMessage | JobFailed) -> JobQueue:
    match message:
        case JobDone(job_id=job_id):
            return queue.done(job_id).queue
        case JobCancelledMessage(job_id=job_id):
            return queue.cancelled(job_id).queue
        case JobFailed(job_id=job_id, sentence=sentence):
            return queue.failed(job_id, sentence).queue
