"""`loopgraft models`: the installed models, their cards, and whether they are whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from engine.errors import ModelProblem
from engine.models.registry import ModelCard, find_model, installed_models, verify
from plugin_bridge.command_line.console import Console, JsonValue
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.runtimes import find_runtimes


def run(options: Options, console: Console) -> int:
    """Run the action that was asked for. Returns an exit code."""
    if options.action == "list":
        return _list(console)
    if options.action == "show":
        return _show(find_model(options.name), options, console)
    return _verify(options, console)


def _list(console: Console) -> int:
    cards = installed_models()
    for card in cards:
        size = f"{card.total_bytes / 1e6:.1f} MB"
        console.line(f"{card.id:12s} {card.version:10s} {size:>10s}  {card.licence}  {card.name}")
    if not cards:
        console.line("No model is installed.")
    console.result({"models": [_card_json(card) for card in cards]})
    return 0


def _show(card: ModelCard, options: Options, console: Console) -> int:
    console.line(f"{card.name} ({card.id} {card.version}), {card.licence}")
    if card.description:
        console.line(card.description)
    for file in card.files:
        console.line(f"  {file.name}  {file.bytes} bytes  SHA-256 {file.sha256}")
    for title, table in (("figures", card.figures), ("training", card.training)):
        _show_table(title, table, console)
    runtime = _runtime_json(card, options)
    console.line(f"runs on: {runtime.get('text') or runtime.get('problem')}")
    console.result({**_card_json(card), "runtime": runtime})
    return 0


def _runtime_json(card: ModelCard, options: Options) -> dict[str, JsonValue]:
    """Return what runs the model here, or why that is not known."""
    try:
        found = find_runtimes(options.device).get(card.id)
    except ModelProblem as error:
        return {"problem": error.sentence}
    return {} if found is None else {**asdict(found), "text": found.text}


def _show_table(title: str, table: Mapping[str, Any], console: Console) -> None:
    if table:
        console.line(f"{title}:")
    for name, value in table.items():
        console.line(f"  {name}: {value}")


def _verify(options: Options, console: Console) -> int:
    cards = [find_model(options.name)] if options.name else list(installed_models())
    faults = {card.id: verify(card) for card in cards}
    for name, found in faults.items():
        console.line(f"{name}: {' '.join(found) or 'every file is as its card says.'}")
    console.result(
        {"models": {name: {"ok": not f, "faults": list(f)} for name, f in faults.items()}}
    )
    damaged = [name for name, found in faults.items() if found]
    if damaged:
        raise ModelProblem(
            f"The files of {', '.join(damaged)} are not what the card says; "
            "install Loopgraft again."
        )
    if not cards:
        raise ModelProblem("No model is installed; install Loopgraft again.")
    return 0


def _card_json(card: ModelCard) -> dict[str, JsonValue]:
    return {
        "id": card.id,
        "name": card.name,
        "version": card.version,
        "licence": card.licence,
        "description": card.description,
        "bytes": card.total_bytes,
        "files": [
            {"name": file.name, "bytes": file.bytes, "sha256": file.sha256} for file in card.files
        ],
        "figures": dict(card.figures),
        "training": dict(card.training),
    }
