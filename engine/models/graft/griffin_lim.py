"""Fast Griffin-Lim phase recovery on a circle (Perraudin, Balazs & Sondergaard 2013)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.models.graft.spectral import istft_circular, stft_circular

MOMENTUM = 0.95
ITERATIONS = 32


def recover_audio(
    magnitudes: Tensor,
    phases: Tensor,
    *,
    iterations: int = ITERATIONS,
    known: Tensor | None = None,
    known_frames: Tensor | None = None,
    on_iteration: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Find audio (channels, samples) whose circular STFT has these magnitudes.

    magnitudes: (channels, frames, BINS). phases: the start, radians, same shape.
    known: a complex spectrum that is held fixed where known_frames (frames,) is true, so that
    the recovered audio meets audio which exists already in phase.
    on_iteration(done, total) may raise JobCancelled.
    """
    spectrum = torch.polar(magnitudes, phases)
    hold = None if known_frames is None else known_frames[None, :, None]
    previous = torch.zeros_like(spectrum)
    for iteration in range(iterations):
        if hold is not None and known is not None:
            spectrum = torch.where(hold, known, spectrum)
        rebuilt = stft_circular(istft_circular(spectrum))
        accelerated = rebuilt - (MOMENTUM / (1 + MOMENTUM)) * previous
        previous = rebuilt
        spectrum = magnitudes * accelerated / accelerated.abs().clamp_min(1e-9)
        if on_iteration is not None:
            on_iteration(iteration + 1, iterations)
    if hold is not None and known is not None:
        spectrum = torch.where(hold, known, spectrum)
    return istft_circular(spectrum)
