"""Samplers of the rectified flow x_t = (1 - t) data + t noise; one short pure function each."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from torch import Tensor

#: Maps (latents, time) to the estimate of the clean data.
Denoise = Callable[[Tensor, float], Tensor]
#: Called after each step as (step, steps, latents, time); returns the latents to go on with.
AfterStep = Callable[[int, int, Tensor, float], Tensor]


def euler(denoise: Denoise, latents: Tensor, times: Tensor, after_step: AfterStep) -> Tensor:
    """Follow the probability-flow ODE with Euler steps (Liu et al. 2022, rectified flow)."""
    schedule: list[float] = times.tolist()
    for step, (now, then) in enumerate(pairwise(schedule), start=1):
        data = denoise(latents, now)
        latents = data + (latents - data) * (then / now)
        latents = after_step(step, len(schedule) - 1, latents, then)
    return latents


def dpmpp_2m(denoise: Denoise, latents: Tensor, times: Tensor, after_step: AfterStep) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, alg. 2) with alpha = 1 - t and sigma = t.

    First order at the ends, where the log-SNR is infinite.
    """
    schedule: list[float] = times.tolist()
    previous: tuple[Tensor, float] | None = None
    for step, (now, then) in enumerate(pairwise(schedule), start=1):
        data = denoise(latents, now)
        estimate = data
        if previous is not None and then > 0.0 and now < 1.0:
            last_data, last_h = previous
            h = _log_snr(then) - _log_snr(now)
            estimate = data + (data - last_data) * (0.5 * h / last_h)
        latents = (then / now) * latents + (1 - then - (then / now) * (1 - now)) * estimate
        step_h = _log_snr(max(then, 1e-4)) - _log_snr(min(now, 1 - 1e-4))
        previous = (data, step_h)
        latents = after_step(step, len(schedule) - 1, latents, then)
    return latents


def _log_snr(time: float) -> float:
    return math.log((1 - time) / time)
