"""What is asked for: held-out prompts in a fixed round of families, each with its own truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from engine.key import Key
from engine.prompt import parse_prompt
from engine.request import GenerationRequest, Task
from engine.taxonomy import FAMILIES
from engine.tempo import TimeSignature
from engine.training.corpus import CorpusItem, make_item
from engine.training.dataset import HELD_OUT_SEED

#: Seeds of the items that evaluation asks for; above those of the held-out shards.
PROMPT_SEED = HELD_OUT_SEED + 1_000_000
#: Seeds of the other half of the held-out items, that nothing is asked from.
OTHER_SEED = HELD_OUT_SEED + 4_000_000
#: Seeds that one ask may look through for an item that fits.
REACH = 50
#: Families that `key` is measured on: the solo tonal ones.
KEY_FAMILIES = ("keys", "pad", "pluck", "lead", "arp", "stab", "bass")
MOST_BARS = 4
SHORTEST_SECONDS, LONGEST_SECONDS = 0.2, 4.0

#: The round of loops: 25 asks, the last two of them one-shots.
LOOPS = ("drums", "keys", "pad", "bass", "pluck", "drums", "lead", "arp", "stab", "mix", "drums",
         "fx", "drums", "keys", "pad", "bass", "pluck", "drums", "lead", "arp", "stab", "mix",
         "drums")  # fmt: skip
SHOTS = ("drums", "fx", "bass", "drums", "keys", "pluck", "drums", "stab", "fx", "lead", "drums",
         "pad")  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """One prompt. index: of all; kind: loop or one_shot; seed: where its item is looked for."""

    index: int
    family: str
    kind: str
    seed: int

    @property
    def row(self) -> str:
        """Return the row of the tables that it counts in."""
        return self.family if self.kind == "loop" else "one-shots"


def plan(count: int, first_seed: int = PROMPT_SEED) -> list[Ask]:
    """Return `count` asks, the families in their round."""
    return [_ask(index, first_seed) for index in range(count)]


def _ask(index: int, first_seed: int) -> Ask:
    turn, place = divmod(index, len(LOOPS) + 2)
    seed = first_seed + REACH * index
    if place < len(LOOPS):
        return Ask(index, LOOPS[place], "loop", seed)
    shot = (2 * turn + place - len(LOOPS)) % len(SHOTS)
    return Ask(index, SHOTS[shot], "one_shot", seed)


def held_out_item(index: int, family: str) -> CorpusItem:
    """Return a held-out loop that has a tempo (and a key, where the family has one)."""
    return item_for(Ask(index, family, "loop", PROMPT_SEED + REACH * index))


@lru_cache(maxsize=2)
def item_for(ask: Ask) -> CorpusItem:
    """Return the held-out item behind an ask: a loop that has a tempo, or a one-shot."""
    for seed in range(ask.seed, ask.seed + REACH):
        item = make_item(seed, "held_out", family=ask.family, kind=ask.kind)
        if item.facts.bpm or ask.kind == "one_shot":
            return item
    raise ValueError(f"no held-out {ask.family} loop with a tempo from seed {ask.seed} on")


def request_for(item: CorpusItem) -> GenerationRequest:
    """Ask for the item as a user would: its caption, and by the controls what that leaves out.

    Loops of more than MOST_BARS bars are asked for with MOST_BARS, by the control.
    """
    facts, prompt = item.facts, item.captions[0]
    said = parse_prompt(prompt)
    plain = GenerationRequest(
        task=Task.GENERATE, seed=int.from_bytes(prompt.encode()[:6].ljust(6), "big"), prompt=prompt
    )
    key = None if facts.root is None or facts.mode is None else Key(facts.root, facts.mode)
    asked = replace(plain, key=None if said.key else key)
    if facts.kind == "one_shot":
        seconds = item.audio.shape[1] / 44_100
        seconds = round(min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS), 2)
        return replace(asked, one_shot=True, seconds=seconds)
    return replace(
        asked,
        bpm=None if said.bpm else facts.bpm,
        bars=None if said.bars and said.bars <= MOST_BARS else bars_for(item),
        signature=TimeSignature(facts.beats_per_bar, 4),
    )


def bars_for(item: CorpusItem) -> int:
    """Return the bars that are asked for of a loop."""
    return min(item.facts.bars or 2, MOST_BARS)


def words_are_read(item: CorpusItem) -> bool:
    """Say whether everything that the parser reads in the caption is true of the item."""
    facts, said = item.facts, parse_prompt(item.captions[0])
    truths = (
        (said.bpm, facts.bpm),
        (said.bars, facts.bars),
        (said.family, facts.family),
        (said.key and said.key.root, facts.root),
        (said.key and said.key.mode, facts.mode),
    )
    return all(read is None or read == true for read, true in truths)


def family_index(ask: Ask) -> int:
    return FAMILIES.index(ask.family)
