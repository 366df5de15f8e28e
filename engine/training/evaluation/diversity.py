"""Diversity: eight seeds of one caption beside eight held-out items that it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.request import GenerationRequest, Task
from engine.training.corpus import CorpusItem, make_item
from engine.training.dataset import HELD_OUT_SEED
from engine.training.evaluation.bars import Bar
from engine.training.evaluation.crew import Crew, tools
from engine.training.evaluation.distances import mean_pairwise_distance
from engine.training.evaluation.ear import Ear
from engine.training.evaluation.pool_of_takes import item_latents, latents_of, take_for

CLASS_SEED = HELD_OUT_SEED + 6_000_000
SEEDS = 8
#: Classes of captions: what is played and the family it is looked for in.
CLASSES = (
    ("electric piano", "keys"),
    ("808 kit", "drums"),
    ("warm pad", "pad"),
    ("saw bass", "bass"),
    ("saw lead", "lead"),
    ("plucked guitar", "pluck"),
)
#: Prompts for which one class is measured.
PROMPTS_PER_CLASS = 50
BPM, BARS = 120.0, 2
MOST_TRIES = 400


@dataclass(frozen=True)
class Spread:
    """Latents of one class: of takes that differ in their seed alone, and of held-out items."""

    made: Sequence[npt.NDArray[np.float16]]
    held_out: Sequence[npt.NDArray[np.float16]]


@dataclass(frozen=True)
class _Job:
    """seed: of one take; None: find the held-out items, `count` of them."""

    instrument: str
    family: str
    count: int
    seed: int | None


def measure_spreads(crew: Crew) -> list[Spread]:
    """Make the takes and find the items of as many classes as the count allows."""
    classes = CLASSES[: max(1, crew.count // PROMPTS_PER_CLASS)]
    jobs = [_Job(*one, SEEDS, seed) for one in classes for seed in (None, *range(SEEDS))]
    done = crew.each("seeds of one caption", work, jobs)
    each = SEEDS + 1
    parts = [done[first : first + each] for first in range(0, len(done), each)]
    return [Spread([z for (z,) in part[1:]], part[0]) for part in parts]


def work(job: _Job) -> list[npt.NDArray[np.float16]]:
    """Make one take, or, without a seed, find the class's held-out items."""
    codec = tools().maker.model.codec
    if job.seed is None:
        items = items_of_class(job.instrument, job.family, job.count)
        return [item_latents(codec, item) for item in items]
    request = GenerationRequest(
        task=Task.GENERATE, seed=job.seed, prompt=f"{job.instrument} loop", bpm=BPM, bars=BARS
    )
    take = take_for(tools().maker, request)
    return [latents_of(codec, take.samples.astype(np.float32), is_loop=True)]


def items_of_class(instrument: str, family: str, count: int) -> list[CorpusItem]:
    """Return held-out loops that the instrument plays. Raises ValueError where it hardly does."""
    found: list[CorpusItem] = []
    for seed in range(CLASS_SEED, CLASS_SEED + MOST_TRIES):
        item = make_item(seed, "held_out", family=family, kind="loop")
        if item.facts.instruments[0] == instrument:
            found.append(item)
        if len(found) == count:
            return found
    raise ValueError(f"{MOST_TRIES} held-out {family} loops hold {len(found)} of {instrument}")


def diversity_bars(spreads: Sequence[Spread], ear: Ear) -> list[Bar]:
    """Compare the spreads by ear."""
    ratios = [
        mean_pairwise_distance(ear.hear(spread.made).embeddings)
        / mean_pairwise_distance(ear.hear(spread.held_out).embeddings)
        for spread in spreads
    ]
    what = f"diversity: {SEEDS} seeds against {SEEDS} held-out items of a caption"
    return [Bar(what, float(np.mean(ratios)), least=0.6, count=len(ratios))]
