"""`loopgraft stream --sync`: the file's bars on those of a transport, and how far off they were."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from pathlib import Path

import numpy as np

from engine.errors import BadArgument
from engine.tempo import COMMON_TIME, Tempo
from plugin_bridge.audio_client import AudioClient, SyncStatus
from plugin_bridge.command_line.console import Console, JsonValue
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.source import Grid, find_grid, open_source
from plugin_bridge.sync.sources import SyncRequest

#: Of an hour, at ten a second.
_KEPT_ERRORS = 36_000


class PhaseErrors:
    """How far what was heard lay off the transport."""

    def __init__(self) -> None:
        self._errors: deque[float] = deque(maxlen=_KEPT_ERRORS)
        self._last: SyncStatus | None = None

    def take(self, status: SyncStatus) -> None:
        self._last = status
        if status.error_ms is not None:
            self._errors.append(abs(status.error_ms))

    def describe(self) -> str:
        """Return the transport in words, "" where none is followed."""
        status = self._last
        if status is None:
            return ""
        bar, beat = divmod(status.beat, status.beats_per_bar)
        place = f"bar {int(bar) + 1}, beat {int(beat) + 1}"
        error = "" if status.error_ms is None else f", off by {status.error_ms:+.2f} ms"
        state = "" if status.is_playing else ", stopped"
        return f", {status.source} {status.bpm:.2f} bpm, {place}{state}{error}"

    def result(self) -> dict[str, JsonValue]:
        """Return the last transport and the errors' median and 99th percentile, in ms."""
        last, errors = self._last, np.array(self._errors)
        return {
            "source": None if last is None else last.source,
            "bpm": None if last is None else last.bpm,
            "error_median_ms": float(np.median(errors)) if errors.size else None,
            "error_p99_ms": float(np.percentile(errors, 99)) if errors.size else None,
        }


def check_sync(options: Options, files: int) -> None:
    """Raise BadArgument where options of --sync contradict others."""
    if options.sync is None:
        if options.lead:
            raise BadArgument("--lead says who follows; give --sync link, jack or midi with it.")
        return
    if files != 1:
        raise BadArgument(f"--sync plays one file in a loop, not {files}; give one file.")
    if options.once:
        raise BadArgument("--sync plays in a loop with the transport; leave out --once.")


def keep_in_time(client: AudioClient, path: Path, options: Options, console: Console) -> None:
    """Lay the file's whole bars on the transport's. Raises BadArgument where it has no tempo."""
    source = open_source(path)
    rate = source.audio.sample_rate
    tempo = None if options.bpm is None else Tempo.of(options.bpm)
    grid = find_grid(source, tempo, options.downbeat)
    if grid.tempo is None:
        raise BadArgument(f"No tempo can be measured in “{source.name}”; give it with --bpm.")
    console.progress.say(f"“{source.name}”: {grid.describe(rate)}")
    bar = COMMON_TIME.beats_per_bar * 60 * rate / grid.tempo.bpm
    client.set_grid(bar, grid.downbeat_frame, COMMON_TIME.beats_per_bar)
    client.set_loop(True, _whole_bars(source.audio.frames, grid, bar))
    request = SyncRequest(options.sync or "internal", float(grid.tempo), leads=options.lead)
    client.set_sync(request)


def _whole_bars(frames: int, grid: Grid, bar: Fraction) -> tuple[int, int] | None:
    """Return the span of the bars that are whole, None where that is the file, or nothing."""
    start = grid.downbeat_frame
    bars = int((frames - start + 1) / bar)
    stop = start + round(bars * bar)
    if bars < 1 or (start == 0 and abs(stop - frames) <= 1):
        return None
    return start, min(stop, frames)
