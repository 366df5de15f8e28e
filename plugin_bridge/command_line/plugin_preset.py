"""`loopgraft plugins save-preset`: a plugin's settings in a file."""

from __future__ import annotations

from pathlib import Path

from engine.atomic_file import FileExists, write_atomically
from engine.errors import BadArgument
from plugin_bridge.command_line.console import Console, shown_path
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.plugin_settings import LOAD_LIMITS, read_settings, slot_of
from plugin_bridge.command_line.take_report import json_path
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.presets import check_preset_path, preset_bytes


def save_preset(options: Options, console: Console, index: PluginIndex) -> int:
    """Write a preset that is not there yet. Returns an exit code."""
    path = Path(options.file).expanduser()
    check_preset_path(path)
    plugin = index.find(options.name)
    (parameters,) = read_settings([plugin.facts], options.settings or ())
    slot = slot_of(plugin, parameters, options.preset)
    data = preset_bytes(plugin, slot, path, LOAD_LIMITS)
    try:
        write_atomically(path, (data,))
    except FileExists as error:
        raise BadArgument(error.sentence) from error
    console.line(shown_path(path))
    console.result({"path": json_path(path), "plugin": plugin.facts.plugin_id})
    return 0
