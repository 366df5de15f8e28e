"""`loopgraft stream`: play a file in a loop, or a folder's files in turn, into an output."""

from __future__ import annotations

import itertools
import logging
import queue
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.audio import AudioClip
from engine.audio_files import read_source
from engine.display_name import display_name
from engine.errors import BadInputFile, WriteProblem
from engine.places import log_folder
from plugin_bridge.audio_child import list_outputs
from plugin_bridge.audio_client import (
    AudioClient,
    AudioEvent,
    AudioGaveUp,
    AudioOptions,
    AudioRestarting,
    DeviceGone,
    DeviceOpened,
    Playback,
    SlotFailed,
    SlotReady,
    SlotsStretched,
    SyncStatus,
)
from plugin_bridge.command_line.audio_folder import audio_files
from plugin_bridge.command_line.console import Console, JsonValue
from plugin_bridge.command_line.log_file import log_failure
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.stream_sync import PhaseErrors, check_sync, keep_in_time
from plugin_bridge.devices import DeviceProblem, find_output
from plugin_bridge.sync.transport import SyncProblem

_SLOT = "file"
#: So that Ctrl+C is heard where a wait cannot be interrupted (Windows).
_LOOK_SECONDS = 0.5


def run(options: Options, console: Console) -> int:
    """Play until Ctrl+C, or with --once to the end. Returns an exit code."""
    paths = audio_files(Path(options.source))
    check_sync(options, len(paths))
    # Read before a device is looked for: a bad file is the likelier mistake.
    first = read_source(paths[0]).clip() if len(paths) == 1 else None
    device = find_output(list_outputs(), options.output)
    played = _Played(device.name)
    try:
        with _details_in_the_log():
            _play(paths, first, device.label, options, played, console)
    except KeyboardInterrupt:
        console.line("Stopped.")
    result: dict[str, JsonValue] = {
        "device": played.device,
        "files": played.files,
        "under_runs": played.under_runs,
    }
    if options.sync is not None:
        result["sync"] = played.sync.result()
    console.result(result)
    return 0


class _LogFile(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        log_failure(self.format(record))


@contextmanager
def _details_in_the_log() -> Generator[None]:
    """Keep what the client logs off the terminal, where each event has its sentence."""
    logger, handler = logging.getLogger("plugin_bridge"), _LogFile(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@dataclass
class _Played:
    """What was heard so far. files: how many were begun."""

    device: str
    files: int = 0
    under_runs: int = 0
    sync: PhaseErrors = field(default_factory=lambda: PhaseErrors())


def _play(
    paths: list[Path],
    first: AudioClip | None,
    device: str,
    options: Options,
    played: _Played,
    console: Console,
) -> None:
    clips = iter([(paths[0], first)]) if first else _clips(paths, console, once=options.once)
    start = next(clips)
    settings = AudioOptions(device, start[1].sample_rate, log_path=log_folder() / "audio.log")
    events: queue.SimpleQueue[AudioEvent] = queue.SimpleQueue()
    with AudioClient(settings, events.put) as client:
        client.set_loop(first is not None and not options.once)
        if options.sync is not None:
            keep_in_time(client, paths[0], options, console)
        client.choose(_SLOT)
        for path, clip in itertools.chain([start], clips):
            played.files += 1
            if clip.sample_rate != settings.sample_rate:
                console.progress.say(
                    f"“{display_name(path)}” has {clip.sample_rate} Hz, "
                    f"not {settings.sample_rate} Hz as the first file; it is resampled."
                )
            client.put(_SLOT, clip)
            client.play(0)
            _follow(events, display_name(path), clip, played, console)


def _clips(paths: list[Path], console: Console, *, once: bool) -> Iterator[tuple[Path, AudioClip]]:
    """Yield the files over and over; one that cannot be read is told and passed over."""
    while True:
        problem: BadInputFile | None = None
        any_read = False
        for path in paths:
            try:
                clip = read_source(path).clip()
            except BadInputFile as error:
                console.progress.say(error.sentence)
                problem = error
                continue
            any_read = True
            yield path, clip
        if problem is not None and not any_read:
            raise problem
        if once:
            return


def _follow(
    events: queue.SimpleQueue[AudioEvent],
    name: str,
    clip: AudioClip,
    played: _Played,
    console: Console,
) -> None:
    """Tell what happens until the file has come to its end."""
    is_ready = False
    while True:
        try:
            event = events.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            continue
        is_ready = is_ready or isinstance(event, SlotReady)
        if isinstance(event, SyncStatus):
            played.sync.take(event)
        if isinstance(event, Playback):
            played.under_runs = event.under_runs
            _show(event, name, clip, played.sync, console)
            # What is sent after a slot is ready is already about its start.
            if is_ready and not event.is_playing:
                return
        else:
            _tell(event, name, console)
        if isinstance(event, AudioRestarting):
            is_ready = False


def _show(event: Playback, name: str, clip: AudioClip, sync: PhaseErrors, console: Console) -> None:
    seconds = event.frame / clip.sample_rate
    text = f"{name}  {seconds:.1f} of {clip.seconds:.1f} s, {event.under_runs} under-runs"
    text += sync.describe()
    console.progress.show(text, min(1.0, max(0.0, seconds / clip.seconds)))


def _tell(event: AudioEvent, name: str, console: Console) -> None:
    """Tell of an event. Raises DeviceProblem or WriteProblem where nothing goes on."""
    match event:
        case DeviceOpened():
            console.progress.say(
                f"playing “{name}” on {event.name} at {event.sample_rate} Hz; Ctrl+C ends it"
            )
            if event.sentence:
                console.progress.say(event.sentence)
        case DeviceGone():
            console.progress.say(event.sentence)
        case SlotsStretched(ratio=ratio):
            console.progress.say(f"“{name}” is stretched to {100 * ratio:.1f} % of its length.")
        case AudioRestarting():
            console.progress.say(f"Playback starts again: {event.reason}.")
        case AudioGaveUp():
            raise DeviceProblem(event.sentence, event.details)
        case SyncStatus(sentence=sentence) if sentence:
            raise SyncProblem(sentence)
        case SlotFailed():
            raise WriteProblem(event.sentence, event.details)
        case _:
            pass
