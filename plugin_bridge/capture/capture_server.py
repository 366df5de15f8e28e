"""The listening process at work: an open input's tape, the app's wishes, and what is told."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from typing import Protocol, TypeVar

import msgspec

from engine.errors import AppError
from engine.pipes import LineWriter, read_lines
from plugin_bridge.audio_keeper import STALE_SECONDS, ends_the_process_when_it_fails
from plugin_bridge.audio_messages import (
    EXIT_STUCK,
    AudioPing,
    AudioPong,
    Refused,
    SetSync,
    SyncStatus,
)
from plugin_bridge.audio_sync import SyncKeeper
from plugin_bridge.capture.capture_messages import (
    Captured,
    FromCapture,
    InputGone,
    InputOpened,
    ToCapture,
    UseRing,
    decode_to_capture,
    encode_capture,
)
from plugin_bridge.capture.capture_ring import CaptureRing
from plugin_bridge.capture.tape import Tape
from plugin_bridge.devices import DeviceProblem

_log = logging.getLogger(__name__)

STATUS_SECONDS = 1 / 30
_CLOSE_SECONDS = 1.0
_SHOWN_BYTES = 200

ValueT = TypeVar("ValueT")


class OpenInput(Protocol):
    """An open input that writes its tape until it is closed."""

    name: str
    host_api: str
    sample_rate: int
    latency_seconds: float
    ports: tuple[str, ...]
    sentence: str
    tape: Tape

    def is_alive(self) -> bool: ...

    def close(self) -> None: ...


class CaptureServer:
    """Serves one app with one input until the app closes the pipe or the input goes. `serve` is
    for the main thread."""

    def __init__(self, source: OpenInput, writer: LineWriter) -> None:
        self._input = source
        self._tape = source.tape
        self._writer = writer
        self._ring: CaptureRing | None = None
        self._sync = SyncKeeper(self._tape, self._send)
        self._ended = threading.Event()
        self._reporter = threading.Thread(target=self._report, name="reporter", daemon=True)

    def serve(self, from_app: int) -> int:
        """Obey until the app is gone or says so. Returns an exit code."""
        source = self._input
        self._send(
            InputOpened(
                source.name,
                source.host_api,
                source.sample_rate,
                source.latency_seconds,
                source.ports,
                source.sentence,
            )
        )
        self._reporter.start()
        for line in read_lines(from_app):
            if not self._obey_line(line):
                break
        self._ended.set()
        self._reporter.join()
        self._close()
        return 0

    def _obey_line(self, line: bytes) -> bool:
        """Do what one line says. Returns whether there is more to come."""
        try:
            return self._obey(decode_to_capture(line))
        except msgspec.MsgspecError as error:
            _log.warning("Nonsense from the app: %r", line[:_SHOWN_BYTES])
            self._send(Refused("The listening process was sent a line that is none.", str(error)))
        except AppError as error:
            self._send(Refused(error.sentence, error.details))
        return True

    def _obey(self, message: ToCapture) -> bool:
        match message:
            case AudioPing(number=number):
                self._send(AudioPong(number))
            case SetSync():
                self._sync.choose(message.request)
            case SyncStatus():
                self._sync.give(message.transport)
            case UseRing(name=name, frames=frames):
                self._use_ring(name, frames)
            case _:
                return False
        return True

    def _use_ring(self, name: str, frames: int) -> None:
        if self._ring is not None:
            return
        try:
            self._ring = CaptureRing.attach(name, frames)
        except (OSError, ValueError) as error:
            raise DeviceProblem("What is heard cannot be kept; try again.", str(error)) from error
        self._tape.use_ring(self._ring)

    def _report(self) -> None:
        with ends_the_process_when_it_fails():
            self._tell()

    def _tell(self) -> None:
        blocks, moved_at = self._tape.blocks, time.monotonic()
        while not self._ended.wait(STATUS_SECONDS):
            self._tell_captured()
            self._sync.look()
            self._tell_fault()
            now = time.monotonic()
            if self._tape.blocks != blocks:
                blocks, moved_at = self._tape.blocks, now
            if not self._input.is_alive() or now - moved_at > STALE_SECONDS:
                self._tell_captured()
                name = self._input.name
                self._send(InputGone(f"The input “{name}” is gone; it is waited for."))
                os._exit(EXIT_STUCK)  # JACK never lets go of a client once its server is gone

    def _tell_captured(self) -> None:
        """Tell how far it is; the position first, so that no stamp of before it is missing."""
        tape = self._tape
        position = tape.position
        stamps = tuple(popped(tape.stamps))
        gaps = tuple((gap.frame, gap.frames) for gap in popped(tape.gaps))
        if self._ring is not None:
            self._send(Captured(position, stamps, gaps, tape.take_peak()))

    def _tell_fault(self) -> None:
        fault, self._tape.fault = self._tape.fault, None
        if fault is not None:
            _log.error("A block was lost", exc_info=fault)
            self._send(Refused("A block of the input was lost.", repr(fault)))

    def _close(self) -> None:
        """Let go of everything; a driver that never comes back from it is left."""
        closer = threading.Thread(target=self._input.close, name="input-closer", daemon=True)
        closer.start()
        closer.join(_CLOSE_SECONDS)
        if closer.is_alive():
            _log.error("The sound system hangs while an input is closed")
            os._exit(EXIT_STUCK)
        self._sync.close()
        if self._ring is not None:
            self._ring.close()

    def _send(self, message: FromCapture) -> None:
        try:
            self._writer.write(encode_capture(message))
        except OSError:  # the app is gone, which the other pipe says too
            self._ended.set()


def popped(values: deque[ValueT]) -> list[ValueT]:
    """Take out of a deque what is in it now."""
    return [values.popleft() for _ in range(len(values))]
