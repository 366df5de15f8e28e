"""Measure the model on held-out prompts and items: the bars of the model card.

`python -m engine.training.evaluate` prints them; about 15 minutes for 300 prompts on two idle
cores. Speed is not measured here but by `loopgraft bench`, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.allocator import restart_with_kept_blocks
from engine.models.registry import installed_models
from engine.taxonomy import FAMILIES
from engine.training.evaluation.adherence import Judge, adherence_table, take_bars
from engine.training.evaluation.bars import Bar, bars_of, figures_of, table, write_figures
from engine.training.evaluation.by_ear import (
    asked_families,
    confusion_table,
    ear_bar,
    family_bar,
    frechet_bars,
    loops_only,
)
from engine.training.evaluation.codec_bars import codec_bars
from engine.training.evaluation.context_bar import context_bars
from engine.training.evaluation.crew import Crew, Place
from engine.training.evaluation.diversity import diversity_bars, measure_spreads
from engine.training.evaluation.drum_hits import drum_hit_bars
from engine.training.evaluation.ear import Ear, ear_for
from engine.training.evaluation.keys_heard import key_bars, key_table
from engine.training.evaluation.options import add_options
from engine.training.evaluation.pool_of_takes import Pair, Takes, make_takes
from engine.training.evaluation.report import write_into_card
from engine.training.evaluation.sheets import COLUMNS, Picture, write_sheet

WORK = Path(".training")

#: A measurement that needs nothing but the crew. Further ones are added here.
MEASUREMENTS: tuple[Callable[[Crew], list[Bar]], ...] = (
    codec_bars,
    context_bars,
    drum_hit_bars,
)


@dataclass(frozen=True)
class Evaluation:
    """Everything that was found. tables: Markdown under a heading each. pairs: for the sheets."""

    bars: list[Bar]
    tables: dict[str, str]
    pairs: Sequence[Pair]

    def text(self) -> str:
        """Return the whole as Markdown, the bars rounded as the card keeps them."""
        bars = table(bars_of(figures_of(self.bars)))
        parts = [bars, *(f"{name}\n\n{text}" for name, text in self.tables.items())]
        return "\n\n".join(parts)


def evaluate(place: Place, count: int, workers: int) -> Evaluation:
    """Measure the weights of a place. count: prompts; each bar is printed as it is done.

    Raises ValueError when the work folder has no shards.
    """
    torch.set_num_threads(workers)
    bars: list[Bar] = []

    def note(found: Iterable[Bar]) -> None:
        for bar in found:
            bars.append(bar)
            print(bar.row(), flush=True)

    ear = ear_for(place.work)
    heard_bar, confusions = ear_bar(ear, place.work / "held_out")
    with Crew(place, workers, count) as crew:
        for measurement in MEASUREMENTS:
            note(measurement(crew))
        takes = make_takes(crew)
        note(take_bars(takes.pairs))
        note(key_bars(takes.pairs))
        note([heard_bar])
        more, tables = judged_by_ear(takes, ear)
        note(more)
        note(diversity_bars(measure_spreads(crew), ear))
    note([size_bar()])
    tables["What the ear confuses, held-out items:"] = confusions
    tables["Keys heard, takes / held-out items:"] = key_table(takes.pairs)
    return Evaluation(bars, tables, takes.pairs)


def judged_by_ear(takes: Takes, ear: Ear) -> tuple[list[Bar], dict[str, str]]:
    """Return the bars and tables for which takes are named and placed by the ear."""
    made = ear.hear([pair.made.latents for pair in takes.pairs])
    held_out = ear.hear([pair.held_out.latents for pair in takes.pairs])
    judge = Judge.for_pairs(takes.pairs, made.families.tolist(), held_out.families.tolist())
    asked, heard = (loops_only(takes, v) for v in (asked_families(takes), made.families))
    bars = [family_bar(takes, made), *frechet_bars(takes, made, held_out, ear)]
    return bars, {
        "Prompt adherence, takes / held-out items:": adherence_table(judge.verdicts(takes.pairs)),
        "What the ear hears in takes:": confusion_table(asked, heard),
    }


def size_bar() -> Bar:
    """Measure the shipped weights, the text encoder's among them."""
    cards = installed_models()
    size = sum(card.total_bytes for card in cards) / 2**20
    return Bar("size on disk, MiB", size, most=60.0, count=len(cards))


def write_sheets(pairs: Sequence[Pair], folder: Path) -> None:
    """Write one sheet per family: what was held out above what was made of its caption."""
    for family in FAMILIES:
        upper: list[tuple[str, Picture]] = []
        lower: list[tuple[str, Picture]] = []
        for pair in pairs:
            held_out, made = pair.held_out.picture, pair.made.picture
            if pair.ask.row == family and held_out is not None and made is not None:
                upper.append((f"held out: {pair.caption}", held_out))
                lower.append((f"made: {pair.caption}", made))
        if upper:
            write_sheet(folder / f"{family}.png", upper[:COLUMNS], lower[:COLUMNS])


def run(options: argparse.Namespace) -> None:
    """Evaluate and write what was asked for."""
    place = Place(options.weights, options.work, options.recordings)
    found = evaluate(place, options.count, options.workers)
    print("\n" + found.text())
    if options.figures is not None:
        write_figures(found.bars, options.figures)
    if options.report is not None:
        options.report.write_text(found.text() + "\n", "utf-8")
    if options.sheets is not None:
        write_sheets(found.pairs, options.sheets)
    if options.card:
        write_into_card(options.weights, figures_of(found.bars))


def main(arguments: Sequence[str] | None = None) -> None:
    """Evaluate from the command line."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.evaluate", description=__doc__)
    parser.add_argument("--work", type=Path, default=WORK, help="folder with the shards")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    add_options(parser)
    run(parser.parse_args(arguments))


if __name__ == "__main__":
    restart_with_kept_blocks("engine.training.evaluate")
    main()
