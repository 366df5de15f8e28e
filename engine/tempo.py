"""Musical time: exact beats in, audio frames out, rounded once at the very end."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

from engine.errors import BadArgument

BPM_RANGE = (40, 300)
BARS_RANGE = (1, 64)
BEATS_PER_BAR_RANGE = (1, 16)
BEAT_UNITS = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class TimeSignature:
    """Beats per bar over the note value of one beat."""

    beats_per_bar: int = 4
    beat_unit: int = 4

    def __post_init__(self) -> None:
        low, high = BEATS_PER_BAR_RANGE
        if not low <= self.beats_per_bar <= high:
            raise BadArgument(
                f"{self.beats_per_bar} beats per bar is outside {low} to {high}; try 4."
            )
        if self.beat_unit not in BEAT_UNITS:
            raise BadArgument(f"A beat unit of {self.beat_unit} is not one of 1, 2, 4, 8 or 16.")


COMMON_TIME = TimeSignature()


@dataclass(frozen=True)
class Tempo:
    """Beats per minute as an exact fraction, 40 to 300."""

    bpm: Fraction

    def __post_init__(self) -> None:
        low, high = BPM_RANGE
        if not low <= self.bpm <= high:
            raise BadArgument(
                f"A tempo of {float(self.bpm):g} bpm is outside {low} to {high} bpm; "
                "give a tempo in that range."
            )

    @classmethod
    def of(cls, bpm: float | str | Fraction) -> Tempo:
        """Read a tempo to a thousandth of a bpm: 120, "92.5", 128.003."""
        if not isinstance(bpm, Fraction):
            bpm = _read_number(bpm)
        return cls(Fraction(round(bpm * 1000), 1000))

    def __float__(self) -> float:
        return float(self.bpm)

    def beats_to_frames(self, beats: Fraction | int, sample_rate: int) -> int:
        """Return the frame nearest to `beats` after the start (halves round up)."""
        return math.floor(Fraction(beats) * 60 / self.bpm * sample_rate + Fraction(1, 2))

    def frames_to_beats(self, frames: int, sample_rate: int) -> Fraction:
        return Fraction(frames, sample_rate) * self.bpm / 60


def _read_number(bpm: float | str) -> Fraction:
    # ValueError: a text that is no number; OverflowError: a whole number beyond every float.
    with suppress(ValueError, OverflowError):
        rough = float(bpm)
        if math.isfinite(rough):
            # The exact value of "1e999999999" would fill the memory.
            return Fraction(str(bpm)) if 1.0 <= rough < 1e6 else Fraction(rough)
    low, high = BPM_RANGE
    raise BadArgument(f"“{bpm}” is not a tempo; give a number from {low} to {high} bpm.")


def loop_frames(
    tempo: Tempo, bars: int | Fraction, signature: TimeSignature, sample_rate: int
) -> int:
    """Return the length of a loop: round(bars x beats_per_bar x 60 / bpm x sample_rate)."""
    return tempo.beats_to_frames(Fraction(bars) * signature.beats_per_bar, sample_rate)


def check_bars(bars: int) -> int:
    """Return `bars`, or raise BadArgument outside 1 to 64."""
    low, high = BARS_RANGE
    if not low <= bars <= high:
        raise BadArgument(f"{bars} bars is outside {low} to {high} bars; give a whole number.")
    return bars
