"""What plugins make as files: named so that every importer reads it, never written over."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.atomic_file import FileExists, write_problem
from engine.audio import FloatArray
from engine.sample_format import PCM_BITS
from engine.take_maker import NativeSamples
from engine.wav_file import write_wav
from plugin_bridge.command_line.console import Console
from plugin_bridge.command_line.destination import Destination
from plugin_bridge.export_name import numbered, slug

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_#-]+")


def safe_stem(source: Path) -> str:
    """Return a name that every importer reads, close to the source's, without its ending."""
    stem = source.stem
    return stem if _PLAIN_NAME.fullmatch(stem) else slug(stem) or "audio"


def write_new(
    destination: Destination,
    stem: str,
    samples: NativeSamples,
    sample_rate: int,
    subtype: str,
    chunks: Sequence[tuple[bytes, bytes]] = (),
) -> Path:
    """Write a WAV to the named file, or into the folder under the first free name.

    Raises FileExists (of a named file) and WriteProblem.
    """
    target = destination.path
    if destination.is_file:
        write_wav(target, samples, sample_rate, subtype, chunks)
        return target
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_problem(target, error) from error
    for name in numbered(stem):
        path = target / f"{name}.wav"
        try:
            write_wav(path, samples, sample_rate, subtype, chunks)
        except FileExists:
            continue
        return path
    raise AssertionError("names never run out")


def warn_of_clipping(samples: FloatArray, subtype: str, console: Console) -> None:
    """Say so where samples beyond full scale are going to be cut."""
    peak = float(np.abs(samples).max(initial=0.0))
    if peak > 1.0 and subtype in PCM_BITS:
        console.progress.say(
            f"The result peaks at {20 * math.log10(peak):+.1f} dBFS and is clipped; "
            "“--bit-depth 32f” keeps it whole."
        )
