"""The control port: a Unix socket that only its user can reach, with caps on size and rate.

A socket in a folder of mode 700 needs no token and no Host check: no web page and no other user
can open it. Whoever connects must be the same user besides. Not on Windows.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from engine.errors import ModelProblem
from plugin_bridge.command_line.console import JsonValue
from plugin_bridge.control.control_commands import ControlCommands, refusal
from plugin_bridge.control.control_messages import LINE_LIMIT_BYTES, encode_answer
from plugin_bridge.serve_socket import (
    Address,
    check_private,
    connect,
    listen,
    mark_of,
    peer_is_me,
    start_lock,
    unlink_own,
)

_log = logging.getLogger(__name__)

_CHUNK_BYTES = 16 * 1024


@dataclass(frozen=True)
class Limits:
    """What one script may do. burst: requests at once. per_second: requests in the long run.

    idle_seconds: how long a connection may say nothing, or not read what it is told.
    """

    connections: int = 8
    burst: int = 40
    per_second: float = 20.0
    idle_seconds: float = 600.0


class Allowance:
    """A bucket of requests that fills with time. One thread."""

    def __init__(self, limits: Limits, seconds: float) -> None:
        self._limits = limits
        self._left = float(limits.burst)
        self._seen_seconds = seconds

    def take(self, seconds: float) -> bool:
        """Use one request up at a time; False when there is none."""
        gained = (seconds - self._seen_seconds) * self._limits.per_second
        self._left = min(float(self._limits.burst), self._left + gained)
        self._seen_seconds = seconds
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class ControlPort:
    """Serves scripts until stop(): a thread per connection, of which there are few."""

    def __init__(
        self, listener: socket.socket, commands: ControlCommands, limits: Limits | None = None
    ) -> None:
        self._listener = listener
        self._commands = commands
        self._limits = limits or Limits()
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._ends_with_a_script = False

    def stop(self) -> None:
        """End soon. Any thread, also a signal handler."""
        with contextlib.suppress(OSError):
            self._waker.send(b"!")

    def run(self, *, once: bool = False) -> None:
        """Serve until stop(), or with `once` until the first script has left."""
        self._ends_with_a_script = once
        self._listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            try:
                while not self._is_stopped(selector):
                    self._accept()
            finally:
                self._close()

    def _is_stopped(self, selector: selectors.BaseSelector) -> bool:
        return any(key.fileobj is self._woken for key, _ in selector.select())

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # gone again before it was accepted
            return
        connection.settimeout(self._limits.idle_seconds)
        reason = self._reason_to_refuse(connection)
        if reason:
            _log.warning("A connection was refused: %s", reason)
            with connection, contextlib.suppress(OSError):
                _say(connection, refusal(reason))
            return
        thread = threading.Thread(target=self._serve, args=(connection,), name="control-port")
        with self._lock:
            self._open[connection] = thread
        thread.start()

    def _reason_to_refuse(self, connection: socket.socket) -> str:
        if not peer_is_me(connection):
            return "This Loopgraft belongs to another user."
        with self._lock:
            if len(self._open) >= self._limits.connections:
                return f"{self._limits.connections} scripts are connected already."
        return ""

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):  # gone, or silent for too long
                self._converse(connection)
        finally:
            with self._lock:
                self._open.pop(connection, None)
            connection.close()
            if self._ends_with_a_script:
                self.stop()

    def _converse(self, connection: socket.socket) -> None:
        allowance = Allowance(self._limits, time.monotonic())
        pending = b""
        while chunk := connection.recv(_CHUNK_BYTES):
            *lines, pending = (pending + chunk).split(b"\n")
            if any(len(line) > LINE_LIMIT_BYTES for line in (*lines, pending)):
                _say(connection, refusal(f"A request has at most {LINE_LIMIT_BYTES} bytes."))
                return
            for line in lines:
                if not allowance.take(time.monotonic()):
                    _say(connection, refusal(f"Ask at most {self._limits.per_second:g} a second."))
                    continue
                _say(connection, self._commands.answer(line))

    def _close(self) -> None:
        with self._lock:
            left = dict(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in left.values():
            thread.join()
        self._woken.close()
        self._waker.close()


@contextlib.contextmanager
def open_port(
    address: Address, commands: ControlCommands, limits: Limits | None = None
) -> Generator[ControlPort]:
    """Listen at the address; its socket is removed at the end. Raises ModelProblem."""
    with start_lock(address):
        if (other := connect(address)) is not None:
            other.close()
            raise ModelProblem("A control port is open already; end that one first.")
        listener = listen(address)
    mark = mark_of(address)
    try:
        check_private(address.path, "control socket")
        with listener:
            yield ControlPort(listener, commands, limits)
    finally:
        unlink_own(address, mark)


def _say(connection: socket.socket, answer: Mapping[str, JsonValue]) -> None:
    connection.sendall(encode_answer(answer))
