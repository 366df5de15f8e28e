"""The engine as the window sees it: orders in, news as signals on the UI thread."""

from __future__ import annotations

from enum import Enum

from PyQt6.QtCore import QObject, pyqtSignal

from engine.client import EngineClient, EngineEvent, EngineGaveUp, EngineRestarting, WorkerOptions
from engine.messages import JobCancelledMessage, JobDone, JobFailed, Progress, Ready, TakeDone
from engine.request import GenerationRequest
from gui.state.clip import LaneState


class EngineState(Enum):
    """How the engine is."""

    LOADING = "loading the model"
    READY = "ready"
    RESTARTING = "engine restarting"
    GONE = "engine stopped"


class Generation(QObject):
    """Owns the engine client. UI thread only; nothing here blocks but close().

    progressed(Progress). take_done(job_id, index, path, facts). job_ended(job_id, LaneState,
    sentence). state_changed(EngineState, sentence).
    """

    progressed = pyqtSignal(object)
    take_done = pyqtSignal(str, int, object, object)
    job_ended = pyqtSignal(str, object, str)
    state_changed = pyqtSignal(object, str)
    _arrived = pyqtSignal(object)

    def __init__(self, options: WorkerOptions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = EngineState.LOADING
        self.device = ""
        self.model_version = ""
        self._arrived.connect(self._on_event)
        self._client = EngineClient(options, self._arrived.emit)

    @property
    def worker_pid(self) -> int | None:
        return self._client.worker_pid

    def submit(self, request: GenerationRequest, *, replace_waiting: bool = False) -> str:
        """Order takes and return the job's id."""
        return self._client.submit(request, replace_waiting=replace_waiting)

    def cancel(self, job_id: str) -> None:
        self._client.cancel(job_id)

    def close(self) -> None:
        """Cancel everything and end the worker."""
        self._arrived.disconnect(self._on_event)
        self._client.close()

    def _on_event(self, event: EngineEvent) -> None:
        match event:
            case Progress():
                self.progressed.emit(event)
            case TakeDone():
                self.take_done.emit(event.job_id, event.take_index, event.path, event.facts)
            case JobDone():
                self.job_ended.emit(event.job_id, LaneState.DONE, "")
            case JobCancelledMessage():
                self.job_ended.emit(event.job_id, LaneState.CANCELLED, "")
            case JobFailed():
                self.job_ended.emit(event.job_id, LaneState.FAILED, event.sentence)
            case _:
                self._on_engine(event)

    def _on_engine(self, event: EngineEvent) -> None:
        match event:
            case Ready():
                self.device, self.model_version = event.device, event.model_version
                self._go(EngineState.READY, "")
            case EngineRestarting():
                self._go(EngineState.RESTARTING, _restart_sentence(event))
            case EngineGaveUp():
                self._go(EngineState.GONE, event.sentence)
            case _:
                pass

    def _go(self, state: EngineState, sentence: str) -> None:
        self.state = state
        self.state_changed.emit(state, sentence)


def _restart_sentence(event: EngineRestarting) -> str:
    kept = "; what you asked for goes on" if event.job_id else ""
    return f"The engine stopped unexpectedly and is being restarted{kept}."
