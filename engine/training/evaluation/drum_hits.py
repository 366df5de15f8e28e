"""One-shots of drums: is the drum that was asked for the one that is heard?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.models.graft.codec import Codec
from engine.request import GenerationRequest, Task
from engine.training.corpus import CorpusItem, make_item
from engine.training.dataset import HELD_OUT_SEED
from engine.training.evaluation.bars import Bar, share
from engine.training.evaluation.crew import Crew, tools
from engine.training.evaluation.pool_of_takes import item_latents, latents_of, take_for
from engine.training.synth.drums import VOICES

DRUMS = tuple(name.replace("_", " ") for name in VOICES)
TRAIN_SEED, HIT_SEED = 7_000_000, HELD_OUT_SEED + 7_000_000
#: One-shots that are known for each prompt of the evaluation; its prompts for each take of a drum.
REFERENCES_PER_PROMPT, PROMPTS_PER_TAKE = 3, 30
#: A drum is known by its first 0.37 s, and by most of those known ones that it is nearest to.
PROFILE_FRAMES, NEIGHBOURS = 8, 5
TAKE_SECONDS = 0.6

Profile = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Hit:
    """drum: its place in DRUMS. profile: what it sounds like, flat."""

    drum: int
    profile: Profile


@dataclass(frozen=True)
class _Job:
    """seed: of an item of a split, or of a take of a drum."""

    seed: int
    split: str | None = None
    drum: int = 0


def drum_hit_bars(crew: Crew) -> list[Bar]:
    """Ask for each drum by its name and hear what comes; the same for unseen items."""
    known = crew.each(
        "known drum hits", hit, item_jobs("train", REFERENCES_PER_PROMPT * crew.count)
    )
    unseen = crew.each("unseen drum hits", hit, item_jobs("held_out", crew.count))
    seeds = range(max(1, crew.count // PROMPTS_PER_TAKE))
    jobs = [_Job(seed, None, drum) for drum in range(len(DRUMS)) for seed in seeds]
    made = crew.each("drum one-shots", hit, jobs)
    bars: list[Bar] = []
    for what, some, least in (
        ("one-shots: the drum asked for, of 12, is heard", made, 0.8),
        ("- in held-out one-shots themselves", unseen, 0.0),
    ):
        hits = [nearest_drum(one.profile, known) == one.drum for one in some]
        bars.append(Bar(what, share(hits), least=least, count=len(hits)))
    return bars


def item_jobs(split: str, count: int) -> list[_Job]:
    """Return jobs that synthesise so many one-shots of a split."""
    first = TRAIN_SEED if split == "train" else HIT_SEED
    return [_Job(seed, split) for seed in range(first, first + count)]


def hit(job: _Job) -> Hit:
    """Synthesise an item or make a take, and return what it sounds like."""
    maker = tools().maker
    codec = maker.model.codec
    if job.split is not None:
        item: CorpusItem = make_item(job.seed, job.split, family="drums", kind="one_shot")
        drum = DRUMS.index(item.facts.instruments[0])
        return Hit(drum, profile_of(codec, item_latents(codec, item)))
    request = GenerationRequest(
        Task.GENERATE, job.seed, DRUMS[job.drum], one_shot=True, seconds=TAKE_SECONDS
    )
    samples = take_for(maker, request).samples.astype(np.float32)
    return Hit(job.drum, profile_of(codec, latents_of(codec, samples, is_loop=False)))


def profile_of(codec: Codec, latents: npt.NDArray[np.float16]) -> Profile:
    """Return a sound's first latents, silence behind its end, flat."""
    profile = np.tile(codec.silence().numpy(), (PROFILE_FRAMES, 1))
    kept = min(PROFILE_FRAMES, len(latents))
    profile[:kept] = latents[:kept]
    return profile.ravel()


def nearest_drum(profile: Profile, known: Sequence[Hit]) -> int:
    """Return which drum most of the nearest known hits are; of as many, the nearest one."""
    distances = np.linalg.norm(np.stack([one.profile for one in known]) - profile, axis=1)
    nearest = [known[index].drum for index in np.argsort(distances)[:NEIGHBOURS]]
    return max(nearest, key=nearest.count)  # of as many, the first: the nearest
