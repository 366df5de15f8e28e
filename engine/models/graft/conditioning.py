"""What the denoiser is told beside the noise: musical fields, text, and where the beat falls."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.key import SCALE_STEPS, Mode
from engine.taxonomy import UNKNOWN_FAMILY, UNKNOWN_STYLE

UNKNOWN_ROOT = 12
UNKNOWN_MODE = 2
MODES: dict[Mode, int] = {"major": 0, "minor": 1}
TEXT_TOKENS = 32
TEXT_WIDTH = 384
PHASE_CHANNELS = 8
#: Cycles per beat of the first phase pair; the others are beat, bar and loop.
SIXTEENTHS_PER_BEAT = 4


@dataclass(frozen=True)
class Conditions:
    """Batched conditions, one row per item.

    family, style, root, mode: int64 (b,), with the UNKNOWN index for "not said".
    bpm: float32 (b,), 0 when there is no tempo. detune_semitones: (b,), how far the latent grid
    stretches the pitch. is_loop: (b,), 1 for a closed loop, 0 for a window into something longer,
    -1 for a one-shot. text: (b, TEXT_TOKENS, TEXT_WIDTH). text_mask: bool (b, TEXT_TOKENS).
    pooled: (b, TEXT_WIDTH).
    """

    family: Tensor
    style: Tensor
    root: Tensor
    mode: Tensor
    bpm: Tensor
    detune_semitones: Tensor
    is_loop: Tensor
    text: Tensor
    text_mask: Tensor
    pooled: Tensor

    def __len__(self) -> int:
        return self.family.shape[0]

    def to(self, device: torch.device) -> Conditions:
        return Conditions(*(getattr(self, f.name).to(device) for f in fields(self)))

    def unprompted(self) -> Conditions:
        """Return the conditions with everything forgotten that a prompt can say, but tempo."""
        return Conditions(
            family=torch.full_like(self.family, UNKNOWN_FAMILY),
            style=torch.full_like(self.style, UNKNOWN_STYLE),
            root=torch.full_like(self.root, UNKNOWN_ROOT),
            mode=torch.full_like(self.mode, UNKNOWN_MODE),
            bpm=self.bpm,
            detune_semitones=self.detune_semitones,
            is_loop=self.is_loop,
            text=torch.zeros_like(self.text),
            text_mask=torch.zeros_like(self.text_mask),
            pooled=torch.zeros_like(self.pooled),
        )


def unknown_conditions(rows: int) -> Conditions:
    """Return rows of conditions in which nothing is said."""
    return Conditions(
        family=torch.full((rows,), UNKNOWN_FAMILY),
        style=torch.full((rows,), UNKNOWN_STYLE),
        root=torch.full((rows,), UNKNOWN_ROOT),
        mode=torch.full((rows,), UNKNOWN_MODE),
        bpm=torch.zeros(rows),
        detune_semitones=torch.zeros(rows),
        is_loop=torch.ones(rows),
        text=torch.zeros(rows, TEXT_TOKENS, TEXT_WIDTH),
        text_mask=torch.zeros(rows, TEXT_TOKENS, dtype=torch.bool),
        pooled=torch.zeros(rows, TEXT_WIDTH),
    )


def stack_conditions(rows: list[Conditions]) -> Conditions:
    """Join several batches into one."""
    return Conditions(
        *(torch.cat([getattr(row, f.name) for row in rows]) for f in fields(Conditions))
    )


def pitch_classes(root: Tensor, mode: Tensor) -> Tensor:
    """Return which of the twelve pitch classes a key allows: (b, 12), all 0 where it is not said.

    A network that hears the notes one by one need not learn twenty-four keys one by one.
    """
    allowed = torch.zeros(UNKNOWN_MODE + 1, 12, device=root.device)
    for mode_name, index in MODES.items():
        allowed[index, list(SCALE_STEPS[mode_name])] = 1.0
    above_root = (torch.arange(12, device=root.device)[None] - root[:, None]) % 12
    return allowed[mode].gather(1, above_root) * (root < UNKNOWN_ROOT)[:, None]


@dataclass(frozen=True)
class Grid:
    """Where the beat falls on a run of latent frames.

    latent_frames: T. start_beat: the beat (0 = a downbeat) at frame 0. beats: how many beats T
    frames span; 0 when there is no tempo. beats_per_bar: of the meter. period_beats: beats of
    the whole loop, for the loop phase; None: a window into something that is no loop.
    """

    latent_frames: int
    beats: float
    start_beat: float = 0.0
    beats_per_bar: int = 4
    period_beats: float | None = None


def one_shot_grid(latent_frames: int) -> Grid:
    """Return the grid of a sound without tempo that starts at frame 0.

    Everything else in the denoiser turns with the circle: without a mark of its own the start
    could lie anywhere. One beat that is bar and loop at once tells each frame its place.
    """
    return Grid(latent_frames, 1.0, 0.0, 1, 1.0)


def phase_channels(grid: Grid) -> Tensor:
    """Return sin/cos of sixteenth, beat, bar and loop position: (T, PHASE_CHANNELS)."""
    if grid.beats <= 0:
        return torch.zeros(grid.latent_frames, PHASE_CHANNELS)
    position = torch.arange(grid.latent_frames, dtype=torch.float64) / grid.latent_frames
    beat = grid.start_beat + position * grid.beats
    cycles = [beat * SIXTEENTHS_PER_BEAT, beat, beat / grid.beats_per_bar]
    if grid.period_beats is not None:
        cycles.append(beat / grid.period_beats)
    angles = [2 * math.pi * c for c in cycles]
    channels = torch.stack([f(a) for a in angles for f in (torch.sin, torch.cos)], dim=-1)
    return F.pad(channels, (0, PHASE_CHANNELS - channels.shape[-1])).float()
