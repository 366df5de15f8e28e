"""MIDI clock on a virtual clock: what is sent is what is heard, jitter and all."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.sync.midi_tracker import (
    CLOCK,
    CONTINUE,
    START,
    STOP,
    ClockSender,
    ClockTracker,
    song_position,
)
from plugin_bridge.sync.transport import Transport, phase_error_seconds

STEP = 0.01


class Line:
    """A sender, a receiver, and a cable that holds messages up by turns."""

    def __init__(self, transport: Transport, jitter_seconds: float = 0.0) -> None:
        self.transport = transport
        self.now = transport.at_seconds
        self.sent: list[bytes] = []
        self.sender, self.tracker = ClockSender(), ClockTracker()
        self._jitter = jitter_seconds
        self._rng = random.Random(2)
        self.errors: list[float] = []

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            for due, message in self.sender.messages(self.transport, self.now, self.now + STEP):
                self.tracker.take(message, due + self._jitter * self._rng.random())
                self.sent.append(message)
            self.now += STEP
            heard = self.tracker.transport
            if heard.is_playing:
                beat = self.transport.beat_at(self.now)
                self.errors.append(phase_error_seconds(heard, beat, self.now))

    def change(self, **what: float | bool) -> None:
        now = self.transport.at(self.now)
        bpm = float(what.get("bpm", now.bpm))
        beat = float(what.get("beat", now.beat))
        is_playing = bool(what.get("is_playing", now.is_playing))
        self.transport = Transport("internal", is_playing, bpm, beat, self.now)


def standing(bpm: float, beat: float = 0.0) -> Transport:
    return Transport("internal", False, bpm, beat, 100.0)


@given(st.floats(40, 300), st.floats(0, 500))
def test_what_is_sent_is_heard(bpm: float, beat: float) -> None:
    line = Line(standing(bpm, beat))
    line.run(2.0)
    assert not line.tracker.transport.is_playing
    assert line.tracker.transport.bpm == pytest.approx(bpm, rel=1e-3)
    line.change(is_playing=True)
    line.run(3.0)
    assert line.tracker.transport.bpm == pytest.approx(bpm, rel=1e-3)
    assert max(map(abs, line.errors[100:])) < 1e-4
    line.change(is_playing=False)
    line.run(0.1)
    assert not line.tracker.transport.is_playing
    assert line.sent.count(STOP) == 1


@given(st.floats(60, 240), st.floats(-0.15, 0.15))
def test_a_new_tempo_is_heard_within_a_second(bpm: float, change: float) -> None:
    line = Line(standing(bpm))
    line.run(1.0)
    line.change(is_playing=True)
    line.run(4.0)
    line.change(bpm=bpm * (1 + change))
    line.run(3.0)
    assert line.tracker.transport.bpm == pytest.approx(bpm * (1 + change), rel=2e-3)
    assert max(map(abs, line.errors[-100:])) < 0.002


def test_jitter_of_a_millisecond_moves_the_beat_by_less_than_half_of_one() -> None:
    line = Line(standing(127.0), jitter_seconds=0.001)
    line.run(2.0)
    line.change(is_playing=True)
    line.run(60.0)
    late = line.errors[1000:]
    assert max(late) - min(late) < 0.0005
    assert abs(sum(late) / len(late)) < 0.0007  # half of the jitter: nobody can know


@given(st.integers(0, 4000).map(lambda sixteenth: sixteenth / 4), st.floats(50, 250))
def test_a_locate_while_it_plays_is_a_stop_a_position_and_a_continue(
    beat: float, bpm: float
) -> None:
    line = Line(standing(bpm))
    line.run(1.0)
    line.change(is_playing=True)
    line.run(2.1)
    line.change(beat=beat + 30)
    sent = len(line.sent)
    line.run(2.0)
    words = [message for message in line.sent[sent:] if message != CLOCK]
    assert words == [STOP, song_position(round((beat + 30) * 4)), CONTINUE]
    assert abs(line.errors[-1]) < 1e-4


def test_a_start_is_the_songs_beginning_whatever_the_position_was() -> None:
    tracker = ClockTracker()
    for message in (song_position(77), START):
        tracker.take(message, 1.0)
    assert not tracker.transport.is_playing, "the first clock is the start"
    tracker.take(CLOCK, 1.5)
    assert (tracker.transport.is_playing, tracker.transport.beat) == (True, 0.0)
    assert tracker.transport.at_seconds == 1.5


def test_a_continue_goes_on_from_the_position() -> None:
    tracker = ClockTracker()
    for message in (song_position(1000), CONTINUE, CLOCK):
        tracker.take(message, 1.0)
    assert tracker.transport.beat == 250.0


@given(st.lists(st.tuples(st.binary(max_size=4), st.floats(0, 1)), max_size=60))
def test_no_bytes_are_too_wild(messages: list[tuple[bytes, float]]) -> None:
    tracker, now = ClockTracker(), 0.0
    for message, later in messages:
        now += later
        tracker.take(message, now)
        assert 1.0 <= tracker.transport.bpm <= 1000.0
