"""A thread that does what it is given, in order."""

from __future__ import annotations

import logging
import queue
import threading

from engine.action_loop import Action

_log = logging.getLogger(__name__)


class WorkThread:
    """Its methods are for any thread. A fault in one work is logged, and the next is done."""

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[Action | None] = queue.SimpleQueue()
        self._drops = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, work: Action) -> None:
        self._work.put(work)

    def close(self, patience_seconds: float | None = None, *, drops: bool = True) -> None:
        """Wait for what is done. drops: leave undone what is not begun."""
        if drops:
            self._drops.set()
        self._work.put(None)
        self._thread.join(patience_seconds)

    def _run(self) -> None:
        while (work := self._work.get()) is not None and not self._drops.is_set():
            try:
                work()
            except Exception:  # noqa: BLE001 - the top of this thread
                _log.exception("A fault in %s", self._thread.name)
