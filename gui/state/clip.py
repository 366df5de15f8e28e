"""What lies on the canvas and in the lanes: a sound with what is known of it. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path

from engine.audio import AudioClip, FrameSpan
from engine.key import Key
from engine.peaks import PeakPyramid
from engine.take import Standing, TakeFacts
from engine.tempo import COMMON_TIME, Tempo, TimeSignature

LANE_LETTERS = "ABCDEFGH"


@dataclass(frozen=True)
class Clip:
    """A sound of the user's or a take, ready to be drawn and heard.

    path: the file that it is, never moved or changed. audio: float32 at the file's own rate.
    grafted: the frames that the engine made (green); the others are the user's (blue).
    start_frame: where it begins on the timeline of the sound it was grafted into, at its own
    rate; negative for an intro. facts: its recipe, None for the user's own sound.
    source_known: whether what is not grafted is known to be the user's own; else it is grey.
    """

    clip_id: str
    name: str
    path: Path
    audio: AudioClip
    peaks: PeakPyramid
    tempo_bpm: float | None = None
    signature: TimeSignature = COMMON_TIME
    downbeat_frame: int = 0
    key: Key | None = None
    lufs: float | None = None
    peak: float = 1.0
    seam_score: float | None = None
    is_loop: bool = True
    grafted: tuple[FrameSpan, ...] = ()
    start_frame: int = 0
    facts: TakeFacts | None = None
    source_known: bool = True

    @property
    def standing(self) -> Standing:
        """How a take ranks among those of its order."""
        return Standing.of(self.seam_score, None if self.facts is None else self.facts.adherence)

    @property
    def take_id(self) -> str:
        """The library's id of a take; empty for any other sound."""
        return "" if self.facts is None else self.facts.take_id

    @property
    def frames(self) -> int:
        return self.audio.frames

    @property
    def sample_rate(self) -> int:
        return self.audio.sample_rate

    @property
    def beat_frames(self) -> float | None:
        """Frames per beat; None without a tempo."""
        return None if self.tempo_bpm is None else 60.0 / self.tempo_bpm * self.sample_rate

    @property
    def bar_frames(self) -> float | None:
        """Frames per bar; None without a tempo."""
        beat = self.beat_frames
        return None if beat is None else beat * self.signature.beats_per_bar

    def bars_in_frames(self, bars: int) -> int:
        """Return the exact frames of `bars` bars; without a tempo a bar is two seconds."""
        if self.tempo_bpm is None:
            return 2 * bars * self.sample_rate
        beats = Fraction(bars * self.signature.beats_per_bar)
        return Tempo.of(self.tempo_bpm).beats_to_frames(beats, self.sample_rate)

    def bar_at(self, frame: float) -> float | None:
        """Return the bar that a frame lies in, counted from 1.0; None without a tempo."""
        bar = self.bar_frames
        return None if bar is None else 1.0 + (frame - self.downbeat_frame) / bar

    def snapped(self, frame: float, step_beats: float = 1.0) -> int:
        """Return the nearest frame of a grid of `step_beats`, inside the clip; its ends count
        as grid lines."""
        beat = self.beat_frames
        if beat is None:
            return min(max(0, round(frame)), self.frames)
        step = beat * step_beats
        line = round(self.downbeat_frame + round((frame - self.downbeat_frame) / step) * step)
        nearest = min((line, 0, self.frames), key=lambda candidate: abs(candidate - frame))
        return min(max(0, nearest), self.frames)


@dataclass(frozen=True)
class PulledEdges:
    """How many bars an edge was pulled out: left grows an intro, right a continuation."""

    left_bars: int = 0
    right_bars: int = 0

    def __bool__(self) -> bool:
        return self.left_bars > 0 or self.right_bars > 0


NOT_PULLED = PulledEdges()


class LaneState(Enum):
    """Where a lane's take is."""

    WAITING = "waiting"
    MAKING = "making"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class TakeFile:
    """A finished take on the disk: what its audio is read from again."""

    clip_id: str
    path: Path
    facts: TakeFacts


@dataclass(frozen=True)
class Lane:
    """One take among those to choose from.

    clip: None while it is made, and while the audio of a finished take is not in memory. progress:
    0 to 1 while it is made. rating: stars. file: set once it is finished. sentence: why there is
    no take.
    """

    letter: str
    state: LaneState
    clip: Clip | None = None
    progress: float = 0.0
    rating: int = 0
    file: TakeFile | None = None
    sentence: str = ""

    @property
    def is_away(self) -> bool:
        """Whether the take is finished, but its audio has to be read again."""
        return self.state is LaneState.DONE and self.clip is None and self.file is not None

    @property
    def is_seamless(self) -> bool | None:
        """Whether its worst join is not heard; None while nothing is measured."""
        if self.clip is None or self.clip.seam_score is None:
            return None
        return self.clip.seam_score <= 1.0


@dataclass(frozen=True)
class TimeAxis:
    """Frames on a stretch of pixels. Ruler, waveform and lanes share one.

    start, stop: the frames at the left and right end, also outside the clip where an edge is
    pulled out. left, width: pixels.
    """

    start: float
    stop: float
    left: float
    width: float

    @property
    def frames_per_pixel(self) -> float:
        return (self.stop - self.start) / max(1.0, self.width)

    @property
    def right(self) -> float:
        return self.left + self.width

    def in_frames_of(self, clip: Clip, sample_rate: int | None = None) -> TimeAxis:
        """Return the same stretch of the timeline counted in the clip's own frames.

        sample_rate: what this axis counts in, Hz; None where it is the clip's own.
        """
        ratio = 1.0 if sample_rate is None else clip.sample_rate / sample_rate
        start, stop = self.start * ratio - clip.start_frame, self.stop * ratio - clip.start_frame
        return TimeAxis(start, stop, self.left, self.width)

    def x_of(self, frame: float) -> float:
        return self.left + (frame - self.start) / self.frames_per_pixel

    def frame_at(self, x: float) -> float:
        return self.start + (x - self.left) * self.frames_per_pixel

    def zoomed(self, factor: float, around_frame: float, limits: tuple[float, float]) -> TimeAxis:
        """Show 1/factor as many frames, the given frame staying where it is, within `limits`."""
        low, high = limits
        span = min(max((self.stop - self.start) / factor, 64.0), high - low)
        share = (around_frame - self.start) / max(1.0, self.stop - self.start)
        start = min(max(low, around_frame - share * span), high - span)
        return TimeAxis(start, start + span, self.left, self.width)

    def scrolled(self, frames: float, limits: tuple[float, float]) -> TimeAxis:
        """Move by `frames` within `limits`."""
        low, high = limits
        span = self.stop - self.start
        start = min(max(low, self.start + frames), high - span)
        return TimeAxis(start, start + span, self.left, self.width)

    def bar_lines(self, clip: Clip, closest_pixels: float = 28.0) -> list[tuple[int, float]]:
        """Return (bar number from 1, frame) of the bars in view, thinned so that numbers fit."""
        bar = clip.bar_frames
        if bar is None:
            return []
        every = 1
        while bar * every / self.frames_per_pixel < closest_pixels:
            every *= 2
        first = math.ceil((self.start - clip.downbeat_frame) / bar / every) * every
        last = math.floor((self.stop - clip.downbeat_frame) / bar)
        return [(n + 1, clip.downbeat_frame + n * bar) for n in range(first, last + 1, every)]
