"""MIDI clock over JACK's MIDI ports, to the frame, or over the system's MIDI where JACK is not."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.tempo import COMMON_TIME, TimeSignature
from plugin_bridge.sync.internal import InternalClock
from plugin_bridge.sync.jack_client import open_client
from plugin_bridge.sync.midi_tracker import LOST_SECONDS, ClockSender, ClockTracker
from plugin_bridge.sync.stream_clock import StreamClock
from plugin_bridge.sync.transport import SyncProblem, Transport

_log = logging.getLogger(__name__)

PORT = "clock"
NO_MIDI = (
    "There is no MIDI here; start JACK, or load the system's MIDI (on Linux “modprobe snd-seq”)."
)
#: How far ahead the system's MIDI is served.
_SEND_SECONDS = 0.005
#: How long the end waits for its stop to be sent.
_STOP_SECONDS = 0.5


class MidiClock:
    """Follows MIDI clock, or leads by it with a clock of its own. Methods: any thread.

    The port is called “clock”, of “loopgraft-midi” in JACK; who is to be followed, or to follow,
    is connected with it there.
    """

    def __init__(
        self,
        bpm: float = 120.0,
        signature: TimeSignature = COMMON_TIME,
        *,
        leads: bool = False,
        server: str | None = None,
    ) -> None:
        """Open the port. Raises SyncProblem, BadArgument."""
        self._lead = InternalClock(bpm, signature)
        self._leads = leads
        self._sender = ClockSender()
        self._is_stop_sent = threading.Event()
        self._was_idle = False
        self._tracker = ClockTracker(bpm, signature)
        self._heard = self._tracker.transport
        turn = self._send if leads else self._take
        try:
            self._port: _JackPort | _SystemPort = _JackPort(turn, leads=leads, server=server)
        except SyncProblem as problem:
            self._port = _SystemPort(turn, leads=leads, because=problem)

    @property
    def is_gone(self) -> bool:
        return self._port.is_gone

    def transport(self) -> Transport:
        """Return the latest; without a clock for half a second nothing plays."""
        if self._leads:
            return replace(self._lead.transport(), source="midi")
        heard = self._heard
        is_lost = time.monotonic() - heard.at_seconds > LOST_SECONDS
        return replace(heard, is_playing=False) if is_lost else heard

    def play(self) -> None:
        """Start, where we lead: MIDI clock is one way."""
        self._lead.play()

    def stop(self) -> None:
        self._lead.stop()

    def locate(self, beat: float) -> None:
        self._lead.locate(beat)

    def set_bpm(self, bpm: float) -> None:
        self._lead.set_bpm(bpm)

    def close(self) -> None:
        """Stop those who follow, and close the port. Again is no fault."""
        if self._leads and not self._port.is_gone:
            self._lead.stop()
            self._is_stop_sent.clear()
            self._is_stop_sent.wait(_STOP_SECONDS)
        self._port.close()

    def _take(
        self, _start: float, _stop: float, heard: list[tuple[float, bytes]]
    ) -> list[tuple[float, bytes]]:
        for seconds, message in heard:
            self._tracker.take(message, seconds)
            self._heard = self._tracker.transport
        return []

    def _send(
        self, start: float, stop: float, _heard: list[tuple[float, bytes]]
    ) -> list[tuple[float, bytes]]:
        lead = self._lead.transport()
        if self._was_idle and not lead.is_playing:  # what stopped it is a turn ago
            self._is_stop_sent.set()
        self._was_idle = not lead.is_playing
        return self._sender.messages(lead, start, stop)


#: Takes a stretch of time and what was heard in it, returns what is to be sent in it.
_Turn = Callable[[float, float, list[tuple[float, bytes]]], list[tuple[float, bytes]]]


class _JackPort:
    """A MIDI port on the JACK server. Turns are taken on JACK's own thread."""

    def __init__(self, turn: _Turn, *, leads: bool, server: str | None) -> None:
        self._turn = turn
        self._client = open_client("loopgraft-midi", server)
        self._rate = int(self._client.samplerate)
        self._clock = StreamClock(self._rate)
        self._frames = 0
        self._end = 0.0
        self.is_gone = False
        ports = self._client.midi_outports if leads else self._client.midi_inports
        self._port: Any = ports.register(PORT)
        self._client.set_shutdown_callback(self._on_shutdown)
        self._client.set_process_callback(self._send if leads else self._hear)
        self._client.activate()

    def close(self) -> None:
        self.is_gone = True
        self._client.deactivate(ignore_errors=True)
        self._client.close(ignore_errors=True)

    def _on_shutdown(self, _status: Any, _reason: str) -> None:
        self.is_gone = True

    def _cycle(self, frames: int) -> tuple[float, float]:
        """Return when this cycle begins and ends."""
        late = self._client.frames_since_cycle_start / self._rate
        start = self._clock.seconds_of(self._frames, time.monotonic() - late)
        self._frames += frames
        return start, start + frames / self._rate

    def _hear(self, frames: int) -> None:
        start, stop = self._cycle(frames)
        events = self._port.incoming_midi_events()
        self._turn(start, stop, [(start + at / self._rate, bytes(data)) for at, data in events])

    def _send(self, frames: int) -> None:
        start, stop = self._cycle(frames)
        start, self._end = max(self._end, start), max(self._end, stop)
        self._port.clear_buffer()
        for seconds, message in self._turn(start, self._end, []):
            offset = frames - round((stop - seconds) * self._rate)
            self._port.write_midi_event(min(frames - 1, max(0, offset)), message)


class _SystemPort:
    """A port of the system's MIDI, which other programs see."""

    def __init__(self, turn: _Turn, *, leads: bool, because: SyncProblem) -> None:
        self._turn = turn
        self.is_gone = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._midi = _open_midi(leads, because)
        if leads:
            self._thread = threading.Thread(target=self._serve, name="midi-clock", daemon=True)
            self._thread.start()
        else:
            self._midi.ignore_types(timing=False)
            self._midi.set_callback(self._hear)

    def close(self) -> None:
        self.is_gone = True
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._midi.close_port()
        self._midi.delete()

    def _hear(self, event: tuple[list[int], float], _data: Any = None) -> None:
        now = time.monotonic()
        self._turn(now, now, [(now, bytes(event[0]))])

    def _serve(self) -> None:
        done = time.monotonic()
        while not self._ended.wait(_SEND_SECONDS / 2):
            until = time.monotonic() + _SEND_SECONDS
            for seconds, message in self._turn(done, until, []):
                self._ended.wait(max(0.0, seconds - time.monotonic()))
                self._midi.send_message(list(message))
            done = until


def _open_midi(leads: bool, because: SyncProblem) -> Any:
    """Return an open port of the system's MIDI. Raises SyncProblem."""
    try:
        rtmidi: Any = importlib.import_module("rtmidi")
    except ImportError as error:
        raise SyncProblem(
            "MIDI is not installed; run “pip install python-rtmidi”.", str(error)
        ) from error
    try:
        midi: Any = (rtmidi.MidiOut if leads else rtmidi.MidiIn)(name="loopgraft")
        midi.open_virtual_port(PORT)
    except (rtmidi.RtMidiError, RuntimeError, NotImplementedError) as error:
        raise SyncProblem(NO_MIDI, f"{error!r}; {because.details}") from error
    return midi
