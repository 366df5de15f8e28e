"""The plugin host's main: `python -m plugin_bridge.plugins.host_process --scan FILE | --ring NAME`.

The only importer of pedalboard. What is loaded here may crash, hang, end the process or write
where it likes: whoever started this waits with a deadline and takes nothing for granted.
`--scan` writes one ScanReply to stdout and ends, `--time` how long blocks take, `--play` the audio
of the PlayJob on stdin, `--preset` what a plugin is after the PresetJob on stdin; `--ring` serves a
chain until the pipe closes.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import re
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from engine.child_main import claim_pipes, end_with_the_app, leave_ctrl_c_to_the_app
from engine.errors import BadArgument
from plugin_bridge.audio_blocks import leave_blocks_to_their_owner
from plugin_bridge.plugins.chain import ChainSlot
from plugin_bridge.plugins.facts import PluginFacts
from plugin_bridge.plugins.host_server import HostServer
from plugin_bridge.plugins.hosted_plugin import HostedPlugin, try_out
from plugin_bridge.plugins.plugin_ring import PluginRing
from plugin_bridge.plugins.scan_messages import (
    OUTPUT_LIMIT_BYTES,
    PlayJob,
    PresetJob,
    PresetReply,
    ScanReply,
)
from plugin_bridge.slots import CHANNELS

#: How soon the thread of the plugins gets the interpreter from another one.
_SWITCH_SECONDS = 0.001
_PROBLEM_CHARACTERS = 500
_TIMED_BLOCKS = 400
_PLAY_BLOCK_FRAMES = 512
_NO_PLUGIN = "It is no plugin that works on this machine."
_FAILED = "It failed when it was tried out."
_MIDI_CONTROLLERS = re.compile(r"MIDI Ch\. \d+ CC")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the roles. Returns an exit code."""
    options = _parse(arguments)
    end_with_the_app(options.parent)
    from_app, to_app = claim_pipes()
    _limit_memory(options.memory)
    leave_ctrl_c_to_the_app()
    if options.scan:
        return _scan(options.scan, to_app)
    if options.play:
        return _play(from_app, to_app)
    if options.preset:
        return _preset(from_app, to_app)
    if options.time:
        return _time(options, to_app)
    return _serve(options, from_app, to_app)


def load(path: str, name: str | None = None) -> Any:
    """Load a plugin, of a file with several the one of this name. Raises ImportError and more."""
    from pedalboard import _pedalboard  # pyright: ignore[reportPrivateUsage]

    # pedalboard tries 1001 values of every parameter that it does not ignore; plugins made with
    # DPF have one for each MIDI controller of each channel, 2080 in all (measured: 97 s).
    _pedalboard.PARAMETER_NAME_REGEXES_TO_IGNORE.add(_MIDI_CONTROLLERS)
    return _pedalboard.load_plugin(path, plugin_name=name)


def _scan(path: str, to_app: int) -> int:
    """Load everything in a file, try it out, and write what it is."""
    try:
        reply = ScanReply(tuple(_facts(path, name) for name in _names(path)))
    except ImportError as error:
        reply = ScanReply(problem=_NO_PLUGIN, details=str(error)[:_PROBLEM_CHARACTERS])
    except Exception as error:  # noqa: BLE001 - the top of a process; a plugin's fault is data
        reply = ScanReply(problem=_FAILED, details=repr(error)[:_PROBLEM_CHARACTERS])
    os.write(to_app, msgspec.json.encode(reply))
    # What a plugin does at the end of its process is no matter: nobody waits for it.
    os._exit(0)


def _names(path: str) -> list[str | None]:
    """Return the plugins of a file, [None] of one that holds a single one."""
    import pedalboard

    kind = pedalboard.VST3Plugin
    if path.endswith(".component"):
        kind = pedalboard.AudioUnitPlugin
    names = list(kind.get_plugin_names_for_file(path))
    return list(names) if len(names) > 1 else [None]


def _facts(path: str, name: str | None) -> PluginFacts:
    plugin = HostedPlugin(lambda: load(path, name))
    facts = plugin.facts()
    try_out(plugin)
    return facts


def _serve(options: _Options, from_app: int, to_app: int) -> int:
    """Serve a chain over the ring until the app closes the pipe."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s"
    )
    leave_blocks_to_their_owner()
    sys.setswitchinterval(_SWITCH_SECONDS)
    ring = PluginRing.attach(options.ring)
    server = HostServer(load, ring, options.rate, options.block, to_app)
    gc.freeze()  # what is there now stays: a collection must not stop the audio to look at it
    exit_code = server.serve(from_app)
    os._exit(exit_code)  # as in _scan


def _play(from_app: int, to_app: int) -> int:
    """Read one PlayJob and write the audio."""
    with os.fdopen(from_app, "rb") as order:
        job = msgspec.json.decode(order.read(), type=PlayJob)
    plugin = HostedPlugin(lambda: load(job.file, job.name))
    _settle(plugin, job.slot)
    plugin.prepare(job.sample_rate, _PLAY_BLOCK_FRAMES)
    audio = plugin.play(list(job.notes), job.seconds)
    with os.fdopen(to_app, "wb") as result:
        result.write(np.ascontiguousarray(audio, np.float32).tobytes())
    os._exit(0)


def _settle(plugin: HostedPlugin, slot: ChainSlot, preset: str = "") -> None:
    """Give a plugin a slot's state, then a preset, then the slot's parameters."""
    if slot.state:
        plugin.set_state(slot.state)
    if preset:
        plugin.load_preset(preset)
    for key, value in slot.parameters.items():
        plugin.set_parameter(key, value)


def _preset(from_app: int, to_app: int) -> int:
    """Read one PresetJob and write what the plugin is then."""
    with os.fdopen(from_app, "rb") as order:
        job = msgspec.json.decode(order.read(), type=PresetJob)
    plugin = HostedPlugin(lambda: load(job.file, job.name))
    try:
        _settle(plugin, job.slot, job.path)
        plugin.run_silence()
        reply = PresetReply(plugin.state, plugin.preset, plugin.values())
    except BadArgument as error:
        reply = PresetReply(problem=error.sentence, details=error.details)
    with os.fdopen(to_app, "wb") as result:
        result.write(msgspec.json.encode(reply))
    os._exit(0)


def _time(options: _Options, to_app: int) -> int:
    """Write how many seconds each of many blocks takes here, to compare the ring with."""
    plugin = HostedPlugin(lambda: load(options.time))
    plugin.prepare(options.rate, options.block)
    rng = np.random.default_rng(1)
    noise = rng.uniform(-0.5, 0.5, (CHANNELS, options.block)).astype(np.float32)
    seconds: list[float] = []
    for _ in range(_TIMED_BLOCKS):
        began = time.perf_counter()
        plugin.process(noise)
        seconds.append(time.perf_counter() - began)
    os.write(to_app, msgspec.json.encode(seconds))
    os._exit(0)


class _Options(argparse.Namespace):
    scan: str
    time: str
    play: bool
    preset: bool
    parent: int
    ring: str
    rate: int
    block: int
    memory: int


def _parse(arguments: Sequence[str] | None) -> _Options:
    parser = argparse.ArgumentParser(prog="plugin_bridge.plugins.host_process", description=__doc__)
    parser.add_argument("--scan", default="", metavar="FILE")
    parser.add_argument("--play", action="store_true")
    parser.add_argument("--preset", action="store_true")
    parser.add_argument("--time", default="", metavar="FILE")
    parser.add_argument("--parent", type=int, default=0, metavar="PID", help="0: any")
    parser.add_argument("--ring", default="", metavar="NAME")
    parser.add_argument("--rate", type=int, default=44_100, metavar="HZ")
    parser.add_argument("--block", type=int, default=256, metavar="FRAMES")
    parser.add_argument("--memory", type=int, default=0, metavar="BYTES", help="0: no limit")
    return parser.parse_args(arguments, namespace=_Options())


def _limit_memory(more_bytes: int) -> None:
    """Allow so much more address space than is mapped now (Linux), and no core file."""
    if sys.platform == "win32":
        return
    import resource

    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, OUTPUT_LIMIT_BYTES)
    if more_bytes and sys.platform == "linux":
        import pedalboard  # noqa: F401  # pyright: ignore[reportUnusedImport] - mapped by now

        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - as in engine.file_reader
            used = int(file.read().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, used + more_bytes)


def _lower(kind: int, limit: int) -> None:
    import resource

    _, hard = resource.getrlimit(kind)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    sys.exit(main())
