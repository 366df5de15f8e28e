"""Circular short-time spectra and the log-band features that Graft's latents are made of.

Everything here treats its input as one period: frame k is centred at sample k x HOP and
neighbours wrap round. Rotating the audio by HOP samples rotates the frames by one.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

SAMPLE_RATE = 44_100
N_FFT = 2048
HOP = 512
BINS = N_FFT // 2 + 1
BANDS = 168
LINEAR_BANDS = 40
FRAMES_PER_LATENT = 4
LATENT_HOP = HOP * FRAMES_PER_LATENT
FEATURES = 2 * BANDS * FRAMES_PER_LATENT
#: Amplitude (1.0 = full-scale sine) under which a band counts as silent: -80 dB.
FLOOR = 1e-4
#: No band is decoded louder than this, 12 dB over a full-scale sine: exp() of latents that ran
#: away would be infinite.
LOUDEST = 4.0

_OVERLAP = N_FFT // HOP
#: Sum of squared Hann windows at 75 % overlap.
_WINDOW_POWER = 1.5
#: A full-scale sine has this magnitude in a Hann-windowed frame.
_FULL_SCALE = N_FFT / 4


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # kept for training too, which inference tensors cannot serve
def _window(device: torch.device) -> Tensor:
    return torch.hann_window(N_FFT, device=device)


def stft_circular(audio: Tensor) -> Tensor:
    """Transform (..., frames x HOP) real to (..., frames, BINS) complex."""
    return spectrum_of(frames_circular(audio))


def istft_circular(spectrum: Tensor) -> Tensor:
    """Invert stft_circular by windowed overlap-add: (..., frames, BINS) to (..., samples)."""
    strip = empty_strip(spectrum.real)
    lay(strip, spectrum, 0)
    return close_strip(strip)


def frames_circular(audio: Tensor) -> Tensor:
    """Return the frames (..., frames, N_FFT) of audio (..., frames x HOP), before any window.

    They share their memory: multiply before writing.
    """
    half = N_FFT // 2
    around = torch.cat([audio[..., -half:], audio, audio[..., : half - HOP]], dim=-1)
    return around.unfold(-1, N_FFT, HOP)


def spectrum_of(frames: Tensor) -> Tensor:
    """Return the windowed spectra (..., frames, BINS) of frames (..., frames, N_FFT)."""
    return torch.fft.rfft(frames * _window(frames.device))


def empty_strip(like: Tensor) -> Tensor:
    """Return an open strip of audio for the frames of (..., frames, BINS) to be laid on."""
    *outer, frames, _ = like.shape
    return like.new_zeros(*outer, frames + _OVERLAP - 1, HOP)


def lay(strip: Tensor, spectrum: Tensor, first: int) -> None:
    """Add spectra (..., some frames, BINS) to a strip, from frame `first` on."""
    window = _window(spectrum.device) / _WINDOW_POWER
    frames = torch.fft.irfft(spectrum, n=N_FFT) * window
    parts = frames.unflatten(-1, (_OVERLAP, HOP))
    for j in range(_OVERLAP):
        strip[..., first + j : first + j + frames.shape[-2], :] += parts[..., j, :]


def close_strip(strip: Tensor) -> Tensor:
    """Join a strip's end to its start: (..., samples). Changes the strip."""
    ends = _OVERLAP - 1
    strip[..., :ends, :] += strip[..., -ends:, :]
    return strip[..., :-ends, :].roll(-(_OVERLAP // 2), dims=-2).flatten(-2)


def _mel(hz: Tensor) -> Tensor:
    return 2595.0 * torch.log10(1.0 + hz / 700.0)


def _hz(mel: Tensor) -> Tensor:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # kept for training too, which inference tensors cannot serve
def band_matrix(device: torch.device) -> Tensor:
    """Return (BANDS, BINS): the lowest 40 bins one by one, mel-spaced triangles above.

    Rows sum to one. The mel scale is O'Shaughnessy's (2595 log10(1 + f/700)).
    """
    hz = torch.arange(BINS, dtype=torch.float64) * SAMPLE_RATE / N_FFT
    count = BANDS - LINEAR_BANDS
    low = _mel(hz[LINEAR_BANDS - 1])
    high = _mel(torch.tensor(SAMPLE_RATE / 2, dtype=torch.float64))
    edges = _hz(low + (high - low) * torch.arange(count + 2, dtype=torch.float64) / (count + 1))
    rising = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    triangles = torch.minimum(rising, falling).clamp_min(0.0)
    for row in torch.nonzero(triangles.sum(1) == 0).flatten().tolist():
        triangles[row, int((hz - edges[row + 1]).abs().argmin())] = 1.0
    linear = torch.zeros(LINEAR_BANDS, BINS, dtype=torch.float64)
    linear.fill_diagonal_(1.0)
    bands = torch.cat([linear, triangles])
    return (bands / bands.sum(1, keepdim=True)).float().to(device)


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # kept for training too, which inference tensors cannot serve
def bin_matrix(device: torch.device) -> Tensor:
    """Return (BINS, BANDS): each bin as the weighted mean of the bands that cover it."""
    bands = band_matrix(device)
    return (bands / bands.sum(0, keepdim=True).clamp_min(1e-9)).T.contiguous()


def to_mid_side(stereo: Tensor) -> Tensor:
    """Map (..., 2, n) left/right to mid/side; its own inverse up to to_left_right."""
    left, right = stereo[..., 0, :], stereo[..., 1, :]
    return torch.stack([(left + right) / 2, (left - right) / 2], dim=-2)


def to_left_right(mid_side: Tensor) -> Tensor:
    mid, side = mid_side[..., 0, :], mid_side[..., 1, :]
    return torch.stack([mid + side, mid - side], dim=-2)


def features_from_spectrum(spectrum: Tensor) -> Tensor:
    """Map mid/side (2, 4T, BINS) complex to log-band features (T, FEATURES)."""
    bands = (spectrum.abs() / _FULL_SCALE) @ band_matrix(spectrum.device).T.to(spectrum.real.dtype)
    logs = torch.log(bands + FLOOR)  # (2, 4T, BANDS)
    stacked = logs.reshape(2, -1, FRAMES_PER_LATENT, BANDS).permute(1, 2, 0, 3)
    return stacked.reshape(-1, FEATURES)


def magnitudes_from_features(features: Tensor) -> Tensor:
    """Map log-band features (T, FEATURES) to mid/side magnitudes (2, 4T, BINS)."""
    logs = features.reshape(-1, FRAMES_PER_LATENT, 2, BANDS).permute(2, 0, 1, 3)
    levels = logs.reshape(2, -1, BANDS).clamp_max(math.log(LOUDEST)).exp()
    bands = (levels - FLOOR).clamp_min(0.0) * _FULL_SCALE
    return bands @ bin_matrix(features.device).T.to(features.dtype)
