"""What is made comes at the level of what is around it; silence stays silence."""

from __future__ import annotations

import numpy as np
import pytest

from engine.diffusion.levels import (
    BANDS,
    PEAK_LIMIT,
    WHOLE_LIMIT_DB,
    band_gains,
    equalised,
    limited,
)

RATE = 44_100


def _noise(seconds: float, seed: int, level: float) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return (level * generator.standard_normal((2, round(seconds * RATE)))).astype(np.float32)


def _dark(samples: np.ndarray) -> np.ndarray:
    """Return the samples with 8 dB less above 1400 Hz."""
    spectrum = np.fft.rfft(samples, axis=1)
    spectrum[:, np.fft.rfftfreq(samples.shape[1], 1 / RATE) > 1400] *= 10 ** (-8 / 20)
    return np.fft.irfft(spectrum, samples.shape[1], axis=1).astype(np.float32)


def _decibel(gains: np.ndarray) -> np.ndarray:
    return 20 * np.log10(gains)


def test_each_band_is_brought_to_that_of_the_one_bar_around() -> None:
    piece = _noise(1.0, 1, 0.1)
    dull = 0.5 * _dark(_noise(1.0, 2, 0.1))
    gains = band_gains(dull, [piece], RATE)
    assert _decibel(gains)[:4] == pytest.approx(np.full(4, 6.0), abs=1.0)
    assert np.all(_decibel(gains)[6:] == pytest.approx(12.0))  # 14 is beyond the limit
    bright = equalised(dull, gains, RATE)
    again = band_gains(bright, [piece], RATE)
    assert np.abs(_decibel(again)[[0, 1, 2, 7, 8]]).max() <= 2.5  # what the limit left, at most


def test_between_a_quiet_and_a_loud_bar_anything_may_come() -> None:
    made = _noise(1.0, 1, 0.05)
    gains = band_gains(made, [_noise(1.0, 2, 0.01), _noise(1.0, 3, 0.2)], RATE)
    assert np.array_equal(gains, np.ones(BANDS))


def test_a_breakdown_between_loud_bars_is_not_pumped_up() -> None:
    silence, loud = np.zeros((2, RATE), np.float32), _noise(1.0, 3, 0.3)
    faint = _noise(1.0, 1, 0.001)
    assert np.array_equal(band_gains(faint, [loud, silence], RATE), np.ones(BANDS))


def test_silence_stays_silence_and_nothing_around_changes_nothing() -> None:
    silence, loud = np.zeros((2, RATE), np.float32), _noise(1.0, 3, 0.3)
    assert np.array_equal(band_gains(silence, [loud], RATE), np.ones(BANDS))
    assert np.array_equal(band_gains(loud, [], RATE), np.ones(BANDS))
    assert np.all(band_gains(loud, [silence], RATE) < 1.0), "what is loud in silence is turned down"


@pytest.mark.parametrize(("level", "gain_db"), [(0.12, 1.58), (0.5, WHOLE_LIMIT_DB), (0.02, -6.0)])
def test_a_sound_of_its_own_keeps_its_colour(level: float, gain_db: float) -> None:
    made = _noise(1.0, 1, 0.1)
    gains = band_gains(made, [_noise(1.0, 2, level)], RATE, as_a_whole=True)
    assert np.ptp(gains) == 0.0
    assert _decibel(gains)[0] == pytest.approx(gain_db, abs=0.1)
    assert np.allclose(equalised(made, gains, RATE), made * gains[0], rtol=1e-5)


def test_the_equaliser_has_no_delay() -> None:
    click = np.zeros((1, RATE), np.float32)
    click[0, 20_000] = 1.0
    gains = np.geomspace(0.25, 4.0, BANDS)
    assert np.abs(equalised(click, gains, RATE)).argmax() == 20_000


def test_peaks_go_and_the_loudness_stays() -> None:
    """A tone at -6 dB with one in a hundred of its frames thrice as high."""
    tone = (0.5 * np.sin(np.arange(RATE) * 0.05)).astype(np.float32)[None].repeat(2, axis=0)
    tone[:, ::4410] = 1.5
    out = limited(tone, RATE)
    assert np.abs(out).max() <= PEAK_LIMIT + 1e-6
    change = 10 * np.log10(np.square(out).mean() / np.square(tone).mean())
    assert abs(change) <= 0.5
    assert limited(0.6 * tone, RATE) is not tone
    quiet = 0.1 * tone
    assert limited(quiet, RATE) is quiet


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_spans_of_a_few_frames_are_levelled_too(frames: int) -> None:
    made = _noise(1.0, 1, 3.0)[:, :frames]
    gains = band_gains(made, [_noise(1.0, 2, 0.1)[:, :frames]], RATE)
    out = limited(equalised(made, gains, RATE), RATE)
    assert out.shape == made.shape
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= PEAK_LIMIT + 1e-6
