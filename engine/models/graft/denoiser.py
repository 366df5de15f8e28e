"""Graft's denoiser: a rectified-flow diffusion transformer on a circle.

AdaLN-single (Chen et al. 2023, PixArt-alpha), RMS-normalised queries and keys, SwiGLU, rotary
positions whose every frequency is a whole number of cycles per window, so that rotating the
input rotates the output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.graft.codec import LATENT_CHANNELS
from engine.models.graft.conditioning import (
    PHASE_CHANNELS,
    TEXT_WIDTH,
    UNKNOWN_MODE,
    UNKNOWN_ROOT,
    Conditions,
    pitch_classes,
)
from engine.models.graft.echoes import ECHO_CHANNELS, echoes
from engine.models.graft.weights import load_weights, save_weights
from engine.taxonomy import UNKNOWN_FAMILY, UNKNOWN_STYLE

INPUT_CHANNELS = 2 * LATENT_CHANNELS + 1 + PHASE_CHANNELS + ECHO_CHANNELS
#: The longest window the weights have seen: 12 s.
MAX_LATENT_FRAMES = 258

Rotation = tuple[Tensor, Tensor]
#: Of one attention: (b, heads, tokens, width / heads) each.
KeysValues = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class DenoiserShape:
    width: int = 256
    layers: int = 6
    heads: int = 4
    time_features: int = 64


#: Maps (latents (T, LATENT_CHANNELS), time) to the velocity of each row: (b, T, LATENT_CHANNELS).
Velocity = Callable[[Tensor, float], Tensor]


class Flow(Protocol):
    """What samples are drawn from, whatever computes it. One thread."""

    def told(
        self, context: Tensor, keep_mask: Tensor, phases: Tensor, conditions: Conditions
    ) -> Velocity:
        """Take in what stays the same over the steps; shapes as in Denoiser.forward."""
        ...


@dataclass(frozen=True)
class Known:
    """What the denoiser makes of everything but the noise, once for all steps of a sampling.

    still: (b, T, width), the entry without the noise. hint, state: (b, width), the fields and all
    of them with the numbers. text: keys and values of each block. text_mask: bool
    (b, 1, 1, tokens), True = heard.
    """

    still: Tensor
    hint: Tensor
    state: Tensor
    text: tuple[KeysValues, ...]
    text_mask: Tensor
    rotation: Rotation


def rotary(latent_frames: int, pairs: int, like: Tensor) -> Rotation:
    """Return cos and sin (T, pairs) of rotary angles that close after T frames.

    like: a tensor of the wanted device and type.
    """
    spread = torch.arange(pairs, dtype=torch.float64) / max(1, pairs - 1)
    cycles_per_frame = 0.5 * (2.0 / MAX_LATENT_FRAMES) ** spread
    cycles = torch.round(cycles_per_frame * latent_frames)
    position = torch.arange(latent_frames, dtype=torch.float64)
    turns = torch.remainder(position[:, None] * cycles[None], latent_frames) / latent_frames
    angles = 2 * math.pi * turns
    return angles.cos().to(like), angles.sin().to(like)


def _rotate(x: Tensor, rotation: Rotation) -> Tensor:
    cos, sin = rotation
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def _modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return F.layer_norm(x, (x.shape[-1],)) * (1 + scale[:, None]) + shift[:, None]


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, source_width: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(source_width or width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm = nn.RMSNorm(width // heads)
        self.key_norm = nn.RMSNorm(width // heads)

    def keys_values(self, source: Tensor) -> KeysValues:
        batch, tokens, _ = source.shape
        both = self.key_value(source).view(batch, tokens, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.key_norm(both[0]), both[1]

    def forward(
        self,
        x: Tensor,
        keys_values: KeysValues,
        rotation: Rotation | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        batch, tokens, width = x.shape
        query = self.query(x).view(batch, tokens, self.heads, -1).transpose(1, 2)
        query, (key, value) = self.query_norm(query), keys_values
        if rotation is not None:
            query, key = _rotate(query, rotation), _rotate(key, rotation)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))


class Block(nn.Module):
    def __init__(self, shape: DenoiserShape) -> None:
        super().__init__()
        width = shape.width
        hidden = int(width * 8 / 3 / 32) * 32
        self.attention = Attention(width, shape.heads)
        self.cross = Attention(width, shape.heads, source_width=width)
        self.gate_up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)
        self.modulation = nn.Parameter(torch.zeros(6, width))
        nn.init.zeros_(self.cross.out.weight)

    def forward(
        self,
        x: Tensor,
        modulation: Tensor,
        rotation: Rotation,
        text: KeysValues,
        text_mask: Tensor,
    ) -> Tensor:
        m = (self.modulation[None] + modulation).unbind(1)
        h = _modulate(x, m[0], m[1])
        x = x + self.attention(h, self.attention.keys_values(h), rotation) * m[2][:, None]
        h = F.layer_norm(x, (x.shape[-1],))
        x = x + self.cross(h, text, mask=text_mask)
        gate, up = self.gate_up(_modulate(x, m[3], m[4])).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up) * m[5][:, None]


class Denoiser(nn.Module):
    """Predict the flow's velocity (noise - data) from noisy latents and what is known."""

    def __init__(self, shape: DenoiserShape | None = None) -> None:
        super().__init__()
        self.shape = shape or DenoiserShape()
        width = self.shape.width
        self.enter = nn.Linear(INPUT_CHANNELS, width)
        self.local = nn.Conv1d(width, width, 5, groups=width)
        self.blocks = nn.ModuleList(Block(self.shape) for _ in range(self.shape.layers))
        self.leave = nn.Linear(width, LATENT_CHANNELS)
        self.family = nn.Embedding(UNKNOWN_FAMILY + 1, width)
        self.style = nn.Embedding(UNKNOWN_STYLE + 1, width)
        self.root = nn.Embedding(UNKNOWN_ROOT + 1, width)
        self.mode = nn.Embedding(UNKNOWN_MODE + 1, width)
        self.scale = nn.Linear(12, width, bias=False)
        self.hint = nn.Linear(width, width)
        self.numbers = nn.Linear(4, width)
        self.pooled = nn.Linear(TEXT_WIDTH, width)
        self.text = nn.Linear(TEXT_WIDTH, width)
        self.null_token = nn.Parameter(torch.zeros(1, 1, width))
        self.time = nn.Sequential(
            nn.Linear(self.shape.time_features, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.final = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        for layer in (self.leave, self.modulation[1], self.final[1]):
            nn.init.zeros_(layer.weight)  # pyright: ignore[reportArgumentType]
            nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
        nn.init.zeros_(self.local.weight)

    def forward(
        self,
        latents: Tensor,
        time: Tensor,
        context: Tensor,
        keep_mask: Tensor,
        phases: Tensor,
        conditions: Conditions,
    ) -> Tensor:
        """latents, context: (b, T, LATENT_CHANNELS). time: (b,) float32, 1 = noise.
        keep_mask: (b, T, 1), 1 = keep. phases: (b, T, PHASE_CHANNELS)."""
        return self.step(latents, time, self.know(context, keep_mask, phases, conditions))

    def told(
        self, context: Tensor, keep_mask: Tensor, phases: Tensor, conditions: Conditions
    ) -> Velocity:
        """Return the velocity of each row of conditions at any time; shapes as in `forward`."""
        known = self.know(context, keep_mask, phases, conditions)

        def velocity(latents: Tensor, time: float) -> Tensor:
            times = torch.full((len(context),), time, device=latents.device)
            return self.step(latents.expand(len(context), -1, -1), times, known)

        return velocity

    def know(
        self, context: Tensor, keep_mask: Tensor, phases: Tensor, conditions: Conditions
    ) -> Known:
        """Return what stays the same over the steps; shapes as in `forward`."""
        known = context * keep_mask
        echo = echoes(known, keep_mask, phases)
        still = torch.cat([known, keep_mask, phases, echo], dim=-1)
        fields = self._fields(conditions)
        text, text_mask = self._text(conditions)
        blocks = cast("Iterable[Block]", self.blocks)
        return Known(
            still=F.linear(still, self.enter.weight[:, LATENT_CHANNELS:], self.enter.bias),
            hint=self.hint(fields),
            state=self._told(conditions) + fields,
            text=tuple(block.cross.keys_values(text) for block in blocks),
            text_mask=text_mask,
            rotation=rotary(context.shape[1], self.shape.width // self.shape.heads // 2, still),
        )

    def step(self, latents: Tensor, time: Tensor, known: Known) -> Tensor:
        """Return the velocity at a time; shapes as in `forward`."""
        x = F.linear(latents, self.enter.weight[:, :LATENT_CHANNELS]) + known.still
        x = x + self._mix_neighbours(x) + known.hint[:, None]
        state = self._clock(time) + known.state
        modulation = self.modulation(state).view(len(state), 6, -1)
        for block, text in zip(self.blocks, known.text, strict=True):
            x = block(x, modulation, known.rotation, text, known.text_mask)
        shift, scale = self.final(state).chunk(2, dim=-1)
        return self.leave(_modulate(x, shift, scale))

    def _mix_neighbours(self, x: Tensor) -> Tensor:
        """Convolve over 5 frames on the circle."""
        channels_first = x.transpose(1, 2)
        padded = torch.cat([channels_first[..., -2:], channels_first, channels_first[..., :2]], -1)
        return self.local(padded).transpose(1, 2)

    def _fields(self, conditions: Conditions) -> Tensor:
        """Sum the embedded fields: (b, width). They start at the scale of the time's features;
        at a fiftieth of it, the key was still not heard after 45,000 items."""
        return (
            self.family(conditions.family)
            + self.style(conditions.style)
            + self.root(conditions.root)
            + self.mode(conditions.mode)
            + self.scale(pitch_classes(conditions.root, conditions.mode).to(self.scale.weight))
        )

    def _clock(self, time: Tensor) -> Tensor:
        features = self.shape.time_features // 2
        frequencies = torch.exp(
            torch.linspace(0, math.log(1000.0), features, device=time.device, dtype=torch.float32)
        )
        angles = time.float()[:, None] * frequencies
        return self.time(torch.cat([angles.sin(), angles.cos()], dim=-1).to(self.enter.weight))

    def _told(self, conditions: Conditions) -> Tensor:
        known_tempo = (conditions.bpm > 0).float()
        numbers = torch.stack(
            [
                known_tempo * (conditions.bpm - 120.0) / 40.0,
                known_tempo,
                conditions.detune_semitones * 4.0,
                conditions.is_loop,
            ],
            dim=-1,
        )
        return self.numbers(numbers) + self.pooled(conditions.pooled * TEXT_WIDTH**0.5)

    def _text(self, conditions: Conditions) -> tuple[Tensor, Tensor]:
        batch = len(conditions)
        null = self.null_token.expand(batch, -1, -1)
        text = torch.cat([null, self.text(conditions.text)], dim=1)
        always = torch.ones(batch, 1, dtype=torch.bool, device=text.device)
        return text, torch.cat([always, conditions.text_mask], dim=1)[:, None, None, :]


def save_denoiser(state: dict[str, Tensor], shape: DenoiserShape, path: Path) -> None:
    """Write fp16 weights with their shape."""
    save_weights(state, asdict(shape), path)


def load_denoiser(path: Path) -> Denoiser:
    """Read a denoiser for inference in float32. Raises ModelProblem when damaged."""
    return load_weights(path, lambda shape: Denoiser(DenoiserShape(**shape)))
