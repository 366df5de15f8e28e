"""`loopgraft plugins run`: a file, a take or a part of one through a chain of plugins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from engine.atomic_file import FileExists, write_atomically
from engine.audio import AudioClip
from engine.display_name import display_name
from engine.errors import BadArgument
from engine.library import Library
from engine.places import library_folder
from engine.sample_format import convert, dequantise, quantise
from engine.take_maker import NativeSamples
from engine.wav_file import read_chunks
from plugin_bridge.command_line.console import Console, JsonValue, shown_path
from plugin_bridge.command_line.destination import Destination, check_destination
from plugin_bridge.command_line.library import pick_take
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.plugin_files import safe_stem, warn_of_clipping, write_new
from plugin_bridge.command_line.plugin_settings import read_settings
from plugin_bridge.command_line.source import Grid, Source, open_source
from plugin_bridge.command_line.spans import check_pairs, read_spans
from plugin_bridge.command_line.take_report import json_path
from plugin_bridge.plugins.chain import Chain, ChainSlot, encode_chain, read_chain
from plugin_bridge.plugins.offline import Rendered, Tail, render
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.wet_file import TIMING_CHUNKS

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_#-]+")


@dataclass(frozen=True)
class _Part:
    """What goes in. samples: the source's own numbers. is_whole: the whole file."""

    source: Source
    samples: NativeSamples
    is_whole: bool

    @property
    def sample_rate(self) -> int:
        return self.source.audio.sample_rate


def run_chain(options: Options, console: Console, index: PluginIndex) -> int:
    """Render and write what is asked for. Returns an exit code."""
    chain = _chain(options, index)
    destination = check_destination(options.out, options.bit_depth)
    part = _part(options)
    rendered = None
    if options.keep != "dry":
        clip = AudioClip(dequantise(part.samples), part.sample_rate)
        rendered = render(chain, clip, index, cast("Tail", options.tail))
    paths = _write(part, rendered, destination, options.keep, console)
    if options.save_chain and rendered is not None:
        _save_chain(rendered.chain, Path(options.save_chain))
    for path in paths.values():
        console.line(shown_path(path))
    console.result(_result(part, rendered, paths))
    return 0


def _chain(options: Options, index: PluginIndex) -> Chain:
    if bool(options.chain) == bool(options.plugins):
        raise BadArgument("Give either --chain FILE, or --plugin NAME once for each plugin.")
    if options.chain:
        if options.settings:
            raise BadArgument("--set is for --plugin; a chain's file has its own parameters.")
        return read_chain(Path(options.chain))
    plugins = [index.find(name).facts for name in options.plugins or ()]
    settings = read_settings(plugins, options.settings or ())
    return Chain(
        tuple(
            ChainSlot(facts.plugin_id, parameters=parameters)
            for facts, parameters in zip(plugins, settings, strict=True)
        )
    )


def _part(options: Options) -> _Part:
    """Return the file or take, or the part between --start and --end. Raises AppError."""
    has_span = bool(options.start or options.end)
    if has_span:
        check_pairs(options)
    source = open_source(_find_source(options.source))
    samples = source.audio.samples
    if not has_span:
        return _Part(source, samples, is_whole=True)
    spans = read_spans(options, source, Grid(None, 0, None))
    if len(spans) != 1:
        raise BadArgument(f"{len(spans)} regions are given; give one --start and one --end.")
    (span,) = spans
    return _Part(source, samples[:, span.start : span.stop], is_whole=False)


def _find_source(text: str) -> Path:
    """Return a file, or the file of the library's take with this id."""
    path = Path(text)
    if path.exists() or path.suffix:
        return path
    with closing(Library(library_folder())) as library:
        return pick_take(library, text).path


def _write(
    part: _Part,
    rendered: Rendered | None,
    destination: Destination,
    keep: str,
    console: Console,
) -> dict[str, Path]:
    """Write what is to be kept and return where each is."""
    subtype = destination.subtype or part.source.audio.subtype
    paths: dict[str, Path] = {}
    if rendered is not None:
        wet = rendered.clip.samples
        warn_of_clipping(wet, subtype, console)
        paths["wet"] = _write_one(part, quantise(wet, subtype), subtype, destination, "wet")
    if keep != "wet":
        dry = part.samples
        if subtype != part.source.audio.subtype:
            dry = convert(dry, subtype)
        if destination.is_file and keep == "both":
            named = destination.path
            beside = named.with_name(f"{named.stem}-dry{named.suffix}")
            destination = replace(destination, path=beside)
        paths["dry"] = _write_one(part, dry, subtype, destination, "dry")
    return paths


def _write_one(
    part: _Part, samples: NativeSamples, subtype: str, destination: Destination, kind: str
) -> Path:
    stem = f"{safe_stem(part.source.audio.path)}-{kind}"
    chunks = _timing_chunks(part, samples.shape[1])
    return write_new(destination, stem, samples, part.sample_rate, subtype, chunks)


def _timing_chunks(part: _Part, frames: int) -> list[tuple[bytes, bytes]]:
    if not part.is_whole or frames != part.samples.shape[1]:
        return []
    chunks = read_chunks(part.source.audio.path)
    return [chunk for chunk in chunks if chunk[0] in TIMING_CHUNKS]


def _save_chain(chain: Chain, path: Path) -> None:
    try:
        write_atomically(path, (encode_chain(chain),))
    except FileExists as error:
        raise BadArgument(error.sentence) from error


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
