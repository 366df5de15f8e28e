"""What an app and its engine worker say to each other: frozen, versioned, one JSON line each.

Audio never travels here: a finished take is a file in the library, named by its path.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

import msgspec

from engine.request import GenerationRequest
from engine.take import TakeFacts

PROTOCOL_VERSION = 2


class Phase(StrEnum):
    """What a running job is doing, in this order for each take."""

    LOADING = "loading"
    READING = "reading"
    SAMPLING = "sampling"
    DECODING = "decoding"
    SAVING = "saving"


class Submit(msgspec.Struct, frozen=True, tag=True):
    """Make the takes of `request` from index `first_take` on; those before exist already."""

    job_id: str
    request: GenerationRequest
    first_take: int = 0


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Stop the job; job_id None stops whatever runs."""

    job_id: str | None = None


class Ping(msgspec.Struct, frozen=True, tag=True):
    number: int


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    pass


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The first message of a worker: its model is loaded."""

    model_version: str
    device: str
    load_seconds: float
    protocol: int = PROTOCOL_VERSION


class LoadFailed(msgspec.Struct, frozen=True, tag=True):
    """The worker's last message where its model cannot be loaded."""

    sentence: str
    details: str
    exit_code: int


class Progress(msgspec.Struct, frozen=True, tag=True):
    """step of steps within the phase; seconds_left is None until it can be told."""

    job_id: str
    take_index: int
    takes: int
    phase: Phase
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None


class TakeDone(msgspec.Struct, frozen=True, tag=True):
    """A take is stored. file: its path as bytes, because a folder's name need not be text."""

    job_id: str
    take_index: int
    file: bytes
    facts: TakeFacts

    @property
    def path(self) -> Path:
        return Path(os.fsdecode(self.file))


class JobDone(msgspec.Struct, frozen=True, tag=True):
    job_id: str


class JobCancelledMessage(msgspec.Struct, frozen=True, tag=True):
    job_id: str


class JobFailed(msgspec.Struct, frozen=True, tag=True):
    job_id: str
    sentence: str
    details: str
    exit_code: int


class Pong(msgspec.Struct, frozen=True, tag=True):
    number: int


ToWorker = Submit | Cancel | Ping | Shutdown
FromWorker = (
    Ready | LoadFailed | Progress | TakeDone | JobDone | JobCancelledMessage | JobFailed | Pong
)

_TO_WORKER: msgspec.json.Decoder[ToWorker] = msgspec.json.Decoder(ToWorker)
_FROM_WORKER: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)


def encode_message(message: ToWorker | FromWorker) -> bytes:
    """Return the message as one line of JSON, newline included."""
    return msgspec.json.encode(message) + b"\n"


def decode_to_worker(line: bytes) -> ToWorker:
    """Read one line sent to the worker. Raises msgspec.MsgspecError on garbage."""
    return _TO_WORKER.decode(line)


def decode_from_worker(line: bytes) -> FromWorker:
    """Read one line sent by the worker. Raises msgspec.MsgspecError on garbage."""
    return _FROM_WORKER.decode(line)
