"""The app's side of the engine: orders in, events out, a worker kept alive. Imports no torch."""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections.abc import Callable
from types import TracebackType

from engine.errors import WriteProblem
from engine.jobs import Job
from engine.request import GenerationRequest
from engine.supervisor import EngineEvent, EngineGaveUp, EngineRestarting, Supervisor
from engine.worker_process import WorkerOptions, WorkerProcess

__all__ = ["EngineClient", "EngineEvent", "EngineGaveUp", "EngineRestarting", "WorkerOptions"]

_log = logging.getLogger(__name__)

_Action = Callable[[], None]


class EngineClient:
    """Owns the job queue and the worker. Methods: any thread, none blocks but close().

    `on_message` is called on the client's own thread and must not block. Every submitted job
    ends in exactly one JobDone, JobCancelledMessage or JobFailed; close() cancels what is left.
    """

    def __init__(self, options: WorkerOptions, on_message: Callable[[EngineEvent], None]) -> None:
        self._on_message = on_message
        self._actions: queue.SimpleQueue[_Action] = queue.SimpleQueue()
        self._events: list[EngineEvent] = []
        self._supervisor = Supervisor(options, self._events.append, self._on_line)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine-client", daemon=True)
        self._thread.start()

    def __enter__(self) -> EngineClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def worker_pid(self) -> int | None:
        """Return the worker's process id, None while there is no worker."""
        return self._supervisor.worker_pid

    def submit(self, request: GenerationRequest, *, replace_waiting: bool = False) -> str:
        """Order takes and return the job's id. `replace_waiting` drops the jobs that wait."""
        if self._closing.is_set():
            raise WriteProblem("The engine is closed; start Loopgraft again.")
        job = Job(uuid.uuid4().hex, request)
        self._actions.put(lambda: self._supervisor.submit(job, replace_waiting=replace_waiting))
        return job.job_id

    def cancel(self, job_id: str | None = None) -> None:
        """Stop a job, waiting or running; None: the one that runs or would run next."""
        self._actions.put(lambda: self._supervisor.cancel(job_id))

    def close(self) -> None:
        """Cancel every job and end the worker. Blocks for the close deadline at most."""
        self._closing.set()
        self._actions.put(lambda: None)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _on_line(self, worker: WorkerProcess, line: bytes | None) -> None:
        self._actions.put(lambda: self._supervisor.on_line(worker, line))

    def _run(self) -> None:
        self._guard(self._supervisor.start)
        while not self._closing.is_set():
            for action in self._due_actions():
                self._guard(action)
            self._guard(self._supervisor.tick)
        for action in self._left_actions():
            self._guard(action)
        self._guard(self._supervisor.close)

    def _due_actions(self) -> list[_Action]:
        """Wait for the next action or deadline; return all that is there."""
        try:
            first = self._actions.get(timeout=self._supervisor.wait_seconds())
        except queue.Empty:
            return []
        return [first, *self._left_actions()]

    def _left_actions(self) -> list[_Action]:
        actions: list[_Action] = []
        while not self._actions.empty():
            actions.append(self._actions.get())
        return actions

    def _guard(self, action: _Action) -> None:
        """Run one action and deliver its events; the engine's thread survives a listener's bug."""
        try:
            action()
        except Exception:  # noqa: BLE001 - the top of this thread
            _log.exception("A fault while supervising the engine")
        while self._events:
            self._deliver(self._events.pop(0))

    def _deliver(self, event: EngineEvent) -> None:
        try:
            self._on_message(event)
        except Exception:  # noqa: BLE001 - the top of this thread: the fault is the listener's
            _log.exception("A listener failed on %s", type(event).__name__)
