"""A thread that owns some state: actions from any thread, deadlines in between, events out."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)

EventT = TypeVar("EventT")
Action = Callable[[], None]


@dataclass(frozen=True)
class Turns:
    """What a loop does by itself, on its thread.

    wait_seconds: how long nothing needs to be looked at unless an action comes, None: for ever.
    tick: looks at the deadlines, after every wait. close: comes after the actions that were left.
    """

    start: Action
    wait_seconds: Callable[[], float | None]
    tick: Action
    close: Action


class ActionLoop(Generic[EventT]):
    """A thread that runs actions one by one. Methods: any thread, none blocks but close().

    `on_event` is called on the loop's thread, after the action that emitted, and must not block.
    A fault in an action or a listener is logged, and the loop goes on.
    """

    def __init__(self, name: str, on_event: Callable[[EventT], None]) -> None:
        self._on_event = on_event
        self._actions: queue.SimpleQueue[Action] = queue.SimpleQueue()
        self._events: list[EventT] = []
        self._closing = threading.Event()
        self._name = name
        self._thread: threading.Thread | None = None

    @property
    def is_closing(self) -> bool:
        return self._closing.is_set()

    def start(self, turns: Turns) -> None:
        """Start the thread. Once."""
        self._thread = threading.Thread(
            target=self._run, args=(turns,), name=self._name, daemon=True
        )
        self._thread.start()

    def do(self, action: Action) -> None:
        """Run an action on the thread, after those that were given before."""
        self._actions.put(action)

    def emit(self, event: EventT) -> None:
        """Tell the listener, once the present action has ended. On the loop's thread only."""
        self._events.append(event)

    def close(self) -> None:
        """Run what is left, close, and wait for that unless called from within."""
        self._closing.set()
        self._actions.put(lambda: None)
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self, turns: Turns) -> None:
        self._guard(turns.start)
        while not self._closing.is_set():
            self._wait(turns.wait_seconds())
            self._run_due()
            self._guard(turns.tick)
        self._run_due()
        self._guard(turns.close)
        self._run_due()

    def _wait(self, seconds: float | None) -> None:
        """Wait for an action and run it."""
        try:
            action = self._actions.get(timeout=seconds)
        except queue.Empty:
            return
        self._guard(action)

    def _run_due(self) -> None:
        while not self._actions.empty():
            self._guard(self._actions.get())

    def _guard(self, action: Action) -> None:
        try:
            action()
        except Exception:  # noqa: BLE001 - the top of this thread
            _log.exception("A fault in %s", self._name)
        while self._events:
            self._deliver(self._events.pop(0))

    def _deliver(self, event: EventT) -> None:
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001 - the top of this thread: the fault is the listener's
            _log.exception("A listener of %s failed on %s", self._name, type(event).__name__)
