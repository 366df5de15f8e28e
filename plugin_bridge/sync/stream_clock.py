"""When a stream's frames are heard: a delay-locked loop over the times at which blocks were asked
for, which come late by turns (F. Adriaensen, “Using a DLL to filter time”, LAC 2005)."""

from __future__ import annotations

import math

#: The loop's bandwidth: wide at first, then narrower with the time it has, so that in the end a
#: late block moves nothing.
_FAST_HZ, _SLOW_HZ = 1.0, 0.05
_LOCKED_AFTER_SECONDS = 4.0
#: A block that comes later than the loop thinks by more counts as this late.
_MOST_LATE_SECONDS = 0.003
#: Beyond this the stream has stopped in between: the loop begins anew.
_BROKEN_SECONDS = 0.1
#: So many blocks in a row that are off by more than one may be: frames were lost in between.
_BLOCKS_ELSEWHERE = 12


class StreamClock:
    """One stream's frames on the clock of this machine. One thread."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._frame: int | None = None
        self._seconds = 0.0
        self._frame_seconds = 1.0 / sample_rate
        self._locked_for = 0.0
        self._off = 0
        self._side = (False, False)

    def seconds_of(self, frame: int, seen_seconds: float) -> float:
        """Take the time at which a block was seen that begins with `frame`; return when that frame
        is, as all blocks so far tell. Frames must not run backwards."""
        if self._frame is None:
            return self._begin(frame, seen_seconds)
        frames = frame - self._frame
        expected = self._seconds + frames * self._frame_seconds
        error = seen_seconds - expected
        if frames < 0 or abs(error) > _BROKEN_SECONDS or self._is_elsewhere(error):
            return self._begin(frame, seen_seconds)
        if frames:
            self._correct(error, frames)
            self._seconds, self._frame = expected + self._gain(frames)[0] * self._kept(error), frame
        return self._seconds

    def _is_elsewhere(self, error: float) -> bool:
        """Return whether block after block is late, or early: then it is not the blocks."""
        same = error > _MOST_LATE_SECONDS, error < -_MOST_LATE_SECONDS
        self._off = self._off + 1 if any(same) and same == self._side else 0
        self._side = same
        return self._off >= _BLOCKS_ELSEWHERE

    def _begin(self, frame: int, seconds: float) -> float:
        self._frame, self._seconds = frame, seconds
        self._frame_seconds = 1.0 / self._sample_rate
        self._locked_for = 0.0
        return seconds

    def _correct(self, error: float, frames: int) -> None:
        self._locked_for += frames / self._sample_rate
        self._frame_seconds += self._gain(frames)[1] * self._kept(error) / frames

    def _gain(self, frames: int) -> tuple[float, float]:
        """Return how much of an error is taken into the place and into the speed."""
        hertz = max(_SLOW_HZ, _FAST_HZ / (1.0 + 2.0 * self._locked_for))
        omega = min(1.0, 2.0 * math.pi * hertz * frames / self._sample_rate)
        return math.sqrt(2.0) * omega, omega * omega

    def _kept(self, error: float) -> float:
        is_locked = self._locked_for >= _LOCKED_AFTER_SECONDS
        return max(-_MOST_LATE_SECONDS, min(_MOST_LATE_SECONDS, error)) if is_locked else error
