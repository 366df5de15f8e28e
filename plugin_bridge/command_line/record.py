"""`loopgraft record`: bars of an input or of the DAW into a file, from the next bar line on."""

from __future__ import annotations

import queue

from engine.errors import BadArgument, JobCancelled, WriteProblem
from engine.places import log_folder
from engine.tempo import COMMON_TIME, Tempo
from plugin_bridge.audio_client import SyncStatus
from plugin_bridge.capture.capture_client import CaptureClient, ListenOptions, RecordOrder
from plugin_bridge.capture.capture_events import (
    CaptureEvent,
    InputLost,
    Listening,
    Recorded,
    RecordFailed,
)
from plugin_bridge.capture.capture_messages import InputOpened
from plugin_bridge.capture.punch import Running, Waiting, check_record_bars
from plugin_bridge.command_line.console import Console, JsonValue, shown_path
from plugin_bridge.command_line.destination import check_destination
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.take_report import json_path
from plugin_bridge.devices import DeviceProblem
from plugin_bridge.sync.sources import SyncRequest
from plugin_bridge.sync.transport import SyncProblem

_USUAL_BARS = 4
#: So that Ctrl+C is heard where a wait cannot be interrupted (Windows).
_LOOK_SECONDS = 0.5
_MOST_LATENCY_MS = 1000.0


def run(options: Options, console: Console) -> int:
    """Record until the bars are full. Returns an exit code; Ctrl+C writes nothing."""
    bars = check_record_bars(_USUAL_BARS if options.bars is None else options.bars)
    tempo = None if options.bpm is None else Tempo.of(options.bpm)
    if options.sync is None and tempo is None:
        raise BadArgument(
            "Nobody tells how long a bar is; give --sync jack, link or midi, or --bpm."
        )
    destination = check_destination(options.out, options.bit_depth)
    _check_latency(options.latency_ms)
    bpm = 120.0 if tempo is None else float(tempo)
    sync = None
    if options.sync is not None:
        sync = SyncRequest(options.sync, bpm, COMMON_TIME)
    listen = ListenOptions(
        options.input, sync, options.latency_ms, log_path=log_folder() / "listening.log"
    )
    order = RecordOrder(bars, str(destination.path), bpm, destination.subtype or "FLOAT")
    events: queue.SimpleQueue[CaptureEvent] = queue.SimpleQueue()
    try:
        with CaptureClient(events.put) as client:
            client.listen(listen)
            client.record(order)
            recorded = _follow(events, bars, console)
    except KeyboardInterrupt:
        raise JobCancelled("Cancelled; nothing was written.") from None
    return _report(recorded, console)


def _check_latency(latency_ms: float | None) -> None:
    if latency_ms is not None and not 0.0 <= latency_ms <= _MOST_LATENCY_MS:
        raise BadArgument(
            f"A latency of {latency_ms:g} ms is outside 0 to {_MOST_LATENCY_MS:g} ms; "
            "leave --latency out to take the input's own."
        )


def _follow(events: queue.SimpleQueue[CaptureEvent], bars: int, console: Console) -> Recorded:
    """Tell what happens until there is a file. Raises AppError."""
    is_running, told = False, ""
    while True:
        try:
            event = events.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            continue
        match event:
            case Recorded():
                return event
            case RecordFailed():
                raise WriteProblem(event.sentence, event.details)
            case InputOpened():
                console.progress.say(_opened_words(event))
            case Listening(progress=progress):
                is_running = isinstance(progress, Running)
                _show(progress, bars, console)
            case SyncStatus(sentence=sentence) if sentence and not is_running:
                raise SyncProblem(sentence)
            case SyncStatus():
                told = _tell_transport(event, told, console)
            case InputLost(is_kept=False):  # else what there is of it is being written
                raise DeviceProblem(event.sentence, event.details)
            case _:
                pass


def _tell_transport(status: SyncStatus, told: str, console: Console) -> str:
    """Say when the transport starts, stops or has another tempo. Returns what was said last."""
    state = "playing" if status.is_playing else "stopped"
    words = f"{status.source}: {status.bpm:.2f} bpm, {state}"
    if words != told:
        console.progress.say(words)
    return words


def _opened_words(opened: InputOpened) -> str:
    ports = f" ({', '.join(opened.ports)})" if opened.ports else ""
    latency = f", {1000 * opened.latency_seconds:.1f} ms late" if opened.latency_seconds else ""
    told = f" {opened.sentence}" if opened.sentence else ""
    return f"Listening to “{opened.name}”{ports}, {opened.sample_rate} Hz{latency}.{told}"


def _show(progress: Waiting | Running | None, bars: int, console: Console) -> None:
    match progress:
        case Running(bars=done):
            console.progress.show(f"bar {min(bars, int(done) + 1)} of {bars}", done / bars)
        case Waiting(seconds=None):
            console.progress.show("waiting for the transport to play; Ctrl+C ends it")
        case Waiting(seconds=seconds):
            console.progress.show(f"waiting for the bar: {seconds or 0.0:.1f} s")
        case None:
            pass


def _report(recorded: Recorded, console: Console) -> int:
    cut = recorded.cut
    console.line(recorded.sentence)
    console.line(shown_path(recorded.path))
    result: dict[str, JsonValue] = {
        "path": json_path(recorded.path),
        "frames": cut.frames,
        "sample_rate": cut.sample_rate,
        "bars": cut.bars,
        "first_bar": cut.first_bar + 1 if cut.source is not None else None,
        "whole": cut.is_whole,
        "bpm": cut.mean_bpm,
        "beats_per_bar": cut.signature.beats_per_bar,
        "source": cut.source,
        "key": None if recorded.key is None else recorded.key.name,
        "latency_frames": recorded.latency_frames,
        "gaps": recorded.gaps,
        "lost_frames": recorded.lost_frames,
        "sentence": recorded.sentence,
    }
    console.result(result)
    return 0 if cut.is_whole else DeviceProblem.exit_code
