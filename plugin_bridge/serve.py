"""The warm engine: one process that owns an EngineClient and serves commands over a Unix socket.

Started on demand, `python -m plugin_bridge.serve …`, by the first command that makes takes; ends
by itself after an idle time. The socket lies in a folder that only its user may enter.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import queue
import selectors
import signal
import socket
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import msgspec

from engine.client import EngineClient, EngineEvent, EngineGaveUp, EngineRestarting, WorkerOptions
from engine.messages import Cancel, JobCancelledMessage, JobDone, JobFailed, Ready, Submit
from plugin_bridge.serve_messages import (
    APP_VERSION,
    SERVE_PROTOCOL,
    FromServer,
    Hello,
    JobEvent,
    Restarting,
    Retire,
    ToServer,
    Welcome,
    decode_to_server,
    encode_line,
    identity,
)
from plugin_bridge.serve_socket import (
    Address,
    connect,
    listen,
    mark_of,
    peer_is_me,
    start_lock,
    unlink_own,
)

_log = logging.getLogger(__name__)

LINE_LIMIT_BYTES = 4 * 2**20
BACKLOG_LIMIT_BYTES = 4 * 2**20
#: How long a connection may be silent before its first message.
GREETING_SECONDS = 5.0
_CHUNK_BYTES = 64 * 1024
_LAST_WORDS_SECONDS = 1.0


@dataclass(eq=False)
class Connection:
    """One command. jobs: the engine's job id to the command's own."""

    socket: socket.socket
    connected_at: float
    greeted: bool = False
    incoming: bytes = b""
    outgoing: bytes = b""
    jobs: dict[str, str] = field(default_factory=dict[str, str])


class EngineServer:
    """Serves commands until idle, retired or stopped. All state belongs to run()'s thread."""

    def __init__(
        self,
        listener: socket.socket,
        address: Address,
        options: WorkerOptions,
        idle_seconds: float,
        own_identity: str = "",
    ) -> None:
        self._listener: socket.socket | None = listener
        self._address = address
        self._mark = mark_of(address)
        self._options = options
        self._identity = own_identity or identity(options)
        self._idle_seconds = idle_seconds
        self._quiet_since = time.monotonic()
        self._stopping = False
        self._connections: set[Connection] = set()
        self._jobs: dict[str, Connection | None] = {}
        self._events: queue.SimpleQueue[EngineEvent] = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker, listener):
            end.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._woken, selectors.EVENT_READ, self._hear_engine)
        self._engine = EngineClient(options, self._on_engine)

    def stop(self) -> None:
        """End soon, jobs cancelled. Safe in a signal handler."""
        self._stopping = True
        self._wake()

    def run(self) -> None:
        """Serve until there is a reason to end, then free everything."""
        try:
            while not self._is_over():
                for key, ready in self._selector.select(self._patience_seconds()):
                    if isinstance(key.data, Connection):
                        self._attend(key.data, ready)
                    else:
                        key.data()
                self._drop_silent()
        finally:
            self._close()

    def _is_over(self) -> bool:
        if self._stopping:
            return True
        if self._jobs:
            return False
        if self._listener is None:  # retired
            return True
        is_idle = not self._connections
        return is_idle and time.monotonic() - self._quiet_since >= self._idle_seconds

    def _patience_seconds(self) -> float:
        if self._connections or self._jobs:
            return GREETING_SECONDS
        return max(0.0, self._quiet_since + self._idle_seconds - time.monotonic())

    def _on_engine(self, event: EngineEvent) -> None:
        """Called on the engine client's thread."""
        self._events.put(event)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._waker.send(b"!")

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            accepted, _ = self._listener.accept()
        except OSError:  # gone again before it was accepted
            return
        if not peer_is_me(accepted):
            _log.warning("Another user's process tried to connect; refused")
            accepted.close()
            return
        accepted.setblocking(False)
        connection = Connection(accepted, time.monotonic())
        self._connections.add(connection)
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _attend(self, connection: Connection, ready: int) -> None:
        if ready & selectors.EVENT_WRITE:
            self._flush(connection)
        if ready & selectors.EVENT_READ and connection in self._connections:
            self._read(connection)

    def _read(self, connection: Connection) -> None:
        try:
            chunk = connection.socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        *lines, connection.incoming = (connection.incoming + chunk).split(b"\n")
        try:
            for line in lines:
                self._take(connection, decode_to_server(line))
        except msgspec.MsgspecError as error:
            _log.warning("A command sent nonsense and is left: %s", error)
            self._drop(connection)
        if not chunk or len(connection.incoming) > LINE_LIMIT_BYTES:
            self._drop(connection)

    def _take(self, connection: Connection, message: ToServer) -> None:
        match message:
            case Hello():
                connection.greeted = True
                self._send(connection, self._welcome())
            case Submit(job_id=job_id, request=request) if connection.greeted:
                if connection not in self._connections:
                    return
                engine_id = self._engine.submit(request)
                connection.jobs[engine_id] = job_id
                self._jobs[engine_id] = connection
            case Cancel(job_id=job_id):
                for engine_id, own_id in connection.jobs.items():
                    if job_id in (own_id, None):
                        self._engine.cancel(engine_id)
            case Retire(now=now):
                self._stopping = self._stopping or now
                self._stop_listening()
            case _:
                raise msgspec.ValidationError("an order came before the greeting")

    def _welcome(self) -> Welcome:
        return Welcome(
            SERVE_PROTOCOL,
            self._identity,
            APP_VERSION,
            os.getpid(),
            self._options.device,
            self._options.maker,
            len(self._jobs),
            self._engine.worker_pid,
        )

    def _hear_engine(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(_CHUNK_BYTES)
        while not self._events.empty():
            self._deliver(self._events.get())

    def _deliver(self, event: EngineEvent) -> None:
        match event:
            case Ready():
                self._tell_all(event)
            case EngineRestarting(reason=reason):
                self._tell_all(Restarting(reason))
            case EngineGaveUp():  # every job has been told by its own JobFailed
                _log.error("%s %s", event.sentence, event.details)
            case _:
                self._deliver_to_owner(event)

    def _tell_all(self, message: Ready | Restarting) -> None:
        for connection in tuple(self._connections):
            if connection.jobs:
                self._send(connection, message)

    def _deliver_to_owner(self, event: JobEvent) -> None:
        owner = self._jobs.get(event.job_id)
        own_id = owner.jobs.get(event.job_id) if owner else None
        if isinstance(event, JobDone | JobCancelledMessage | JobFailed):
            self._jobs.pop(event.job_id, None)
            self._quiet_since = time.monotonic()
            if owner is not None:
                owner.jobs.pop(event.job_id, None)
        if owner is not None and own_id is not None:
            self._send(owner, msgspec.structs.replace(event, job_id=own_id))

    def _send(self, connection: Connection, message: FromServer) -> None:
        connection.outgoing += encode_line(message)
        self._flush(connection)
        if len(connection.outgoing) > BACKLOG_LIMIT_BYTES:
            _log.warning("A command does not read what it is told and is left")
            self._drop(connection)

    def _flush(self, connection: Connection) -> None:
        if connection not in self._connections:
            return
        try:
            sent = connection.socket.send(connection.outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return
        connection.outgoing = connection.outgoing[sent:]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.outgoing else 0)
        self._selector.modify(connection.socket, wanted, connection)

    def _drop_silent(self) -> None:
        now = time.monotonic()
        for connection in tuple(self._connections):
            if not connection.greeted and now - connection.connected_at > GREETING_SECONDS:
                self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        """Forget a command that is gone, and cancel its jobs."""
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._quiet_since = time.monotonic()
        for engine_id in connection.jobs:
            self._jobs[engine_id] = None
            self._engine.cancel(engine_id)

    def _stop_listening(self) -> None:
        if self._listener is None:
            return
        self._selector.unregister(self._listener)
        unlink_own(self._address, self._mark)
        self._listener.close()
        self._listener = None

    def _close(self) -> None:
        self._stop_listening()
        self._engine.close()
        while not self._events.empty():
            self._deliver(self._events.get())
        for connection in tuple(self._connections):
            connection.socket.settimeout(_LAST_WORDS_SECONDS)
            with contextlib.suppress(OSError):
                connection.socket.sendall(connection.outgoing)
            connection.outgoing = b""
            self._drop(connection)
        self._selector.close()
        self._woken.close()
        self._waker.close()


def serve(
    address: Address, options: WorkerOptions, idle_seconds: float, own_identity: str = ""
) -> bool:
    """Serve on `address`; returns at the end, True. False at once when somebody serves already.

    own_identity: what the command that starts it wants it to be; default: computed.
    Raises ModelProblem when the address is not safe to use, WriteProblem.
    """
    with start_lock(address):
        if (other := connect(address)) is not None:
            other.close()
            return False
        listener = listen(address)
    server = EngineServer(listener, address, options, idle_seconds, own_identity)
    with _stop_signals(server):
        server.run()
    return True


@contextlib.contextmanager
def _stop_signals(server: EngineServer) -> Generator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        server.stop()

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, old in zip(numbers, before, strict=True):
            signal.signal(number, old)


class _Options(argparse.Namespace):
    socket: Path
    library: Path
    device: str
    maker: str
    threads: int
    idle_seconds: float
    worker_log: Path
    identity: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a server that a command starts. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="plugin_bridge.serve", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--maker", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--idle-seconds", type=float, required=True)
    parser.add_argument("--worker-log", type=Path, required=True)
    parser.add_argument("--identity", default="")
    parsed = parser.parse_args(arguments, namespace=_Options())
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s"
    )
    options = WorkerOptions(
        parsed.library,
        device=parsed.device,
        maker=parsed.maker,
        threads=parsed.threads,
        log_path=parsed.worker_log,
    )
    serve(Address(parsed.socket), options, parsed.idle_seconds, parsed.identity)
    return 0


if __name__ == "__main__":
    sys.exit(main())
