"""What the window and its clip reader say to each other: frozen, versioned, one JSON line each.

Samples, peaks and overviews never travel here: they lie in the scratch file that both processes
hold open (plugin_bridge.clip_process), in the layout that the reply describes. Paths are bytes,
because a file's name need not be UTF-8.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from engine.key import Key
from engine.take import TakeFacts
from engine.tempo import COMMON_TIME, TimeSignature
from plugin_bridge.capture.grid_chunk import GridFacts

PROTOCOL_VERSION = 1


class Act(StrEnum):
    """What was asked for."""

    READ = "read"
    MEASURE = "measure"
    OVERVIEW = "overview"
    EXPORT = "export"


class Read(msgspec.Struct, frozen=True, tag=True):
    """Read all of a file. is_take: it is the library's own, so it needs no capped decoder."""

    request_id: str
    path: bytes
    is_take: bool = False


class Measure(msgspec.Struct, frozen=True, tag=True):
    """Listen to a file that was read: tempo, key, loudness, seam."""

    request_id: str
    path: bytes


class Overview(msgspec.Struct, frozen=True, tag=True):
    """Draw a library take small: the extremes of `columns` equal parts."""

    request_id: str
    path: bytes
    columns: int


class Export(msgspec.Struct, frozen=True, tag=True):
    """Write a library take as a finished file into a folder. subtype None: the take's own."""

    request_id: str
    path: bytes
    folder: bytes
    subtype: str | None = None


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The first message of a reader: what it needs is imported."""

    protocol: int = PROTOCOL_VERSION


class Opened(msgspec.Struct, frozen=True, tag=True):
    """The scratch file holds float32 (channels, frames), then `peaks_bytes` of encode_peaks.

    peak: linear, 1.0 = full scale. facts: the recipe of a file of ours that fits its audio.
    recipe_fault: the sentence why a recipe that is there cannot be used. grid: the bars that a
    recording of ours knows.
    """

    request_id: str
    channels: int
    frames: int
    sample_rate: int
    peaks_bytes: int
    peak: float
    facts: TakeFacts | None = None
    recipe_fault: str = ""
    grid: GridFacts | None = None


class Measured(msgspec.Struct, frozen=True, tag=True):
    """What was heard. bpm, key, lufs, seam_score: None where it is not measurable."""

    request_id: str
    bpm: float | None
    downbeat_frame: int
    key: Key | None
    lufs: float | None
    seam_score: float | None
    is_loop: bool
    signature: TimeSignature = COMMON_TIME


class Overviewed(msgspec.Struct, frozen=True, tag=True):
    """The scratch file holds int8 (2, columns): minima, then maxima, 127 = the peak."""

    request_id: str
    columns: int


class Exported(msgspec.Struct, frozen=True, tag=True):
    request_id: str
    path: bytes


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The request came to nothing; the reader goes on."""

    request_id: str
    sentence: str
    details: str = ""


ToReader = Read | Measure | Overview | Export
FromReader = Ready | Opened | Measured | Overviewed | Exported | Failed

_TO_READER: msgspec.json.Decoder[ToReader] = msgspec.json.Decoder(ToReader)
_FROM_READER: msgspec.json.Decoder[FromReader] = msgspec.json.Decoder(FromReader)


def encode_message(message: ToReader | FromReader) -> bytes:
    """Return the message as one line of JSON, newline included."""
    return msgspec.json.encode(message) + b"\n"


def decode_to_reader(line: bytes) -> ToReader:
    """Read one line sent to the reader. Raises msgspec.MsgspecError on garbage."""
    return _TO_READER.decode(line)


def decode_from_reader(line: bytes) -> FromReader:
    """Read one line sent by the reader. Raises msgspec.MsgspecError on garbage."""
    return _FROM_READER.decode(line)


def act_of(request: ToReader) -> Act:
    """Return what a request asks for."""
    match request:
        case Read():
            return Act.READ
        case Measure():
            return Act.MEASURE
        case Overview():
            return Act.OVERVIEW
        case Export():
            return Act.EXPORT
