"""What the kept context holds at the same place of other bars and beats.

A loop answers for most of what is cut out of it: the same moment one bar earlier. Attention can
find that, but a small network spends most of its training on finding it; here it is handed over.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.models.graft.codec import LATENT_CHANNELS

#: The echoes of the bar, of the beat, and the mean of all that is kept.
ECHOES = 3
ECHO_CHANNELS = ECHOES * (LATENT_CHANNELS + 1)
#: How sharply an echo listens to one place of the sixteenth, of the beat and of the bar: the
#: concentrations of von Mises curves, about one latent frame wide together at 60 to 180 bpm.
SHARPNESS = {"bar": (3.0, 8.0, 30.0), "beat": (3.0, 8.0, 0.0)}
#: Kept weight that counts as half a certainty.
HALF_SURE = 0.5


def echoes(context: Tensor, keep_mask: Tensor, phases: Tensor) -> Tensor:
    """Return (b, T, ECHO_CHANNELS): for each echo its latents and how sure they are, 0 to 1.

    context: (b, T, LATENT_CHANNELS). keep_mask: (b, T, 1). phases: as phase_channels gives them.
    Without a tempo only the mean is known.
    """
    likeness = _phase_likeness(phases)
    known = keep_mask.transpose(1, 2)
    heard = [_weights(likeness, SHARPNESS[name]) * known for name in ("bar", "beat")]
    heard.append(known.expand_as(heard[0]) / known.shape[-1])
    return torch.cat([_listen(weights, context) for weights in heard], dim=-1)


def _phase_likeness(phases: Tensor) -> Tensor:
    """Return the cosine of the phase between any two frames: (3, b, T, T)."""
    pairs = phases[..., :6].unflatten(-1, (3, 2)).permute(2, 0, 1, 3)
    return pairs @ pairs.transpose(-1, -2)


def _weights(likeness: Tensor, sharpness: tuple[float, ...]) -> Tensor:
    each = torch.tensor(sharpness, dtype=likeness.dtype, device=likeness.device)
    return torch.exp(torch.einsum("p,pbts->bts", each, likeness - 1))


def _listen(weights: Tensor, context: Tensor) -> Tensor:
    total = weights.sum(-1, keepdim=True)
    mean = (weights @ context) / (total + 1e-4)
    sure = total / (total + HALF_SURE)
    return torch.cat([mean * sure, sure], dim=-1)
