"""What an item of the corpus is known to be: the truth that captions tell."""

from __future__ import annotations

from dataclasses import dataclass

from engine.key import Mode


@dataclass(frozen=True)
class ItemFacts:
    """Truth about one item. root: 0..11, C = 0; swing: 0..1 (1 = triplet feel)."""

    kind: str
    family: str
    instruments: tuple[str, ...]
    style: str | None
    bpm: float | None
    bars: int | None
    beats_per_bar: int
    root: int | None
    mode: Mode | None
    scale: str | None
    moods: tuple[str, ...]
    swing: float
