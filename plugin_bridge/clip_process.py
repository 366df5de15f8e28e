"""One clip reader as a child process, and the scratch file that it shares with its parent.

The scratch file is made here without a name (on Windows with one that goes when it is closed) and
inherited: whichever side dies, the system frees it. Reading it copies; nothing stays mapped.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np

from engine.audio import FloatArray
from engine.peaks import PeakPyramid, decode_peaks
from engine.pipes import read_lines
from plugin_bridge.clip_messages import Opened, ToReader, encode_message

_log = logging.getLogger(__name__)

_IMPORT_ROOT = Path(__file__).resolve().parent.parent
_STDERR_TAIL_BYTES = 4 * 1024


class BrokenScratch(Exception):
    """The scratch file does not hold what the reader said."""


class ClipProcess:
    """A running reader. `on_line` is called on this object's thread with every line it sends, and
    with None when it sends no more. All else is for one thread."""

    def __init__(self, on_line: Callable[[ClipProcess, bytes | None], None], *, warm: bool) -> None:
        self._on_line = on_line
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in end()
        self._scratch = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed in end()
        try:
            self._process = self._spawn(warm)
        except OSError:
            self._log.close()
            self._scratch.close()
            raise
        assert self._process.stdin is not None  # both are PIPE
        assert self._process.stdout is not None
        self._to_reader, self._from_reader = self._process.stdin, self._process.stdout
        self._thread = threading.Thread(
            target=self._read, name=f"clip-reader-{self.pid}", daemon=True
        )
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, request: ToReader) -> None:
        """Send a request; the reader has answered the one before, so the pipe has room."""
        with contextlib.suppress(OSError, ValueError):  # it died: its reader thread tells
            self._to_reader.write(encode_message(request))

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
        with contextlib.suppress(OSError):
            self._to_reader.close()
        exit_code = self._wait(patience_seconds) if patience_seconds > 0 else None
        if exit_code is None:
            self._kill()
            exit_code = self._wait(5.0)
        self._thread.join(1.0)
        if not self._thread.is_alive():
            self._from_reader.close()
        self._scratch.close()
        with self._log as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _STDERR_TAIL_BYTES))
            return exit_code, log.read().decode(errors="replace")

    def _spawn(self, warm: bool) -> subprocess.Popen[bytes]:
        is_windows = sys.platform == "win32"
        scratch = self._scratch.name if is_windows else f"fd:{self._scratch.fileno()}"
        command = [sys.executable, "-P", "-m", "plugin_bridge.clip_reader"]
        command += ["--scratch", str(scratch)] + (["--warm"] if warm else [])
        return subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_environment(),
            pass_fds=() if is_windows else (self._scratch.fileno(),),
            # A group of its own, so that its decoder can be ended with it.
            start_new_session=not is_windows,
        )

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

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform != "win32":
                os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()

    def _wait(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def _read(self) -> None:
        for line in read_lines(self._from_reader.fileno()):
            self._on_line(self, line)
        self._on_line(self, None)


def _environment() -> dict[str, str]:
    """Return an environment in which the reader finds this same package, on one core."""
    environment = dict(os.environ)
    paths = [str(_IMPORT_ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = "1"
    return environment
