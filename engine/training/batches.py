"""Batches for the denoiser: same-length loops or crops, masks, dropped conditions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.models.graft.conditioning import (
    TEXT_TOKENS,
    TEXT_WIDTH,
    UNKNOWN_MODE,
    UNKNOWN_ROOT,
    Conditions,
    Grid,
    one_shot_grid,
    phase_channels,
)
from engine.models.graft.denoiser import MAX_LATENT_FRAMES
from engine.taxonomy import UNKNOWN_FAMILY, UNKNOWN_STYLE
from engine.training.dataset import LatentItem

#: How often a training example hides everything, one side, or spans (MODEL.md).
MASK_SHARES = {"full": 0.5, "causal": 0.2, "spans": 0.3}
CROP_SHARE = 0.2
#: One-shots are short: drawn by their frames they were one in fifty, and what a kick is was not
#: learned. So many batches hold nothing else.
ONE_SHOT_SHARE = 0.2
SHORTEST_CROP = 24
FIELD_DROPOUT = 0.2
TEXT_DROPOUT = 0.15
ALL_DROPOUT = 0.1


@dataclass(frozen=True)
class Batch:
    """latents: (b, T, 128) float32. keep_mask: (b, T, 1), 1 = keep. phases: (b, T, 8)."""

    latents: Tensor
    keep_mask: Tensor
    phases: Tensor
    conditions: Conditions


class BatchMaker:
    """Draws batches of one window length each, holding about `tokens` latent frames."""

    def __init__(
        self,
        items: Sequence[LatentItem],
        tokens: int,
        rng: np.random.Generator,
        silence: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """silence: (128,), what follows a one-shot in a longer window; None: no such batches."""
        self.items = list(items)
        self.tokens = tokens
        self.rng = rng
        self._silence = silence
        self._one_shots = [item for item in self.items if item.is_loop < 0]
        self._by_length: dict[int, list[int]] = defaultdict(list)
        for index, item in enumerate(self.items):
            self._by_length[len(item.latents)].append(index)
        self._lengths = np.array(sorted(self._by_length))
        frames = np.array([n * len(self._by_length[n]) for n in self._lengths], dtype=float)
        self._weights = frames / frames.sum()

    def draw(self) -> Batch:
        """Draw whole items of one length, or, less often, crops or one-shots in one window."""
        has_shots = self._silence is not None and bool(self._one_shots)
        if has_shots and self.rng.random() < ONE_SHOT_SHARE:
            return self._shots()
        length = int(self.rng.choice(self._lengths, p=self._weights))
        count = max(2, self.tokens // length)
        if self.rng.random() < CROP_SHARE and length > SHORTEST_CROP:
            return self._crops(int(self.rng.integers(SHORTEST_CROP, length)), count)
        chosen = self.rng.choice(self._by_length[length], count)
        return self._assemble([self.items[i] for i in chosen], [None] * count, length)

    def _crops(self, length: int, count: int) -> Batch:
        chosen: list[LatentItem] = []
        starts: list[int | None] = []
        while len(chosen) < count:
            item = self.items[int(self.rng.integers(len(self.items)))]
            if len(item.latents) > length and item.is_loop == 1 and item.beats > 0:
                chosen.append(item)
                starts.append(int(self.rng.integers(len(item.latents))))
        return self._assemble(chosen, starts, length)

    def _shots(self) -> Batch:
        """Draw one-shots that fit into a window of any length, silent behind their ends."""
        shortest = min(len(item.latents) for item in self._one_shots)
        low, high = np.log(shortest), np.log(MAX_LATENT_FRAMES)
        length = round(float(np.exp(self.rng.uniform(low, high))))
        fitting = [item for item in self._one_shots if len(item.latents) <= length]
        chosen = self.rng.choice(len(fitting), max(2, self.tokens // length))
        padded = [self._padded(fitting[index], length) for index in chosen]
        return self._assemble(padded, [None] * len(padded), length)

    def _padded(self, item: LatentItem, length: int) -> LatentItem:
        assert self._silence is not None
        behind = np.tile(self._silence, (length - len(item.latents), 1))
        whole = np.concatenate([item.latents, behind.astype(item.latents.dtype)])
        return replace(item, latents=whole)

    def _assemble(self, items: list[LatentItem], starts: list[int | None], length: int) -> Batch:
        pairs = list(zip(items, starts, strict=True))
        latents = np.stack([_window(item, start, length) for item, start in pairs])
        return Batch(
            latents=torch.from_numpy(latents.astype(np.float32)),
            keep_mask=torch.stack([self._keep_mask(length, item) for item in items]),
            phases=torch.stack([phase_channels(_grid(i, s, length)) for i, s in pairs]),
            conditions=self._conditions(pairs),
        )

    def _keep_mask(self, length: int, item: LatentItem) -> Tensor:
        kind = self.rng.choice(list(MASK_SHARES), p=list(MASK_SHARES.values()))
        keep = torch.zeros(length, 1)
        if kind == "full" or item.is_loop < 0:
            return keep
        if kind == "causal":
            cut = int(self.rng.integers(length // 5, length - length // 5))
            (keep[:cut] if self.rng.random() < 0.5 else keep[cut:]).fill_(1.0)
            return keep
        return random_spans(length, self.rng)

    def _conditions(self, pairs: list[tuple[LatentItem, int | None]]) -> Conditions:
        rows = [self._drop(item) for item, _ in pairs]
        text = torch.zeros(len(rows), TEXT_TOKENS, TEXT_WIDTH)
        mask = torch.zeros(len(rows), TEXT_TOKENS, dtype=torch.bool)
        pooled = torch.zeros(len(rows), TEXT_WIDTH)
        for row, item in enumerate(rows):
            if not item.captions:
                continue
            choice = int(self.rng.integers(len(item.captions)))
            tokens = torch.from_numpy(item.captions[choice][:TEXT_TOKENS].astype(np.float32))
            text[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = True
            pooled[row] = torch.from_numpy(item.pooled[choice])
        loops = [item.is_loop if start is None else 0 for item, start in pairs]
        return Conditions(
            *(torch.tensor([getattr(r, n) for r in rows]) for n in ("family", "style")),
            *(torch.tensor([getattr(r, n) for r in rows]) for n in ("root", "mode")),
            bpm=torch.tensor([r.bpm for r in rows], dtype=torch.float32),
            detune_semitones=torch.tensor([r.detune_semitones for r in rows], dtype=torch.float32),
            is_loop=torch.tensor(loops, dtype=torch.float32),
            text=text,
            text_mask=mask,
            pooled=pooled,
        )

    def _drop(self, item: LatentItem) -> LatentItem:
        """Forget some of what a prompt can say, so that any part of it suffices."""
        if self.rng.random() < ALL_DROPOUT:
            return replace(
                item,
                family=UNKNOWN_FAMILY,
                style=UNKNOWN_STYLE,
                root=UNKNOWN_ROOT,
                mode=UNKNOWN_MODE,
                captions=(),
            )
        family, style, key, text = self.rng.random(4)
        return replace(
            item,
            family=UNKNOWN_FAMILY if family < FIELD_DROPOUT else item.family,
            style=UNKNOWN_STYLE if style < FIELD_DROPOUT else item.style,
            root=UNKNOWN_ROOT if key < FIELD_DROPOUT else item.root,
            mode=UNKNOWN_MODE if key < FIELD_DROPOUT else item.mode,
            captions=() if text < TEXT_DROPOUT else item.captions,
        )


def random_spans(length: int, rng: np.random.Generator) -> Tensor:
    """Return a keep_mask (length, 1) with 1-4 hidden spans on the circle, an eighth to three
    quarters of it in all, split by a Dirichlet draw."""
    hidden = int(rng.integers(max(1, length // 8), max(2, 3 * length // 4)))
    count = int(rng.integers(1, 5))
    keep = torch.ones(length, 1)
    for share in rng.dirichlet(np.ones(count)):
        start = int(rng.integers(length))
        frames = max(1, round(share * hidden))
        keep[(start + np.arange(frames)) % length] = 0.0
    return keep


def _window(item: LatentItem, start: int | None, length: int) -> np.ndarray:
    if start is None:
        return item.latents
    return item.latents[(start + np.arange(length)) % len(item.latents)]


def _grid(item: LatentItem, start: int | None, length: int) -> Grid:
    if item.is_loop < 0:
        return one_shot_grid(length)
    if start is None:
        return Grid(length, item.beats, 0.0, item.beats_per_bar, item.beats or None)
    beats_per_frame = item.beats / len(item.latents)
    return Grid(length, beats_per_frame * length, beats_per_frame * start, item.beats_per_bar)
