"""A tiny Graft with random weights, a codec fitted on noise and tones, and clips."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from engine.models.graft.codec import Codec, fit_codec
from engine.models.graft.denoiser import Denoiser, DenoiserShape
from engine.models.graft.model import GraftModel
from engine.models.graft.spectral import (
    LATENT_HOP,
    SAMPLE_RATE,
    features_from_spectrum,
    stft_circular,
    to_mid_side,
)
from engine.text_encoder import TextEncoder

LATENT_FRAMES = 43  # 2 s


@lru_cache(maxsize=4)
def random_denoiser(seed: int = 0, dtype: torch.dtype = torch.float32) -> Denoiser:
    """Return a denoiser none of whose weights are zero, so that everything it hears matters."""
    generator = torch.Generator().manual_seed(seed)
    denoiser = Denoiser(DenoiserShape(64, 2, 2))
    with torch.no_grad():
        for name, parameter in denoiser.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            noise *= 0.7 / max(1, parameter.shape[-1]) ** 0.5
            parameter.copy_(noise + ("norm" in name))
    return denoiser.eval().to(dtype)


def clip(seed: int, latent_frames: int = LATENT_FRAMES) -> Tensor:
    """Return a periodic stereo clip (2, T x 2048): decaying noise bursts over a chord."""
    frames = latent_frames * LATENT_HOP
    generator = np.random.default_rng(seed)
    position = np.arange(frames)
    cycles = [round(hz * frames / SAMPLE_RATE) for hz in generator.uniform(60, 900, 4)]
    chord = sum(np.sin(2 * np.pi * c * position / frames + c) for c in cycles)
    beat = frames / 4
    bursts = np.exp(-(position % beat) / (0.06 * SAMPLE_RATE))
    noise = generator.standard_normal((2, frames)) * bursts
    stereo = 0.05 * chord[None] * np.array([[1.0], [0.8]]) + 0.12 * noise
    return torch.from_numpy(stereo.astype(np.float32))


@lru_cache(maxsize=1)
def tiny_codec() -> Codec:
    rows = [features_from_spectrum(stft_circular(to_mid_side(clip(s)))) for s in range(4)]
    return fit_codec(torch.cat(rows))


@lru_cache(maxsize=1)
def tiny_model() -> GraftModel:
    return GraftModel(tiny_codec(), random_denoiser(), TextEncoder(), torch.device("cpu"), "tiny-1")


def double_codec() -> Codec:
    codec = tiny_codec()
    return Codec(codec.mean.double(), codec.basis.double(), codec.scale.double())
