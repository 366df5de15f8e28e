"""Measure grafts on held-out items and real recordings, through the engine's own path."""

from __future__ import annotations

import math
import multiprocessing
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.models.graft.backend import GraftMaker
from engine.models.graft.model import load_model
from engine.training.evaluation.bars import Bar
from engine.training.graft_cases import GraftCase, held_out_case, recorded_case, recordings
from engine.training.graft_figures import (
    FOLLOWS,
    STRENGTHS,
    Found,
    continued,
    followed,
    inpainted,
    morphed,
    varied,
)

PARTS = ("inpaint", "continue", "follow", "vary", "morph")
LEVEL_WITHIN_DB = 2.0
#: A made bar is in the key when it is nearly as much inside it as the bar that was there.
KEY_SLACK = 0.1
QUIET_START_DB = 9.0
#: How many cases each of the dearer parts takes, as a share of `count`.
SHARES = {"follow": 0.5, "vary": 0.2, "morph": 0.16}


@dataclass(frozen=True)
class GraftPlan:
    """What to measure. count: held-out items. real: recordings. parts: of PARTS."""

    weights: Path
    count: int
    real: int
    recordings: Path
    parts: tuple[str, ...] = PARTS
    seed: int = 0


@dataclass(frozen=True)
class _Task:
    """One unit of work of the pool. recording: None for a held-out item."""

    part: str
    index: int
    seed: int
    recording: Path | None = None


class _Shared:
    """What every process of the pool loads once."""

    maker: GraftMaker
    folder: Path


def _load(weights: Path, folder: Path) -> None:
    _Shared.maker = GraftMaker(load_model("cpu", 1, weights))
    _Shared.folder = folder


def evaluate_grafts(plan: GraftPlan, workers: int) -> list[Found]:
    """Make and measure every graft of the plan. Prints each case as it is done."""
    tasks = _tasks(plan)
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        context.Pool(workers, _load, (plan.weights, Path(folder))) as pool,
    ):
        every: list[Found] = []
        for found in pool.imap(_measure, tasks):
            if found is not None:
                print(f"{found.task} | {_line(found)}", flush=True)
                every.append(found)
        return every


def _tasks(plan: GraftPlan) -> list[_Task]:
    found = recordings(plan.recordings, plan.real) if plan.real else []
    tasks: list[_Task] = []
    for part in plan.parts:
        count = max(1, round(plan.count * SHARES.get(part, 1.0)))
        tasks += [_Task(part, index, plan.seed + index) for index in range(count)]
        if part in ("inpaint", "continue"):
            tasks += [_Task(part, i, plan.seed + i, path) for i, path in enumerate(found)]
    return tasks


def _measure(task: _Task) -> Found | None:
    if task.part == "morph":
        return morphed(_Shared.maker, task.index, task.seed)
    if task.part == "follow":
        follow = FOLLOWS[task.index % len(FOLLOWS)]
        case = held_out_case(task.index, _Shared.folder, follow.family)
        return followed(_Shared.maker, case, follow, task.seed)
    case = _case(task)
    if task.part == "continue" and case.bpm is None:
        return None
    measures: dict[str, Callable[[GraftMaker, GraftCase, int], Found]] = {
        "inpaint": inpainted,
        "continue": continued,
        "vary": varied,
    }
    return measures[task.part](_Shared.maker, case, task.seed)


def _case(task: _Task) -> GraftCase:
    if task.recording is not None:
        return recorded_case(task.recording, _Shared.folder)
    return held_out_case(task.index, _Shared.folder)


def graft_bars(found: Sequence[Found]) -> list[Bar]:
    """Return the bars of issue 4 on what was found; parts that were not measured have none."""
    bars: list[Bar] = []
    for kind, chosen in (
        ("held-out", [f for f in found if f.family != "recording"]),
        ("recordings", [f for f in found if f.family == "recording"]),
    ):
        bars += _inpaint_bars(kind, [f for f in chosen if f.task == "inpaint"])
        bars += _continue_bars(kind, [f for f in chosen if f.task == "continue"])
    bars += _follow_bars([f for f in found if f.task == "follow"])
    bars += _vary_bars([f for f in found if f.task == "vary"])
    return bars + _morph_bars([f for f in found if f.task == "morph"])


def _inpaint_bars(kind: str, found: list[Found]) -> list[Bar]:
    if not found:
        return []
    level, removed = _values(found, "level_db"), _values(found, "removed_level_db")
    key = _values(found, "in_key") - _values(found, "removed_in_key")
    start = _values(found, "quiet_start_db")
    return [
        _share(f"inpaint, {kind}: seam ≤ 1 at every join", _values(found, "seam") <= 1, 0.95),
        _share(f"inpaint, {kind}: tempo kept", _known(found, "tempo_kept") > 0.5, 0.95),
        _share(
            f"inpaint, {kind}: as much in the key as what was there",
            key[~np.isnan(key)] >= -KEY_SLACK,
            0.9,
        ),
        _share(
            f"inpaint, {kind}: within {LEVEL_WITHIN_DB:g} LU of the rest",
            np.abs(level[~np.isnan(level)]) <= LEVEL_WITHIN_DB,
            0.8,
        ),
        _share(
            f"- the removed bars themselves, {kind}",
            np.abs(removed[~np.isnan(removed)]) <= LEVEL_WITHIN_DB,
            0.0,
        ),
        Bar(
            f"- level beside the rest, {kind}: |median|, LU",
            abs(_median(level)),
            most=1.0,
            count=len(found),
        ),
        _share(
            f"inpaint, {kind}: beat one not {QUIET_START_DB:g} dB under the quietest other",
            start[~np.isnan(start)] < QUIET_START_DB,
            0.95,
        ),
        _median_bar(f"inpaint, {kind}: onsets like the kept bars', median", found, "groove", 0.6),
        _median_bar(f"- the removed bars themselves, {kind}", found, "removed_groove", 0.0),
    ]


def _continue_bars(kind: str, found: list[Found]) -> list[Bar]:
    if not found:
        return []
    level = _values(found, "level_db")
    key = _values(found, "in_key") - _values(found, "removed_in_key")
    return [
        _share(f"continue, {kind}: seam ≤ 1 at every join", _values(found, "seam") <= 1, 0.95),
        _median_bar(f"continue, {kind}: onsets like the bar before, median", found, "groove", 0.6),
        _median_bar(f"- the source's last two bars, {kind}", found, "source_groove", 0.0),
        Bar(
            f"- level beside the source, {kind}: |median|, LU",
            abs(_median(level)),
            most=1.0,
            count=len(found),
        ),
        _share(
            f"continue, {kind}: as much in the key as the source",
            key[~np.isnan(key)] >= -KEY_SLACK,
            0.9,
        ),
    ]


def _follow_bars(found: list[Found]) -> list[Bar]:
    if not found:
        return []
    what = "continue with other words: moved as they say"
    bars = [_share(what, _values(found, "moved") > 0, 0.8)]
    for follow in FOLLOWS:
        some = [f for f in found if f"“{follow.prompt}”" in f.name]
        if some:
            bars.append(_share(f"- “{follow.prompt}”", _values(some, "moved") > 0, 0.0))
    return bars


def _vary_bars(found: list[Found]) -> list[Bar]:
    if not found:
        return []
    rows = np.array([[f.figures[f"{s:g}"] for s in STRENGTHS] for f in found])
    medians = np.median(rows, axis=0)
    bars = [
        Bar(f"- distance at strength {s:g}, median", float(m), 0.0, None, len(found))
        for s, m in zip(STRENGTHS, medians, strict=True)
    ]
    rises = float((np.diff(medians) > 0).all())
    each = (np.diff(rows, axis=1) > 0).all(axis=1)
    return [
        Bar("vary: the median distance rises with the strength", rises, 1.0, None, len(found)),
        _share("vary: rises in each item alone", each, 0.8),
        *bars,
    ]


def _morph_bars(found: list[Found]) -> list[Bar]:
    if not found:
        return []
    places = np.median([[f.figures[str(n)] for n in range(8)] for f in found], axis=0)
    rises = float((np.diff(places) > 0).mean())
    return [
        _median_bar("morph: rank correlation of place with time, median", found, "spearman", 0.8),
        Bar("- share of steps on which the median place rises", rises, 0.85, None, len(found)),
        Bar("- place of the first eighth, median", float(places[0]), None, 0.5, len(found)),
        Bar("- place of the last eighth, median", float(places[-1]), 0.5, None, len(found)),
    ]


#: The worst of each task is the least or the most of these.
_WORST = {
    "inpaint": (
        ("seam", -1),
        ("groove", 1),
        ("level_db", 1),
        ("quiet_start_db", -1),
        ("in_key", 1),
    ),
    "continue": (("seam", -1), ("groove", 1), ("level_db", 1)),
    "follow": (("moved", 1),),
    "morph": (("spearman", 1),),
}


def worst(found: Sequence[Found], count: int = 6) -> str:
    """Return the worst cases of each figure, with all their figures, as Markdown."""
    lines: list[str] = []
    for task, figures in _WORST.items():
        for name, sign in figures:
            known = [f for f in found if f.task == task and not math.isnan(f.figures[name])]
            ordered = sorted(known, key=lambda f, n=name, s=sign: s * f.figures[n])
            lines += [f"\n{task}, worst by {name}:"] if ordered else []
            lines += [f"- {_line(f)}" for f in ordered[:count]]
    return "\n".join(lines)


def _line(found: Found) -> str:
    parts = [f"{n} {v:.2f}" for n, v in found.figures.items() if not math.isnan(v)]
    return f"{found.name}: " + ", ".join(parts)


def _values(found: Sequence[Found], name: str) -> np.ndarray:
    return np.array([f.figures[name] for f in found], dtype=np.float64)


def _known(found: Sequence[Found], name: str) -> np.ndarray:
    values = _values(found, name)
    return values[~np.isnan(values)]


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else math.nan


def _share(what: str, passed: npt.ArrayLike, least: float) -> Bar:
    each = np.asarray(passed, dtype=np.float64)
    share = float(each.mean()) if each.size else math.nan
    return Bar(what, share, least, None, int(each.size))


def _median_bar(what: str, found: Sequence[Found], name: str, least: float) -> Bar:
    known = _known(found, name)
    return Bar(what, _median(known), least, None, int(known.size))
