"""`loopgraft plugins run`: files, takes or a part of each through a chain of plugins."""

from __future__ import annotations

from pathlib import Path

from engine.atomic_file import FileExists, write_atomically
from engine.errors import BadArgument
from plugin_bridge.command_line.console import Console, shown_path
from plugin_bridge.command_line.destination import check_destination
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.plugin_batch import run_batch
from plugin_bridge.command_line.plugin_render import Job, find_source, render_file
from plugin_bridge.command_line.plugin_settings import read_settings, slot_of
from plugin_bridge.plugins.chain import Chain, encode_chain, read_chain
from plugin_bridge.plugins.plugin_index import PluginIndex


def run_chain(options: Options, console: Console, index: PluginIndex) -> int:
    """Render and write what is asked for. Returns an exit code."""
    chain = _chain(options, index)
    destination = check_destination(options.out, options.bit_depth)
    job = Job(chain, destination, options)
    if len(options.files) > 1 or Path(options.files[0]).is_dir():
        settled, exit_code = run_batch(job, options.files, index, console)
    else:
        settled, exit_code = _run_one(job, options.files[0], index, console), 0
    if options.save_chain and settled is not None:
        _save_chain(settled, Path(options.save_chain))
    return exit_code


def _run_one(job: Job, source: str, index: PluginIndex, console: Console) -> Chain | None:
    """Render one file and return the chain with every setting, None where none was used."""
    made = render_file(job, find_source(source), job.kinds, index, console)
    for path in made.paths.values():
        console.line(shown_path(path))
    console.result(made.result)
    return None if made.rendered is None else made.rendered.chain


def _chain(options: Options, index: PluginIndex) -> Chain:
    if bool(options.chain) == bool(options.plugins):
        raise BadArgument("Give either --chain FILE, or --plugin NAME once for each plugin.")
    if options.chain:
        if options.settings:
            raise BadArgument("--set is for --plugin; a chain's file has its own parameters.")
        return read_chain(Path(options.chain))
    plugins = [index.find(name) for name in options.plugins or ()]
    settings = read_settings([plugin.facts for plugin in plugins], options.settings or ())
    presets = options.presets or {}
    return Chain(
        tuple(
            slot_of(plugin, parameters, presets.get(place, ""))
            for place, (plugin, parameters) in enumerate(zip(plugins, settings, strict=True))
        )
    )


def _save_chain(chain: Chain, path: Path) -> None:
    try:
        write_atomically(path, (encode_chain(chain),))
    except FileExists as error:
        raise BadArgument(error.sentence) from error
