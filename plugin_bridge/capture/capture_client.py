"""The app's side of listening: wishes in, events out, recordings written meanwhile.

Nothing is opened, and nothing kept, until `listen`; nothing is on the disk until it is asked for.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from engine.action_loop import ActionLoop, Turns
from engine.errors import AppError, WriteProblem
from engine.work_thread import WorkThread
from plugin_bridge.audio_messages import SyncStatus
from plugin_bridge.capture.capture_events import CaptureEvent, Recorded, RecordFailed
from plugin_bridge.capture.capture_supervisor import (
    CaptureChild,
    CaptureSupervisor,
    ListenOptions,
    Taken,
)
from plugin_bridge.capture.kept import RecordOrder
from plugin_bridge.capture.punch import check_record_bars
from plugin_bridge.capture.recorded_words import plan_of, recorded_words
from plugin_bridge.capture.recording_plan import Refusal
from plugin_bridge.capture.writer_child import WriterChild

__all__ = ["CaptureClient", "ListenOptions", "RecordOrder"]

_log = logging.getLogger(__name__)


class CaptureClient:
    """Owns listening. Methods: any thread, none blocks but close().

    `on_event` is called on the client's own thread and must not block.
    """

    def __init__(self, on_event: Callable[[CaptureEvent], None]) -> None:
        self._loop = ActionLoop[CaptureEvent]("capture-client", on_event)
        self._supervisor = CaptureSupervisor(
            self._loop.emit, self._on_line, self._make_ready, self._write
        )
        self._writing = WorkThread("recording-writer")
        self._ready: WriterChild | None = None
        supervisor = self._supervisor
        self._loop.start(Turns(lambda: None, supervisor.wait_seconds, supervisor.tick, self._end))

    def __enter__(self) -> CaptureClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def child_pid(self) -> int | None:
        """Return the listening process's id, None while there is none."""
        return self._supervisor.child_pid

    def listen(self, options: ListenOptions) -> None:
        """Open an input and keep what is heard; InputOpened or InputLost tells."""
        self._loop.do(lambda: self._supervisor.listen(options))

    def tell(self, status: SyncStatus) -> None:
        """Have the clock of an “internal” transport go as the one that was told of does."""
        self._loop.do(lambda: self._supervisor.tell(status))

    def stop_listening(self) -> None:
        """Close the input and forget what was kept; NotListening tells."""
        self._loop.do(self._supervisor.stop_listening)

    def record(self, order: RecordOrder) -> None:
        """Record so many bars from the next bar line on, at once where no transport is followed;
        Recorded or RecordFailed tells. A second order takes the first one's place.

        Raises BadArgument outside 1 to 32 bars.
        """
        check_record_bars(order.bars)
        self._loop.do(lambda: self._supervisor.record(order))

    def cancel(self) -> None:
        """Record nothing; listening goes on, nothing is written."""
        self._loop.do(self._supervisor.cancel)

    def keep_last(self, order: RecordOrder) -> None:
        """Write the last whole bars; without a transport the last seconds. Recorded tells.

        Raises BadArgument outside 1 to 32 bars.
        """
        check_record_bars(order.bars)
        self._loop.do(lambda: self._supervisor.keep_last(order))

    def close(self) -> None:
        """End listening; a recording that is being written is finished."""
        self._loop.close()

    def _on_line(self, child: CaptureChild, line: bytes | None) -> None:
        self._loop.do(lambda: self._supervisor.on_line(child, line))

    def _make_ready(self) -> None:
        self._writing.do(self._start_writer)

    def _start_writer(self) -> None:
        if self._ready is None:
            with suppress(WriteProblem):  # told when there is something to write
                self._ready = WriterChild()

    def _write(self, taken: Taken) -> None:
        self._writing.do(lambda: self._write_now(taken))

    def _write_now(self, taken: Taken) -> None:
        """Write a recording, on the writer's thread."""
        try:
            writer, self._ready = self._ready or WriterChild(), None
            reply = writer.write(plan_of(taken), taken.what.samples)
            if isinstance(reply, Refusal):
                raise AppError(reply.sentence, reply.details)
        except AppError as error:
            _log.warning("%s %s", error.sentence, error.details)
            event: CaptureEvent = RecordFailed(error.sentence, error.details)
        else:
            what = taken.what
            path = Path(os.fsdecode(reply.path))
            sentence = recorded_words(taken, path)
            event = Recorded(
                path, what.cut, reply.key, sentence, what.gaps, what.lost_frames,
                taken.latency_frames,
            )  # fmt: skip
        self._loop.do(lambda: self._loop.emit(event))

    def _end(self) -> None:
        self._supervisor.close()
        self._writing.close(drops=False)
        if self._ready is not None:
            self._ready.close()
