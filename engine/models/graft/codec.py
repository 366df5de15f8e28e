"""Graft's codec: a closed-form encoder (log bands + PCA) and its inverse to magnitudes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.errors import ModelProblem
from engine.models.graft.spectral import (
    FEATURES,
    LATENT_HOP,
    features_from_spectrum,
    magnitudes_from_features,
    stft_circular,
    to_mid_side,
)

LATENT_CHANNELS = 128


@dataclass(frozen=True)
class Codec:
    """PCA of the stacked log bands. mean: (FEATURES,). basis: (FEATURES, LATENT_CHANNELS),
    orthonormal columns. scale: (LATENT_CHANNELS,), variance^(1/4) times one global factor
    that makes the corpus' latents unit variance over all channels."""

    mean: Tensor
    basis: Tensor
    scale: Tensor

    def encode(self, stereo: Tensor) -> Tensor:
        """Map one period (2, T x 2048) to latents (T, LATENT_CHANNELS)."""
        return self.encode_spectrum(stft_circular(to_mid_side(stereo)))

    def encode_spectrum(self, mid_side: Tensor) -> Tensor:
        """Map a mid/side spectrum (2, 4T, BINS) to latents (T, LATENT_CHANNELS)."""
        features = features_from_spectrum(mid_side)
        return ((features - self.mean) @ self.basis) / self.scale

    def magnitudes(self, latents: Tensor) -> Tensor:
        """Map latents (T, LATENT_CHANNELS) to mid/side magnitudes (2, 4T, BINS)."""
        return magnitudes_from_features((latents * self.scale) @ self.basis.T + self.mean)

    def silence(self) -> Tensor:
        """Return the latents of one silent frame: (LATENT_CHANNELS,)."""
        frames = 8  # the shortest that the spectrum takes
        return self.encode(torch.zeros(2, frames * LATENT_HOP, device=self.mean.device))[0]

    def to(self, device: torch.device) -> Codec:
        return Codec(self.mean.to(device), self.basis.to(device), self.scale.to(device))


def latent_frames(frames: int) -> int:
    """Return how many latent frames stand for `frames` audio frames at 44.1 kHz (at least 8)."""
    return max(8, round(frames / LATENT_HOP))


def save_codec(codec: Codec, path: Path) -> None:
    tensors = {"mean": codec.mean, "basis": codec.basis, "scale": codec.scale}
    save_file({name: t.contiguous() for name, t in tensors.items()}, path)


def load_codec(path: Path) -> Codec:
    """Read the codec's arrays. Raises ModelProblem when missing or of another shape."""
    try:
        tensors = load_file(path)
        codec = Codec(tensors["mean"], tensors["basis"].float(), tensors["scale"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelProblem(
            f"The model file {path.name} is missing or damaged; reinstall Loopgraft.", str(error)
        ) from error
    shapes = [tuple(t.shape) for t in (codec.mean, codec.basis, codec.scale)]
    wanted = [(FEATURES,), (FEATURES, LATENT_CHANNELS), (LATENT_CHANNELS,)]
    if shapes != wanted:
        raise ModelProblem(
            f"The model file {path.name} is of another version; reinstall Loopgraft.",
            f"shapes {shapes}, not {wanted}",
        )
    return codec


def fit_codec(features: Tensor) -> Codec:
    """Fit the PCA on (n, FEATURES) rows of the corpus; see MODEL card for its variance."""
    rows = features.double()
    mean = rows.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((rows - mean).T))
    basis = vectors.flip(1)[:, :LATENT_CHANNELS]
    variance = values.flip(0)[:LATENT_CHANNELS].clamp_min(1e-9)
    scale = variance**0.25
    latents = ((rows - mean) @ basis) / scale
    return Codec(mean.float(), basis.float(), (scale * latents.std()).float())
