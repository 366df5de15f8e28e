"""Drum hits written from the tables: grids spelled out, ghosts, fills, layers left out."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from engine.training.synth.drum_grids import FILLS, GRIDS
from engine.training.synth.split import choose, pick

VELOCITIES = {"X": 1.0, "x": 0.8, "o": 0.52, "g": 0.26, "?": 0.42, "r": 0.62, "t": 0.55}
ROLLS = {"r": 2, "t": 3}


@dataclass(frozen=True)
class Hit:
    """One drum hit. step: sixteenth from the loop's start, fractional inside rolls."""

    voice: str
    step: float
    velocity: float


def grid_hits(voice: str, grid: str, steps: int, per_bar: int, rng: Generator) -> list[Hit]:
    """Spell a grid out over `steps`; a bar of 3 beats reads the first 12 steps of each 16."""
    hits: list[Hit] = []
    for step in range(steps):
        bar, inside = divmod(step, per_bar)
        mark = grid[(bar * 16 + inside) % len(grid)]
        if mark == "." or (mark == "?" and rng.random() < 0.5):
            continue
        count = ROLLS.get(mark, 1)
        level = VELOCITIES[mark] * float(rng.uniform(0.88, 1.0))
        hits += [Hit(voice, step + part / count, level) for part in range(count)]
    return hits


def with_ghosts(grid: str, chance: float, rng: Generator) -> str:
    """Scatter ghost notes over the empty off-steps of a grid."""
    marks = [
        "g" if mark == "." and index % 4 in (1, 3) and rng.random() < chance else mark
        for index, mark in enumerate(grid)
    ]
    return "".join(marks)


def with_fill(hits: list[Hit], steps: int, back: str, split: str, rng: Generator) -> list[Hit]:
    """Replace the back beat of the loop's last half bar by a fill."""
    start = steps - 8
    kept = [hit for hit in hits if hit.step < start or hit.voice not in (back, "open_hat")]
    for voice, marks in pick(FILLS, split, rng):
        filler = back if voice == "snare" else voice
        fresh = grid_hits(filler, marks, 8, 8, rng)
        kept += [Hit(hit.voice, hit.step + start, hit.velocity * 0.95) for hit in fresh]
    return kept


def drum_pattern(
    style: str, split: str, steps: int, per_bar: int, density: float, rng: Generator
) -> list[Hit]:
    """Write the hits of a loop in a style. steps: its sixteenths; density: 0..1."""
    grids = GRIDS[style]
    back = back_voice(style, rng)
    layers = [("kick", pick(grids.kick, split, rng)), (back, pick(grids.back, split, rng))]
    layers.append(("closed_hat", pick(grids.hat, split, rng)))
    if rng.random() < 0.15 + 0.7 * density:
        layers.append(("open_hat", pick(grids.open, split, rng)))
    for _ in range(int(rng.random() < density) + int(rng.random() < density - 0.45)):
        layers.append(pick(grids.perc, split, rng))
    layers = thin_out(layers, rng)
    ghost_chance = max(0.0, density - 0.5) * 0.3
    hits: list[Hit] = []
    for voice, grid in layers:
        varied = with_ghosts(grid, ghost_chance, rng) if voice in ("kick", "snare") else grid
        hits += grid_hits(voice, varied, steps, per_bar, rng)
    if steps > per_bar and rng.random() < 0.4:
        hits = with_fill(hits, steps, back, split, rng)
    if rng.random() < 0.12:
        hits.append(Hit("crash", 0.0, 0.7))
    return choke(hits)


def back_voice(style: str, rng: Generator) -> str:
    """Choose what plays the back beat."""
    claps = {"house": 0.75, "techno": 0.7, "trap": 0.5, "reggaeton": 0.15, "lo-fi": 0.1}
    if style in ("afrobeat", "reggaeton") and rng.random() < 0.4:
        return "rim"
    return "clap" if rng.random() < claps.get(style, 0.12) else "snare"


def thin_out(layers: list[tuple[str, str]], rng: Generator) -> list[tuple[str, str]]:
    """Now and then leave a layer out: a top loop without kick, a loop without back beat."""
    dropped = choose(("none", "kick", "back", "closed_hat"), rng, (0.86, 0.06, 0.04, 0.04))
    if dropped == "back":
        return [layers[0], *layers[2:]]
    kept = [layer for layer in layers if layer[0] != dropped]
    steady = any(grid.count(".") <= 12 and voice != "open_hat" for voice, grid in kept)
    return kept if steady else layers


def choke(hits: list[Hit]) -> list[Hit]:
    """Drop closed hats that fall on an open hat, as one pair of cymbals would."""
    opened = {hit.step for hit in hits if hit.voice == "open_hat"}
    return [hit for hit in hits if hit.voice != "closed_hat" or hit.step not in opened]
