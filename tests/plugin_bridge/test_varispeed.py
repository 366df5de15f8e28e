"""A little faster or slower: every frame once, the tone's pitch, no click."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audio import FloatArray
from plugin_bridge.varispeed import REACH_FRAMES, Varispeed

RATE = 44_100


class Tape:
    """A signal that is drawn from its start on. frames: how many were drawn."""

    def __init__(self, samples: FloatArray) -> None:
        self.samples = samples
        self.frames = 0

    def pull(self, out: FloatArray) -> None:
        out[:] = self.samples[:, self.frames : self.frames + out.shape[1]]
        self.frames += out.shape[1]


def tone(hertz: float, seconds: float = 1.5) -> FloatArray:
    wave = np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return np.stack([wave, -wave]).astype(np.float32)


def read(tape: Tape, varispeed: Varispeed, frames: int, speed: float) -> FloatArray:
    out = np.empty((2, frames), np.float32)
    varispeed.read(tape.pull, out, speed)
    return out


@given(st.lists(st.integers(1, 500), max_size=8))
def test_at_speed_1_every_frame_passes_as_it_is_and_at_once(sizes: list[int]) -> None:
    tape, varispeed = Tape(np.random.default_rng(1).random((2, 5000), np.float32)), Varispeed()
    for size in sizes:
        done = tape.frames
        assert np.array_equal(read(tape, varispeed, size, 1.0), tape.samples[:, done : done + size])
        assert varispeed.ahead_frames == 0


@given(st.lists(st.tuples(st.integers(1, 700), st.floats(0.998, 1.002)), min_size=1, max_size=9))
def test_what_is_given_is_the_sum_of_the_speeds(steps: list[tuple[int, float]]) -> None:
    tape, varispeed = Tape(tone(100.0)), Varispeed()
    place = 0.0
    for frames, speed in steps:
        read(tape, varispeed, frames, speed)
        place += frames * speed
        assert tape.frames - varispeed.ahead_frames == pytest.approx(place, abs=1e-6)
        assert varispeed.ahead_frames <= REACH_FRAMES + 1


@pytest.mark.parametrize("hertz", [50.0, 1000.0, 10_000.0, 16_000.0])
def test_a_tone_stays_a_tone_through_changes_of_speed(hertz: float) -> None:
    """Against the same tone computed at every place: the kernel's error, below -80 dB."""
    tape, varispeed = Tape(tone(hertz)), Varispeed()
    speeds = [1.0, 1.0003, 0.9991, 1.0, 1.001] * 8
    out = np.concatenate([read(tape, varispeed, 1000, speed) for speed in speeds], axis=1)
    places = np.concatenate([[0.0], np.cumsum(np.repeat(speeds, 1000))[:-1]])
    expected = np.sin(2 * np.pi * hertz * places / RATE)
    assert np.abs(out[0] - expected)[REACH_FRAMES:].max() < 10 ** (-80 / 20)


def test_a_reset_draws_nothing_ahead() -> None:
    tape, varispeed = Tape(tone(100.0)), Varispeed()
    read(tape, varispeed, 100, 1.001)
    varispeed.reset()
    done = tape.frames
    assert np.array_equal(read(tape, varispeed, 50, 1.0), tape.samples[:, done : done + 50])
