"""The life of one supervised child: started, listened to, watched, buried, started again.

What it is started with, what its lines mean and what its loss costs is the supervisor's.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from engine.child_process import ChildProcess
from engine.patience import Heartbeat, PatienceClock

_log = logging.getLogger(__name__)

EXIT_PATIENCE_SECONDS = 0.5
_FLUSH_WAIT_SECONDS = 0.02

#: The last lines of a child's stderr.
Tail = tuple[str, ...]

MessageT = TypeVar("MessageT")


class Watch(Generic[MessageT]):
    """What is known of the present child, in the clock's seconds."""

    def __init__(self, child: ChildProcess[MessageT], now: float, heartbeat_seconds: float) -> None:
        self.child = child
        self.started_at = now
        self.heartbeat = Heartbeat(now, heartbeat_seconds)


WatchT = TypeVar("WatchT", bound=Watch[Any])


class ChildKeeper(ABC, Generic[WatchT, MessageT]):
    """Keeps one child alive. One thread calls every method; `child_pid` is for any thread."""

    #: What a line that makes no sense raises when it is taken.
    NONSENSE: ClassVar[tuple[type[Exception], ...]] = (msgspec.MsgspecError,)

    def __init__(self, name: str, longest_wait_seconds: float) -> None:
        self._name = name
        self._longest_wait_seconds = longest_wait_seconds
        self._clock = PatienceClock()
        self._watch: WatchT | None = None
        self._start_at: float | None = None

    @abstractmethod
    def _spawn(self) -> WatchT:
        """Start a child. Raises OSError."""

    @abstractmethod
    def _receive(self, watch: WatchT, line: bytes) -> None:
        """Take one line of the child. Raises what NONSENSE names."""

    @abstractmethod
    def _overdue(self, watch: WatchT) -> str | None:
        """Return why the child must be ended now, None while all is well."""

    @abstractmethod
    def _ping(self, number: int) -> MessageT:
        """Return the message that asks the child whether it is there."""

    @abstractmethod
    def _ended(self, watch: WatchT, reason: str, exit_code: int | None, tail: Tail) -> None:
        """Free what belongs to a child that was lost, and decide what becomes of the rest."""

    @abstractmethod
    def _is_gone(self, reason: str, exit_code: int | None, tail: Tail) -> None:
        """Decide what becomes of all where there is no child, lost or never started."""

    @property
    def child_pid(self) -> int | None:
        """Return the child's process id, None while there is none."""
        watch = self._watch
        return None if watch is None else watch.child.pid

    def wait_seconds(self) -> float:
        """Send what is left to send, and return how long nothing needs to be looked at."""
        if self._start_at is not None:
            return min(max(0.0, self._start_at - self._clock.now), self._longest_wait_seconds)
        if self._watch is not None and not self._watch.child.flush():
            return _FLUSH_WAIT_SECONDS
        return self._longest_wait_seconds

    def start(self) -> None:
        """Start a child."""
        self._start_at = None
        try:
            watch = self._spawn()
        except OSError as error:
            self._is_gone(f"it could not be started: {error}", None, ())
            return
        _log.info("%s %s started", self._name, watch.child.pid)
        self._watch = watch
        self._begin(watch)

    def _begin(self, watch: WatchT) -> None:
        """Tell a child that was just started what it should know first."""

    def _listens(self, watch: WatchT) -> bool:
        """Whether the child has come so far that it answers a ping."""
        return True

    def on_line(self, child: ChildProcess[MessageT], line: bytes | None) -> None:
        """Take one line from a child, None when it sends no more."""
        watch = self._watch
        if watch is None or watch.child is not child:
            return
        self._clock.advance()
        if line is None:
            self._bury("it ended by itself", EXIT_PATIENCE_SECONDS)
            return
        try:
            self._receive(watch, line)
        except self.NONSENSE as error:
            _log.warning("%s %s sent nonsense: %s", self._name, child.pid, error)
            self._bury("it sent a message that makes no sense")

    def tick(self) -> None:
        """Look at the deadlines."""
        self._clock.advance()
        if self._start_at is not None and self._clock.now >= self._start_at:
            self.start()
        if (watch := self._watch) is None:
            return
        if (reason := self._overdue(watch)) is not None:
            self._bury(reason)
        elif self._listens(watch) and (number := watch.heartbeat.next(self._clock.now)) is not None:
            watch.child.send(self._ping(number))

    def _end_politely(self, farewell: MessageT, patience_seconds: float) -> WatchT | None:
        """End the child, if there is one, and start no other. Returns what it was."""
        self._start_at = None
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.child.send(farewell)
            exit_code = watch.child.end(patience_seconds)
            watch.child.stderr_tail()
            _log.info("%s %s closed with exit code %s", self._name, watch.child.pid, exit_code)
        return watch

    def _bury(self, reason: str, patience_seconds: float = 0.0) -> None:
        """End the child, by force when it does not come by itself."""
        watch, self._watch = self._watch, None
        assert watch is not None  # callers hold one
        exit_code = watch.child.end(patience_seconds)
        self._ended(watch, reason, exit_code, watch.child.stderr_tail())
