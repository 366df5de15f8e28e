"""What an app is told of its listening and recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.key import Key
from plugin_bridge.audio_messages import Refused, SyncStatus
from plugin_bridge.capture.capture_messages import InputOpened
from plugin_bridge.capture.punch import Cut, Running, Waiting


@dataclass(frozen=True)
class InputLost:
    """There is no input (any more); it is looked for again while listening is wanted. is_kept: what
    was being recorded is written as far as it came; Recorded tells."""

    sentence: str
    details: str = ""
    is_kept: bool = False


@dataclass(frozen=True)
class Listening:
    """What is kept, about 10 times a second. bars: whole ones of the transport that could be taken
    now, None without one. peak: linear, since the last one."""

    kept_seconds: float
    bars: int | None
    peak: float
    progress: Waiting | Running | None


@dataclass(frozen=True)
class NotListening:
    """Listening is off: nothing is kept, and what was kept is gone."""


@dataclass(frozen=True)
class Recorded:
    """A file is on the disk. sentence: what it is, for the user. lost_frames, gaps: what the sound
    system lost in it, as silence, and how often it stumbled."""

    path: Path
    cut: Cut
    key: Key | None
    sentence: str
    gaps: int = 0
    lost_frames: int = 0
    latency_frames: int = 0


@dataclass(frozen=True)
class RecordFailed:
    """Nothing was recorded, or it could not be written."""

    sentence: str
    details: str = ""


CaptureEvent = (
    InputOpened
    | InputLost
    | Listening
    | NotListening
    | SyncStatus
    | Recorded
    | RecordFailed
    | Refused
)
