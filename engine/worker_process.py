"""One engine worker as a child process: start, talk, kill, and what it left in its log."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.allocator import keep_blocks
from engine.messages import ToWorker, encode_message
from engine.pipes import read_lines

_log = logging.getLogger(__name__)

STDERR_TAIL_LINES = 20
_STDERR_TAIL_BYTES = 16 * 1024
_LOG_LIMIT_BYTES = 4 * 2**20
_IMPORT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker is started and how much patience there is with it.

    threads: 0 leaves one core to the DAW. faults: as `--fault` takes them; only the first worker
    gets them. log_path: where stderr is kept (None: only its last lines, for the event).
    The answer deadline is for a ping while no model loads; the stall deadline is for any
    progress of a load or a job, pings answered or not.
    """

    library: Path
    device: str = "auto"
    threads: int = 0
    maker: str = "graft"
    faults: tuple[str, ...] = ()
    log_path: Path | None = None
    heartbeat_seconds: float = 1.0
    answer_deadline_seconds: float = 10.0
    load_deadline_seconds: float = 180.0
    stall_deadline_seconds: float = 300.0
    cancel_deadline_seconds: float = 5.0
    close_deadline_seconds: float = 2.0
    backoff_seconds: float = 0.5

    @property
    def thread_count(self) -> int:
        return self.threads or max(1, (os.cpu_count() or 2) - 1)


def worker_command(options: WorkerOptions, faults: tuple[str, ...]) -> list[str]:
    """Return the command line. -P keeps the user's current folder off the import path."""
    command = [sys.executable, "-P", "-m", "engine.worker"]
    command += ["--library", str(options.library), "--maker", options.maker]
    command += ["--device", options.device, "--threads", str(options.thread_count)]
    return command + [f"--fault={fault}" for fault in faults]


class WorkerProcess:
    """A running worker. `on_line` is called on this object's reader thread with every line it
    sends, and with None when it sends no more. All else is for one thread."""

    def __init__(
        self,
        options: WorkerOptions,
        faults: tuple[str, ...],
        on_line: Callable[[WorkerProcess, bytes | None], None],
    ) -> None:
        self._stderr = _open_stderr(options.log_path)
        self._stderr_start = self._stderr.seek(0, os.SEEK_END)
        self._outgoing = b""
        self._on_line = on_line
        try:
            self._process = subprocess.Popen(
                worker_command(options, faults),
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=worker_environment(),
            )
        except OSError:
            self._stderr.close()
            raise
        assert self._process.stdin is not None  # both are PIPE
        assert self._process.stdout is not None
        self._to_worker, self._from_worker = self._process.stdin, self._process.stdout
        if sys.platform != "win32":
            os.set_blocking(self._to_worker.fileno(), False)
        self._reader = threading.Thread(
            target=self._read, name=f"worker-{self.pid}-reader", daemon=True
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: ToWorker) -> None:
        """Queue a message and send what the pipe takes now. Never blocks (POSIX)."""
        self._outgoing += encode_message(message)
        self.flush()

    def flush(self) -> bool:
        """Send more of what is queued. Returns whether all is sent; a dead worker takes all."""
        while self._outgoing:
            try:
                sent = self._to_worker.write(self._outgoing)
            except (BrokenPipeError, ValueError):
                self._outgoing = b""
                break
            if not sent:
                return False
            self._outgoing = self._outgoing[sent:]
        return True

    def end(self, patience_seconds: float) -> int | None:
        """Wait for the end, kill when it does not come, free everything. Returns the exit code.

        None: it cannot even be killed (a driver holds it); it is left behind.
        """
        exit_code = self._wait(patience_seconds)
        if exit_code is None:
            self._process.kill()
            exit_code = self._wait(5.0)
        with contextlib.suppress(OSError):
            self._to_worker.close()
        self._reader.join(1.0)
        if not self._reader.is_alive():
            self._from_worker.close()
        return exit_code

    def stderr_tail(self) -> tuple[str, ...]:
        """Return its last lines of stderr and close the log. Call once, after the end."""
        with self._stderr as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._stderr_start, size - _STDERR_TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return tuple(lines[-STDERR_TAIL_LINES:])

    def _wait(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def _read(self) -> None:
        for line in read_lines(self._from_worker.fileno()):
            self._on_line(self, line)
        self._on_line(self, None)


def worker_environment() -> dict[str, str]:
    """Return the environment in which a worker finds this same `engine`."""
    environment = dict(os.environ)
    paths = [str(_IMPORT_ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    keep_blocks(environment)
    return environment


def _open_stderr(log_path: Path | None) -> BinaryIO:
    """Open the log to append; a long one is set aside as `.1` first."""
    if log_path is None:
        return tempfile.TemporaryFile()
    try:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        if log_path.exists() and log_path.stat().st_size > _LOG_LIMIT_BYTES:
            log_path.replace(log_path.with_name(log_path.name + ".1"))
        return log_path.open("a+b")
    except OSError as error:
        _log.warning("The worker's log %s cannot be written: %s", log_path, error)
        return tempfile.TemporaryFile()
