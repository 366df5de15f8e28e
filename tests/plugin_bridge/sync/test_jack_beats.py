"""Beats finer than ticks, and frames on this machine's clock, both on a virtual clock."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.sync.jack_beats import JackBeats, Told
from plugin_bridge.sync.stream_clock import StreamClock

RATE = 44_100
TICKS = 1920


def told(frame: int, bpm: float, offset: float) -> tuple[Told, float]:
    """Return what a master tells of a frame, and the beat that it means."""
    beat = offset + frame * bpm / (60 * RATE)
    return Told(frame, math.floor(beat * TICKS) / TICKS, 1 / TICKS, bpm, RATE), beat


@given(st.floats(40, 300), st.just(0.0) | st.floats(0.01, 100), st.integers(0, 10_000_000))
def test_a_beat_is_never_farther_off_than_half_a_tick_and_soon_less_than_a_frame(
    bpm: float, offset: float, start: int
) -> None:
    beats = JackBeats()
    half_tick = 0.5 / TICKS + 1e-6
    for cycle in range(200):
        said, beat = told(start + 1024 * cycle, bpm, offset)
        assert abs(beats.hear(said).beat - beat) <= half_tick


@pytest.mark.parametrize("behind", [0, 1])
@given(st.floats(40, 300), st.integers(0, 10_000_000))
def test_the_beats_of_a_song_of_one_tempo_are_exact_from_the_first_block_on(
    behind: int, bpm: float, start: int
) -> None:
    """Also where ticks are rounded to the nearest, and one is missing, as Ardour tells them."""
    beats = JackBeats()
    for cycle in range(3):
        frame = start + 1024 * cycle
        beat = frame * bpm / (60 * RATE)
        ticks = math.floor(beat * TICKS) if not behind else round(beat * TICKS) - 1 + cycle % 2
        heard = beats.hear(Told(frame, ticks / TICKS, 1 / TICKS, bpm, RATE))
        assert heard.beat == pytest.approx(beat, abs=1e-9 * max(1.0, beat))
        assert heard.bpm == bpm


def test_two_seconds_at_one_tempo_tell_the_beat_to_a_tenth_of_a_millisecond() -> None:
    beats = JackBeats()
    error = 1.0
    for cycle in range(86):
        said, beat = told(1024 * cycle, 123.4, 0.3)
        error = abs(beats.hear(said).beat - beat)
    assert error * 60 / 123.4 < 1e-4 / 4


@given(st.floats(40, 300), st.floats(40, 300))
def test_another_tempo_and_a_locate_begin_anew(bpm: float, other: float) -> None:
    beats = JackBeats()
    for frame, tempo, offset in [(0, bpm, 0.0), (9000, bpm, 7.7), (9000, other, 2.2)]:
        said, beat = told(frame, tempo, offset)
        assert abs(beats.hear(said).beat - beat) <= 0.5 / TICKS + 1e-6


@given(st.floats(60, 200), st.floats(0.7, 1.4), st.integers(50, 400))
def test_a_tempo_that_the_beats_contradict_is_measured_on_them(
    bpm: float, ratio: float, cycles: int
) -> None:
    beats = JackBeats()
    for cycle in range(cycles):
        beats.hear(told(1024 * cycle, bpm, 0.0)[0])
    start = 1024 * cycles
    beat_there = start * bpm / (60 * RATE)
    for cycle in range(173):  # four seconds
        frame = start + 1024 * cycle
        true = beat_there + (frame - start) * bpm * ratio / (60 * RATE)
        said = Told(frame, math.floor(true * TICKS) / TICKS, 1 / TICKS, bpm, RATE)
        heard = beats.hear(said)
        assert abs(heard.beat - true) <= 1.5 / TICKS
    assert heard.bpm == pytest.approx(bpm * ratio, rel=5e-4)


@pytest.mark.parametrize("ppm", [-100.0, 0.0, 100.0])
def test_blocks_that_come_late_by_turns_are_heard_when_they_are_due(ppm: float) -> None:
    rng = random.Random(5)
    clock = StreamClock(RATE)
    speed = (1 + ppm * 1e-6) / RATE
    errors: list[float] = []
    for block in range(25_000):  # ten minutes
        due = 50.0 + block * 1024 * speed
        late = rng.expovariate(1 / 0.0003) + (0.02 if rng.random() < 0.002 else 0.0)
        errors.append(clock.seconds_of(block * 1024, due + late) - due)
    assert max(abs(error) for error in errors[1000:]) < 0.001


def test_a_stream_that_stood_still_begins_anew() -> None:
    clock = StreamClock(RATE)
    for block in range(500):
        clock.seconds_of(block * 1024, block * 1024 / RATE)
    assert clock.seconds_of(500 * 1024, 60.0) == 60.0
    assert clock.seconds_of(501 * 1024, 60.0 + 1024 / RATE) == pytest.approx(60.0 + 1024 / RATE)
