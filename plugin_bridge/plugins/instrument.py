"""An instrument plays notes into a clip, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import BinaryIO

import msgspec
import numpy as np

from engine.audio import AudioClip, FloatArray
from engine.child_process import child_environment, module_command
from engine.errors import BadArgument
from plugin_bridge.plugins.chain import ChainSlot
from plugin_bridge.plugins.hosted_plugin import PluginProblem
from plugin_bridge.plugins.midi_file import MOST_SECONDS, Note
from plugin_bridge.plugins.plugin_index import UsablePlugin
from plugin_bridge.plugins.scan import ScanLimits, kill_group
from plugin_bridge.plugins.scan_messages import PlayJob
from plugin_bridge.slots import CHANNELS, SAMPLE_RATE_RANGE

_HOST = "plugin_bridge.plugins.host_process"
_STDERR_TAIL_BYTES = 4 * 1024
#: Loading, then ten times slower than real time.
_SECONDS_PER_SECOND = 10.0


def play(
    plugin: UsablePlugin,
    slot: ChainSlot,
    notes: Sequence[Note],
    seconds: float,
    sample_rate: int,
    limits: ScanLimits,
) -> AudioClip:
    """Return what an instrument makes of notes: stereo, so many seconds. Blocks.

    slot: its settings. Raises BadArgument, PluginProblem when it fails or gives no audio.
    """
    low, high = SAMPLE_RATE_RANGE
    if not plugin.facts.is_instrument:
        raise BadArgument(f"{plugin.facts.name} is an effect; give an instrument.")
    if not 0.0 < seconds <= MOST_SECONDS:
        raise BadArgument(f"{seconds:g} s of audio is outside 0 to {MOST_SECONDS:g} s.")
    if not low <= sample_rate <= high:
        raise BadArgument(f"A sample rate of {sample_rate} Hz is outside {low} to {high} Hz.")
    for key, value in slot.parameters.items():
        plugin.facts.parameter(key).check(value)
    job = PlayJob(str(plugin.path), plugin.facts.name, slot, tuple(notes), seconds, sample_rate)
    with tempfile.TemporaryFile() as order, tempfile.TemporaryFile() as result:
        order.write(msgspec.json.encode(job))
        order.seek(0)
        _run_child(plugin, order, result, limits, seconds)
        return AudioClip(_read(plugin, result), sample_rate)


def _run_child(
    plugin: UsablePlugin, order: BinaryIO, result: BinaryIO, limits: ScanLimits, seconds: float
) -> None:
    words = ("--play", "--memory", str(limits.memory_bytes), "--parent", str(os.getpid()))
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            module_command(_HOST, *words),
            stdin=order,
            stdout=result,
            stderr=errors,
            env=child_environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),
            start_new_session=sys.platform != "win32",
        )
        try:
            exit_code = process.wait(limits.seconds + seconds * _SECONDS_PER_SECOND)
        except subprocess.TimeoutExpired:
            exit_code = None
        finally:
            kill_group(process)
            process.wait()
        if exit_code != 0:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - _STDERR_TAIL_BYTES))
            details = errors.read().decode(errors="replace")
            raise _failed(plugin, f"exit code {exit_code}\n{details}")


def _read(plugin: UsablePlugin, result: BinaryIO) -> FloatArray:
    result.seek(0)
    values = np.fromfile(result, np.float32)
    if not values.size or values.size % CHANNELS:
        raise _failed(plugin, f"{values.size} values")
    if not np.isfinite(values).all():
        raise _failed(plugin, "NaN or infinity")
    return values.reshape(CHANNELS, -1)


def _failed(plugin: UsablePlugin, details: str) -> PluginProblem:
    return PluginProblem(
        f"The instrument {plugin.facts.plugin_id} failed while it played; use another.", details
    )
