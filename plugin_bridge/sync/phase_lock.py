"""Keeps what is heard where the transport is: pure, a decision per block of audio.

Small errors, as of two clocks that drift apart, are corrected by speed; what is far off, as after
a locate, by one crossfaded jump. A tempo that the audio was not made for is held by a jump every
few hundredths of a second, at the right pitch, until audio that was stretched to it is there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from plugin_bridge.sync.transport import Transport

#: The aim of all this: never further off.
LIMIT_SECONDS = 0.002
#: Less is left alone: the audio passes as it is, bit for bit.
_CALM_SECONDS = 0.0005
#: Speeds that are heard neither as pitch (1.7 cents) nor as a glide.
_MOST_BENT = 1e-3
#: A PI loop of 0.05 Hz: place and speed, per second and second of error.
_PULL, _LEARN = 0.45, 0.1
#: While the tempo is another: jump at this error, to this one on the other side, not oftener than.
_HOP_SECONDS = 0.0014
_LEAST_HOP_SECONDS = 0.02
#: How far a start may lie off a bar line and still be meant to be on it.
_ON_LINE_SECONDS = 0.001


@dataclass(frozen=True)
class Score:
    """How a slot's frames lie on beats: beat b is at frame origin + b x frames_per_beat."""

    frames_per_beat: float
    origin: float = 0.0

    def frame_of(self, beat: float) -> float:
        return self.origin + beat * self.frames_per_beat

    def beat_of(self, frame: float) -> float:
        return (frame - self.origin) / self.frames_per_beat


@dataclass(frozen=True)
class Moment:
    """A block that is about to be rendered. heard_at: when its first frame is heard, in the
    transport's seconds. place: the frame of the timeline that comes first, None: nothing sounds."""

    heard_at: float
    frames: int
    place: float | None


@dataclass(frozen=True)
class Rest:
    """Nothing is to sound."""


@dataclass(frozen=True)
class Begin:
    """Begin with timeline frame `place`, after so many frames of silence."""

    place: int
    after_frames: int = 0


@dataclass(frozen=True)
class Jump:
    """Go on from timeline frame `place`, crossfaded."""

    place: int


@dataclass(frozen=True)
class Follow:
    """Render at a speed."""

    speed: float = 1.0


Decision = Rest | Begin | Jump | Follow


class PhaseLock:
    """Decides, block by block. One thread.

    error_seconds: how late (positive) the last block would have been heard, None: it was silent.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._has_stood = False
        self._is_calm = True
        self._learnt = self._last_error = 0.0
        self._hopped_at = -math.inf
        self.error_seconds: float | None = None

    def watch(self, transport: Transport) -> None:
        """See the transport while nothing is wanted to sound."""
        self._has_stood = not transport.is_playing
        self.error_seconds = None

    def decide(self, transport: Transport, moment: Moment, score: Score) -> Decision:
        """Return what is to be done with a block."""
        self.error_seconds = None
        if not transport.is_playing:
            self._has_stood = True
            return Rest()
        if moment.place is None:
            return self._begin(transport, moment, score)
        self._has_stood = False
        late = score.frame_of(transport.beat_at(moment.heard_at)) - moment.place
        self.error_seconds = error = late / self._rate
        speed = transport.bpm * score.frames_per_beat / (60.0 * self._rate)
        if abs(speed - 1.0) > _MOST_BENT:
            return self._hop(error, speed, moment)
        growth, self._last_error = error - self._last_error, error
        if abs(error) > LIMIT_SECONDS or abs(error + growth) > LIMIT_SECONDS:
            self._is_calm, self._last_error = True, 0.0
            return Jump(round(moment.place + late))
        return Follow(self._speed(error, speed, moment.frames / self._rate))

    def _begin(self, transport: Transport, moment: Moment, score: Score) -> Decision:
        """Begin where the music has just begun, and else at the next bar line."""
        self._is_calm, self._last_error = True, 0.0
        seconds = moment.heard_at
        if self._has_stood and transport.source != "link":  # Link's beat runs on while it stands
            self._has_stood = False
            return Begin(round(score.frame_of(self._line_near(transport, seconds))))
        bar = transport.next_beat(seconds - _ON_LINE_SECONDS, transport.signature.beats_per_bar)
        in_seconds = (bar - transport.beat_at(seconds)) * 60.0 / transport.bpm
        after = round(in_seconds * self._rate)
        if after >= moment.frames:
            return Rest()
        self._has_stood = False
        return Begin(round(score.frame_of(bar)) - min(0, after), max(0, after))

    def _line_near(self, transport: Transport, seconds: float) -> float:
        """Return the beat at a time, or the whole beat that it can hardly not be: a song's
        beginning that is told in ticks is to be heard from its first sample on."""
        beat = transport.beat_at(seconds)
        off_seconds = abs(beat - round(beat)) * 60.0 / transport.bpm
        return float(round(beat)) if off_seconds < _CALM_SECONDS else beat

    def _hop(self, error: float, speed: float, moment: Moment) -> Decision:
        """Hold another tempo by jumps to the other side of where it will then drift."""
        seconds = moment.frames / self._rate
        drift = (speed - 1.0) * seconds
        is_soon_over = max(abs(error), abs(error + drift)) > _HOP_SECONDS
        if not is_soon_over or moment.heard_at - self._hopped_at < _LEAST_HOP_SECONDS:
            return Follow()
        self._hopped_at = moment.heard_at
        span = abs(speed - 1.0) * max(_LEAST_HOP_SECONDS, seconds)
        # Where one hop's drift is more than half of what is allowed, it lies about the middle.
        ahead = _HOP_SECONDS if span < _HOP_SECONDS else span / 2
        ahead = math.copysign(ahead, speed - 1.0)
        assert moment.place is not None  # decide() has seen to that
        return Jump(round(moment.place + (error + ahead) * self._rate))

    def _speed(self, error: float, speed: float, seconds: float) -> float:
        if self._is_calm and abs(error) <= _CALM_SECONDS:
            return 1.0
        self._is_calm = False
        self._learnt += _LEARN * error * seconds
        self._learnt = max(-_MOST_BENT, min(_MOST_BENT, self._learnt))
        return speed + max(-_MOST_BENT, min(_MOST_BENT, _PULL * error + self._learnt))
