"""What a command and the warm engine server say besides engine.messages: one JSON line each."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

import msgspec

from engine.client import WorkerOptions
from engine.messages import (
    Cancel,
    JobCancelledMessage,
    JobDone,
    JobFailed,
    Progress,
    Ready,
    Submit,
    TakeDone,
)

SERVE_PROTOCOL = 2
APP_VERSION = "0.1.0"

_ROOT = Path(__file__).resolve().parent.parent
_BUILD_PATTERNS = (
    "engine/**/*.py",
    "plugin_bridge/**/*.py",
    "resources/models/*/card.json",
)


class Hello(msgspec.Struct, frozen=True, tag=True):
    """A command's first message. identity: what it wants the server to be."""

    protocol: int
    identity: str


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """The answer to Hello; a command that wants another identity retires this server."""

    protocol: int
    identity: str
    app_version: str
    pid: int
    device: str
    maker: str
    jobs: int
    worker_pid: int | None


class Retire(msgspec.Struct, frozen=True, tag=True):
    """Make room for another server: answer nobody new, and end after the present jobs.

    now: cancel the present jobs too.
    """

    now: bool = False


class Restarting(msgspec.Struct, frozen=True, tag=True):
    """The engine worker ended and is started again; jobs go on with their remaining takes."""

    reason: str


JobEvent = Progress | TakeDone | JobDone | JobCancelledMessage | JobFailed
FromServer = JobEvent | Ready | Restarting | Welcome
ToServer = Hello | Submit | Cancel | Retire

_FROM_SERVER: msgspec.json.Decoder[FromServer] = msgspec.json.Decoder(FromServer)
_TO_SERVER: msgspec.json.Decoder[ToServer] = msgspec.json.Decoder(ToServer)


def encode_line(message: FromServer | ToServer) -> bytes:
    """Return the message as one line of JSON, newline included."""
    return msgspec.json.encode(message) + b"\n"


def decode_from_server(line: bytes) -> FromServer:
    """Read one line of a server. Raises msgspec.MsgspecError on garbage."""
    return _FROM_SERVER.decode(line)


def decode_to_server(line: bytes) -> ToServer:
    """Read one line of a command. Raises msgspec.MsgspecError on garbage."""
    return _TO_SERVER.decode(line)


def identity(options: WorkerOptions) -> str:
    """Return what makes two servers interchangeable: program, library, device and model."""
    parts = (
        os.fsencode(options.library),
        options.device.encode(),
        options.maker.encode(),
        str(options.threads).encode(),
        _build_stamp().encode(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


@cache
def _build_stamp() -> str:
    """Return the version and the newest change of the program's files: an update in place keeps
    the version, but a server that still runs the old code must not be used."""
    paths = (path for pattern in _BUILD_PATTERNS for path in _ROOT.glob(pattern))
    newest = max((path.stat().st_mtime_ns for path in paths), default=0)
    return f"{APP_VERSION} {newest}"
