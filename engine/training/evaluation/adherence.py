"""How well takes do what their prompts say, by family and by field.

Beside every share stands that of the held-out items themselves, measured alike: what cannot be
heard in the real thing cannot be asked of a take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.taxonomy import FAMILIES
from engine.training.evaluation.asks import family_index
from engine.training.evaluation.bars import Bar, share
from engine.training.evaluation.keys_heard import is_hit
from engine.training.evaluation.pool_of_takes import Pair
from engine.training.evaluation.sounds import Sound, Traits

#: Mood words that a trait measures: (less of it, more of it).
MOODS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "brightness": (("dark", "muted"), ("bright", "crisp")),
    "density": (("sparse", "minimal"), ("busy", "dense")),
    "space": (("tight", "dry"), ("roomy", "wet")),
    "width": (("mono",), ("wide",)),
}
FIELDS = ("tempo", "key", "family", "length", "closes", *MOODS)
ROWS = (*FAMILIES, "one-shots", "all")
NOTHING = "–"


@dataclass(frozen=True)
class Verdict:
    """What one take and its item did of what was asked: by field whether each obeyed; a field
    that was not asked for is absent."""

    row: str
    read: bool
    made: dict[str, bool]
    held_out: dict[str, bool]


@dataclass(frozen=True)
class Judge:
    """middles: per row and trait the median of its held-out items. made_families,
    held_out_families: the family that the ear hears in each pair, by its index."""

    middles: dict[tuple[str, str], float]
    made_families: Sequence[int]
    held_out_families: Sequence[int]

    @classmethod
    def for_pairs(
        cls, pairs: Sequence[Pair], made: Sequence[int], held_out: Sequence[int]
    ) -> Judge:
        """Take the medians from the pairs' held-out items."""
        middles = {
            (row, trait): float(np.median([getattr(p.held_out.traits, trait) for p in of_row]))
            for row in {pair.ask.row for pair in pairs}
            if (of_row := [pair for pair in pairs if pair.ask.row == row])
            for trait in MOODS
        }
        return cls(middles, made, held_out)

    def verdicts(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """Judge every pair."""
        return [self._verdict(place, pair) for place, pair in enumerate(pairs)]

    def _verdict(self, place: int, pair: Pair) -> Verdict:
        made = self._obeyed(pair, pair.made, self.made_families[place])
        held_out = self._obeyed(pair, pair.held_out, self.held_out_families[place])
        made["length"], held_out["length"] = pair.exact, True
        if pair.key is not None:
            made["key"], held_out["key"] = is_hit(pair), is_hit(pair, made=False)
        return Verdict(pair.ask.row, pair.read, made, held_out)

    def _obeyed(self, pair: Pair, sound: Sound, family: int) -> dict[str, bool]:
        found = {"family": family == family_index(pair.ask), "closes": sound.closes}
        if sound.in_time is not None:
            found["tempo"] = sound.in_time
        if pair.ask.kind == "loop":
            found |= self._moods(pair, sound.traits)
        return found

    def _moods(self, pair: Pair, traits: Traits) -> dict[str, bool]:
        found: dict[str, bool] = {}
        for trait, (less, more) in MOODS.items():
            above = getattr(traits, trait) > self.middles[pair.ask.row, trait]
            if any(word in pair.moods for word in more):
                found[trait] = above
            elif any(word in pair.moods for word in less):
                found[trait] = not above
        return found


def adherence_table(verdicts: Sequence[Verdict]) -> str:
    """Return the Markdown table: rows are families, cells takes / held-out items."""
    head = "| family | prompts | words read | " + " | ".join(FIELDS) + " |"
    lines = [head, "|" + "---|" * (len(FIELDS) + 3)]
    for name in ROWS:
        of_row = [verdict for verdict in verdicts if name in (verdict.row, "all")]
        if of_row:
            lines.append(_line(name, of_row))
    return "\n".join(lines)


def _line(name: str, verdicts: Sequence[Verdict]) -> str:
    cells = [_cell(verdicts, field) for field in FIELDS]
    read = share([verdict.read for verdict in verdicts])
    return f"| {name} | {len(verdicts)} | {read:.2f} | {' | '.join(cells)} |"


def _cell(verdicts: Sequence[Verdict], field: str) -> str:
    made = [v.made[field] for v in verdicts if field in v.made]
    held_out = [v.held_out[field] for v in verdicts if field in v.held_out]
    return f"{share(made):.2f} / {share(held_out):.2f}" if made else NOTHING


def take_bars(pairs: Sequence[Pair]) -> list[Bar]:
    """Count drum takes in time, and loops that close."""
    drums = [p.made.in_time for p in pairs if p.ask.row == "drums" and p.made.in_time is not None]
    loops = [pair.made.closes for pair in pairs if pair.ask.kind == "loop"]
    return [
        Bar("tempo of drums within 1 %", share(drums), least=0.97, count=len(drums)),
        Bar("loop seam score at the wrap ≤ 1", share(loops), least=0.99, count=len(loops)),
    ]
