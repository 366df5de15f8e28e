"""Judges of decoded audio: multi-scale STFT discriminators (Defossez et al. 2022, EnCodec)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

SCALES = (2048, 1024, 512, 256, 128)
ADVERSARIAL_WEIGHT = 1.0
FEATURE_WEIGHT = 2.0
_SLOPE = 0.2

#: Per scale the outputs of every layer; the last is the judgement.
Judgement = list[list[Tensor]]


class ScaleJudge(nn.Module):
    """2-D convolutions over time and frequency of one complex STFT of stereo."""

    def __init__(self, n_fft: int, width: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.window: Tensor
        self.register_buffer("window", torch.hann_window(n_fft) / (n_fft / 4), persistent=False)
        dilated = [
            nn.Conv2d(width, width, (3, 9), (1, 2), (reach, 4), dilation=(reach, 1))
            for reach in (1, 2, 4)
        ]
        layers = [
            nn.Conv2d(4, width, (3, 9), padding=(1, 4)),
            *dilated,
            nn.Conv2d(width, width, 3, padding=1),
            nn.Conv2d(width, 1, 3, padding=1),
        ]
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)

    def forward(self, stereo: Tensor) -> list[Tensor]:
        """Map (b, 2, samples) to every layer's output (b, width, frames, bins)."""
        batch, _, _ = stereo.shape
        spectrum = torch.stft(
            stereo.flatten(0, 1),
            self.n_fft,
            self.n_fft // 4,
            window=self.window,
            center=False,
            return_complex=True,
        )
        parts = torch.view_as_real(spectrum).unflatten(0, (batch, 2))  # (b, 2, bins, frames, 2)
        x = parts.permute(0, 1, 4, 3, 2).flatten(1, 2)
        outputs: list[Tensor] = []
        for layer in self.layers:
            x = layer(x if not outputs else F.leaky_relu(x, _SLOPE))
            outputs.append(x)
        return outputs


class Discriminators(nn.Module):
    """One judge per scale."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.judges = nn.ModuleList(ScaleJudge(n_fft, width) for n_fft in SCALES)

    def forward(self, stereo: Tensor) -> Judgement:
        return [judge(stereo) for judge in self.judges]


def judge_loss(true: Judgement, made: Judgement) -> Tensor:
    """Hinge loss of the discriminators: true above 1, made below -1."""
    losses = [
        F.relu(1 - t[-1]).mean() + F.relu(1 + m[-1]).mean() for t, m in zip(true, made, strict=True)
    ]
    return torch.stack(losses).mean()


def fool_loss(true: Judgement, made: Judgement) -> Tensor:
    """The decoder's share: hinge on the judgements plus feature matching, weighted."""
    hinge = torch.stack([F.relu(1 - m[-1]).mean() for m in made]).mean()
    matches = [
        (a - b.detach()).abs().mean() / b.detach().abs().mean().clamp_min(1e-4)
        for t, m in zip(true, made, strict=True)
        for a, b in zip(m[:-1], t[:-1], strict=True)
    ]
    return ADVERSARIAL_WEIGHT * hinge + FEATURE_WEIGHT * torch.stack(matches).mean()
