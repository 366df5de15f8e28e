"""Patience with a child process: a clock for deadlines, and a heartbeat that it must answer."""

from __future__ import annotations

import time


class PatienceClock:
    """A clock for deadlines that counts only time this process was awake to look at it.

    A laptop that sleeps, or an app that stands in a debugger, must not kill its worker.
    """

    _LONGEST_STEP_SECONDS = 1.0

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.now = 0.0

    def advance(self) -> None:
        last, self._last = self._last, time.monotonic()
        self.now += min(self._last - last, self._LONGEST_STEP_SECONDS)


class Heartbeat:
    """Numbered pings, one at a time. All times in the clock's seconds."""

    def __init__(self, now: float, every_seconds: float) -> None:
        self._every_seconds = every_seconds
        self._number = 0
        self._sent_at = now
        self._is_missing = False

    def next(self, now: float) -> int | None:
        """Return the number of the ping to send now; None: the last is not answered, or not due."""
        if self._is_missing or now - self._sent_at < self._every_seconds:
            return None
        self._number += 1
        self._sent_at, self._is_missing = now, True
        return self._number

    def answered(self, number: int) -> None:
        """Take a pong; an older one than the last ping changes nothing."""
        self._is_missing = self._is_missing and number != self._number

    def silent_seconds(self, now: float) -> float:
        """Return for how long an answer has been missing, 0 when none is."""
        return now - self._sent_at if self._is_missing else 0.0
