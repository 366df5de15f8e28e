"""One file or take through a chain, wet and dry as wished; the same for one and for a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from engine.audio import AudioClip
from engine.display_name import display_name
from engine.errors import BadArgument
from engine.library import Library
from engine.places import library_folder
from engine.sample_format import convert, dequantise, quantise
from engine.take_maker import NativeSamples
from engine.wav_file import read_chunks
from plugin_bridge.command_line.console import Console, JsonValue
from plugin_bridge.command_line.destination import Destination
from plugin_bridge.command_line.library import pick_take
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.plugin_files import safe_stem, warn_of_clipping, write_new
from plugin_bridge.command_line.source import Grid, Source, open_source
from plugin_bridge.command_line.spans import check_pairs, read_spans
from plugin_bridge.command_line.take_report import json_path
from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.offline import Rendered, Tail, render
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.wet_file import TIMING_CHUNKS
from plugin_bridge.plugins.wet_mark import mark_chunk, mark_of

KINDS = {"wet": ("wet",), "dry": ("dry",), "both": ("wet", "dry")}


@dataclass(frozen=True)
class Job:
    """What is the same for every file: the chain, and what the options say."""

    chain: Chain
    destination: Destination
    options: Options

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return what is to be written of each file: wet, dry."""
        return KINDS[self.options.keep]

    def mark(self, source: Path, sha256: str, kind: str) -> str:
        """Return what the file that is made of this source bears. sha256: of its content."""
        options = self.options
        part = (*(options.start or ()), "-", *(options.end or ()))
        how = (source.name, kind, options.tail, self.destination.subtype or "", *part)
        return mark_of(sha256, self.chain, *map(ascii, how))


@dataclass(frozen=True)
class Made:
    """One file's results. rendered: None where only the dry one was wanted."""

    paths: Mapping[str, Path]
    rendered: Rendered | None
    result: dict[str, JsonValue]


@dataclass(frozen=True)
class _Part:
    """What goes in. samples: the source's own numbers. is_whole: the whole file."""

    source: Source
    samples: NativeSamples
    is_whole: bool

    @property
    def sample_rate(self) -> int:
        return self.source.audio.sample_rate


def find_source(text: str) -> Path:
    """Return a file, or the file of the library's take with this id."""
    path = Path(text)
    if path.exists() or path.suffix:
        return path
    with closing(Library(library_folder())) as library:
        return pick_take(library, text).path


def render_file(
    job: Job, path: Path, kinds: Sequence[str], index: PluginIndex, console: Console
) -> Made:
    """Render a file and write what is wished of it. kinds: of Job.kinds. Blocks.

    Raises BadInputFile, BadArgument, PluginProblem, WriteProblem.
    """
    part = _part(path, job.options)
    rendered = None
    if "wet" in kinds:
        clip = AudioClip(dequantise(part.samples), part.sample_rate)
        rendered = render(job.chain, clip, index, cast("Tail", job.options.tail))
    paths = _write(job, part, rendered, kinds, console)
    return Made(paths, rendered, _result(part, rendered, paths))


def _part(path: Path, options: Options) -> _Part:
    """Return the file, or the part between --start and --end. Raises AppError."""
    has_span = bool(options.start or options.end)
    if has_span:
        check_pairs(options)
    source = open_source(path)
    samples = source.audio.samples
    if not has_span:
        return _Part(source, samples, is_whole=True)
    spans = read_spans(options, source, Grid(None, 0, None))
    if len(spans) != 1:
        raise BadArgument(f"{len(spans)} regions are given; give one --start and one --end.")
    (span,) = spans
    return _Part(source, samples[:, span.start : span.stop], is_whole=False)


def _write(
    job: Job, part: _Part, rendered: Rendered | None, kinds: Sequence[str], console: Console
) -> dict[str, Path]:
    """Write what is to be kept and return where each is."""
    subtype = job.destination.subtype or part.source.audio.subtype
    paths: dict[str, Path] = {}
    if rendered is not None:
        wet = rendered.clip.samples
        warn_of_clipping(wet, subtype, console)
        paths["wet"] = _write_one(job, part, quantise(wet, subtype), "wet")
    if "dry" in kinds:
        dry = part.samples
        if subtype != part.source.audio.subtype:
            dry = convert(dry, subtype)
        paths["dry"] = _write_one(job, part, dry, "dry")
    return paths


def _write_one(job: Job, part: _Part, samples: NativeSamples, kind: str) -> Path:
    audio, destination = part.source.audio, job.destination
    if destination.is_file and kind == "dry" and "wet" in job.kinds:
        named = destination.path
        beside = named.with_name(f"{named.stem}-dry{named.suffix}")
        destination = replace(destination, path=beside)
    chunks = [mark_chunk(job.mark(audio.path, audio.sha256, kind))]
    chunks += _timing_chunks(part, samples.shape[1])
    subtype = destination.subtype or audio.subtype
    stem = f"{safe_stem(audio.path)}-{kind}"
    return write_new(destination, stem, samples, part.sample_rate, subtype, chunks)


def _timing_chunks(part: _Part, frames: int) -> list[tuple[bytes, bytes]]:
    if not part.is_whole or frames != part.samples.shape[1]:
        return []
    chunks = read_chunks(part.source.audio.path)
    return [chunk for chunk in chunks if chunk[0] in TIMING_CHUNKS]


def _result(
    part: _Part, rendered: Rendered | None, paths: Mapping[str, Path]
) -> dict[str, JsonValue]:
    frames = part.samples.shape[1] if rendered is None else rendered.clip.frames
    return {
        "source": display_name(part.source.audio.path),
        "paths": {kind: json_path(path) for kind, path in paths.items()},
        "frames": frames,
        "dry_frames": part.samples.shape[1],
        "sample_rate": part.sample_rate,
        "plugins": [] if rendered is None else [slot.plugin_id for slot in rendered.chain.slots],
    }
