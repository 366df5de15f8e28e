"""One clip reader as a child process, and the scratch file that it shares with its parent.

The scratch file is made here without a name (on Windows with one that goes when it is closed) and
inherited: whichever side dies, the system frees it. Reading it copies; nothing stays mapped.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from engine.audio import FloatArray
from engine.child_process import ChildPlan, ChildProcess, child_environment, module_command
from engine.peaks import PeakPyramid, decode_peaks
from plugin_bridge.clip_messages import Opened, ToReader, encode_message

_ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class BrokenScratch(Exception):
    """The scratch file does not hold what the reader said."""


class ClipProcess:
    """A running reader. `on_line` is called on this object's thread with every line it sends, and
    with None when it sends no more. All else is for one thread."""

    def __init__(self, on_line: Callable[[ClipProcess, bytes | None], None], *, warm: bool) -> None:
        """Raises OSError when the reader cannot be started."""
        self._scratch = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed in end()
        try:
            self._child = ChildProcess(
                _plan(self._scratch, warm), lambda _child, line: on_line(self, line)
            )
        except OSError:
            self._scratch.close()
            raise

    @property
    def pid(self) -> int:
        return self._child.pid

    def send(self, request: ToReader) -> None:
        """Send a request; the reader has answered the one before, so the pipe has room."""
        self._child.send(request)

    def take_samples(self, opened: Opened) -> tuple[FloatArray, PeakPyramid]:
        """Return float32 (channels, frames) and their peaks. Raises BrokenScratch."""
        samples = np.empty((opened.channels, opened.frames), dtype=np.float32)
        self._take(samples, opened.peaks_bytes)
        peaks = decode_peaks(self._rest(opened.peaks_bytes))
        if (peaks.channels, peaks.frames) != samples.shape:
            raise BrokenScratch(f"peaks of {peaks.channels} x {peaks.frames} for {samples.shape}")
        self._scratch.truncate(0)
        samples.flags.writeable = False
        return samples, peaks

    def take_overview(self, columns: int) -> bytes:
        """Return int8 (2, columns) as bytes. Raises BrokenScratch."""
        drawn = np.empty((2, columns), dtype=np.int8)
        self._take(drawn, 0)
        return drawn.tobytes()

    def end(self, patience_seconds: float) -> tuple[int | None, str]:
        """Close its pipe, wait, kill it and its decoder, free everything.

        Returns the exit code (None: it cannot be killed) and its last lines of stderr.
        """
        self._child.close_input()
        exit_code = self._child.end(patience_seconds)
        self._scratch.close()
        return exit_code, "\n".join(self._child.stderr_tail())

    def _take(self, values: np.ndarray[Any, np.dtype[Any]], tail_bytes: int) -> None:
        present = os.fstat(self._scratch.fileno()).st_size
        if present != values.nbytes + tail_bytes:
            raise BrokenScratch(f"{present} bytes for {values.nbytes} + {tail_bytes}")
        self._scratch.seek(0)
        view = values.data.cast("B")
        while view:
            count = cast("Any", self._scratch).readinto(view)  # without the interpreter's lock
            if not count:
                raise BrokenScratch(f"{len(view)} bytes are missing")
            view = view[count:]

    def _rest(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count and (part := self._scratch.read(count)):
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def _plan(scratch: Any, warm: bool) -> ChildPlan[ToReader]:
    """Return how a reader is started: with the scratch file, on one core, above its decoder."""
    is_windows = sys.platform == "win32"
    name = str(scratch.name) if is_windows else f"fd:{scratch.fileno()}"
    words = ["--scratch", name] + (["--warm"] if warm else [])
    return ChildPlan[ToReader](
        name="clip-reader",
        command=tuple(module_command("plugin_bridge.clip_reader", *words)),
        encode=encode_message,
        environment=child_environment(**_ONE_CORE),
        inherited=() if is_windows else (scratch.fileno(),),
        has_own_group=True,
    )
