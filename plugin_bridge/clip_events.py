"""What a clip reader's client tells: values that hold their samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.audio import AudioClip
from engine.key import Key
from engine.peaks import PeakPyramid
from engine.take import TakeFacts
from engine.tempo import COMMON_TIME, TimeSignature
from plugin_bridge.capture.grid_chunk import GridFacts
from plugin_bridge.clip_messages import Act


@dataclass(frozen=True, eq=False)
class ClipOpened:
    """A sound is in memory. peak: linear, 1.0 = full scale.

    facts: the recipe of a file of ours; without one, a ClipMeasured or ClipFailed follows.
    recipe_fault: the sentence why a recipe that is there cannot be used, else empty.
    grid: the bars that a recording of ours knows.
    """

    request_id: str
    path: Path
    audio: AudioClip
    peaks: PeakPyramid
    peak: float
    facts: TakeFacts | None
    recipe_fault: str
    grid: GridFacts | None = None


@dataclass(frozen=True)
class ClipMeasured:
    """What was heard in it. None: not measurable. A sound above a minute has no seam."""

    request_id: str
    path: Path
    bpm: float | None
    downbeat_frame: int
    key: Key | None
    lufs: float | None
    seam_score: float | None
    is_loop: bool
    signature: TimeSignature = COMMON_TIME


@dataclass(frozen=True)
class OverviewDrawn:
    """A take drawn small. extremes: int8 (2, columns) as bytes, minima first, 127 = its peak."""

    request_id: str
    path: Path
    extremes: bytes


@dataclass(frozen=True)
class ClipExported:
    """A finished file. path: the take's. exported: the file for the user."""

    request_id: str
    path: Path
    exported: Path


@dataclass(frozen=True)
class ClipFailed:
    """A request came to nothing. sentence: for the user, details: for the log."""

    request_id: str
    path: Path
    act: Act
    sentence: str
    details: str = ""


ClipEvent = ClipOpened | ClipMeasured | OverviewDrawn | ClipExported | ClipFailed
