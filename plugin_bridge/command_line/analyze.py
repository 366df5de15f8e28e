"""`loopgraft analyze`: what a file is, what is heard in it, and the recipe it carries."""

from __future__ import annotations

import json
from pathlib import Path

from engine.audio_files import SourceAudio, read_source
from engine.display_name import display_text
from engine.errors import BadInputFile
from engine.take import TakeFacts, encode_take
from engine.wav_file import read_recipe
from plugin_bridge.command_line.console import Console, shown_path
from plugin_bridge.command_line.hearing import Heard, hear
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.source_search import SourceSearch
from plugin_bridge.command_line.take_report import (
    json_path,
    key_name,
    measurements_json,
    shown_prompt,
)


def run(options: Options, console: Console) -> int:
    """Measure and show. Returns an exit code."""
    audio = read_source(options.file)
    facts, recipe_fault = _recipe(audio.path)
    heard = hear(audio.clip())
    _tell(audio, heard, console)
    source, source_fault = _source(facts, options.file)
    _tell_recipe(facts, recipe_fault, console)
    if source_fault:
        console.line(f"  source    {source_fault}")
    measured = heard.measured
    console.result(
        {
            "path": json_path(audio.path),
            "frames": audio.frames,
            "sample_rate": audio.sample_rate,
            "channels": audio.channels,
            "subtype": audio.subtype,
            "seconds": audio.frames / audio.sample_rate,
            "sha256": audio.sha256,
            **measurements_json(measured),
            "downbeat_seconds": heard.downbeat_frame / audio.sample_rate,
            "recipe": None if facts is None else json.loads(encode_take(facts)),
            "recipe_fault": recipe_fault,
            "source_path": None if source is None else json_path(source),
            "source_fault": source_fault,
        }
    )
    return 0


def _recipe(path: Path) -> tuple[TakeFacts | None, str | None]:
    """Return the recipe, or the sentence why it cannot be read: the audio is still measured."""
    try:
        return read_recipe(path), None
    except BadInputFile as error:
        return None, error.sentence


def _source(facts: TakeFacts | None, path: str) -> tuple[Path | None, str | None]:
    """Return where the recipe's source lies, or the sentence which file is missing."""
    if facts is None or facts.request.source is None:
        return None, None
    try:
        return SourceSearch.beside(path).find(facts.request.source), None
    except BadInputFile as error:
        return None, error.sentence


def _tell(audio: SourceAudio, heard: Heard, console: Console) -> None:
    measured = heard.measured
    length = audio.frames / audio.sample_rate
    console.line(shown_path(audio.path))
    console.line(
        f"  format    {audio.sample_rate} Hz, {audio.channels} channels, {audio.subtype}, "
        f"{audio.frames} frames ({length:.3f} s)"
    )
    console.line(f"  tempo     {_tempo_text(heard, audio.sample_rate)}")
    key = key_name(measured.key)
    console.line(
        "  key       "
        + (f"{key} (confidence {measured.key_confidence:.2f})" if key else "not measurable")
    )
    lufs = "not measurable" if measured.lufs is None else f"{measured.lufs:.1f} LUFS"
    console.line(f"  loudness  {lufs}, peak {measured.peak:.3f}")
    seam = "not measurable" if measured.seam_score is None else f"{measured.seam_score:.2f}"
    console.line(f"  seam      {seam} at the wrap (up to 1: not the hardest event)")


def _tempo_text(heard: Heard, sample_rate: int) -> str:
    if heard.measured.bpm is None:
        return "not measurable"
    downbeat = heard.downbeat_frame / sample_rate
    return (
        f"{heard.measured.bpm:.1f} bpm (confidence {heard.measured.bpm_confidence:.2f}), "
        f"downbeat {downbeat:.2f} s"
    )


def _tell_recipe(facts: TakeFacts | None, fault: str | None, console: Console) -> None:
    if facts is None:
        console.line(f"  recipe    {fault or 'none'}")
        return
    request = facts.request
    parts = [str(request.task), f"seed {request.seed}", f"model {request.model}"]
    if facts.tempo_bpm is not None:
        parts.append(f"{facts.tempo_bpm:g} bpm")
    if request.key is not None:
        parts.append(request.key.name)
    if request.source is not None:
        parts.append(f"source “{display_text(request.source.name)}”")
    console.line(f"  recipe    {', '.join(parts)}: {shown_prompt(facts)}")
