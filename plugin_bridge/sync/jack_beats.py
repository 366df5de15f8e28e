"""A beat finer than JACK's ticks: a timebase master tells whole ticks, the frames tell the rest."""

from __future__ import annotations

from dataclasses import dataclass

#: Of a beat: what the arithmetic on both sides may round.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Told:
    """What a timebase master said of one frame. beat: in whole ticks; tick_beats: how long one
    is."""

    frame: int
    beat: float
    tick_beats: float
    bpm: float
    sample_rate: int

    @property
    def beats_per_frame(self) -> float:
        return self.bpm / (60.0 * self.sample_rate)


class JackBeats:
    """Narrows down where the beats lie while the tempo stays. One thread.

    A tick t says that the beat is in [t, t + 1) ticks. At one tempo beat = offset + frame x speed,
    so every observation leaves an interval for the offset, and all that are from one song overlap.
    """

    def __init__(self) -> None:
        self._speed = 0.0
        self._low = self._high = 0.0

    def beat_of(self, told: Told) -> float:
        """Return the beat of that frame, as exactly as all that was told allows."""
        speed = told.beats_per_frame
        low = told.beat - told.frame * speed
        high = low + told.tick_beats
        if speed == self._speed:
            low_all, high_all = max(low, self._low), min(high, self._high)
            if low_all <= high_all + _ROUNDING:
                low, high = low_all, max(low_all, high_all)
        self._speed, self._low, self._high = speed, low, high
        return (low + high) / 2 + told.frame * speed
