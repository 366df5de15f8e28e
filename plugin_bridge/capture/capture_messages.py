"""What an app and its listening process say to each other: frozen, versioned, a JSON line each.

Frames are counted from the ring's first. Audio lies in the ring, which the app makes.
"""

from __future__ import annotations

import msgspec

from plugin_bridge.audio_messages import (
    AudioPing,
    AudioPong,
    EndAudio,
    Refused,
    SetSync,
    SyncStatus,
)
from plugin_bridge.capture.stamps import Stamp

CAPTURE_PROTOCOL_VERSION = 1


class UseRing(msgspec.Struct, frozen=True, tag=True):
    """Keep what comes from now on in this CaptureRing, after what it has."""

    name: str
    frames: int


class InputOpened(msgspec.Struct, frozen=True, tag=True):
    """An input is open. latency_seconds: how old what comes is, as it reports, 0 where it is none.
    ports: of JACK, those that are listened to. sentence: what differs from what was asked for."""

    name: str
    host_api: str
    sample_rate: int
    latency_seconds: float
    ports: tuple[str, ...] = ()
    sentence: str = ""
    protocol: int = CAPTURE_PROTOCOL_VERSION


class InputGone(msgspec.Struct, frozen=True, tag=True):
    """There is no input (any more); the process ends after this."""

    sentence: str
    details: str = ""
    is_final: bool = False


class Captured(msgspec.Struct, frozen=True, tag=True):
    """About 30 a second. All before frame `position` is in the ring, its stamps are told.

    gaps: frame and frames of what the sound system lost (silence stands there). peak: linear,
    since the last one.
    """

    position: int
    stamps: tuple[Stamp, ...] = ()
    gaps: tuple[tuple[int, int], ...] = ()
    peak: float = 0.0


#: A SyncStatus to the process: how its own clock goes.
ToCapture = UseRing | SetSync | SyncStatus | AudioPing | EndAudio
FromCapture = InputOpened | InputGone | Captured | SyncStatus | Refused | AudioPong

_TO_CAPTURE: msgspec.json.Decoder[ToCapture] = msgspec.json.Decoder(ToCapture)
_FROM_CAPTURE: msgspec.json.Decoder[FromCapture] = msgspec.json.Decoder(FromCapture)


def encode_capture(message: ToCapture | FromCapture) -> bytes:
    """Return the message as one line of JSON, newline included."""
    return msgspec.json.encode(message) + b"\n"


def decode_to_capture(line: bytes) -> ToCapture:
    """Read one line sent to the process. Raises msgspec.MsgspecError on garbage."""
    return _TO_CAPTURE.decode(line)


def decode_from_capture(line: bytes) -> FromCapture:
    """Read one line sent by the process. Raises msgspec.MsgspecError on garbage."""
    return _FROM_CAPTURE.decode(line)
