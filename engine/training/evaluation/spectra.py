"""The spectra that reconstruction errors are told in: log magnitudes and log mels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.audio import MODEL_SAMPLE_RATE


def log_magnitude(audio: Tensor) -> Tensor:
    """Return log(|STFT| + 1e-3), n_fft 2048, full-scale sine = 1."""
    window = torch.hann_window(2048)
    spectrum = torch.stft(audio, 2048, 512, window=window, return_complex=True)
    return torch.log(spectrum.abs() / 512 + 1e-3)


def log_mel(audio: Tensor, bands: int = 80) -> Tensor:
    """Return log mel magnitudes, 80 triangles from 0 to 22.05 kHz, floor 1e-3."""
    window = torch.hann_window(2048)
    spectrum = torch.stft(audio, 2048, 512, window=window, return_complex=True).abs() / 512
    return torch.log(mel_matrix(bands) @ spectrum + 1e-3)


def mel_matrix(bands: int) -> Tensor:
    """Return (bands, 1025): triangles evenly spaced in mel, rows sum to 1."""
    hz = torch.arange(1025) * MODEL_SAMPLE_RATE / 2048
    top = 2595 * math.log10(1 + MODEL_SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2) / 2595) - 1)
    rising = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return triangles / triangles.sum(1, keepdim=True).clamp_min(1e-9)
