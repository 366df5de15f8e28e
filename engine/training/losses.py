"""How far decoded audio is from the truth: spectra at many resolutions (MODEL.md, Decoder).

All magnitudes are scaled so that a full-scale sine is 1. Edges are not padded: each frame lies
wholly inside the audio.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from engine.models.graft.spectral import SAMPLE_RATE

RESOLUTIONS = (4096, 2048, 1024, 512, 256, 128, 64)
#: Mel bands per resolution: as many as have at least about a bin each at the low end.
MEL_BANDS = {4096: 160, 2048: 80, 1024: 40, 512: 20, 256: 10}
#: Windows per window length: 2 costs half of the usual 4, and crops start anywhere.
OVERLAP = 2
COMPLEX_RESOLUTION = 2048
COMPRESSION = 0.3
SPECTRAL_WEIGHT = 1.0
MEL_WEIGHT = 15.0
COMPLEX_WEIGHT = 1.0
#: The floor of the bars in evaluate.py: -60 dB.
FLOOR = 1e-3


class Reconstruction(NamedTuple):
    """The parts, unweighted, each a scalar."""

    log_magnitude: Tensor
    convergence: Tensor
    mel: Tensor
    complex: Tensor

    def total(self) -> Tensor:
        spectral = SPECTRAL_WEIGHT * (self.log_magnitude + self.convergence)
        return spectral + MEL_WEIGHT * self.mel + COMPLEX_WEIGHT * self.complex


def reconstruction(made: Tensor, truth: Tensor) -> Reconstruction:
    """Compare stereo (b, 2, samples), samples at least 4096, on left, right, mid and side."""
    pairs = [(_spectrum(made, n), _spectrum(truth, n)) for n in RESOLUTIONS]
    sizes = [(a.abs(), b.abs()) for a, b in pairs]
    by_resolution: dict[int, tuple[Tensor, Tensor]] = dict(zip(RESOLUTIONS, sizes, strict=True))
    mels = [
        log_l1(*(_mel_matrix(n, bands, made.device) @ size for size in by_resolution[n]))
        for n, bands in MEL_BANDS.items()
    ]
    waves = pairs[RESOLUTIONS.index(COMPLEX_RESOLUTION)]
    return Reconstruction(
        torch.stack([log_l1(a, b) for a, b in sizes]).mean(),
        torch.stack([convergence(a, b) for a, b in sizes]).mean(),
        torch.stack(mels).mean(),
        (_compress(waves[0]) - _compress(waves[1])).abs().mean(),
    )


def log_l1(made: Tensor, truth: Tensor) -> Tensor:
    """Mean difference of the logarithms of two magnitudes of one shape."""
    return (torch.log(made + FLOOR) - torch.log(truth + FLOOR)).abs().mean()


def convergence(made: Tensor, truth: Tensor) -> Tensor:
    """Spectral convergence (Arik et al. 2018) over the whole batch, so that a silent side or a
    silent crop weighs nothing instead of infinitely much."""
    return (truth - made).norm() / truth.norm().clamp_min(FLOOR)


@lru_cache(maxsize=32)
@torch.inference_mode(False)  # kept for training too, which inference tensors cannot serve
def _window(n_fft: int, device: torch.device) -> Tensor:
    return torch.hann_window(n_fft, device=device) / (n_fft / 4)


def _spectrum(stereo: Tensor, n_fft: int) -> Tensor:
    """Map (b, 2, samples) to complex (b, 4, bins, frames) of left, right, mid and side."""
    window, hop = _window(n_fft, stereo.device), n_fft // OVERLAP
    rows = torch.stft(
        stereo.flatten(0, 1), n_fft, hop, window=window, center=False, return_complex=True
    )
    left, right = rows.unflatten(0, (-1, 2)).unbind(1)
    return torch.stack([left, right, (left + right) / 2, (left - right) / 2], dim=1)


def _compress(spectrum: Tensor) -> Tensor:
    """Raise the magnitude to COMPRESSION, keep the phase, as (..., 2) real."""
    parts = torch.view_as_real(spectrum)
    power = parts.square().sum(-1, keepdim=True) + FLOOR**2
    return parts * power ** ((COMPRESSION - 1) / 2)


@lru_cache(maxsize=32)
@torch.inference_mode(False)  # kept for training too, which inference tensors cannot serve
def _mel_matrix(n_fft: int, bands: int, device: torch.device) -> Tensor:
    """Return (bands, bins): triangles evenly spaced in mel up to 22.05 kHz, rows sum to 1."""
    hz = torch.arange(n_fft // 2 + 1) * SAMPLE_RATE / n_fft
    top = 2595 * math.log10(1 + SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2) / 2595) - 1)
    rising = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return (triangles / triangles.sum(1, keepdim=True).clamp_min(1e-9)).to(device)
