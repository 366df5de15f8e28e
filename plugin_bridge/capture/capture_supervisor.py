"""Keeps one listening process alive while listening is wanted, and cuts out what is to be kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engine.child_keeper import ChildKeeper, Tail, Watch
from engine.child_process import ChildPlan, ChildProcess, child_environment, module_command
from engine.errors import AppError
from plugin_bridge.audio_messages import (
    AudioPing,
    AudioPong,
    EndAudio,
    Refused,
    SetSync,
    SyncStatus,
)
from plugin_bridge.capture.capture_events import (
    CaptureEvent,
    InputLost,
    Listening,
    NotListening,
    RecordFailed,
)
from plugin_bridge.capture.capture_messages import (
    CAPTURE_PROTOCOL_VERSION,
    Captured,
    FromCapture,
    InputGone,
    InputOpened,
    ToCapture,
    UseRing,
    decode_from_capture,
    encode_capture,
)
from plugin_bridge.capture.capture_ring import CaptureRing
from plugin_bridge.capture.kept import CutSamples, Kept, RecordOrder
from plugin_bridge.capture.punch import Cut, PunchRequest, Running, Waiting
from plugin_bridge.sound_server import joined
from plugin_bridge.sync.sources import SyncRequest

_log = logging.getLogger(__name__)

CaptureChild = ChildProcess[ToCapture]

_MODULE = "plugin_bridge.capture.capture_process"
_HEARTBEAT_SECONDS = 1.0
_ANSWER_SECONDS = 5.0
_START_SECONDS = 30.0
_CLOSE_SECONDS = 3.0
#: Before an input that went is looked for again: each look is a process.
RETRY_SECONDS = 1.5
_LONGEST_WAIT_SECONDS = 0.25
#: Between two Listening events of a state that goes on.
_TOLD_SECONDS = 0.1
_STOPPED = "Listening stopped unexpectedly; it starts again."


@dataclass(frozen=True)
class ListenOptions:
    """What is listened to. input: a device, a JACK client, port or pattern, empty: the system's.

    latency_ms: how old what comes is; None: as the input reports.
    """

    input: str = ""
    sync: SyncRequest | None = None
    latency_ms: float | None = None
    sample_rate: int = 44_100
    buffer_seconds: float = 0.1
    log_path: Path | None = None


@dataclass(frozen=True)
class Taken:
    """A cut that is to be written. lost: why it ends before its bars do, else empty."""

    order: RecordOrder
    what: CutSamples
    input: str
    latency_frames: int
    lost: str = ""


class CaptureSupervisor(ChildKeeper[Watch[ToCapture], ToCapture]):
    """One thread calls every method; `emit` is called on it. `begin` is told of each order, so
    that a writer is ready, and `write` of what is to be written; neither may block."""

    def __init__(
        self,
        emit: Callable[[CaptureEvent], None],
        on_line: Callable[[CaptureChild, bytes | None], None],
        begin: Callable[[], None],
        write: Callable[[Taken], None],
    ) -> None:
        super().__init__("Listening process", _LONGEST_WAIT_SECONDS)
        self._emit, self._on_line = emit, on_line
        self._begin_writing, self._write = begin, write
        self._options: ListenOptions | None = None
        self._kept: Kept | None = None
        self._opened: InputOpened | None = None
        self._order: RecordOrder | None = None
        self._request: PunchRequest | None = None
        self._said = ""
        self._clock_told: SyncStatus | None = None
        self._told_at = 0.0
        self._told: Waiting | Running | None = None
        self._peak = 0.0

    # --- what the app wants -----------------------------------------------------------------

    def listen(self, options: ListenOptions) -> None:
        """Listen from now on. Another input or rate begins anew; another transport does not."""
        before, self._options = self._options, options
        self._clock.advance()
        if before is not None and replace(before, sync=None) == replace(options, sync=None):
            if before.sync != options.sync and self._watch is not None:
                self._watch.child.send(SetSync.of(options.sync))
            return
        if before is not None:
            self._lose("Another input was chosen")
        self._end_child()
        self._free()
        self._said = ""
        self.start()

    def tell(self, status: SyncStatus) -> None:
        """Have the process's own clock go like this."""
        self._clock_told = status
        if self._watch is not None and self._opened is not None:
            self._watch.child.send(status)

    def stop_listening(self) -> None:
        """Keep nothing any more, and forget what was kept."""
        was_on, self._options = self._options is not None, None
        self._order = self._request = None
        self._end_child()
        self._free()
        if was_on:
            self._emit(NotListening())

    def record(self, order: RecordOrder) -> None:
        """Record from the next bar on."""
        if self._options is None:
            self._emit(RecordFailed("Nothing is listened to; switch listening on first."))
            return
        self._order, self._request = order, None
        self._begin_writing()
        self._advance_order()

    def cancel(self) -> None:
        """Record nothing; listening goes on."""
        self._order = self._request = None
        self._tell(at_once=True)

    def keep_last(self, order: RecordOrder) -> None:
        """Write the last whole bars that were heard."""
        if self._kept is None:
            self._emit(
                RecordFailed("Nothing was heard yet; switch listening on, and let music play.")
            )
            return
        try:
            self._hand_over(order, self._kept.last(order.bars), "")
        except AppError as error:
            self._emit(RecordFailed(error.sentence, error.details))

    def close(self) -> None:
        """End the process and free what was kept."""
        self._options = None
        self._end_child()
        self._free()

    # --- what the process says --------------------------------------------------------------

    def _receive(self, watch: Watch[ToCapture], line: bytes) -> None:
        self._take(watch, decode_from_capture(line))

    def _take(self, watch: Watch[ToCapture], message: FromCapture) -> None:
        match message:
            case AudioPong(number=number):
                watch.heartbeat.answered(number)
            case InputOpened():
                self._open(watch, message)
            case Captured():
                self._on_captured(message)
            case InputGone():
                self._said_gone(message.sentence, message.details)
            case SyncStatus() | Refused():
                self._emit(message)

    def _open(self, watch: Watch[ToCapture], opened: InputOpened) -> None:
        if opened.protocol != CAPTURE_PROTOCOL_VERSION:
            self._bury(f"it speaks protocol {opened.protocol}, not {CAPTURE_PROTOCOL_VERSION}")
            return
        try:
            kept = self._kept_at(opened)
        except AppError as error:
            self._said_gone(error.sentence, error.details)
            return
        options = self._options
        assert options is not None  # without them there is no child
        ms = options.latency_ms
        seconds = opened.latency_seconds if ms is None else ms / 1000
        kept.latency_frames = round(seconds * opened.sample_rate)
        self._opened, self._said = opened, ""
        watch.child.send(UseRing(kept.ring.name, kept.ring.frames))
        if options.sync is not None:
            watch.child.send(SetSync.of(options.sync))
        if self._clock_told is not None:
            watch.child.send(self._clock_told)
        self._emit(opened)

    def _kept_at(self, opened: InputOpened) -> Kept:
        """Return what is kept at a rate: what there is, or room for it. Raises WriteProblem."""
        if self._kept is not None and self._kept.sample_rate == opened.sample_rate:
            return self._kept
        self._free()
        self._kept = Kept(CaptureRing.create(opened.sample_rate), opened.sample_rate)
        return self._kept

    def _on_captured(self, captured: Captured) -> None:
        kept = self._kept
        if kept is None:
            return
        kept.take(captured)
        self._peak = max(self._peak, captured.peak)
        self._advance_order()
        self._tell()

    def _advance_order(self, lost: str = "") -> None:
        """See how far the recording is; with `lost` what there is of it is all."""
        kept, order = self._kept, self._order
        if kept is None or order is None:
            return
        try:
            if self._request is None:
                follows = self._options is not None and self._options.sync is not None
                self._request = kept.request(order, follows=follows)
            progress = kept.look(self._request, is_over=bool(lost))
            if isinstance(progress, Cut):
                self._order = self._request = None
                self._hand_over(order, progress, lost)
                self._told = None
            else:
                self._told = progress
        except AppError as error:
            self._order = self._request = self._told = None
            self._emit(RecordFailed(error.sentence, error.details))

    def _hand_over(self, order: RecordOrder, cut: Cut, lost: str) -> None:
        kept = self._kept
        assert kept is not None  # callers have looked into it
        if not lost and not cut.is_whole:
            lost = "The transport stopped or jumped"
        name = "" if self._opened is None else self._opened.name
        self._write(Taken(order, kept.cut_out(cut), name, kept.latency_frames, lost))

    def _tell(self, *, at_once: bool = False) -> None:
        kept = self._kept
        self._clock.advance()
        if kept is None or not (at_once or self._clock.now - self._told_at >= _TOLD_SECONDS):
            return
        self._told_at = self._clock.now
        progress = self._told if self._order is not None else None
        self._emit(Listening(kept.seconds, kept.bars_kept(), self._peak, progress))
        self._peak = 0.0

    # --- life and death ---------------------------------------------------------------------

    def _spawn(self) -> Watch[ToCapture]:
        options = self._options
        assert options is not None  # nothing starts without them
        command = module_command(_MODULE, f"--input={options.input}")
        command += ["--rate", str(options.sample_rate), "--latency", str(options.buffer_seconds)]
        plan = ChildPlan[ToCapture](
            name="listening",
            command=tuple(joined(command)),
            encode=encode_capture,
            environment=child_environment(),
            log_path=options.log_path,
        )
        child = ChildProcess(plan, self._on_line)
        return Watch(child, self._clock.now, _HEARTBEAT_SECONDS)

    def _ping(self, number: int) -> ToCapture:
        return AudioPing(number)

    def _listens(self, watch: Watch[ToCapture]) -> bool:
        return self._opened is not None

    def _overdue(self, watch: Watch[ToCapture]) -> str | None:
        now = self._clock.now
        if self._opened is None:
            is_late = now - watch.started_at > _START_SECONDS
            return "it did not come to open an input" if is_late else None
        is_silent = watch.heartbeat.silent_seconds(now) > _ANSWER_SECONDS
        return "it did not answer" if is_silent else None

    def _ended(
        self, watch: Watch[ToCapture], reason: str, exit_code: int | None, tail: Tail
    ) -> None:
        self._is_gone(reason, exit_code, tail)

    def _is_gone(self, reason: str, exit_code: int | None, tail: Tail) -> None:
        _log.warning("Listening lost, %s; exit code %s\n%s", reason, exit_code, "\n".join(tail))
        if not self._said:
            self._said_gone(_STOPPED, reason)
        self._opened = None
        self._start_at = self._clock.now + RETRY_SECONDS

    def _said_gone(self, sentence: str, details: str = "") -> None:
        """Say once why nothing is heard, and finish what is cut short by it."""
        is_kept = self._lose("The input went")
        if sentence != self._said:
            self._said = sentence
            self._emit(InputLost(sentence, details, is_kept))

    def _lose(self, why: str) -> bool:
        """What was captured up to here stays; what was being recorded ends here. Returns whether
        there was any."""
        if self._kept is None:
            return False
        self._kept.known = max(self._kept.known, self._kept.ring.written)
        is_running = isinstance(self._told, Running)
        if is_running:
            self._advance_order(why)
        self._kept.end()
        return is_running

    def _end_child(self) -> None:
        self._end_politely(EndAudio(), _CLOSE_SECONDS)
        self._opened = None

    def _free(self) -> None:
        kept, self._kept = self._kept, None
        self._told = None
        if kept is not None:
            kept.ring.close()
