"""The bars that are judged by ear: family, Fréchet distance, and what is taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.taxonomy import FAMILIES
from engine.training.evaluation.asks import family_index
from engine.training.evaluation.bars import Bar, share
from engine.training.evaluation.distances import frechet_ratio
from engine.training.evaluation.ear import EMBEDDING, Ear, Heard, lesson_of
from engine.training.evaluation.pool_of_takes import Takes

#: Fewer takes than this leave a covariance of EMBEDDING dimensions too poor.
LEAST_FOR_FRECHET = 2 * EMBEDDING


def ear_bar(ear: Ear, shards: Path) -> tuple[Bar, str]:
    """Test the ear on loops of the held-out shards; return the bar and what it confuses."""
    lesson = lesson_of(shards, loops_only=True)
    heard = ear.hear(lesson.latents).families
    hits = (heard == lesson.families).tolist()
    bar = Bar("the ear's families on held-out items", share(hits), least=0.98, count=len(hits))
    return bar, confusion_table(lesson.families, heard)


def family_bar(takes: Takes, heard: Heard) -> Bar:
    """Count the loops whose asked family is heard. heard: of every pair's take."""
    hits = [
        int(family) == family_index(pair.ask)
        for pair, family in zip(takes.pairs, heard.families, strict=True)
        if pair.ask.kind == "loop"
    ]
    return Bar("family of takes, by the ear", share(hits), least=0.92, count=len(hits))


def frechet_bars(takes: Takes, made: Heard, held_out: Heard, ear: Ear) -> list[Bar]:
    """Compare takes with the held-out items whose captions they follow and as many others."""
    count = len(takes.pairs)
    if count < LEAST_FOR_FRECHET:
        print(f"Fréchet distance: left out, it takes {LEAST_FOR_FRECHET} prompts.", flush=True)
        return []
    others = ear.hear(takes.others)
    ratio = frechet_ratio(made.embeddings, held_out.embeddings, others.embeddings)
    return [Bar("Fréchet distance, in that of two held-out halves", ratio, most=3.0, count=count)]


def confusion_table(true: npt.NDArray[np.int64], heard: npt.NDArray[np.int64]) -> str:
    """Return a Markdown table: rows are what it is, columns what was heard, blanks are 0."""
    counts = np.zeros((len(FAMILIES), len(FAMILIES)), np.int64)
    np.add.at(counts, (true, heard), 1)
    lines = ["| is, heard as | " + " | ".join(FAMILIES) + " |", "|---" * (len(FAMILIES) + 1) + "|"]
    for name, row in zip(FAMILIES, counts, strict=True):
        lines.append(f"| {name} | " + " | ".join(str(n or "") for n in row) + " |")
    return "\n".join(lines)


def asked_families(takes: Takes) -> npt.NDArray[np.int64]:
    return np.array([family_index(pair.ask) for pair in takes.pairs])


def loops_only(
    takes: Takes, values: Sequence[int] | npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the values of the pairs that are loops."""
    is_loop = [pair.ask.kind == "loop" for pair in takes.pairs]
    return np.asarray(values)[is_loop]
