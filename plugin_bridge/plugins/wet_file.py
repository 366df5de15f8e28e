"""A finished file through a chain, as a file of its own beside it; the dry one stays as it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.audio_files import read_source
from engine.sample_format import PCM_BITS, quantise
from engine.wav_file import read_chunks
from plugin_bridge.command_line.destination import Destination
from plugin_bridge.command_line.plugin_files import safe_stem, write_new
from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.offline import render
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.wet_mark import mark_chunk

#: Chunks that tell a DAW the tempo and the loop of a file; true of a result of the same length.
TIMING_CHUNKS = (b"acid", b"smpl")


@dataclass(frozen=True)
class WetFile:
    """warning: one sentence where the result was clipped, else empty."""

    path: Path
    warning: str = ""


def write_wet(
    dry: Path, chain: Chain, folder: Path, subtype: str | None, *, is_loop: bool, mark: str = ""
) -> WetFile:
    """Render a file through the chain into a folder, under a name that ends in -wet.

    subtype None: the file's own. A loop stays as long as it is: what sounds after its end is
    added to its beginning; anything else keeps its tail. mark: what it bears (wet_mark). Blocks.
    Raises BadInputFile, BadArgument, PluginProblem, WriteProblem.
    """
    source = read_source(dry)
    with PluginIndex() as index:
        wet = render(chain, source.clip(), index, "wrap" if is_loop else "keep").clip
    subtype = subtype or source.subtype
    chunks = [mark_chunk(mark)] if mark else []
    if wet.frames == source.frames and dry.suffix.lower() == ".wav":
        chunks += [chunk for chunk in read_chunks(dry) if chunk[0] in TIMING_CHUNKS]
    samples = quantise(wet.samples, subtype)
    stem = f"{safe_stem(dry)}-wet"
    path = write_new(Destination(folder), stem, samples, wet.sample_rate, subtype, chunks)
    return WetFile(path, _warning(float(np.abs(wet.samples).max(initial=0.0)), subtype))


def _warning(peak: float, subtype: str) -> str:
    if peak <= 1.0 or subtype not in PCM_BITS:
        return ""
    over_db = 20 * math.log10(peak)
    return f"The wet file peaks at {over_db:+.1f} dBFS and is clipped; 32-bit float keeps it whole."
