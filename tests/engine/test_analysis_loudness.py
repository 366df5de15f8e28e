"""Loudness agrees with BS.1770 as pyloudnorm measures it."""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from analysis_signals import DrumLoop

from engine.analysis import measure_loudness
from engine.audio import AudioClip


def sine(hz: float, seconds: float, rate: int, channels: int = 1, peak: float = 1.0) -> AudioClip:
    wave = peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return AudioClip(np.repeat(wave[None], channels, axis=0).astype(np.float32), rate)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("grid", ["backbeat", "four on the floor"])
def test_loops_measure_as_in_pyloudnorm(rate: int, grid: str) -> None:
    clip = DrumLoop(grid, 111, 2, sample_rate=rate).render()
    reference = pyloudnorm.Meter(rate).integrated_loudness(clip.samples.T.astype(np.float64))
    # Blocks start on a rounded instead of a truncated frame.
    assert measure_loudness(clip) == pytest.approx(reference, abs=0.01)


def test_a_full_scale_sine_at_997_hz_is_minus_3_lufs() -> None:
    assert measure_loudness(sine(997, 5.0, 48_000)) == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("channels", range(1, 9))
def test_twice_the_channels_are_3_db_louder(channels: int) -> None:
    mono = measure_loudness(sine(997, 2.0, 48_000, 1, 0.1))
    many = measure_loudness(sine(997, 2.0, 48_000, channels, 0.1))
    assert mono is not None
    assert many == pytest.approx(mono + 10 * np.log10(channels), abs=1e-6)


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.399])
def test_a_short_clip_is_measured_whole(seconds: float) -> None:
    short = measure_loudness(sine(997, seconds, 48_000))
    assert short == pytest.approx(-3.01, abs=0.5)


@pytest.mark.parametrize("frames", [0, 1, 100, 100_000])
def test_silence_has_no_loudness(frames: int) -> None:
    assert measure_loudness(AudioClip(np.zeros((2, frames), dtype=np.float32), 44_100)) is None
