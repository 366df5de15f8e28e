"""The app's side of the engine: orders in, events out, a worker kept alive. Imports no torch."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from engine.action_loop import ActionLoop, Turns
from engine.errors import WriteProblem
from engine.jobs import Job
from engine.request import GenerationRequest
from engine.supervisor import EngineEvent, EngineGaveUp, EngineRestarting, Supervisor
from engine.worker_process import WorkerOptions, WorkerProcess

__all__ = ["EngineClient", "EngineEvent", "EngineGaveUp", "EngineRestarting", "WorkerOptions"]


class EngineClient:
    """Owns the job queue and the worker. Methods: any thread, none blocks but close().

    `on_message` is called on the client's own thread and must not block. Every submitted job
    ends in exactly one JobDone, JobCancelledMessage or JobFailed; close() cancels what is left.
    """

    def __init__(self, options: WorkerOptions, on_message: Callable[[EngineEvent], None]) -> None:
        self._loop = ActionLoop[EngineEvent]("engine-client", on_message)
        self._supervisor = Supervisor(options, self._loop.emit, self._on_line)
        supervisor = self._supervisor
        self._loop.start(
            Turns(supervisor.start, supervisor.wait_seconds, supervisor.tick, supervisor.close)
        )

    def __enter__(self) -> EngineClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def worker_pid(self) -> int | None:
        """Return the worker's process id, None while there is no worker."""
        return self._supervisor.child_pid

    def submit(self, request: GenerationRequest, *, replace_waiting: bool = False) -> str:
        """Order takes and return the job's id. `replace_waiting` drops the jobs that wait."""
        if self._loop.is_closing:
            raise WriteProblem("The engine is closed; start Loopgraft again.")
        job = Job(uuid.uuid4().hex, request)
        self._loop.do(lambda: self._supervisor.submit(job, replace_waiting=replace_waiting))
        return job.job_id

    def cancel(self, job_id: str | None = None) -> None:
        """Stop a job, waiting or running; None: the one that runs or would run next."""
        self._loop.do(lambda: self._supervisor.cancel(job_id))

    def close(self) -> None:
        """Cancel every job and end the worker. Blocks for the close deadline at most."""
        self._loop.close()

    def _on_line(self, worker: WorkerProcess, line: bytes | None) -> None:
        self._loop.do(lambda: self._supervisor.on_line(worker, line))
