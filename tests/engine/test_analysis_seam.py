"""The seam score finds cuts and forgives loops that close."""

from __future__ import annotations

import numpy as np
import pytest
from analysis_signals import DrumLoop, periodic_synth
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.analysis import seam_score, seam_scores
from engine.audio import AudioClip, FloatArray


def cut(clip: AudioClip, rng: np.random.Generator) -> FloatArray:
    """Take a stretch whose ends do not meet: the wrap jumps by a tenth of the peak or more."""
    x = clip.samples
    while True:
        start = int(rng.integers(0, clip.frames // 4))
        stop = int(rng.integers(clip.frames // 2, clip.frames))
        if np.abs(x[:, stop] - x[:, start]).max() > 0.1 * np.abs(x).max():
            return x[:, start:stop]


@pytest.mark.parametrize("seed", range(12))
def test_a_loop_that_closes_scores_at_most_one(seed: int) -> None:
    clip = periodic_synth(seed)
    assert seam_score(clip.samples, clip.sample_rate, 0, circular=True) <= 1.0


@pytest.mark.parametrize("rate", [22_050, 44_100, 96_000])
def test_a_drum_loop_that_closes_scores_at_most_one_off_the_beat(rate: int) -> None:
    clip = DrumLoop("backbeat", 120, 2, sample_rate=rate).render()
    turned = np.roll(clip.samples, -round(0.11 * rate), axis=-1)
    assert seam_score(turned, rate, 0, circular=True) <= 1.0


@pytest.mark.parametrize("seed", range(12))
def test_a_loop_cut_anywhere_scores_above_one(seed: int) -> None:
    tone = periodic_synth(seed, decay=False)
    clicked = cut(tone, np.random.default_rng(seed))
    assert seam_score(clicked, tone.sample_rate, 0, circular=True) > 1.0


def test_the_score_grows_with_the_step_at_a_graft() -> None:
    clip = periodic_synth(3)
    scores: list[float] = []
    for step in (0.0, 0.02, 0.1, 0.3, 0.6):
        grafted = clip.samples.copy()
        grafted[:, 30_000:40_000] += np.float32(step)
        scores.append(seam_score(grafted, 44_100, 30_000, circular=False, other_joins=(40_000,)))
    assert scores == sorted(scores)
    assert scores[0] <= 1.0 < scores[-1]


def test_two_bad_joins_do_not_excuse_each_other() -> None:
    samples = periodic_synth(4, decay=False).samples.copy()
    samples[:, 20_000:60_000] += np.float32(0.5)
    alone = seam_score(samples, 44_100, 20_000, circular=True)
    together = seam_scores(samples, 44_100, (20_000, 60_000), circular=True)
    assert alone == pytest.approx(1.0, abs=0.1)
    assert min(together) > 2.0


def test_the_worst_channel_counts() -> None:
    samples = np.repeat(periodic_synth(5, decay=False).samples, 2, axis=0)
    good = seam_score(samples, 44_100, 0, circular=True)
    samples[1, :10_000] += np.float32(0.5)
    samples[1, 5_000:10_000] -= np.linspace(0.0, 0.5, 5_000, dtype=np.float32)
    assert good <= 1.0 < seam_score(samples, 44_100, 0, circular=True)


def test_turning_a_loop_does_not_change_the_score_of_the_same_moment() -> None:
    samples = DrumLoop("breakbeat", 100, 1).render().samples
    turned = np.roll(samples, 12_345, axis=-1)
    at_start = seam_score(samples, 44_100, 0, circular=True)
    assert seam_score(turned, 44_100, 12_345, circular=True) == pytest.approx(at_start, rel=1e-6)


def test_silence_scores_nothing() -> None:
    silence = np.zeros((2, 4_000), dtype=np.float32)
    assert seam_scores(silence, 44_100, (0, 500), circular=True) == (0.0, 0.0)


garbage = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 5_000)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    fill=st.floats(-1, 1, width=32),
)


@settings(max_examples=60, deadline=None)
@given(garbage, st.integers(0, 4_999), st.booleans(), st.sampled_from([8_000, 44_100, 192_000]))
def test_any_finite_audio_gets_a_finite_score(
    samples: FloatArray, join: int, circular: bool, rate: int
) -> None:
    score = seam_score(samples, rate, join % samples.shape[1], circular=circular)
    assert 0.0 <= score <= 1000.0
