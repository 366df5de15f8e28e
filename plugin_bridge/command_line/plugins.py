"""`loopgraft plugins`: find out what there are, list them, show one, let one out, use them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.display_name import display_name, display_text
from engine.errors import BadArgument, BadInputFile
from plugin_bridge.command_line.console import Console, JsonValue, one_line, shown_path
from plugin_bridge.command_line.options import Options
from plugin_bridge.plugins.facts import ParameterFacts, PluginFacts
from plugin_bridge.plugins.folders import default_folders
from plugin_bridge.plugins.hosted_plugin import PluginProblem
from plugin_bridge.plugins.plugin_index import PluginEntry, PluginIndex
from plugin_bridge.plugins.scan import ScanLimits, allow, scan, scan_log_path

_SECONDS_RANGE = (1.0, 600.0)
#: Whoever asks for one plugin by name waits for it longer than for one of a hundred.
_ALLOWED_SECONDS = 120.0


def run(options: Options, console: Console) -> int:
    """Run the action that was asked for. Returns an exit code."""
    with PluginIndex() as index:
        if options.action == "scan":
            return _scan(options, console, index)
        if options.action == "allow":
            return _allow(options, console, index)
        if options.action == "run":
            from plugin_bridge.command_line.plugin_run import run_chain

            return run_chain(options, console, index)
        if options.action == "play":
            from plugin_bridge.command_line.plugin_play import play_notes

            return play_notes(options, console, index)
        if options.action == "save-preset":
            from plugin_bridge.command_line.plugin_preset import save_preset

            return save_preset(options, console, index)
        if options.action == "show":
            return _show(options, console, index)
        return _list(console, index)


def _scan(options: Options, console: Console, index: PluginIndex) -> int:
    places = [_existing(place) for place in options.files] or list(default_folders())
    limits = ScanLimits(_limit_seconds(options, ScanLimits().seconds))
    entries: list[PluginEntry] = []
    loaded = 0
    for scanned in scan(index, places, limits, again=options.again):
        entries.append(scanned.entry)
        loaded += scanned.is_new
        if scanned.is_new:
            _tell(scanned.entry, console)
    usable = sum(not entry.denied for entry in entries)
    console.line(
        f"{len(entries)} files, {loaded} of them loaded now: {usable} usable, "
        f"{len(entries) - usable} in quarantine; the log is {shown_path(scan_log_path())}"
    )
    console.result(
        {
            "files": [_entry_json(entry) for entry in entries],
            "loaded": loaded,
            "log": str(scan_log_path()),
        }
    )
    return 0


def _existing(place: str) -> Path:
    path = Path(place).expanduser()
    if not path.exists():
        raise BadInputFile(f"There is no “{display_name(path)}”; give a folder or a plugin.")
    return path


def _list(console: Console, index: PluginIndex) -> int:
    entries = index.entries()
    for entry in entries:
        _tell(entry, console)
    if not entries:
        console.line("No plugin was scanned; “loopgraft plugins scan” looks for them.")
    console.result({"files": [_entry_json(entry) for entry in entries]})
    return 0


def _show(options: Options, console: Console, index: PluginIndex) -> int:
    plugin = index.find(options.name)
    facts = plugin.facts
    console.line(f"{_kind(facts)} {one_line(facts.name)} {one_line(facts.version)}")
    console.line(f"  by {one_line(facts.maker)}, id “{one_line(facts.plugin_id)}”")
    console.line(f"  {shown_path(plugin.path)}")
    console.line(f"  {facts.channels} channels, {facts.latency_frames} frames of latency")
    for parameter in facts.parameters:
        console.line(f"  {parameter.key:24s} {_range(parameter)}")
    console.result({"path": str(plugin.path), **_facts_json(facts)})
    return 0


def _allow(options: Options, console: Console, index: PluginIndex) -> int:
    seconds = _limit_seconds(options, _ALLOWED_SECONDS)
    entry = allow(index, Path(options.file), ScanLimits(seconds))
    _tell(entry, console)
    console.result(_entry_json(entry))
    if entry.denied:
        raise PluginProblem(f"“{entry.path.name}” stays in quarantine: {entry.reason}")
    return 0


def _limit_seconds(options: Options, default: float) -> float:
    low, high = _SECONDS_RANGE
    seconds = default if options.limit_seconds is None else options.limit_seconds
    if not low <= seconds <= high:
        raise BadArgument(f"--limit-seconds {seconds:g} is outside {low:g} to {high:g} s.")
    return seconds


def _tell(entry: PluginEntry, console: Console) -> None:
    if entry.denied:
        console.line(f"quarantine  {shown_path(entry.path)}: {one_line(entry.reason)}")
    for facts in () if entry.denied else entry.plugins:
        name = f"{one_line(facts.name):24s} {one_line(facts.maker)}"
        console.line(f"{_kind(facts):10s}  {name}  {one_line(facts.plugin_id)}")


def _kind(facts: PluginFacts) -> str:
    return "instrument" if facts.is_instrument else "effect"


def _range(parameter: ParameterFacts) -> str:
    if parameter.kind == "number":
        unit = f" {parameter.unit}" if parameter.unit else ""
        return f"{parameter.low:g} to {parameter.high:g}{unit} (now {parameter.default:g})"
    choices: Sequence[object] = parameter.choices or ("true", "false")
    shown = ", ".join(one_line(str(choice)) for choice in choices[:12])
    more = ", …" if len(choices) > 12 else ""
    return f"{shown}{more} (now {display_text(str(parameter.default))})"


def _entry_json(entry: PluginEntry) -> dict[str, JsonValue]:
    return {
        "path": str(entry.path),
        "usable": not entry.denied,
        "reason": entry.reason,
        "seconds": entry.seconds,
        "plugins": [_facts_json(facts) for facts in entry.plugins],
    }


def _facts_json(facts: PluginFacts) -> dict[str, JsonValue]:
    return {
        "id": facts.plugin_id,
        "name": facts.name,
        "maker": facts.maker,
        "version": facts.version,
        "category": facts.category,
        "is_instrument": facts.is_instrument,
        "channels": facts.channels,
        "latency_frames": facts.latency_frames,
        "parameters": [_parameter_json(parameter) for parameter in facts.parameters],
    }


def _parameter_json(parameter: ParameterFacts) -> dict[str, JsonValue]:
    shown: dict[str, JsonValue] = {
        "key": parameter.key,
        "name": parameter.name,
        "kind": parameter.kind,
        "value": parameter.default,
    }
    if parameter.kind == "number":
        low, high, step = parameter.low, parameter.high, parameter.step
        shown |= {"low": low, "high": high, "step": step, "unit": parameter.unit}
    if parameter.kind == "choice":
        shown["choices"] = list(parameter.choices)
    return shown
