"""What key is heard where one was asked for: the bars, and what is heard instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from engine.key import Key
from engine.training.evaluation.asks import KEY_FAMILIES
from engine.training.evaluation.bars import Bar, share
from engine.training.evaluation.pool_of_takes import Pair

#: What is heard, by the semitones from the asked tonic to that of the heard key of the asked mode.
BY_STEP = {0: "relative", 7: "fifth above", 5: "fifth below", 2: "two fifths above",
           10: "two fifths below"}  # fmt: skip
ANSWERS = ("asked", "relative", "fifth above", "fifth below", "parallel", "other", "none")


def answer(asked: Key, heard: Key | None) -> str:
    """Say how a heard key stands to the asked one, one of ANSWERS.

    A neighbour on the circle of fifths counts with its relative: A minor's fifth above is E minor
    or G major.
    """
    if heard is None:
        return "none"
    if heard == asked:
        return "asked"
    if heard.root == asked.root:
        return "parallel"
    same_mode = heard if heard.mode == asked.mode else heard.relative
    step = (same_mode.root - asked.root) % 12
    found = BY_STEP.get(step, "other")
    return found if found in ANSWERS else "other"


def key_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the solo tonal loops."""
    return [p for p in pairs if p.ask.kind == "loop" and p.ask.family in KEY_FAMILIES and p.key]


def is_hit(pair: Pair, *, made: bool = True) -> bool:
    """Say whether the asked key or its relative is heard, in the take or in the item."""
    sound = pair.made if made else pair.held_out
    return pair.key is not None and sound.key in (pair.key, pair.key.relative)


def key_bars(pairs: Sequence[Pair]) -> list[Bar]:
    """Count the asked key or its relative, and the chroma that lies inside it."""
    chosen = key_pairs(pairs)
    if not chosen:
        return []
    inside = [p.made.key_share for p in chosen if p.made.key_share is not None]
    hits = share([is_hit(pair) for pair in chosen])
    return [
        Bar("asked key or its relative", hits, least=0.85, count=len(chosen)),
        Bar("chroma inside the asked key", float(np.mean(inside)), least=0.8, count=len(inside)),
    ]


def key_table(pairs: Sequence[Pair]) -> str:
    """Return a Markdown table: per family what was heard in takes / in the held-out items."""
    chosen = key_pairs(pairs)
    head = "| family | takes | " + " | ".join(ANSWERS) + " |\n|" + "---|" * (len(ANSWERS) + 2)
    rows: list[str] = []
    for name in (*KEY_FAMILIES, "all"):
        of_family = [pair for pair in chosen if name in (pair.ask.family, "all")]
        if of_family:
            rows.append(_row(name, of_family))
    return "\n".join((head, *rows))


def _row(name: str, pairs: Sequence[Pair]) -> str:
    made = Counter(answer(pair.key, pair.made.key) for pair in pairs if pair.key)
    true = Counter(answer(pair.key, pair.held_out.key) for pair in pairs if pair.key)
    cells = " | ".join(f"{made[kind]} / {true[kind]}" for kind in ANSWERS)
    return f"| {name} | {len(pairs)} | {cells} |"
