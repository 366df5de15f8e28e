"""`loopgraft sync`: show the transport of a source, or lead one, until Ctrl+C."""

from __future__ import annotations

import threading
import time
from contextlib import closing

from engine.tempo import Tempo
from plugin_bridge.command_line.console import Console
from plugin_bridge.command_line.options import Options
from plugin_bridge.sync.sources import SyncRequest, open_source
from plugin_bridge.sync.transport import Transport

_LOOK_SECONDS = 0.02


def run(options: Options, console: Console) -> int:
    """Tell where the music is until Ctrl+C. Returns an exit code."""
    bpm = float(Tempo.of(options.bpm)) if options.bpm else 120.0
    assert options.sync is not None  # the parser demands it
    request = SyncRequest(options.sync, bpm, leads=options.lead)
    waiting = threading.Event()
    with closing(open_source(request)) as source:
        told = None
        if request.leads:
            source.play()
        try:
            while True:
                seen = source.transport()
                told = _tell_changes(told, seen, console)
                console.progress.show(describe(seen, time.monotonic()))
                waiting.wait(_LOOK_SECONDS)
        except KeyboardInterrupt:
            console.line("Stopped.")
        console.result(_result(source.transport()))
    return 0


def describe(transport: Transport, seconds: float) -> str:
    """Return a transport at a time, as a line for people."""
    bar, beat = transport.bar_and_beat(seconds)
    state = "playing" if transport.is_playing else "stopped"
    return f"{transport.source}: bar {bar}, beat {beat:.2f}, {transport.bpm:.2f} bpm, {state}"


def _tell_changes(told: Transport | None, seen: Transport, console: Console) -> Transport:
    """Say each start, stop and tempo as a line that stays."""
    is_same = told is not None and (
        (told.is_playing, round(told.bpm, 1)) == (seen.is_playing, round(seen.bpm, 1))
    )
    if is_same and told is not None:
        return told
    console.progress.say(describe(seen, time.monotonic()))
    return seen


def _result(transport: Transport) -> dict[str, str | float | bool]:
    now = transport.at(time.monotonic())
    return {
        "source": now.source,
        "playing": now.is_playing,
        "bpm": now.bpm,
        "beat": now.beat,
        "beats_per_bar": now.signature.beats_per_bar,
    }
