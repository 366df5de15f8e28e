"""`loopgraft plugins play`: an instrument plays a MIDI file or a pattern, to be grafted into."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.audio import MODEL_SAMPLE_RATE, AudioClip
from engine.errors import BadArgument
from engine.sample_format import quantise
from engine.tempo import COMMON_TIME, Tempo, check_bars, loop_frames
from plugin_bridge.command_line.console import Console, shown_path
from plugin_bridge.command_line.destination import SUBTYPES, check_destination
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.plugin_files import safe_stem, warn_of_clipping, write_new
from plugin_bridge.command_line.plugin_settings import LOAD_LIMITS, read_settings, slot_of
from plugin_bridge.command_line.take_report import json_path
from plugin_bridge.export_name import slug
from plugin_bridge.plugins.instrument import play
from plugin_bridge.plugins.midi_file import Note, read_midi
from plugin_bridge.plugins.offline import with_tail
from plugin_bridge.plugins.pattern import messages, read_pattern, repeated
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.wav_metadata import MIDDLE_C, AcidChunk, InfoChunk, SamplerLoop, SmplChunk

MIDI_SUFFIXES = (".mid", ".midi", ".smf")
DEFAULT_BPM = "120"
_FADE_SECONDS = 10.0
_QUIET_PEAK = 10 ** (-90 / 20)


@dataclass(frozen=True)
class _Loop:
    """What a pattern becomes: exactly so many bars."""

    tempo: Tempo
    bars: int

    @property
    def frames(self) -> int:
        return loop_frames(self.tempo, self.bars, COMMON_TIME, MODEL_SAMPLE_RATE)

    def chunks(self, title: str) -> list[tuple[bytes, bytes]]:
        """Return what tells a DAW its tempo, and a sampler its loop."""
        beats = self.bars * COMMON_TIME.beats_per_bar
        signature = (COMMON_TIME.beat_unit, COMMON_TIME.beats_per_bar)
        acid = AcidChunk(False, None, beats, *signature, float(self.tempo))
        smpl = SmplChunk(MODEL_SAMPLE_RATE, MIDDLE_C, (SamplerLoop(0, self.frames),))
        return [(chunk.ID, chunk.encode()) for chunk in (acid, smpl, InfoChunk(title))]


@dataclass(frozen=True)
class _Score:
    """What is to be played. seconds: None until it has faded. loop: None of a MIDI file."""

    notes: Sequence[Note]
    stem: str
    seconds: float | None
    loop: _Loop | None

    @property
    def played_seconds(self) -> float:
        """Return how long the instrument plays for it."""
        if self.loop is not None:
            return self.loop.frames / MODEL_SAMPLE_RATE + _FADE_SECONDS
        return self.notes[-1][1] + _FADE_SECONDS if self.seconds is None else self.seconds

    def finished(self, clip: AudioClip) -> AudioClip:
        """Return what is kept of what was played."""
        if self.loop is not None:
            return AudioClip(with_tail(clip.samples, self.loop.frames, "wrap"), clip.sample_rate)
        return _without_silence(clip, self.notes[-1][1]) if self.seconds is None else clip


def play_notes(options: Options, console: Console, index: PluginIndex) -> int:
    """Play and write. Returns an exit code."""
    plugin = index.find(options.name)
    (parameters,) = read_settings([plugin.facts], options.settings or ())
    destination = check_destination(options.out, options.bit_depth)
    score = _score(options, plugin.facts.name)
    slot = slot_of(plugin, parameters, options.preset)
    clip = score.finished(
        play(plugin, slot, score.notes, score.played_seconds, MODEL_SAMPLE_RATE, LOAD_LIMITS)
    )
    subtype = destination.subtype or SUBTYPES["24"]
    warn_of_clipping(clip.samples, subtype, console)
    samples = quantise(clip.samples, subtype)
    chunks = [] if score.loop is None else score.loop.chunks(plugin.facts.name)
    written = write_new(destination, score.stem, samples, clip.sample_rate, subtype, chunks)
    console.line(shown_path(written))
    console.result(
        {
            "path": json_path(written),
            "instrument": plugin.facts.plugin_id,
            "notes": sum(data[0] >> 4 == 0x9 and data[2] > 0 for data, _ in score.notes),
            "frames": clip.frames,
            "sample_rate": clip.sample_rate,
            "bars": None if score.loop is None else score.loop.bars,
            "tempo_bpm": None if score.loop is None else float(score.loop.tempo),
        }
    )
    return 0


def _score(options: Options, instrument: str) -> _Score:
    """Return what is to be played. Raises BadInputFile, BadArgument."""
    if options.score.lower().endswith(MIDI_SUFFIXES):
        if options.bpm is not None or options.bars is not None:
            raise BadArgument("--bpm and --bars are for a pattern; a MIDI file has its own.")
        path = Path(options.score)
        return _Score(read_midi(path), safe_stem(path), options.seconds, None)
    if options.seconds is not None:
        raise BadArgument("--seconds is for a MIDI file; a pattern is as long as --bars.")
    pattern = read_pattern(options.score)
    tempo = Tempo.of(options.bpm or DEFAULT_BPM)
    loop = _Loop(tempo, check_bars(pattern.least_bars if options.bars is None else options.bars))
    notes = messages(repeated(pattern, loop.bars), tempo)
    stem = f"{slug(instrument) or 'instrument'}_{math.floor(float(tempo) + 0.5)}bpm"
    return _Score(notes, stem, None, loop)


def _without_silence(clip: AudioClip, least_seconds: float) -> AudioClip:
    """Return the clip up to where it has faded, but with all its notes."""
    audible = np.flatnonzero(np.abs(clip.samples).max(axis=0) >= _QUIET_PEAK)
    least = max(1, round(least_seconds * clip.sample_rate))
    stop = max(least, int(audible[-1]) + 1 if audible.size else 0)
    return AudioClip(clip.samples[:, :stop], clip.sample_rate)
