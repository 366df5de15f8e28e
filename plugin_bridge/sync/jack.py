"""JACK transport: bar, beat and tempo of the timebase master, or being that master."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import BadArgument
from engine.tempo import COMMON_TIME, TimeSignature
from plugin_bridge.sync.jack_beats import JackBeats, Told
from plugin_bridge.sync.jack_client import open_client
from plugin_bridge.sync.stream_clock import StreamClock
from plugin_bridge.sync.transport import SyncProblem, Transport, check_bpm

_log = logging.getLogger(__name__)

_BBT = 0x10  # jack/types.h: JackPositionBBT
_TICKS_PER_BEAT = 1920.0
#: jack/types.h
_STOPPED, _ROLLING = 0, 1
#: A master who was not asked for so much of the music is none any more.
_LOST_SECONDS = 0.5
ANOTHER_LEADS = (
    "Another program is JACK's timebase master and keeps the tempo; switch that off there, or "
    "follow JACK."
)
#: Frame times are 32 bits.
_WRAP_FRAMES = 2**32


def _signature(beats_per_bar: float, beat_unit: float) -> TimeSignature:
    """Return the meter, or common time where it is one that nothing is made in here."""
    try:
        return TimeSignature(round(beats_per_bar), round(beat_unit))
    except (BadArgument, ValueError):
        return COMMON_TIME


@dataclass(frozen=True)
class _Course:
    """The tempo that we lead with, from a frame on."""

    frame: int
    beat: float
    bpm: float

    def beat_at(self, frame: int, sample_rate: int) -> float:
        return self.beat + (frame - self.frame) * self.bpm / (60.0 * sample_rate)

    def frame_of(self, beat: float, sample_rate: int) -> int:
        return self.frame + round((beat - self.beat) * 60.0 * sample_rate / self.bpm)


class JackTransport:
    """A client of the JACK server without ports. `transport` is for one thread, the rest for any.

    Called within a cycle of JACK, as by a stream on it, `transport` is exact: the beat belongs to
    the cycle's first frame.
    """

    def __init__(
        self,
        bpm: float = 120.0,
        signature: TimeSignature = COMMON_TIME,
        *,
        leads: bool = False,
        server: str | None = None,
    ) -> None:
        """Join. leads: become timebase master. bpm, signature: what is led with, or assumed where
        there is no master. Raises SyncProblem, also where another is master, BadArgument."""
        self._course = _Course(0, 0.0, check_bpm(bpm))
        self._signature = signature
        self._leads = leads
        self._client = open_client("loopgraft-sync", server)
        self._rate = int(self._client.samplerate)
        self._beats = JackBeats()
        self._clock = StreamClock(self._rate)
        self._cycle = int(self._client.last_frame_time)
        self._transport = Transport("jack", False, bpm, 0.0, time.monotonic(), signature)
        self._is_gone = self._is_closed = False
        self._client.set_shutdown_callback(self._on_shutdown)
        self._tells = self._tells_seen = 0
        self._frame_seen = self._untold_frames = 0
        if leads and not self._client.set_timebase_callback(self._tell_beats, conditional=True):
            self.close()
            raise SyncProblem(ANOTHER_LEADS)
        self._client.activate()

    @property
    def is_gone(self) -> bool:
        """Return whether the server has ended, or another leads now in our place."""
        return self._is_gone

    def transport(self) -> Transport:
        if not self._is_gone:
            state, position = self._client.transport_query_struct()
            self._transport = self._read(int(state), position)
            if self._leads:
                self._look_who_leads(int(position.frame), is_rolling=int(state) == _ROLLING)
        return self._transport

    def play(self) -> None:
        """Start the transport of everybody."""
        self._client.transport_start()

    def stop(self) -> None:
        """Stop the transport of everybody."""
        self._client.transport_stop()

    def locate(self, beat: float) -> None:
        """Move everybody to a beat; before the start is the start."""
        course = self._course
        if not self._leads:  # another's tempo, from here on
            seen, (_state, position) = self.transport(), self._client.transport_query_struct()
            course = _Course(int(position.frame), seen.beat, seen.bpm)
        self._client.transport_frame = max(0, course.frame_of(beat, self._rate))

    def set_bpm(self, bpm: float) -> None:
        """Change the tempo from the present frame on. Raises BadArgument outside 1 to 1000 bpm, or
        where another program is timebase master."""
        check_bpm(bpm)
        if not self._leads:
            raise BadArgument(
                f"The tempo of {bpm:g} bpm cannot be set: JACK's timebase master has it; "
                "change it there."
            )
        state, position = self._client.transport_query_struct()
        frame = int(position.frame)
        self._course = _Course(frame, self._course.beat_at(frame, self._rate), bpm)
        if int(state) == _STOPPED:  # a master is asked only when something moves
            self._client.transport_frame = frame

    def close(self) -> None:
        """Leave the server. Again is no fault."""
        if not self._is_closed:
            self._is_closed = self._is_gone = True  # with the client goes its timebase
            self._client.deactivate(ignore_errors=True)
            self._client.close(ignore_errors=True)

    def _on_shutdown(self, _status: Any, reason: str) -> None:
        _log.info("JACK has ended: %s", reason)
        self._transport = replace(self._transport, is_playing=False)
        self._is_gone = True

    def _look_who_leads(self, frame: int, *, is_rolling: bool) -> None:
        """Notice another that became master by force: JACK tells nobody."""
        passed, self._frame_seen = frame - self._frame_seen, frame
        if not is_rolling or self._tells != self._tells_seen:
            self._tells_seen, self._untold_frames = self._tells, 0
        elif 0 < passed < _LOST_SECONDS * self._rate:  # else it was a locate
            self._untold_frames += passed
        if self._untold_frames > _LOST_SECONDS * self._rate:
            _log.info("Another is timebase master now")
            self._is_gone = True

    def _read(self, state: int, position: Any) -> Transport:
        seconds = self._clock.seconds_of(self._cycle_frame(), self._cycle_seconds())
        is_playing = state == _ROLLING
        frame = int(position.frame)
        if self._leads or not position.valid & _BBT or not position.beats_per_minute > 0:
            beat, bpm = self._course.beat_at(frame, self._rate), self._course.bpm
            return Transport("jack", is_playing, bpm, beat, seconds, self._signature)
        return self._read_beats(position, is_playing, seconds)

    def _read_beats(self, position: Any, is_playing: bool, seconds: float) -> Transport:
        signature = _signature(position.beats_per_bar, position.beat_type)
        ticks = position.ticks_per_beat or _TICKS_PER_BEAT
        per_bar = position.beats_per_bar or signature.beats_per_bar
        whole = (position.bar - 1) * per_bar + position.beat - 1 + position.tick / ticks
        bpm = float(position.beats_per_minute)
        heard = self._beats.hear(Told(int(position.frame), whole, 1.0 / ticks, bpm, self._rate))
        return Transport("jack", is_playing, heard.bpm, heard.beat, seconds, signature)

    def _cycle_frame(self) -> int:
        """Return the frame time at which the present cycle began, without the 32 bits' wrap."""
        ahead = (int(self._client.last_frame_time) - self._cycle) % _WRAP_FRAMES
        self._cycle += ahead
        return self._cycle

    def _cycle_seconds(self) -> float:
        return time.monotonic() - self._client.frames_since_cycle_start / self._rate

    def _tell_beats(self, _state: int, _frames: int, position: Any, _is_new: bool) -> None:
        """Say the beat of the next cycle. JACK's own thread: it waits for nothing."""
        self._tells += 1
        course, per_bar = self._course, self._signature.beats_per_bar
        beat = course.beat_at(int(position.frame), self._rate)
        bar, in_bar = divmod(beat + 0.5 / _TICKS_PER_BEAT / 1000, per_bar)
        position.valid |= _BBT
        position.bar = int(bar) + 1
        position.beat = int(in_bar) + 1
        position.tick = int(math.modf(in_bar)[0] * _TICKS_PER_BEAT)
        position.bar_start_tick = bar * per_bar * _TICKS_PER_BEAT
        position.beats_per_bar = per_bar
        position.beat_type = self._signature.beat_unit
        position.ticks_per_beat = _TICKS_PER_BEAT
        position.beats_per_minute = course.bpm
