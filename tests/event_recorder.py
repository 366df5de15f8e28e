"""Keeps what a client tells, from whatever thread, and lets a test wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

TIMEOUT_SECONDS = 60.0

AnyEvent = TypeVar("AnyEvent")
Event = TypeVar("Event")


class EventRecorder(Generic[AnyEvent]):
    """Called with every event."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self._changed = threading.Condition()

    def __call__(self, event: AnyEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, kind: type[Event]) -> list[Event]:
        with self._changed:
            return [event for event in self.events if isinstance(event, kind)]

    def now(self) -> int:
        """Return the index of the next event."""
        with self._changed:
            return len(self.events)

    def wait(
        self,
        kind: type[Event] | tuple[type[Event], ...],
        where: Callable[[Event], bool] = lambda _event: True,
        *,
        start: int = 0,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Event:
        """Return the first matching event from index `start` on."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for event in self.events[start:]:
                    if isinstance(event, kind) and where(event):
                        return event
                start = len(self.events)
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise AssertionError(f"no {kind}; the last were {self.events[-5:]}")
