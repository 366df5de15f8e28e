"""In context: a quarter of an unseen loop removed and made again, without text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from engine.models.graft.backend import WORDLESS_GUIDANCE, WORDLESS_TEMPERATURE
from engine.models.graft.conditioning import Grid
from engine.models.graft.model import GraftModel, Wish
from engine.models.graft.sampling import (
    Brief,
    Guidance,
    LatentCanvas,
    SamplerSettings,
    sample,
)
from engine.training.dataset import LatentItem
from engine.training.evaluation.bars import Bar
from engine.training.evaluation.crew import Crew, tools

#: Held-out items that are grafted into; about one in nine has no beat and is left out.
CONTEXT_ITEMS = 120


def context_bars(crew: Crew) -> list[Bar]:
    """Measure the correlation of what is made with what was removed."""
    items = min(CONTEXT_ITEMS, crew.count)
    known = [s for s in crew.each("in context", context_score, range(items)) if s is not None]
    what = "in context: correlation of remade with removed latents"
    return [Bar(what, float(np.mean(known)), least=0.85, count=len(known))] if known else []


def context_score(index: int) -> float | None:
    """Return the correlation for one held-out loop, None for an item without a beat."""
    held_out = tools().held_out
    if index >= len(held_out):
        return None
    item = held_out[index]
    if item.is_loop != 1 or item.beats <= 0:
        return None
    made, true = refill(tools().maker.model, item)
    return float(np.corrcoef(made, true)[0, 1])


def refill(model: GraftModel, item: LatentItem) -> tuple[npt.NDArray[np.float32], ...]:
    """Remove a quarter of an unseen loop and make it again, without text."""
    latents = torch.from_numpy(item.latents.astype(np.float32))
    frames = len(latents)
    hole = slice(frames * 3 // 8, frames * 5 // 8)
    keep = torch.ones(frames, 1)
    keep[hole] = 0.0
    grid = Grid(frames, item.beats, 0.0, item.beats_per_bar, item.beats)
    row = model.conditions(Wish(bpm=item.bpm, detune_semitones=item.detune_semitones))
    generator = torch.Generator().manual_seed(frames)
    made = sample(
        model.denoiser,
        LatentCanvas(latents * keep, keep, grid, closes=True),
        Brief((row,), row),
        SamplerSettings(16, Guidance(scale=WORDLESS_GUIDANCE), temperature=WORDLESS_TEMPERATURE),
        torch.randn(latents.shape, generator=generator),
        lambda _done, _total: None,
    )
    return made[hole].numpy().ravel(), latents[hole].numpy().ravel()
