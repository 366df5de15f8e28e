"""An instrument plays notes into a clip, in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from engine.audio import AudioClip, FloatArray
from engine.errors import BadArgument
from plugin_bridge.plugins.chain import ChainSlot
from plugin_bridge.plugins.hosted_plugin import PluginProblem
from plugin_bridge.plugins.midi_file import MOST_SECONDS, Note
from plugin_bridge.plugins.one_shot import ChildFailed, one_shot
from plugin_bridge.plugins.plugin_index import UsablePlugin
from plugin_bridge.plugins.scan import ScanLimits
from plugin_bridge.plugins.scan_messages import PlayJob
from plugin_bridge.slots import CHANNELS, SAMPLE_RATE_RANGE

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
    patience = replace(limits, seconds=limits.seconds + seconds * _SECONDS_PER_SECOND)
    try:
        with one_shot("--play", job, patience) as result:
            return AudioClip(_read(plugin, result), sample_rate)
    except ChildFailed as error:
        raise _failed(plugin, str(error)) from error


def _read(plugin: UsablePlugin, result: BinaryIO) -> FloatArray:
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
