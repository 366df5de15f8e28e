"""What the player plays, as values: slots on a timeline, their range, their bars, their gain."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from engine.audio import FloatArray
from engine.errors import BadArgument
from engine.tempo import TimeSignature

CHANNELS = 2
#: 221 frames at 44.1 kHz. The curvature that a fade adds is at most 2 (pi / frames)^2 / 2 between
#: +1 and -1, which is 2.0e-4 or -74 dBFS, and 4.1e-4 or -68 dBFS between two opposite tones of any
#: frequency; a hard cut of -60 dBFS would be 1e-3. Longer fades only blur what is switched to.
FADE_SECONDS = 0.005
#: Below this a fade between opposite tones would pass -60 dBFS.
LEAST_FADE_FRAMES = 160
#: A shorter range is not looped: at 44.1 kHz it would be a tone of 275 Hz.
LEAST_LOOP_FRAMES = 160
LOUDEST_PEAK = 0.999
HIGHEST_GAIN = 1000.0
TARGET_LUFS = -18.0
SAMPLE_RATE_RANGE = (8_000, 384_000)

Line = Literal["bar", "beat"]
At = Literal["now", "bar", "beat"]


@dataclass(frozen=True, eq=False)
class Slot:
    """Audio on the timeline. samples: float32 (2, frames); start: the frame of its first sample,
    negative for an intro; gain: linear."""

    slot_id: str
    samples: FloatArray
    start: int = 0
    gain: float = 1.0

    def __post_init__(self) -> None:
        shape = self.samples.shape
        if self.samples.dtype != np.float32 or len(shape) != 2 or shape[0] != CHANNELS:
            raise BadArgument(
                f"A slot of shape {shape} and type {self.samples.dtype} cannot be played; "
                "give float32 of (2, frames)."
            )
        if shape[1] < 1:
            raise BadArgument("A slot of 0 frames cannot be played; give at least 1 frame.")
        check_gain(self.gain)

    @property
    def stop(self) -> int:
        """Return the timeline frame after its last sample."""
        return self.start + self.samples.shape[1]


@dataclass(frozen=True)
class LoopRange:
    """Timeline frames [start, stop)."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if self.start >= self.stop:
            raise BadArgument(
                f"The loop {self.start}-{self.stop} frames is empty; give an end after its start."
            )

    @property
    def frames(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Grid:
    """Where the bars and beats lie, in exact frames: bar k begins at downbeat + k x
    frames_per_bar."""

    frames_per_bar: Fraction
    downbeat: Fraction = Fraction(0)
    beats_per_bar: int = 4

    def __post_init__(self) -> None:
        if self.frames_per_bar < 1:
            raise BadArgument(
                f"A bar of {float(self.frames_per_bar):g} frames is too short; give at least 1."
            )
        TimeSignature(self.beats_per_bar)  # refuses what is out of range

    @property
    def frames_per_beat(self) -> Fraction:
        return self.frames_per_bar / self.beats_per_bar

    def line_from(self, frame: int, unit: Line = "bar") -> int:
        """Return the first bar or beat line at or after `frame`, rounded to its nearest frame."""
        apart = self.frames_per_bar if unit == "bar" else self.frames_per_beat
        index = math.floor((frame - self.downbeat) / apart)
        while (line := math.floor(self.downbeat + index * apart + Fraction(1, 2))) < frame:
            index += 1
        return line

    def scaled(self, ratio: Fraction) -> Grid:
        """Return the same lines where time has `ratio` frames for each one here."""
        return replace(
            self, frames_per_bar=self.frames_per_bar * ratio, downbeat=self.downbeat * ratio
        )


def match_gain(lufs: float | None, peak: float, target_lufs: float = TARGET_LUFS) -> float:
    """Return the linear gain to `target_lufs` that keeps the peak at 0.999 or below.

    lufs None (not measurable): 1.0, or what the peak allows. Never above HIGHEST_GAIN.
    """
    wanted = 1.0 if lufs is None else min(HIGHEST_GAIN, 10.0 ** ((target_lufs - lufs) / 20.0))
    return min(wanted, LOUDEST_PEAK / peak) if peak > 0.0 else wanted


def fade_in(frames: int) -> FloatArray:
    """Return the raised cosine from 0 to 1, (frames,); neither end is reached."""
    x = (np.arange(frames, dtype=np.float64) + 0.5) / frames
    return (0.5 - 0.5 * np.cos(np.pi * x)).astype(np.float32)


def fade_frames(sample_rate: int) -> int:
    """Return how long a fade is. Raises BadArgument for a rate that nothing plays."""
    low, high = SAMPLE_RATE_RANGE
    if not low <= sample_rate <= high:
        raise BadArgument(f"A sample rate of {sample_rate} Hz is outside {low} to {high} Hz.")
    return max(LEAST_FADE_FRAMES, round(FADE_SECONDS * sample_rate))


def check_gain(gain: float) -> None:
    """Raise BadArgument for a linear gain outside 0 to 1000."""
    if not 0.0 <= gain <= HIGHEST_GAIN:
        raise BadArgument(
            f"A gain of {gain} is outside 0 to {HIGHEST_GAIN:g} (linear); 1 leaves it as it is."
        )
