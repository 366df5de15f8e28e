"""Classifier-free guidance on the estimate of the clean data."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Guidance:
    """scale 1 is no guidance. interval: times in which it acts (Kynkaanniemi et al. 2024)."""

    scale: float = 2.5
    interval: tuple[float, float] = (0.1, 1.0)
    norm_limit: float = 0.0

    def acts_at(self, time: float) -> bool:
        low, high = self.interval
        return self.scale != 1.0 and low <= time <= high


def guide(conditional: Tensor, unconditional: Tensor, guidance: Guidance) -> Tensor:
    """Push the estimate along the part of the difference that is orthogonal to it.

    Adaptive projected guidance (Sadat et al. 2024) with eta 0: the parallel part, which only
    raises the level and saturates, is left out. (b, T, channels) each.
    """
    difference = conditional - unconditional
    dims = (-2, -1)
    if guidance.norm_limit > 0:
        norm = difference.square().sum(dims, keepdim=True).sqrt().clamp_min(1e-9)
        difference = difference * (guidance.norm_limit / norm).clamp_max(1.0)
    power = conditional.square().sum(dims, keepdim=True).clamp_min(1e-9)
    parallel = conditional * ((difference * conditional).sum(dims, keepdim=True) / power)
    return conditional + (guidance.scale - 1.0) * (difference - parallel)
