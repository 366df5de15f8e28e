"""Regions as a person names them, in seconds or bars, to frames of the source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from engine.audio import FrameSpan, merge_spans
from engine.errors import BadArgument
from engine.tempo import COMMON_TIME, Tempo
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.source import Grid, Source

#: How far past the end of a file a region may end and still mean the end: what is printed of a
#: length is rounded, and so is a measured tempo.
_SLACK_SECONDS = 0.005
_SLACK_BEATS = Fraction(1, 8)


def asks_for_bars(options: Options) -> bool:
    return bool(options.start_bar or options.end_bar)


def check_pairs(options: Options) -> None:
    """Check what can be checked without the file. Raises BadArgument."""
    _pairs(options.start, options.end, "--start", "--end", "s")
    _pairs(options.start_bar, options.end_bar, "--start-bar", "--end-bar", "bars")
    if not (options.start or options.start_bar):
        raise BadArgument(
            "No region is given; add --start and --end in seconds, or --start-bar and --end-bar."
        )


def read_spans(options: Options, source: Source, grid: Grid) -> tuple[FrameSpan, ...]:
    """Return the regions, sorted and merged. Raises BadArgument with what is wrong."""
    rate = source.audio.sample_rate
    slack = math.ceil(_SLACK_SECONDS * rate)
    spans: list[FrameSpan] = []
    for start, stop in _pairs(options.start, options.end, "--start", "--end", "s"):
        frames = (_seconds(start, rate), _seconds(stop, rate))
        spans.append(_span(source, frames, _shown(start, stop, "s"), slack))
    bars = _pairs(options.start_bar, options.end_bar, "--start-bar", "--end-bar", "bars")
    if bars:
        tempo = _need_tempo(source, grid)
        slack = tempo.beats_to_frames(_SLACK_BEATS, rate)
        for start, stop in bars:
            frames = (
                _bar_frame(start, tempo, grid, rate),
                _bar_frame(stop, tempo, grid, rate),
            )
            spans.append(_span(source, frames, _shown(start, stop, "bars"), slack))
    return merge_spans(tuple(spans))


def _pairs(
    starts: Sequence[str] | None,
    stops: Sequence[str] | None,
    start_name: str,
    stop_name: str,
    unit: str,
) -> list[tuple[Fraction, Fraction]]:
    starts, stops = starts or (), stops or ()
    if len(starts) != len(stops):
        raise BadArgument(
            f"{start_name} is given {len(starts)} times and {stop_name} {len(stops)} times; "
            "give one of each for every region."
        )
    pairs = [
        (_number(start, start_name, unit), _number(stop, stop_name, unit))
        for start, stop in zip(starts, stops, strict=True)
    ]
    least = 1 if unit == "bars" else 0
    for start, stop in pairs:
        if start < least:
            raise BadArgument(f"{start_name} {float(start):g} is before {least}; {_origin(unit)}.")
        if stop <= start:
            raise BadArgument(
                f"The region from {float(start):g} to {float(stop):g} {unit} is empty; "
                "give an end after its start."
            )
    return pairs


def _origin(unit: str) -> str:
    return "bars count from 1" if unit == "bars" else "seconds count from 0"


def _number(text: str, name: str, unit: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise BadArgument(
            f"{name} “{text[:40]}” is not a number of {'seconds' if unit == 's' else unit}."
        ) from None


def _seconds(seconds: Fraction, rate: int) -> int:
    return math.floor(seconds * rate + Fraction(1, 2))


def _shown(start: Fraction, stop: Fraction, unit: str) -> str:
    return f"{float(start):g}-{float(stop):g} {unit}"


def _bar_frame(bar: Fraction, tempo: Tempo, grid: Grid, rate: int) -> int:
    beats = (bar - 1) * COMMON_TIME.beats_per_bar
    return grid.downbeat_frame + tempo.beats_to_frames(beats, rate)


def _need_tempo(source: Source, grid: Grid) -> Tempo:
    if grid.tempo is None:
        raise BadArgument(
            f"The tempo of “{source.name}” could not be measured; give --bpm, or use seconds."
        )
    return grid.tempo


def _span(source: Source, edges: tuple[int, int], what: str, slack: int) -> FrameSpan:
    start, stop = edges
    frames, rate = source.audio.frames, source.audio.sample_rate
    if start >= frames or stop > frames + slack:
        raise BadArgument(
            f"The region {what} is outside “{source.name}”, which ends at {frames / rate:.2f} s; "
            "give a region inside it."
        )
    stop = min(stop, frames)
    if stop <= start:
        raise BadArgument(f"The region {what} is shorter than one frame; give a longer one.")
    return FrameSpan(start, stop)
