"""Work off the UI thread, its result back on it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, QRunnable, QThreadPool, pyqtSignal

from engine.errors import AppError

_log = logging.getLogger(__name__)

Then = Callable[[Any], None]
Otherwise = Callable[[AppError], None]


class _Work(QRunnable):
    def __init__(self, owner: Background, number: int, work: Callable[[], object]) -> None:
        super().__init__()
        self._owner, self._number, self._work = owner, number, work

    def run(self) -> None:
        """Run on a thread of the pool; the result crosses by a queued signal."""
        try:
            result: object = self._work()
        except AppError as error:
            result = error
        except Exception as error:  # noqa: BLE001 - the top of this thread
            _log.exception("A fault in background work")
            result = AppError("Loopgraft met a fault of its own; the log has it.", repr(error))
        self._owner.finished.emit(self._number, result)


class Background(QObject):
    """Runs short work (hashing, reading) on threads. UI thread only; close() waits for the rest.

    failed(sentence): the work raised an AppError that nobody else takes.
    """

    finished = pyqtSignal(int, object)
    failed = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(2)
        self._waiting: dict[int, tuple[Then, Otherwise]] = {}
        self._number = 0
        self.finished.connect(self._on_finished)

    def run(
        self, work: Callable[[], object], then: Then, otherwise: Otherwise | None = None
    ) -> None:
        """Call `work` on a thread, then `then` with its result on the UI thread.

        otherwise: gets the AppError instead; without it `failed` tells.
        """
        self._number += 1
        self._waiting[self._number] = (then, otherwise or self._tell_failure)
        self._pool.start(_Work(self, self._number, work))

    def close(self) -> None:
        """Forget what waits and end the threads."""
        self._waiting.clear()
        self._pool.clear()
        self._pool.waitForDone()

    def _on_finished(self, number: int, result: object) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return
        then, otherwise = waiting
        if isinstance(result, AppError):
            otherwise(result)
        else:
            then(result)

    def _tell_failure(self, error: AppError) -> None:
        self.failed.emit(error.sentence)
