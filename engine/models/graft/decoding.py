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

#: A bin counts as heard where it is no more than 40 dB under what is to be made.
HEARD_SHARE = 0.01


@dataclass(frozen=True)
class KnownAudio:
    """Audio that exists around what is decoded. stereo: (2, T x 2048). spans: what does not
    exist, in frames of `stereo`. The outside of the spans is held as it is. like: (2, T x 2048),
    audio that the spans are likely to be like; their phases are looked for from its phases on."""

    stereo: Tensor
    spans: Sequence[FrameSpan]
    closes: bool
    like: Tensor | None = None


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
    if known.like is not None:
        phases = _phases_like(known.like, magnitudes, phases)
    mid_side = recover_audio(
        torch.where(hold[None, :, None], spectrum.abs(), magnitudes),
        phases,
        iterations=iterations,
        known=spectrum,
        known_frames=hold,
        on_iteration=on_iteration,
    )
    return to_left_right(mid_side)


def _phases_like(like: Tensor, magnitudes: Tensor, phases: Tensor) -> Tensor:
    """Return the phases of `like`, and the given ones where it is silent beside the magnitudes.

    Griffin-Lim goes to the nearest waveform it finds: from random phases to one with smeared
    attacks and high peaks, from those of a bar that is much the same to one as tight as that bar.
    """
    spectrum = stft_circular(to_mid_side(like))
    return torch.where(spectrum.abs() > HEARD_SHARE * magnitudes, spectrum.angle(), phases)
