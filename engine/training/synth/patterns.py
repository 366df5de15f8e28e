"""Drum grids: sixteen (or thirty-two) steps per style, with fills.

Marks: X accent, x hit, o light, g ghost, ? light half of the time, r two hits within the
step, t three hits within the step. Every fifth entry of each table is held out.
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from engine.training.synth.split import choose, pick

VELOCITIES = {"X": 1.0, "x": 0.8, "o": 0.52, "g": 0.26, "?": 0.42, "r": 0.62, "t": 0.55}
ROLLS = {"r": 2, "t": 3}


@dataclass(frozen=True)
class StyleGrids:
    """Tables for one style: kick, back beat, closed hat, open hat/ride, and (voice, grid)."""

    kick: tuple[str, ...]
    back: tuple[str, ...]
    hat: tuple[str, ...]
    open: tuple[str, ...]
    perc: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Hit:
    """One drum hit. step: sixteenth from the loop's start, fractional inside rolls."""

    voice: str
    step: float
    velocity: float


FOUR = "X...X...X...X..."
BACK = "....X.......X..."
OFFS = "..X...X...X...X."
NONE = "................"

GRIDS: dict[str, StyleGrids] = {
    "house": StyleGrids(
        kick=(FOUR, "X...X...X...X.x.", "X...X...X..xX...", "X...X...X...X..g", "X..gX...X...X.g."),
        back=(BACK, "....X.......X..g", "....X..g....X...", "....X.......X.o.", "....X..g.g..X..."),
        hat=(
            "x.x.x.x.x.x.x.x.",
            "xoxoxoxoxoxoxoxo",
            "..x...x...x...x.",
            "xgxoxgxoxgxoxgxo",
            "x.xgx.xgx.xgx.xg",
        ),
        open=(OFFS, OFFS, "..X...X...X...Xo", "..X...x...X...x.", "..X..gX...X..gX."),
        perc=(
            ("shaker", "xgogxgogxgogxgog"),
            ("conga", "..x..x....x..x.o"),
            ("rim", "x..x..x...x..x.."),
            ("cowbell", "....o.x.....o..x"),
            ("conga", "...o..xo...o..x."),
        ),
    ),
    "techno": StyleGrids(
        kick=(FOUR, FOUR, "X...X...X...X..o", "X...X..oX...X...", "X..oX...X..oX..."),
        back=(NONE, BACK, "....x.......x..g", "............X...", "....X..g....X.g."),
        hat=(
            "xxxxxxxxxxxxxxxx",
            "..x...x...x...x.",
            "xoXoxoXoxoXoxoXo",
            ".ox..ox..ox..ox.",
            "xoxxxoxxxoxxxoxx",
        ),
        open=(OFFS, OFFS, "..X...X...X...X.", "..x...X...x...X.", "..X...X..oX...X."),
        perc=(
            ("rim", "...x..x...x..x.."),
            ("tom", "x..x..x..x..x..."),
            ("ride", "x.x.x.x.x.x.x.x."),
            ("clap", ".......o......x."),
            ("tom", "..x..x..x..x..xo"),
        ),
    ),
    "trap": StyleGrids(
        kick=(
            "X......x..X.....",
            "X.....X...x..x..",
            "X..x......X.....X.....x...X..x..",
            "X.........X..x..",
            "X..x...x..x.....",
        ),
        back=(
            "........X.......",
            "........X.......",
            "........X......g",
            "........X..g....",
            "........X.....o.",
        ),
        hat=(
            "x.x.x.x.x.x.x.x.",
            "x.x.x.x.x.r.x.x.x.x.x.x.t.t.x.r.",
            "xoxoxoxoxoxorrxo",
            "x.xrx.x.x.t.x.x.",
            "x.x.xrx.xtt.x.rx",
        ),
        open=(NONE, "......X.........", "..........X.....", "..............x.", "...X............"),
        perc=(
            ("rim", "...x......x....."),
            ("clap", "........X......."),
            ("conga", ".....o....x..o.."),
            ("cowbell", "..x...x...x....."),
            ("rim", "......x..x....x."),
        ),
    ),
    "boom-bap": StyleGrids(
        kick=(
            "X.....x.x.......",
            "X..x......x.....",
            "X.x....x..X.....X.....xx..x.....",
            "X......xX.x.....",
            "X..x....x.x....x",
        ),
        back=(BACK, "....X..g....X...", "....X..g.g..X..g", BACK, "....X.....g.X.g."),
        hat=(
            "x.x.x.x.x.x.x.x.",
            "x.xox.xox.xox.xo",
            "xgxgxgxgxgxgxgxg",
            "x.x.x.xox.x.x.x.",
            "xox.x.xoxox.x.xo",
        ),
        open=(NONE, "..............X.", "......x.........", NONE, "..........x....."),
        perc=(
            ("shaker", "o.x.o.x.o.x.o.x."),
            ("rim", "..........x....."),
            ("conga", "...o..x....o..x."),
            ("ride", "x...x...x...x..."),
            ("tom", "..............xo"),
        ),
    ),
    "lo-fi": StyleGrids(
        kick=(
            "X......x..x.....",
            "X.........x.....",
            "X..g......X..g..",
            "X.....x...X....g",
            "X..x...x..x.....",
        ),
        back=(BACK, BACK, "....X.......X..g", "....x..g....X...", "....X....g..X..."),
        hat=(
            "x.x.x.x.x.x.x.x.",
            "x.o.x.o.x.o.x.o.",
            "x.xgx.xgx.xgx.xg",
            "o.x.o.x.o.x.o.xg",
            "x.ogx.o.x.ogx.og",
        ),
        open=(NONE, NONE, "..............o.", "......o.........", "..o............."),
        perc=(
            ("shaker", "o.x.o.x.o.x.o.x."),
            ("rim", "....x.......x..."),
            ("rim", "...o......o....."),
            ("conga", "......o...x....."),
            ("ride", "o...o...o...o..."),
        ),
    ),
    "drum and bass": StyleGrids(
        kick=(
            "X.........X.....",
            "X.........x..x..",
            "X.....x...X.....",
            "X..x......X.....X.........Xx....",
            "X.x.......X....x",
        ),
        back=(BACK, "....X..g.g..X...", "....X..g.g..X..g", "....X....g..X.g.", "....X.g..o..X..g"),
        hat=(
            "x.x.x.x.x.x.x.x.",
            "xoxoxoxoxoxoxoxo",
            "x.xgx.xgx.xgx.xg",
            "xgxgxgxgxgxgxgxg",
            "xox.xoxgxox.xoxg",
        ),
        open=(NONE, "..........X.....", "..x...x...x...x.", "X...............", "......x.......x."),
        perc=(
            ("ride", "x...x...x...x..."),
            ("ride", "x.x.x.x.x.x.x.x."),
            ("shaker", "xoxoxoxoxoxoxoxo"),
            ("conga", ".o...xo..o..x.o."),
            ("rim", "...o..o..o....o."),
        ),
    ),
    "dubstep": StyleGrids(
        kick=(
            "X...............",
            "X.........x.....",
            "X.....x.........X..x......x.....",
            "X..x............",
            "X.....x...x.....",
        ),
        back=(
            "........X.......",
            "........X.......",
            "........X.....g.",
            "........X..g....",
            "......g.X......g",
        ),
        hat=(
            "x.x.x.x.x.x.x.x.",
            "x.x.x.xox.x.x.ro",
            "xoxoxoxoxoxoxoxo",
            "x..xx.x.x..xx.x.",
            "x.xrx.x.x.x.x.xr",
        ),
        open=(NONE, "............X...", "....X...........", "..............x.", "......x........."),
        perc=(
            ("rim", "...x.....x....x."),
            ("shaker", "xoxoxoxoxoxoxoxo"),
            ("tom", "............x.xo"),
            ("clap", "........X......."),
            ("conga", "..o...x....o..x."),
        ),
    ),
    "ambient": StyleGrids(
        kick=(
            "x...............",
            "x.......o.......",
            "x...............x.........o.....",
            "x.....o.........",
            "x..........o....",
        ),
        back=(NONE, "........o.......", "............o...", "........o......g", "....o.......o..."),
        hat=(
            "o...o...o...o...",
            "o.o.o.o.o.o.o.o.",
            "o.g.o.g.o.g.o.g.",
            "..o...o...o...o.",
            "o.g.o...o.g.o.g.",
        ),
        open=(NONE, "..............g.", NONE, "......g.........", NONE),
        perc=(
            ("shaker", "o.g.o.g.o.g.o.g."),
            ("conga", "......o......g.."),
            ("rim", "..........o....."),
            ("tom", "............o..g"),
            ("ride", "o...g...o...g..."),
        ),
    ),
    "synthwave": StyleGrids(
        kick=(FOUR, "X.......X.......", "X.....x.X.......", "X.......X.x.....", "X...X...X..xX..."),
        back=(BACK, BACK, "....X.......X.o.", "....X.......X..o", "....X..o....X..."),
        hat=(
            "x.x.x.x.x.x.x.x.",
            "xoxoxoxoxoxoxoxo",
            "x.xox.xox.xox.xo",
            "..x...x...x...x.",
            "xoxxxoxxxoxxxoxx",
        ),
        open=(NONE, OFFS, "..............X.", "......x.......x.", "..x...x...x...x."),
        perc=(
            ("tom", "............xxoo"),
            ("tom", "..........x..x.x"),
            ("clap", BACK),
            ("cowbell", "x.....x...x....."),
            ("tom", "......xo......xo"),
        ),
    ),
    "funk": StyleGrids(
        kick=(
            "X.x.......x..x..",
            "X.....x...x.....",
            "X..x..x...x..x..",
            "X.x...x..x......X.....x...x..x..",
            "X..x...x..x.....",
        ),
        back=(
            "....X..g.g..X..g",
            "....X..g.g.gX..g",
            "....X.g..g..X...",
            "....X..g....X.g.",
            "....X.gg.g..X.gg",
        ),
        hat=(
            "x.x.x.x.x.x.x.x.",
            "xoxoxoxoxoxoxoxo",
            "xgxoxgxoxgxoxgxo",
            "x.xox.xxx.xox.xx",
            "xgxxxgx.xgxxxgx.",
        ),
        open=(NONE, "..............x.", "......x.........", "......x.......x.", "..........x....."),
        perc=(
            ("conga", "x..ox.oox..ox.oo"),
            ("cowbell", "x...x...x...x..."),
            ("shaker", "xgogxgogxgogxgog"),
            ("rim", "...x..x....x..x."),
            ("conga", "..x.ox..o.x.ox.o"),
        ),
    ),
    "afrobeat": StyleGrids(
        kick=(
            "X.....x.X.....x.",
            "X..x..x.X..x..x.",
            "X...X...X...X...",
            "X.....x...x.....",
            "X..x....X..x..o.",
        ),
        back=(
            "...x..x....x..x.",
            "......X...x..x..",
            "...X..X....X..X.",
            "....x..x....x.x.",
            "...x..x...x..x..",
        ),
        hat=(
            "x.xox.xox.xox.xo",
            "xgxgxgxgxgxgxgxg",
            "x.x.x.x.x.x.x.x.",
            "xoxxxoxxxoxxxoxx",
            "xogxxogxxogxxogx",
        ),
        open=(NONE, "..x...x...x...x.", "......x.......x.", NONE, "..........x...o."),
        perc=(
            ("shaker", "xoxoxoxoxoxoxoxo"),
            ("conga", "x.ox..oxx.ox..ox"),
            ("rim", "x..x..x...x.x..."),
            ("cowbell", "x.x..x.x.x..x.x."),
            ("conga", "..xo..x..oxo..x."),
        ),
    ),
    "reggaeton": StyleGrids(
        kick=(FOUR, FOUR, "X...X...X...X..x", "X...x...X...x...", "X...X..xX...X..."),
        back=(
            "...X..X....X..X.",
            "...X..X....X..X.",
            "...x..X....x..Xo",
            "...X..x....X..x.",
            "...X..X...oX..X.",
        ),
        hat=(
            "x.x.x.x.x.x.x.x.",
            "x.xox.xox.xox.xo",
            "xoxoxoxoxoxoxoxo",
            "..x...x...x...x.",
            "x.x.x.xxx.x.x.xx",
        ),
        open=(NONE, "..............x.", "......x.........", "..x...x...x...x.", NONE),
        perc=(
            ("rim", "...x..x....x..x."),
            ("shaker", "xoxoxoxoxoxoxoxo"),
            ("conga", "..o..x....o..x.o"),
            ("tom", "..............xx"),
            ("cowbell", "x..x..x.x..x..x."),
        ),
    ),
    "cinematic": StyleGrids(
        kick=(
            "X.......X.......",
            "X..x..x.X.......",
            "X..x..x...x..x..",
            "X...............",
            "X.....x.X..x..x.",
        ),
        back=(NONE, "............X...", "........X.......", "....o.......X...", "......X.......X."),
        hat=(
            "xoooxoooxoooxooo",
            "xogoxogoxogoxogo",
            "x.o.x.o.x.o.x.o.",
            "xooxooxoxooxooxo",
            "xgoxgoxgxgoxgoxo",
        ),
        open=(NONE, "x...............", NONE, "x...............x.......x.......", NONE),
        perc=(
            ("tom", "X..x..x.X..x..x."),
            ("tom", "X.ooX.ooX.ooX.xx"),
            ("tom", "x...x.x.x...x.xx"),
            ("shaker", "xoxoxoxoxoxoxoxo"),
            ("tom", "X.xoX..oX.xo..xx"),
        ),
    ),
}

#: Fills for the last eight steps: (voice, marks).
FILLS: tuple[tuple[tuple[str, str], ...], ...] = (
    (("snare", "....xoxx"), ("crash", "........")),
    (("tom", "..x.xxox"),),
    (("snare", "x.x.xxxx"),),
    (("snare", "....x.xo"), ("tom", "x.xo.x..")),
    (("snare", "..xoxorr"),),
    (("kick", "....x.x."), ("snare", ".....x.x")),
    (("clap", "....x.xx"),),
    (("tom", "xoxoxxxx"),),
    (("snare", "oooxxxXX"),),
    (("snare", "...x..xr"), ("tom", "xx......")),
)


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
