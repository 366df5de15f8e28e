"""From a user's span of frames to a keep_mask on latents, in one place. 1 = keep."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.audio import FrameSpan


def overlapping(
    count: int, hop: int, before: int, after: int, spans: Sequence[FrameSpan], *, circular: bool
) -> Tensor:
    """Return bool (count,): which windows [k*hop - before, k*hop + after) meet a span."""
    centres = torch.arange(count) * hop
    period = count * hop
    shifts = (-period, 0, period) if circular else (0,)
    hit = torch.zeros(count, dtype=torch.bool)
    for span in spans:
        for shift in shifts:
            start, stop = span.start + shift, span.stop + shift
            hit |= (centres - before < stop) & (centres + after > start)
    return hit


def keep_mask(
    latent_frames: int, hop: int, spans: Sequence[FrameSpan], *, circular: bool
) -> Tensor:
    """Return (T, 1), 0 on every latent frame whose own `hop` samples meet a span.

    spans: frames at the model's rate, on the latent grid. Frame k stands for the samples from
    an eighth of a hop before k x hop to an eighth before the next.
    """
    hit = overlapping(latent_frames, hop, hop // 8, hop - hop // 8, spans, circular=circular)
    return (~hit).float()[:, None]


def boundary_band(keep: Tensor, width: int, *, circular: bool) -> Tensor:
    """Return bool (T, 1): kept frames within `width` frames of a regenerated one."""
    made = keep[:, 0] < 0.5
    near = made.clone()
    for shift in range(1, width + 1):
        for direction in (shift, -shift):
            moved = made.roll(direction)
            if not circular:
                edge = slice(0, shift) if direction > 0 else slice(len(made) - shift, None)
                moved[edge] = False
            near |= moved
    return (near & ~made)[:, None]
