"""Start phases that a steady partial would have, on a circle."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from engine.models.graft.griffin_lim import recover_audio
from engine.models.graft.spectral import BINS, HOP, SAMPLE_RATE, stft_circular
from engine.models.graft.steady_phases import steady_phases

FRAMES = 64


def start(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, FRAMES, BINS, generator=generator) * 2 * math.pi


def sine(cycles: int) -> torch.Tensor:
    """Return a sine of so many cycles in the circle."""
    time = torch.arange(FRAMES * HOP, dtype=torch.float64) / (FRAMES * HOP)
    return torch.sin(2 * math.pi * cycles * time)[None].float()


@pytest.mark.parametrize("cycles", [60, 61, 77, 200, 333])
def test_a_low_sine_keeps_its_pitch(cycles: int) -> None:
    """Between two bins, 21 Hz apart: from random phases it comes out beside its pitch, or torn."""
    magnitudes = stft_circular(sine(cycles)).abs()
    made = recover_audio(magnitudes, steady_phases(magnitudes, start()), iterations=8)
    strongest = int(np.abs(np.fft.rfft(made[0].numpy())).argmax())
    assert abs(strongest - cycles) <= 1, f"{strongest * SAMPLE_RATE / (FRAMES * HOP):.1f} Hz"
    torn = recover_audio(magnitudes, start(), iterations=8)
    share = [float(np.abs(np.fft.rfft(x[0].numpy()))[cycles] / x.norm()) for x in (made, torn)]
    assert share[0] > share[1]


def test_rotating_the_magnitudes_rotates_the_phases() -> None:
    magnitudes = torch.rand(1, FRAMES, BINS, dtype=torch.float64)
    phases = start().double()
    turned = steady_phases(magnitudes.roll(7, 1), phases.roll(7, 1))
    assert torch.equal(turned, steady_phases(magnitudes, phases).roll(7, 1))


def test_silence_and_one_peak_are_finite() -> None:
    silent = torch.zeros(2, 8, BINS)
    phases = start()[:, :8].expand(2, -1, -1)
    assert bool(steady_phases(silent, phases).isfinite().all())
    silent[:, :, 100] = 1.0
    assert bool(steady_phases(silent, phases).isfinite().all())
