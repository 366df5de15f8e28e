"""A recording as a finished WAV: its bars known to DAWs, and to us, without listening to it."""

from __future__ import annotations

import os
from pathlib import Path

from engine.analysis import measure_key
from engine.atomic_file import write_atomically
from engine.audio import AudioClip
from engine.key import Key
from engine.sample_format import convert
from engine.take_maker import NativeSamples
from engine.wav_file import encode_wav
from plugin_bridge.capture.grid_chunk import GRID_CHUNK_ID, GridFacts
from plugin_bridge.capture.recording_plan import RecordingPlan, Written
from plugin_bridge.export_name import slug
from plugin_bridge.exporter import make_folder, write_named
from plugin_bridge.wav_metadata import MIDDLE_C, AcidChunk, InfoChunk, SamplerLoop, SmplChunk


def write_recording(plan: RecordingPlan, clip: AudioClip) -> Written:
    """Measure the key and write the file. Raises FileExists, WriteProblem."""
    key = measure_key(clip).key
    samples: NativeSamples = clip.samples
    if plan.subtype != "FLOAT":
        samples = convert(samples, plan.subtype)
    wav = encode_wav(samples, clip.sample_rate, plan.subtype, _chunks(plan, clip.frames, key))
    target = Path(os.fsdecode(plan.out))
    if target.suffix.lower() == ".wav" and not target.is_dir():
        write_atomically(target, (wav,))
    else:
        make_folder(target)
        target = write_named(target, _stem(plan, key), wav)
    return Written(os.fsencode(target), key)


def _chunks(plan: RecordingPlan, frames: int, key: Key | None) -> list[tuple[bytes, bytes]]:
    is_loop = plan.beats > 0
    unity = MIDDLE_C + (0 if key is None else key.root)
    loops = (SamplerLoop(0, frames),) if is_loop else ()
    parts: list[AcidChunk | SmplChunk | InfoChunk] = [
        SmplChunk(plan.sample_rate, unity, loops),
        InfoChunk(title=plan.name, comment=plan.comment),
    ]
    chunks: list[tuple[bytes, bytes]] = []
    if plan.tempo_bpm is not None:
        root = None if key is None else MIDDLE_C + key.root
        unit, per_bar, bpm = plan.beat_unit, plan.beats_per_bar, plan.tempo_bpm
        parts.insert(0, AcidChunk(not is_loop, root, plan.beats, unit, per_bar, bpm))
        grid = GridFacts(round(bpm, 6), 0, per_bar, unit, is_loop)
        chunks = [(GRID_CHUNK_ID, grid.encode())]
    return [*[(part.ID, part.encode()) for part in parts], *chunks]


def _stem(plan: RecordingPlan, key: Key | None) -> str:
    parts = [slug(plan.name) or "recording"]
    if plan.tempo_bpm is not None:
        parts.append(f"{int(plan.tempo_bpm + 0.5)}bpm")
    if key is not None:
        parts.append(key.file_name)
    return "_".join(parts)
