"""Single sounds out of a circle: they start at once, end by themselves, and do not click."""

from __future__ import annotations

import numpy as np
import pytest

from engine.audio import FloatArray
from engine.models.graft.one_shot import LEAD_FRAMES, find_start, finish_one_shot

RATE = 44_100
CIRCLE = 32 * 2048


def hit(decay: float = 12.0) -> FloatArray:
    """A decaying tone with a sharp attack, that begins at frame 0 of a circle."""
    time = np.arange(CIRCLE) / RATE
    wave = 0.8 * np.cos(2 * np.pi * 180 * time) * np.exp(-decay * time)
    return np.stack([wave, 0.9 * wave]).astype(np.float32)


def riser() -> FloatArray:
    """Noise that swells to its peak and stops."""
    noise = np.random.default_rng(1).standard_normal(CIRCLE)
    wave = 0.2 * noise * np.linspace(0, 1, CIRCLE) ** 3
    return np.stack([wave, wave]).astype(np.float32)


def level_db(samples: FloatArray, peak: float) -> float:
    return 20 * np.log10(max(float(np.sqrt(np.square(samples).mean())), 1e-9) / peak)


@pytest.mark.parametrize("turn", [0, 5_000, 30_001, CIRCLE - 900])
@pytest.mark.parametrize("seconds", [0.2, 0.6, 1.4])
def test_a_hit_anywhere_on_the_circle_starts_at_once_and_dies_away(
    turn: int, seconds: float
) -> None:
    frames = round(seconds * RATE)
    made = finish_one_shot(np.roll(hit(), turn, axis=1), frames, has_attack=True)
    assert made.shape == (2, frames)
    peak = float(np.abs(made).max())
    assert np.flatnonzero(np.abs(made).max(axis=0) > 0.5 * peak)[0] <= 0.02 * RATE
    assert level_db(made[:, -441:], peak) <= -40
    assert abs(float(made[0, 0])) < 1e-3
    assert abs(float(made[0, -1])) < 1e-3


@pytest.mark.parametrize("turn", [0, 12_345, 60_000])
def test_a_riser_ends_at_its_height(turn: int) -> None:
    made = finish_one_shot(np.roll(riser(), turn, axis=1), CIRCLE, has_attack=False)
    loud = np.square(made).sum(axis=0)
    assert loud[-CIRCLE // 4 :].sum() > 0.6 * loud.sum()
    assert find_start(np.roll(riser(), turn, axis=1), has_attack=False)[1]


def test_the_flams_of_a_clap_stay_before_it() -> None:
    clap = hit(40.0)
    for early, level in ((441, 0.4), (882, 0.3)):
        clap = clap + level * np.roll(hit(200.0), -early, axis=1)
    start, _ = find_start(np.roll(clap, 20_000, axis=1), has_attack=True)
    assert 20_000 - 882 - 4 * LEAD_FRAMES <= start <= 20_000 - 882


def test_what_is_longer_than_the_circle_is_silent() -> None:
    made = finish_one_shot(hit(), 2 * CIRCLE, has_attack=True)
    assert made.shape == (2, 2 * CIRCLE)
    assert not made[:, CIRCLE:].any()


@pytest.mark.parametrize("has_attack", [True, False])
@pytest.mark.parametrize("frames", [1, 40, 8_820])
def test_silence_and_tiny_lengths_are_finite(frames: int, has_attack: bool) -> None:
    for circle in (np.zeros((2, 8 * 2048), np.float32), hit()):
        made = finish_one_shot(circle, frames, has_attack=has_attack)
        assert made.shape == (2, frames)
        assert np.isfinite(made).all()
