"""Key from chord progressions in all 24 keys, in tune and out of it."""

from __future__ import annotations

import numpy as np
import pytest
from analysis_signals import SCALES, DrumLoop, chord_loop
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.analysis import in_key_share, measure_key
from engine.audio import AudioClip, FloatArray
from engine.key import Key, Mode

MODES: tuple[Mode, Mode] = ("major", "minor")
KEYS = [Key(root, mode) for root in range(12) for mode in MODES]


@pytest.mark.parametrize("cents", [-30.0, 0.0, 30.0])
@pytest.mark.parametrize("sample_rate", [22_050, 44_100, 96_000])
def test_progressions_in_all_keys_are_named(cents: float, sample_rate: int) -> None:
    found = [
        measure_key(chord_loop(key, cents=cents, sample_rate=sample_rate, seed=key.root)).key
        for key in KEYS
    ]
    exact = [key == heard for key, heard in zip(KEYS, found, strict=True)]
    near = [heard in (key, key.relative) for key, heard in zip(KEYS, found, strict=True)]
    assert np.mean(exact) >= 0.9
    assert np.mean(near) == 1.0


def test_transposing_the_audio_transposes_the_key() -> None:
    found = [measure_key(chord_loop(Key(root, "minor"))).key for root in range(12)]
    assert found == [Key(root, "minor") for root in range(12)]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_a_progression_lies_in_its_own_key(key: Key) -> None:
    clip = chord_loop(key)
    share = in_key_share(clip, key)
    assert share > 0.95
    assert share == pytest.approx(in_key_share(clip, key.relative), abs=1e-9)
    assert share > in_key_share(clip, key.transpose(6)) + 0.2


def test_even_noise_has_the_share_of_chance() -> None:
    noise = np.random.default_rng(0).standard_normal((1, 400_000)).astype(np.float32)
    share = in_key_share(AudioClip(noise, 44_100), Key(0, "major"))
    # Some 90 windows of about 100 peaks: a standard error near 0.02 at this energy weighting.
    assert share == pytest.approx(len(SCALES["major"]) / 12, abs=0.06)


@pytest.mark.parametrize("grid", ["four on the floor", "busy house", "breakbeat"])
def test_drums_have_no_key(grid: str) -> None:
    assert measure_key(DrumLoop(grid, 120, 2, seed=5).render()).key is None


def test_silence_and_noise_have_no_key() -> None:
    noise = np.random.default_rng(1).standard_normal((2, 100_000)).astype(np.float32)
    assert measure_key(AudioClip(np.zeros((2, 100_000), dtype=np.float32), 44_100)).key is None
    assert measure_key(AudioClip(noise, 44_100)).key is None


def test_the_likeliest_key_is_named_when_the_caller_knows_that_there_is_one() -> None:
    drums = DrumLoop("backbeat", 120, 2).render()
    assert measure_key(drums, known_tonal=True).key is not None


garbage = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 5_000)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    fill=st.floats(-1, 1, width=32),
)


@settings(max_examples=40, deadline=None)
@given(garbage, st.sampled_from([8_000, 44_100, 192_000]))
def test_any_finite_audio_is_measured_without_an_error(samples: FloatArray, rate: int) -> None:
    clip = AudioClip(samples, rate)
    assert 0.0 <= measure_key(clip, known_tonal=True).confidence <= 1.0
    assert 0.0 <= in_key_share(clip, Key(0, "minor")) <= 1.0 + 1e-9
