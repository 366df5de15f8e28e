"""Drum tables: sixteen (or thirty-two) steps per style, and fills. Every fifth entry is held out.

Marks: X accent, x hit, o light, g ghost, ? light half of the time, r two hits within the
step, t three hits within the step.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StyleGrids:
    """Tables for one style: kick, back beat, closed hat, open hat/ride, and (voice, grid)."""

    kick: tuple[str, ...]
    back: tuple[str, ...]
    hat: tuple[str, ...]
    open: tuple[str, ...]
    perc: tuple[tuple[str, str], ...]


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
