"""`loopgraft scripts`: what sends a region of a DAW's timeline here, and where it is installed."""

from __future__ import annotations

from engine.errors import BadArgument
from engine.places import library_folder
from plugin_bridge.command_line.console import Console, JsonValue, shown_path
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.take_report import json_path
from plugin_bridge.daw_scripts import DAWS, DawScript, find_scripts


def run(options: Options, console: Console) -> int:
    """Install scripts, or tell where they are. Returns an exit code."""
    scripts = _chosen(options.files)
    if options.action == "install":
        _check_found(options.files, scripts)
        for script in scripts:
            script.install()
    for script in scripts:
        console.line(f"{script.daw:7}  {_state(script):13}  {shown_path(script.target)}")
    if not scripts:
        console.line("No Ardour and no REAPER has kept settings here yet.")
    console.line(f"Every other DAW: add “{shown_path(library_folder())}” to its file browser.")
    console.result(
        {
            "scripts": [_script_json(script) for script in scripts],
            "takes_folder": json_path(library_folder()),
        }
    )
    return 0


def _chosen(daws: list[str]) -> list[DawScript]:
    for daw in daws:
        if daw not in DAWS:
            raise BadArgument(
                f"There is no script for “{daw[:40]}”; choose from {', '.join(DAWS)}."
            )
    return [script for script in find_scripts() if not daws or script.daw in daws]


def _check_found(daws: list[str], scripts: list[DawScript]) -> None:
    """Raise BadArgument where a DAW that is meant has never been started by this user."""
    found = {script.daw for script in scripts}
    missing = [daw for daw in daws if daw not in found]
    if missing or not scripts:
        names = " or ".join(missing or DAWS)
        raise BadArgument(f"No settings of {names} were found; start it once, then try again.")


def _state(script: DawScript) -> str:
    if script.is_current:
        return "installed"
    return "out of date" if script.is_installed else "not installed"


def _script_json(script: DawScript) -> dict[str, JsonValue]:
    return {
        "daw": script.daw,
        "name": script.source.name,
        "path": json_path(script.target),
        "installed": script.is_installed,
        "current": script.is_current,
    }
