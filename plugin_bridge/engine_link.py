"""A command's way to an engine: the warm server's, or a worker of its own."""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from engine.child_process import child_environment, module_command
from engine.client import EngineClient, EngineEvent, EngineGaveUp, EngineRestarting, WorkerOptions
from engine.errors import ModelProblem
from engine.messages import Cancel, Ready, Submit
from engine.pipes import read_lines
from engine.request import GenerationRequest
from plugin_bridge.serve_messages import (
    SERVE_PROTOCOL,
    Hello,
    JobEvent,
    Restarting,
    Retire,
    ToServer,
    Welcome,
    decode_from_server,
    encode_line,
    identity,
)
from plugin_bridge.serve_socket import Address, connect, mark_of, unlink_own

_log = logging.getLogger(__name__)

START_DEADLINE_SECONDS = 20.0
ANSWER_DEADLINE_SECONDS = 5.0
_POLL_SECONDS = 0.02
_ATTEMPTS = 4
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class LinkLost:
    """The server is gone; no more events come."""


@dataclass(frozen=True)
class Interrupted:
    """The user pressed Ctrl+C; put here by the command itself."""


LinkEvent = JobEvent | Ready | Restarting | LinkLost | Interrupted
Events = queue.SimpleQueue[LinkEvent]


class EngineLink(Protocol):
    """Takes orders and reports in `events`. Methods: one thread; events: read by one thread."""

    events: Events

    def submit(self, request: GenerationRequest) -> str: ...

    def cancel(self, job_id: str) -> None: ...

    def worker_pids(self) -> list[int]: ...

    def close(self) -> None:
        """Cancel what still runs and free everything."""
        ...


class OwnEngine:
    """A worker that lives as long as this command."""

    def __init__(self, options: WorkerOptions) -> None:
        self.events: Events = queue.SimpleQueue()
        self._client = EngineClient(options, self._hear)

    def submit(self, request: GenerationRequest) -> str:
        return self._client.submit(request)

    def cancel(self, job_id: str) -> None:
        self._client.cancel(job_id)

    def worker_pids(self) -> list[int]:
        pid = self._client.worker_pid
        return [] if pid is None else [pid]

    def close(self) -> None:
        self._client.close()

    def _hear(self, event: EngineEvent) -> None:
        match event:
            case EngineRestarting(reason=reason):
                self.events.put(Restarting(reason))
            case EngineGaveUp():  # every job is told by its own JobFailed
                _log.error("%s %s", event.sentence, event.details)
            case _:
                self.events.put(event)


class ServedEngine:
    """The warm server's engine, over a greeted connection."""

    def __init__(self, connection: socket.socket, welcome: Welcome) -> None:
        self.events: Events = queue.SimpleQueue()
        self.welcome = welcome
        self._connection = connection
        self._reader = threading.Thread(target=self._read, name="engine-link", daemon=True)
        self._reader.start()

    def submit(self, request: GenerationRequest) -> str:
        job_id = uuid.uuid4().hex
        self._send(Submit(job_id, request))
        return job_id

    def cancel(self, job_id: str) -> None:
        self._send(Cancel(job_id))

    def worker_pids(self) -> list[int]:
        pid = self.welcome.worker_pid
        return [self.welcome.pid, *([] if pid is None else [pid])]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._connection.close()

    def _send(self, message: ToServer) -> None:
        with contextlib.suppress(OSError):  # the reader says that it is lost
            self._connection.sendall(encode_line(message))

    def _read(self) -> None:
        try:
            for line in read_lines(self._connection.fileno()):
                message = decode_from_server(line)
                if not isinstance(message, Welcome):
                    self.events.put(message)
        except msgspec.MsgspecError as error:
            _log.warning("The engine server sent nonsense: %s", error)
        self.events.put(LinkLost())


@dataclass(frozen=True)
class ServerPlan:
    """The server that a command wants. log_path: where its own stderr goes."""

    address: Address
    options: WorkerOptions
    idle_seconds: float
    log_path: Path


def open_served(plan: ServerPlan) -> ServedEngine:
    """Connect to the warm server, started or replaced as needed. Raises ModelProblem."""
    wanted = identity(plan.options)
    for _ in range(_ATTEMPTS):
        connection = connect(plan.address) or _start(plan)
        welcome = greet(connection, wanted)
        if welcome is not None and (welcome.protocol, welcome.identity) == (SERVE_PROTOCOL, wanted):
            return ServedEngine(connection, welcome)
        _log.info("The engine server is another one (%s); it is replaced", welcome)
        retire(connection, plan.address, now=welcome is None)
    raise ModelProblem("The engine server could not be replaced by a new one; use --no-serve.")


def greet(connection: socket.socket, wanted: str) -> Welcome | None:
    """Say hello and return the answer, None when it is none that we know."""
    connection.settimeout(ANSWER_DEADLINE_SECONDS)
    try:
        connection.sendall(encode_line(Hello(SERVE_PROTOCOL, wanted)))
        answer = decode_from_server(_first_line(connection))
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("The engine server did not answer the greeting: %r", error)
        return None
    finally:
        connection.settimeout(None)
    return answer if isinstance(answer, Welcome) else None


def retire(connection: socket.socket, address: Address, *, now: bool) -> None:
    """Tell a server to make room, and see that its socket no longer stands in the way."""
    mark = mark_of(address)
    with connection, contextlib.suppress(OSError):
        connection.sendall(encode_line(Retire(now)))
    deadline = time.monotonic() + ANSWER_DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if mark is None or mark_of(address) != mark:
            return
        time.sleep(_POLL_SECONDS)
    _log.warning("The engine server does not make room; its socket is taken away")
    unlink_own(address, mark)


def server_command(plan: ServerPlan) -> list[str]:
    """Return the command line of a detached server. -P keeps the current folder off its path."""
    options = plan.options
    log_path = options.log_path or plan.log_path.with_name("engine.log")
    return [
        *module_command("plugin_bridge.serve"),
        *("--socket", str(plan.address.path), "--library", str(options.library)),
        *("--device", options.device, "--maker", options.maker),
        *("--threads", str(options.threads), "--idle-seconds", str(plan.idle_seconds)),
        *("--worker-log", str(log_path), "--identity", identity(options)),
    ]


def _start(plan: ServerPlan) -> socket.socket:
    """Start a server and return a connection to it, or to another command's that was faster."""
    plan.log_path.parent.mkdir(parents=True, exist_ok=True)
    with plan.log_path.open("ab") as log:
        process = subprocess.Popen(
            server_command(plan),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=_ROOT,
            env=child_environment(),
            start_new_session=True,
        )
    deadline = time.monotonic() + START_DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if (connection := connect(plan.address)) is not None:
            # It outlives a command; a long-lived app must not keep its zombie.
            threading.Thread(target=process.wait, name="serve-reaper", daemon=True).start()
            return connection
        if process.poll() not in (None, 0):
            break
        time.sleep(_POLL_SECONDS)
    process.kill()
    process.wait()
    raise ModelProblem(
        f"The engine server did not start; see “{plan.log_path}”, or use --no-serve.",
        f"exit code {process.returncode}",
    )


def _first_line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        chunk = connection.recv(1)
        if not chunk:
            raise ConnectionResetError("closed before it answered")
        line += chunk
    return line
