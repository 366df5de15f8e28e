"""MIDI clock as values: where the music is, from the messages heard; which to send. Pure.

MIDI 1.0 detailed specification: 24 clocks a beat; the first clock after a start is beat 0, after a
continue it is the song position, which counts sixteenths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.tempo import COMMON_TIME, TimeSignature
from plugin_bridge.sync.transport import BPM_RANGE, Transport

CLOCK, START, CONTINUE, STOP = b"\xf8", b"\xfa", b"\xfb", b"\xfc"
_SONG_POSITION = 0xF2
TICKS_PER_BEAT = 24
_TICKS_PER_SIXTEENTH = 6
_LAST_SIXTEENTH = 2**14 - 1
#: The loop's bandwidth over the clocks' times, wide after a change and narrower from then on.
_FAST_HZ, _SLOW_HZ = 6.0, 0.3
#: A clock that is off by more is jitter once, and another tempo the fourth time in a row.
_OFF_SECONDS, _OFF_SHARE = 0.002, 0.15
_OFF_CLOCKS = 4
#: A start that is seen this late is still a start from where the music stood.
_LATE_BEATS = 0.5
#: Without a clock for so long, the one who sent them is gone.
LOST_SECONDS = 0.5


@dataclass(frozen=True)
class _Pulse:
    """The filtered clock: the time of the last one and how long one lasts."""

    seconds: float
    period: float
    settled: float = 0.0

    def next(self, seen: float) -> _Pulse:
        """Return the pulse after a clock that was seen at a time."""
        expected = self.seconds + self.period
        hertz = max(_SLOW_HZ, _FAST_HZ / (1.0 + 8.0 * self.settled))
        omega = min(0.7, 2.0 * math.pi * hertz * self.period)
        error = seen - expected
        return _Pulse(
            expected + math.sqrt(2.0) * omega * error,
            max(_SHORTEST, self.period + omega * omega * error),
            self.settled + self.period,
        )

    def error(self, seen: float) -> float:
        return seen - self.seconds - self.period


_SHORTEST = 60.0 / (BPM_RANGE[1] * TICKS_PER_BEAT)
_LONGEST = 60.0 / (20.0 * TICKS_PER_BEAT)


class ClockTracker:
    """Hears MIDI clock. One thread.

    `transport` is what all messages so far mean; it says that nothing plays before the first clock
    after a start, whose time is the start's.
    """

    def __init__(self, bpm: float = 120.0, signature: TimeSignature = COMMON_TIME) -> None:
        self.transport = Transport("midi", False, bpm, 0.0, 0.0, signature)
        self._signature = signature
        self._pulse: _Pulse | None = None
        self._last_seen: float | None = None
        self._off: list[float] = []
        self._tick = 0
        self._is_running = False
        self._is_first = False

    def take(self, message: bytes, seconds: float) -> None:
        """Take a message and the time at which it was meant. Others than MIDI clock's are left."""
        if message == CLOCK:
            self._take_clock(seconds)
        elif message == START:
            self._tick = 0
            self._start()
        elif message == CONTINUE:
            self._start()
        elif message == STOP:
            self._is_running = False
            self._tell(seconds)
        elif len(message) == 3 and message[0] == _SONG_POSITION:
            self._tick = (message[1] | message[2] << 7) * _TICKS_PER_SIXTEENTH
            self._is_first = True
            if not self._is_running:
                self._tell(seconds)

    def _start(self) -> None:
        self._is_running = self._is_first = True

    def _take_clock(self, seconds: float) -> None:
        last, self._last_seen = self._last_seen, seconds
        self._follow(seconds, last)
        if not self._is_running:
            self._tell(seconds)
            return
        if self._is_first:
            self._is_first = False
            if self._pulse is not None:  # the phase is new, the tempo need not be
                self._pulse = _Pulse(seconds, self._pulse.period, 0.1)
        pulse = self._pulse
        self._tell(seconds if pulse is None else pulse.seconds)
        self._tick += 1

    def _follow(self, seconds: float, last: float | None) -> None:
        """Have the pulse follow one more clock."""
        pulse = self._pulse
        if pulse is None:
            if last is not None and _SHORTEST <= seconds - last <= _LONGEST:
                self._pulse = _Pulse(seconds, seconds - last)
            return
        error = pulse.error(seconds)
        if abs(error) <= max(_OFF_SECONDS, _OFF_SHARE * pulse.period):
            self._off.clear()
            self._pulse = pulse.next(seconds)
            return
        self._off.append(seconds)
        self._pulse = _Pulse(pulse.seconds + pulse.period, pulse.period, pulse.settled)
        if len(self._off) >= _OFF_CLOCKS:
            self._begin_anew()

    def _begin_anew(self) -> None:
        period = (self._off[-1] - self._off[0]) / (len(self._off) - 1)
        seconds = self._off[-1]
        self._off.clear()
        self._pulse = _Pulse(seconds, period) if _SHORTEST <= period <= _LONGEST else None

    def _tell(self, seconds: float) -> None:
        low, high = BPM_RANGE
        bpm = self.transport.bpm
        if self._pulse is not None:
            bpm = min(high, max(low, 60.0 / (TICKS_PER_BEAT * self._pulse.period)))
        is_playing = self._is_running and not self._is_first
        beat = self._tick / TICKS_PER_BEAT
        self.transport = Transport("midi", is_playing, bpm, beat, seconds, self._signature)


class ClockSender:
    """Says a transport as MIDI clock, stretch of time by stretch of time. One thread."""

    def __init__(self) -> None:
        self._told: Transport | None = None
        self._next_tick = 0

    def messages(
        self, transport: Transport, start: float, stop: float
    ) -> list[tuple[float, bytes]]:
        """Return what is to be sent from `start` to `stop`, with its time, in order.

        While the music stands clocks go on, so that others know the tempo before it starts.
        """
        told, self._told = self._told, transport
        out: list[tuple[float, bytes]] = []
        running = transport if transport.is_playing else _idle(transport)
        if told is None or told.is_playing != transport.is_playing or self._is_moved(told, start):
            out = self._turn(told, transport, start)
        while (seconds := running.seconds_of(self._next_tick / TICKS_PER_BEAT)) is not None:
            if seconds >= stop:
                break
            out.append((max(start, seconds), CLOCK))  # late rather than never: all are counted
            self._next_tick += 1
        return out

    def _turn(
        self, told: Transport | None, transport: Transport, start: float
    ) -> list[tuple[float, bytes]]:
        """Return a stop, a start or both, and count the clocks anew."""
        out: list[tuple[float, bytes]] = []
        if told is not None and told.is_playing:
            out.append((start, STOP))
        if not transport.is_playing:
            self._next_tick = math.ceil(_idle(transport).beat_at(start) * TICKS_PER_BEAT)
            return out
        beat = transport.beat_at(start)
        if told is not None and not told.is_playing and abs(beat - told.beat) < _LATE_BEATS:
            beat = told.beat  # it has just left there
        sixteenth = max(0, math.ceil(beat * 4 - 1e-6))
        self._next_tick = sixteenth * _TICKS_PER_SIXTEENTH
        if sixteenth == 0:
            out.append((start, START))
        else:
            out += [(start, song_position(sixteenth)), (start, CONTINUE)]
        return out

    def _is_moved(self, told: Transport, start: float) -> bool:
        """Return whether the music plays on from elsewhere."""
        now = self._told
        if now is None or not now.is_playing:
            return False
        return abs(now.beat_at(start) - told.beat_at(start)) > 1.0 / TICKS_PER_BEAT


def song_position(sixteenth: int) -> bytes:
    """Return the song position message; what is beyond 14 bits is the last there is."""
    place = min(_LAST_SIXTEENTH, max(0, sixteenth))
    return bytes([_SONG_POSITION, place & 0x7F, place >> 7])


def _idle(transport: Transport) -> Transport:
    """Return a transport that runs at the same tempo, whose beats only time the clocks."""
    return Transport("midi", True, transport.bpm, 0.0, 0.0, transport.signature)
