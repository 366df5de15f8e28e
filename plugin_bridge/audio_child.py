"""One audio process as a child: start, talk, kill, and what it left in its log."""

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

import msgspec

from engine.pipes import read_lines
from plugin_bridge.audio_messages import DeviceList, ToAudio, decode_from_audio, encode_audio
from plugin_bridge.devices import DeviceProblem, OutputDevice

_log = logging.getLogger(__name__)

STDERR_TAIL_LINES = 20
_STDERR_TAIL_BYTES = 16 * 1024
_LOG_LIMIT_BYTES = 4 * 2**20
_LIST_SECONDS = 20.0
_MODULE = "plugin_bridge.audio_process"
_IMPORT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class AudioOptions:
    """How the audio process is started and how much patience there is with it.

    device: as find_output takes it, empty: the system's default. sample_rate: of the timeline, and
    what the device is asked for. faults: as `--fault` takes them; only the first process gets
    them. log_path: where stderr is kept (None: only its last lines, for the event).
    """

    device: str = ""
    sample_rate: int = 44_100
    latency_seconds: float = 0.1
    faults: tuple[str, ...] = ()
    log_path: Path | None = None
    heartbeat_seconds: float = 1.0
    answer_deadline_seconds: float = 5.0
    start_deadline_seconds: float = 30.0
    close_deadline_seconds: float = 3.0
    backoff_seconds: float = 0.25


class AudioChild:
    """A running audio process. `on_line` is called on this object's reader thread with every line
    it sends, and with None when it sends no more. All else is for one thread."""

    def __init__(
        self,
        options: AudioOptions,
        device: str,
        faults: tuple[str, ...],
        on_line: Callable[[AudioChild, bytes | None], None],
    ) -> None:
        self._stderr = _open_stderr(options.log_path)
        self._stderr_start = self._stderr.seek(0, os.SEEK_END)
        self._outgoing = b""
        self._on_line = on_line
        try:
            self._process = subprocess.Popen(
                audio_command(options, device, faults),
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=_environment(),
            )
        except OSError:
            self._stderr.close()
            raise
        assert self._process.stdin is not None  # both are PIPE
        assert self._process.stdout is not None
        self._to_audio, self._from_audio = self._process.stdin, self._process.stdout
        if sys.platform != "win32":
            os.set_blocking(self._to_audio.fileno(), False)
        self._reader = threading.Thread(
            target=self._read, name=f"audio-{self.pid}-reader", daemon=True
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: ToAudio) -> None:
        """Queue a message and send what the pipe takes now. Never blocks (POSIX)."""
        self._outgoing += encode_audio(message)
        self.flush()

    def flush(self) -> bool:
        """Send more of what is queued. Returns whether all is sent; a dead child takes all."""
        while self._outgoing:
            try:
                sent = self._to_audio.write(self._outgoing)
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
            self._to_audio.close()
        self._reader.join(1.0)
        if not self._reader.is_alive():
            self._from_audio.close()
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
        for line in read_lines(self._from_audio.fileno()):
            self._on_line(self, line)
        self._on_line(self, None)


def audio_command(options: AudioOptions, device: str, faults: tuple[str, ...]) -> list[str]:
    """Return the command line. -P keeps the user's current folder off the import path."""
    command = [sys.executable, "-P", "-m", _MODULE, f"--device={device}"]
    command += ["--rate", str(options.sample_rate), "--latency", str(options.latency_seconds)]
    return command + [f"--fault={fault}" for fault in faults]


def list_outputs() -> tuple[OutputDevice, ...]:
    """Return the outputs that there are now, seen by a process of its own. Blocks about 0.5 s.

    Raises DeviceProblem when PortAudio is missing or its look fails.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", _MODULE, "--list"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(),
            timeout=_LIST_SECONDS,
            check=False,
        )
        reply = decode_from_audio(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise DeviceProblem(
            f"The sound system did not answer within {_LIST_SECONDS:g} s; restart it.", str(error)
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise DeviceProblem("The outputs could not be listed; try again.", str(error)) from error
    if not isinstance(reply, DeviceList):
        raise DeviceProblem("The outputs could not be listed; try again.", repr(reply))
    if reply.sentence:
        raise DeviceProblem(reply.sentence)
    return reply.devices


def _environment() -> dict[str, str]:
    """Return the environment in which a child finds these same packages."""
    environment = dict(os.environ)
    paths = [str(_IMPORT_ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
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
        _log.warning("The audio log %s cannot be written: %s", log_path, error)
        return tempfile.TemporaryFile()
