"""A beat finer than JACK's ticks: a timebase master tells whole ticks, the frames tell the rest."""

from __future__ import annotations

from dataclasses import dataclass

#: Of a beat: what the arithmetic on both sides may round.
_ROUNDING = 1e-6
#: How long beats must contradict a tempo before it is disbelieved.
_DOUBT_SECONDS = 0.3
#: Of the tempo that is told: beyond this the beats have jumped.
_HIGHEST_SPEED = 10.0


#: Nearly every song is of one tempo from its first frame on, which is beat 0: what is told as near
#: to that is that, exactly. A tick that is rounded down is up to one behind; Ardour 7.3 rounds to
#: the nearest, and is now and then one more behind.
_SONG_TICKS = (-1.5, 0.5)


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


@dataclass(frozen=True)
class Heard:
    """Where a frame is, and how fast the music goes there."""

    beat: float
    bpm: float


class JackBeats:
    """Narrows down where the beats lie while the tempo stays. One thread.

    A tick t says that the beat is in [t, t + 1) ticks. At one tempo beat = offset + frame x speed,
    so every observation leaves an interval for the offset, and all that are from one song overlap.

    Ardour 7.3 goes on telling its first tempo after a change of tempo, with the right beats: so a
    tempo that the beats contradict for a third of a second is measured on them.
    """

    def __init__(self) -> None:
        self._speed = 0.0
        self._low = self._high = 0.0
        self._first: Told | None = None
        self._slowest = self._fastest = 0.0

    def hear(self, told: Told) -> Heard:
        """Return the beat of that frame, as exactly as all that was told allows."""
        speed = self._true_speed(told)
        low = told.beat - told.frame * speed
        high = low + told.tick_beats
        if speed == self._speed:
            low_all, high_all = max(low, self._low), min(high, self._high)
            if low_all <= high_all + _ROUNDING:
                low, high = low_all, max(low_all, high_all)
        self._speed, self._low, self._high = speed, low, high
        off_ticks = (told.beat - told.frame * told.beats_per_frame) / told.tick_beats
        if _SONG_TICKS[0] <= off_ticks <= _SONG_TICKS[1]:
            return Heard(told.frame * told.beats_per_frame, told.bpm)
        return Heard((low + high) / 2 + told.frame * speed, speed * 60.0 * told.sample_rate)

    def _true_speed(self, told: Told) -> float:
        """Return the beats per frame: those told, unless the beats have long been others."""
        own = told.beats_per_frame
        first = self._first
        if first is None or first.bpm != told.bpm or not self._goes_on(first, told):
            self._begin(told)
            return own
        is_long = told.frame - first.frame >= _DOUBT_SECONDS * told.sample_rate
        is_believed = self._slowest <= own * (1 + _ROUNDING) <= self._fastest * (1 + 2 * _ROUNDING)
        if not is_long or is_believed:
            return own
        return (self._slowest + self._fastest) / 2

    def _goes_on(self, first: Told, told: Told) -> bool:
        """Return whether one speed explains all beats since the first, and narrow it down."""
        frames = told.frame - first.frame
        if frames == 0:
            return told.beat == first.beat
        if frames < 0:
            return False
        beats = told.beat - first.beat
        slowest = max(self._slowest, (beats - told.tick_beats) / frames)
        fastest = min(self._fastest, (beats + told.tick_beats) / frames)
        if slowest > fastest or not slowest < _HIGHEST_SPEED * told.beats_per_frame:
            return False
        self._slowest, self._fastest = slowest, fastest
        return True

    def _begin(self, told: Told) -> None:
        self._first = told
        self._slowest, self._fastest = 0.0, _HIGHEST_SPEED * told.beats_per_frame
