"""`loopgraft plugins play`: an instrument plays a MIDI file into a WAV, to be grafted into."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.audio import MODEL_SAMPLE_RATE, AudioClip
from engine.sample_format import quantise
from plugin_bridge.command_line.console import Console, shown_path
from plugin_bridge.command_line.destination import SUBTYPES, check_destination
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.plugin_files import safe_stem, warn_of_clipping, write_new
from plugin_bridge.command_line.plugin_settings import read_settings
from plugin_bridge.command_line.take_report import json_path
from plugin_bridge.plugins.chain import ChainSlot
from plugin_bridge.plugins.instrument import play
from plugin_bridge.plugins.midi_file import read_midi
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.scan import ScanLimits

_FADE_SECONDS = 10.0
_QUIET_PEAK = 10 ** (-90 / 20)
_LOAD_SECONDS = 120.0


def play_notes(options: Options, console: Console, index: PluginIndex) -> int:
    """Play and write. Returns an exit code."""
    plugin = index.find(options.name)
    (parameters,) = read_settings([plugin.facts], options.settings or ())
    destination = check_destination(options.out, options.bit_depth)
    path = Path(options.file)
    notes = read_midi(path)
    slot = ChainSlot(plugin.facts.plugin_id, parameters=parameters)
    last = notes[-1][1]
    seconds = last + _FADE_SECONDS if options.seconds is None else options.seconds
    limits = ScanLimits(_LOAD_SECONDS)
    clip = play(plugin, slot, notes, seconds, MODEL_SAMPLE_RATE, limits)
    if options.seconds is None:
        clip = _without_silence(clip, last)
    subtype = destination.subtype or SUBTYPES["24"]
    warn_of_clipping(clip.samples, subtype, console)
    samples = quantise(clip.samples, subtype)
    written = write_new(destination, safe_stem(path), samples, clip.sample_rate, subtype)
    console.line(shown_path(written))
    console.result(
        {
            "path": json_path(written),
            "instrument": plugin.facts.plugin_id,
            "notes": sum(message[0] >> 4 == 0x9 and message[2] > 0 for message, _ in notes),
            "frames": clip.frames,
            "sample_rate": clip.sample_rate,
        }
    )
    return 0


def _without_silence(clip: AudioClip, least_seconds: float) -> AudioClip:
    """Return the clip up to where it has faded, but with all its notes."""
    audible = np.flatnonzero(np.abs(clip.samples).max(axis=0) >= _QUIET_PEAK)
    least = max(1, round(least_seconds * clip.sample_rate))
    stop = max(least, int(audible[-1]) + 1 if audible.size else 0)
    return AudioClip(clip.samples[:, :stop], clip.sample_rate)
