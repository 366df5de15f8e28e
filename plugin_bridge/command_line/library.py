"""`loopgraft library`: every take ever made."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from engine.errors import BadArgument
from engine.library import Library, LibraryEntry, LibraryFilter
from engine.places import library_folder
from plugin_bridge.command_line.console import Console, JsonValue, shown_path
from plugin_bridge.command_line.destination import SUBTYPES, check_destination
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.stored_take import export_stored
from plugin_bridge.command_line.take_report import (
    ExportedTake,
    facts_parts,
    json_path,
    shown_prompt,
    take_json,
)

_STARS = 5
_SHORT_ID = 8


def run(options: Options, console: Console) -> int:
    """Run the action that was asked for. Returns an exit code."""
    if options.limit < 1:
        raise BadArgument(f"--limit {options.limit} is below 1; give how many takes to show.")
    with closing(Library(library_folder())) as library:
        match options.action:
            case "list" | "search":
                _show_entries(_find(library, options), console)
            case "show":
                _show(pick_take(library, options.name), console)
            case "export":
                _export(pick_take(library, options.name), options, console)
            case "star":
                _star(library, options, console)
            case _:
                _rebuild(library, console)
    return 0


def _find(library: Library, options: Options) -> Sequence[LibraryEntry]:
    text = " ".join(options.query) if options.action == "search" else ""
    if options.starred or not text:
        chosen = LibraryFilter(text=text, minimum_rating=1 if options.starred else 0)
        return library.list(options.limit, chosen=chosen)
    return library.search(text, options.limit)


def _show_entries(entries: Sequence[LibraryEntry], console: Console) -> None:
    for entry in entries:
        parts = [
            entry.take_id[:_SHORT_ID],
            "★" if entry.rating else " ",
            *facts_parts(entry.facts),
            shown_prompt(entry.facts),
        ]
        console.line("  ".join(parts))
    if not entries:
        console.line("No take was found.")
    console.result({"takes": [_entry_json(entry) for entry in entries]})


def pick_take(library: Library, name: str) -> LibraryEntry:
    """Return the take of this id or beginning of one. Raises BadArgument."""
    if (entry := library.get(name)) is not None:
        return entry
    found = [entry for entry in library.list(-1) if entry.take_id.startswith(name)] if name else []
    if len(found) == 1:
        return found[0]
    if found:
        raise BadArgument(f"“{name}” is the start of {len(found)} takes; give more of the id.")
    raise BadArgument(f"There is no take “{name[:40]}”; `loopgraft library list` shows them.")


def _show(entry: LibraryEntry, console: Console) -> None:
    facts = entry.facts
    console.line(f"{entry.take_id}{'  ★' if entry.rating else ''}")
    console.line(f"  file      {shown_path(entry.path)}")
    console.line(f"  asked     {shown_prompt(facts)}")
    console.line(
        f"  made by   {facts.request.task}, seed {facts.request.seed}, {facts.model_version}"
    )
    console.line(f"  heard     {', '.join(facts_parts(facts))}")
    console.result(_entry_json(entry))


def _export(entry: LibraryEntry, options: Options, console: Console) -> None:
    destination = check_destination(options.out, None)
    subtype = SUBTYPES[options.bit_depth] if options.bit_depth else None
    path = export_stored(entry.path, entry.facts, destination.target(0), subtype)
    console.line(shown_path(path))
    console.result({**_entry_json(entry), "path": json_path(path)})


def _star(library: Library, options: Options, console: Console) -> None:
    entry = pick_take(library, options.name)
    rating = 0 if options.unstar else _STARS
    library.star(entry.take_id, rating)
    console.line(f"{entry.take_id} {'has no star any more' if options.unstar else 'is starred'}")
    console.result({"take_id": entry.take_id, "rating": rating})


def _rebuild(library: Library, console: Console) -> None:
    report = library.rebuild()
    console.line(
        f"{report.takes} takes: {report.adopted} new, {report.dropped} gone, "
        f"{report.damaged} damaged files left alone"
    )
    console.result(
        {
            "takes": report.takes,
            "adopted": report.adopted,
            "dropped": report.dropped,
            "damaged": report.damaged,
        }
    )


def _entry_json(entry: LibraryEntry) -> dict[str, JsonValue]:
    return {
        **take_json(ExportedTake(entry.path, entry.facts)),
        "prompt": entry.facts.request.prompt,
        "rating": entry.rating,
        "created": entry.created,
    }
