"""From latents to audio, meeting audio that exists in phase."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.audio import FrameSpan
from engine.diffusion.masks import overlapping
from engine.models.graft.codec import Codec
from engine.models.graft.griffin_lim import ITERATIONS, recover_audio
from engine.models.graft.spectral import (
    BINS,
    FRAMES_PER_LATENT,
    HOP,
    N_FFT,
    stft_circular,
    to_left_right,
    to_mid_side,
)


@dataclass(frozen=True)
class KnownAudio:
    """Audio that exists around what is decoded. stereo: (2, T x 2048). spans: what does not
    exist, in frames of `stereo`. The outside of the spans is held as it is."""

    stereo: Tensor
    spans: Sequence[FrameSpan]
    closes: bool


def random_phases(latent_frames: int, generator: torch.Generator) -> Tensor:
    """Return start phases for Griffin-Lim: radians, (2, 4T, BINS)."""
    shape = (2, latent_frames * FRAMES_PER_LATENT, BINS)
    return torch.rand(shape, generator=generator) * (2 * math.pi)


def decode(
    codec: Codec,
    latents: Tensor,
    phases: Tensor,
    known: KnownAudio | None = None,
    on_iteration: Callable[[int, int], None] | None = None,
    iterations: int = ITERATIONS,
) -> Tensor:
    """Map latents (T, channels) to stereo (2, T x 2048). Rotating latents and phases rotates
    the audio. on_iteration may raise JobCancelled."""
    magnitudes = codec.magnitudes(latents)
    if known is None:
        mid_side = recover_audio(
            magnitudes, phases, iterations=iterations, on_iteration=on_iteration
        )
        return to_left_right(mid_side)
    spectrum = stft_circular(to_mid_side(known.stereo))
    frames = spectrum.shape[1]
    half = N_FFT // 2
    hold = ~overlapping(frames, HOP, half, half, known.spans, circular=known.closes)
    mid_side = recover_audio(
        torch.where(hold[None, :, None], spectrum.abs(), magnitudes),
        phases,
        iterations=iterations,
        known=spectrum,
        known_frames=hold,
        on_iteration=on_iteration,
    )
    return to_left_right(mid_side)
