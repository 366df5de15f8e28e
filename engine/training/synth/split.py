"""The held-out split, by parameters: table entries and parameter cells, never seeds alone."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

from numpy.random import Generator

T = TypeVar("T")

SPLITS = ("train", "held_out")
HELD_OUT_EVERY = 5
CELL_BINS = 6


def in_split(index: int, split: str) -> bool:
    """Say whether table entry or cell `index` belongs to the split: every fifth is held out."""
    return (index % HELD_OUT_EVERY == HELD_OUT_EVERY - 1) == (split == "held_out")


def pick(table: Sequence[T], split: str, rng: Generator) -> T:
    """Draw one entry of a table that belongs to the split."""
    allowed = [entry for index, entry in enumerate(table) if in_split(index, split)]
    return allowed[int(rng.integers(len(allowed)))]


def choose(options: Sequence[T], rng: Generator, weights: Sequence[float] | None = None) -> T:
    """Draw one option; weights need not sum to 1. Not bound to a split."""
    if weights is None:
        return options[int(rng.integers(len(options)))]
    total = sum(weights)
    return options[int(rng.choice(len(options), p=[weight / total for weight in weights]))]


def cell_index(point: tuple[float, float, float], salt: str) -> int:
    """Hash the cell of the unit cube that a point lies in; salt names the instrument."""
    bins = [min(CELL_BINS - 1, int(value * CELL_BINS)) for value in point]
    return zlib.crc32(f"{salt}:{bins}".encode())


def draw_cell(split: str, salt: str, rng: Generator) -> tuple[float, float, float]:
    """Draw three parameters in [0, 1) whose cell belongs to the split."""
    while True:
        a, b, c = (float(value) for value in rng.random(3))
        if in_split(cell_index((a, b, c), salt), split):
            return a, b, c


def lerp(low: float, high: float, amount: float) -> float:
    """Interpolate linearly."""
    return low + (high - low) * amount


def glide(low: float, high: float, amount: float) -> float:
    """Interpolate geometrically, as frequencies and times want it."""
    return low * (high / low) ** amount
