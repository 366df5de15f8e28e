"""Time schedules of the rectified flow: 1 is noise, 0 is data."""

from __future__ import annotations

import torch
from torch import Tensor


def logistic_schedule(steps: int, start: float = 1.0, steepness: float = 4.0) -> Tensor:
    """Return steps + 1 times from `start` down to 0, dense where a logit-normal training is.

    start: 1 begins at noise; less begins inside the flow (variation strength).
    """
    ramp = torch.linspace(steepness, -steepness, steps + 1, dtype=torch.float64)
    times = torch.sigmoid(ramp)
    times = (times - times[-1]) / (times[0] - times[-1])
    return (times * start).float()
