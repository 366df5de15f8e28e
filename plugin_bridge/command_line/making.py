"""The commands that make takes: generate, inpaint, continue, vary, morph, loop."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from engine.errors import JobCancelled
from engine.messages import TakeDone
from engine.request import GRAFTING_TASKS
from plugin_bridge.command_line.console import Console, JsonValue, shown_path
from plugin_bridge.command_line.destination import SUBTYPES, Destination, check_destination
from plugin_bridge.command_line.engine_choice import open_engine
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.orders import Order, build_order
from plugin_bridge.command_line.prompt_report import notes, understood_line
from plugin_bridge.command_line.recipes import made_otherwise
from plugin_bridge.command_line.stored_take import export_stored
from plugin_bridge.command_line.take_report import (
    ExportedTake,
    json_path,
    key_name,
    ranked,
    take_json,
    take_line,
)
from plugin_bridge.command_line.take_run import run_job


@dataclass
class _Making:
    """Exports takes as they finish."""

    console: Console
    destination: Destination
    subtype: str | None
    takes: list[ExportedTake] = field(default_factory=list[ExportedTake])

    def finish(self, done: TakeDone) -> None:
        target = self.destination.target(done.take_index)
        path = export_stored(done.path, done.facts, target, self.subtype)
        take = ExportedTake(path, done.facts)
        self.takes.append(take)
        self.console.line(take_line(take))
        if len(self.takes) == 1 and (line := understood_line(done.facts)):
            self.console.line(line)


def run(options: Options, console: Console) -> int:
    """Make the takes and export them. Returns an exit code."""
    began = time.monotonic()
    order = build_order(options)
    request = order.request
    destination = check_destination(options.out, options.bit_depth, request.variations)
    _tell_grid(order, console)
    told = notes(request, options)
    for note in told:
        console.line(f"Note: {note}")
    making = _Making(console, destination, _subtype(options, order))
    with open_engine(options, request.model) as link:
        try:
            run_job(link, request, console, making.finish)
        except JobCancelled:
            raise _cancelled(making, request.variations) from None
    if order.before and (other := made_otherwise(order.before, making.takes[0].facts)):
        console.line(f"Note: {other}")
        told.append(other)
    if request.task in GRAFTING_TASKS and len(making.takes) > 1:
        _tell_ranking(making.takes, console)
    result = _result(order, making.takes, time.monotonic() - began)
    console.result({**result, "notes": list(told)})
    return 0


def _subtype(options: Options, order: Order) -> str | None:
    """Return the format asked for; a graft keeps its source's, a new sound has 24 bits."""
    if options.bit_depth:
        return SUBTYPES[options.bit_depth]
    if order.before is not None:
        return order.before.subtype
    if order.request.task in GRAFTING_TASKS:
        return None
    return SUBTYPES["24"]


def _tell_grid(order: Order, console: Console) -> None:
    if order.source is not None and order.grid is not None:
        console.line(f"{order.source.name}: {order.grid.describe(order.source.audio.sample_rate)}")


def _cancelled(making: _Making, asked: int) -> JobCancelled:
    done = len(making.takes)
    return JobCancelled(f"Cancelled after {done} of {asked} takes." if done else "Cancelled.")


def _tell_ranking(takes: list[ExportedTake], console: Console) -> None:
    console.line("the best first, by seam and by how well it fits:")
    for place, take in enumerate(ranked(takes), start=1):
        scores = (take.facts.measured.seam_score, take.facts.adherence)
        shown = "  ".join("  -  " if score is None else f"{score:5.2f}" for score in scores)
        console.line(f"{place:3d}. {shown}  {shown_path(take.path)}")


def _result(order: Order, takes: list[ExportedTake], seconds: float) -> dict[str, JsonValue]:
    first = take_json(takes[0]) if takes else {}
    request, best_first = order.request, ranked(takes)
    result: dict[str, JsonValue] = {
        "task": str(request.task),
        "paths": [json_path(take.path) for take in takes],
        "seed": request.seed,
        "requested": {"bpm": request.bpm, "key": key_name(request.key), "bars": request.bars},
        "timings_seconds": {"total": seconds},
        "takes": [{**take_json(t), "rank": best_first.index(t) + 1} for t in takes],
        "ranking": [json_path(take.path) for take in best_first],
    }
    shared = ("frames", "sample_rate", "measured", "seam_score", "understood", "device", "runtime")
    shared += ("model", "model_version")
    result.update({name: first[name] for name in shared if name in first})
    if order.source is not None and order.grid is not None:
        grid = order.grid
        result["source"] = {
            "path": json_path(order.source.audio.path),
            "bpm": None if grid.tempo is None else float(grid.tempo),
            "bpm_confidence": grid.confidence,
            "downbeat_seconds": grid.downbeat_frame / order.source.audio.sample_rate,
        }
    return result
