"""`measure` says everything at once and never fails."""

from __future__ import annotations

import numpy as np
import pytest
from analysis_signals import DrumLoop, chord_loop
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.analysis import measure
from engine.audio import AudioClip, FloatArray
from engine.key import Key


def test_a_drum_loop_is_measured() -> None:
    found = measure(DrumLoop("backbeat", 96, 2, seed=1).render(), (50_000,), is_loop=True)
    assert found.bpm == pytest.approx(96.0, rel=2e-5)
    assert found.peak == pytest.approx(0.7, abs=1e-6)
    assert found.lufs is not None
    assert len(found.seam_scores) == 2


def test_a_progression_is_measured() -> None:
    found = measure(chord_loop(Key(9, "minor")), (), is_loop=False)
    assert found.key == Key(9, "minor")
    assert found.seam_score is None


def test_the_wrap_of_a_loop_is_scored_once() -> None:
    clip = DrumLoop("backbeat", 120, 1).render()
    assert len(measure(clip, (), is_loop=True).seam_scores) == 1
    assert len(measure(clip, (0, 9), is_loop=True).seam_scores) == 2


@pytest.mark.parametrize("asked_bpm", [62.0, 124.0])
def test_what_was_asked_for_settles_between_half_and_double(asked_bpm: float) -> None:
    clip = DrumLoop("four on the floor", 124, 4, seed=2).render()
    assert measure(clip, (), is_loop=True).bpm == pytest.approx(124.0, rel=2e-5)
    found = measure(clip, (), is_loop=True, asked_bpm=asked_bpm)
    assert found.bpm == pytest.approx(asked_bpm, rel=2e-5)
    assert found.bpm_confidence > 0.5


def test_a_tempo_beyond_the_range_that_is_listened_to_is_heard_when_asked_for() -> None:
    clip = DrumLoop("backbeat", 200, 4, seed=3).render()
    assert measure(clip, (), is_loop=True).bpm == pytest.approx(100.0, rel=1e-3)
    assert measure(clip, (), is_loop=True, asked_bpm=200.0).bpm == pytest.approx(200.0, rel=2e-5)


@pytest.mark.parametrize("asked_bpm", [60.0, 93.0, 120.0, 130.0, 186.0, 255.0])
def test_a_take_that_missed_its_tempo_is_not_talked_into_it(asked_bpm: float) -> None:
    clip = DrumLoop("four on the floor", 124, 4, seed=2).render()
    found = measure(clip, (), is_loop=True, asked_bpm=asked_bpm)
    assert found == measure(clip, (), is_loop=True)


garbage = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 8), st.integers(0, 5_000)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    fill=st.floats(-1, 1, width=32),
)


@settings(max_examples=20, deadline=None)
@given(garbage, st.booleans(), st.sampled_from([8_000, 44_100, 192_000]))
def test_any_finite_audio_is_measured(samples: FloatArray, is_loop: bool, rate: int) -> None:
    found = measure(AudioClip(samples, rate), (0,), is_loop)
    assert np.isfinite([found.peak, found.bpm_confidence, *found.seam_scores]).all()
