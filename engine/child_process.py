"""A process of our own packages as a child that talks in lines: start, talk, kill, its log."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from engine.pipes import read_lines

_log = logging.getLogger(__name__)

STDERR_TAIL_LINES = 20
_STDERR_TAIL_BYTES = 16 * 1024
_LOG_LIMIT_BYTES = 4 * 2**20
_KILL_SECONDS = 5.0
_IMPORT_ROOT = Path(__file__).resolve().parent.parent

MessageT = TypeVar("MessageT")


@dataclass(frozen=True)
class ChildPlan(Generic[MessageT]):
    """How a child is started and spoken to.

    command: see `module_command`. encode: a message as one line with its newline.
    log_path: where stderr is kept (None: only its last lines). inherited: file descriptors that
    it gets as they are (POSIX). has_own_group: its own children are killed with it (POSIX).
    """

    name: str
    command: tuple[str, ...]
    encode: Callable[[MessageT], bytes]
    environment: Mapping[str, str]
    log_path: Path | None = None
    inherited: tuple[int, ...] = ()
    has_own_group: bool = False


class ChildProcess(Generic[MessageT]):
    """A running child. `on_line` is called on this object's reader thread with every line it
    sends, and with None when it sends no more. All else is for one thread."""

    def __init__(
        self,
        plan: ChildPlan[MessageT],
        on_line: Callable[[ChildProcess[MessageT], bytes | None], None],
    ) -> None:
        """Raises OSError when it cannot be started."""
        self._plan = plan
        self._on_line = on_line
        self._outgoing = b""
        self._stderr = _open_log(plan.log_path)
        self._stderr_start = self._stderr.seek(0, os.SEEK_END)
        try:
            self._process = _spawn(plan, self._stderr)
        except OSError:
            self._stderr.close()
            raise
        assert self._process.stdin is not None  # both are PIPE
        assert self._process.stdout is not None
        self._to_child, self._from_child = self._process.stdin, self._process.stdout
        if sys.platform != "win32":
            os.set_blocking(self._to_child.fileno(), False)
        self._reader = threading.Thread(
            target=self._read, name=f"{plan.name}-{self.pid}-reader", daemon=True
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: MessageT) -> None:
        """Queue a message and send what the pipe takes now. Never blocks (POSIX)."""
        self._outgoing += self._plan.encode(message)
        self.flush()

    def flush(self) -> bool:
        """Send more of what is queued. Returns whether all is sent; a dead child takes all."""
        while self._outgoing:
            try:
                sent = self._to_child.write(self._outgoing)
            except (BrokenPipeError, ValueError):
                self._outgoing = b""
                break
            if not sent:
                return False
            self._outgoing = self._outgoing[sent:]
        return True

    def close_input(self) -> None:
        """Tell it by its pipe that nothing more comes."""
        with contextlib.suppress(OSError):
            self._to_child.close()

    def end(self, patience_seconds: float) -> int | None:
        """Wait for the end, kill when it does not come, free everything. Returns the exit code.

        None: it cannot even be killed (a driver holds it); it is left behind.
        """
        exit_code = self._wait(patience_seconds)
        if exit_code is None:
            self._kill()
            exit_code = self._wait(_KILL_SECONDS)
        self.close_input()
        self._reader.join(1.0)
        if not self._reader.is_alive():
            self._from_child.close()
        return exit_code

    def stderr_tail(self) -> tuple[str, ...]:
        """Return its last lines of stderr and close the log. Call once, after the end."""
        with self._stderr as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._stderr_start, size - _STDERR_TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return tuple(lines[-STDERR_TAIL_LINES:])

    def _kill(self) -> None:
        if self._plan.has_own_group and sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()

    def _wait(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def _read(self) -> None:
        for line in read_lines(self._from_child.fileno()):
            self._on_line(self, line)
        self._on_line(self, None)


def module_command(module: str, *words: str) -> list[str]:
    """Return the command of one of our modules. -P keeps the current folder off its imports."""
    return [sys.executable, "-P", "-m", module, *words]


def child_environment(**more: str) -> dict[str, str]:
    """Return the environment in which a child finds these same packages, with `more` set."""
    paths = [str(_IMPORT_ROOT), os.environ.get("PYTHONPATH", "")]
    python_path = os.pathsep.join(path for path in paths if path)
    return {**os.environ, "PYTHONPATH": python_path, **more}


def _spawn(plan: ChildPlan[MessageT], stderr: BinaryIO) -> subprocess.Popen[bytes]:
    is_posix = sys.platform != "win32"
    return subprocess.Popen(
        plan.command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=dict(plan.environment),
        pass_fds=plan.inherited if is_posix else (),
        start_new_session=plan.has_own_group and is_posix,
    )


def _open_log(path: Path | None) -> BinaryIO:
    """Open the log to append; a long one is set aside as `.1` first."""
    if path is None:
        return tempfile.TemporaryFile()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
            path.replace(path.with_name(path.name + ".1"))
        return path.open("a+b")
    except OSError as error:
        _log.warning("The log %s cannot be written: %s", path, error)
        return tempfile.TemporaryFile()
