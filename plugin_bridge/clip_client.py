"""The window's side of a clip reader: wishes in, events out, a child kept alive."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.action_loop import ActionLoop, Turns
from engine.audio import AudioClip
from engine.display_name import display_name
from engine.errors import BadInputFile
from plugin_bridge.clip_events import (
    ClipEvent,
    ClipExported,
    ClipFailed,
    ClipMeasured,
    ClipOpened,
    OverviewDrawn,
)
from plugin_bridge.clip_messages import (
    Act,
    Export,
    Exported,
    Failed,
    FromReader,
    Measure,
    Measured,
    Opened,
    Overview,
    Overviewed,
    Read,
    Ready,
    ToReader,
    act_of,
    decode_from_reader,
)
from plugin_bridge.clip_process import BrokenScratch, ClipProcess

__all__ = ["ClipClient"]

#: Above the decoder's own limit of a minute, and long enough to listen on a busy machine.
DEADLINE_SECONDS = 180.0
_CLOSE_SECONDS = 0.5
_EXPORT_CLOSE_SECONDS = 10.0
_EXIT_PATIENCE_SECONDS = 0.5
#: What somebody waits for comes first.
_ORDER = (Act.EXPORT, Act.READ, Act.OVERVIEW, Act.MEASURE)
_FAILURES = {
    Act.READ: "could not be read: its reader {why}; export it as WAV and drop it again.",
    Act.MEASURE: "could not be measured: its reader {why}; set its tempo and key by hand.",
    Act.OVERVIEW: "could not be drawn: its reader {why}.",
    Act.EXPORT: "could not be exported: the exporter {why}; try again.",
}

_log = logging.getLogger(__name__)


class ClipClient:
    """Owns one clip reader and the queue in front of it. Any thread; only close() blocks.

    `on_event` is called on the client's own thread. Every request ends in one event unless it is
    cancelled or the client is closed; a sound without a recipe is measured after it was opened,
    when nothing else waits. warm: start the reader now and import what measures; else it starts
    with the first request. A reader that dies or hangs costs the one request that it had.
    """

    def __init__(
        self,
        on_event: Callable[[ClipEvent], None],
        *,
        warm: bool = True,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._loop = ActionLoop[ClipEvent]("clip-client", on_event)
        self._warm = warm
        self._deadline_seconds = deadline_seconds
        self._waiting: list[ToReader] = []
        self._running: ToReader | None = None
        self._overdue_at = 0.0
        self._is_forgotten = False
        self._process: ClipProcess | None = None
        self._loop.start(Turns(self._warm_up, self._wait_seconds, self._tick, self._end))

    def __enter__(self) -> ClipClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def reader_pid(self) -> int | None:
        """Return the reader's process id, None while there is none."""
        process = self._process
        return None if process is None else process.pid

    def read(self, request_id: str, path: Path, *, is_take: bool = False) -> None:
        """Read a sound: ClipOpened, then ClipMeasured without a recipe. is_take: the library's."""
        self._put(Read(request_id, os.fsencode(path), is_take))

    def overview(self, request_id: str, path: Path, columns: int) -> None:
        """Draw a library take small; the newest wish comes first: OverviewDrawn."""
        self._put(Overview(request_id, os.fsencode(path), columns))

    def export(self, request_id: str, path: Path, folder: Path, subtype: str | None = None) -> None:
        """Write a library take as a finished file into a folder: ClipExported."""
        self._put(Export(request_id, os.fsencode(path), os.fsencode(folder), subtype))

    def cancel(self, request_id: str) -> None:
        """Drop a request; no event of it follows that is not on its way already."""
        self._loop.do(lambda: self._forget(request_id))

    def close(self) -> None:
        """Drop every request and end the reader; an export that runs is finished."""
        self._loop.close()

    def _put(self, request: ToReader) -> None:
        self._loop.do(lambda: self._queue(request))

    def _queue(self, request: ToReader) -> None:
        """Queue behind its like; overviews before theirs: what is seen now was asked for last."""
        rank = _ORDER.index(act_of(request))
        newest_first = isinstance(request, Overview)
        place = 0
        for waiting in self._waiting:
            other = _ORDER.index(act_of(waiting))
            if other > rank or (other == rank and newest_first):
                break
            place += 1
        self._waiting.insert(place, request)

    def _forget(self, request_id: str) -> None:
        self._waiting = [r for r in self._waiting if r.request_id != request_id]
        if self._running is not None and self._running.request_id == request_id:
            self._is_forgotten = True

    def _warm_up(self) -> None:
        if self._warm:
            self._start()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            is_exporting = isinstance(self._running, Export)
            process.end(_EXPORT_CLOSE_SECONDS if is_exporting else _CLOSE_SECONDS)

    def _wait_seconds(self) -> float | None:
        return None if self._running is None else max(0.0, self._overdue_at - time.monotonic())

    def _tick(self) -> None:
        """Look at the deadline, then give the reader its next request."""
        if self._running is not None:
            if time.monotonic() >= self._overdue_at:
                self._bury(f"did not answer within {self._deadline_seconds:g} s")
            return
        if not self._waiting:
            return
        request = self._waiting.pop(0)
        self._running, self._is_forgotten = request, False
        self._overdue_at = time.monotonic() + self._deadline_seconds
        if self._process is None and not self._start():
            self._fail("could not be started", "")
        elif self._process is not None:
            self._process.send(request)

    def _start(self) -> bool:
        try:
            self._process = ClipProcess(self._on_line, warm=self._warm)
        except OSError as error:
            _log.error("No clip reader: %r", error)
            return False
        _log.info("Clip reader %s started", self._process.pid)
        return True

    def _on_line(self, process: ClipProcess, line: bytes | None) -> None:
        self._loop.do(lambda: self._take_line(process, line))

    def _take_line(self, process: ClipProcess, line: bytes | None) -> None:
        if process is not self._process:
            return
        if line is None:
            self._bury("stopped unexpectedly", _EXIT_PATIENCE_SECONDS)
            return
        try:
            self._take(process, decode_from_reader(line))
        except (msgspec.MsgspecError, BrokenScratch, BadInputFile, OSError) as error:
            _log.warning("Clip reader %s sent nonsense: %r", process.pid, error)
            self._bury("sent an answer that makes no sense")
        except MemoryError:
            self._bury("found too little memory")

    def _take(self, process: ClipProcess, message: FromReader) -> None:
        request = self._running
        if isinstance(message, Ready):
            return
        if request is None or request.request_id != message.request_id:
            raise BrokenScratch(f"{type(message).__name__} for nothing asked")
        event = _event(process, request, message)
        self._running = None
        if self._is_forgotten:
            return
        if isinstance(event, ClipOpened) and event.facts is None:
            self._queue(Measure(request.request_id, request.path))
        self._deliver(event)

    def _bury(self, why: str, patience_seconds: float = 0.0) -> None:
        """End the reader; the request that it had fails, the next one gets a new reader."""
        process, self._process = self._process, None
        exit_code, tail = (None, "") if process is None else process.end(patience_seconds)
        _log.warning("Clip reader lost, it %s; exit code %s\n%s", why, exit_code, tail)
        was_at_work = self._running is not None
        self._fail(why, f"exit code {exit_code}\n{tail}")
        if was_at_work and self._warm and not self._loop.is_closing:
            self._start()

    def _fail(self, why: str, details: str) -> None:
        request, self._running = self._running, None
        if request is None or self._is_forgotten:
            return
        path, act = _path(request), act_of(request)
        sentence = f"“{display_name(path)}” {_FAILURES[act].format(why=why)}"
        self._deliver(ClipFailed(request.request_id, path, act, sentence, details))

    def _deliver(self, event: ClipEvent) -> None:
        if not self._loop.is_closing:
            self._loop.emit(event)


def _path(request: ToReader) -> Path:
    return Path(os.fsdecode(request.path))


def _event(
    process: ClipProcess,
    request: ToReader,
    message: Opened | Measured | Overviewed | Exported | Failed,
) -> ClipEvent:
    """Return the event of an answer, its samples taken out of the scratch file."""
    path, name = _path(request), message.request_id
    match message:
        case Opened():
            samples, peaks = process.take_samples(message)
            audio = AudioClip(samples, message.sample_rate)
            fault = message.recipe_fault
            grid = message.grid
            return ClipOpened(name, path, audio, peaks, message.peak, message.facts, fault, grid)
        case Measured():
            return ClipMeasured(
                name,
                path,
                message.bpm,
                message.downbeat_frame,
                message.key,
                message.lufs,
                message.seam_score,
                message.is_loop,
                message.signature,
            )
        case Overviewed():
            return OverviewDrawn(name, path, process.take_overview(message.columns))
        case Exported():
            return ClipExported(name, path, Path(os.fsdecode(message.path)))
        case Failed():
            return ClipFailed(name, path, act_of(request), message.sentence, message.details)
