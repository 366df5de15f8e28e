"""A private JACK server, and a recorder on it, as context managers that leave nothing behind."""

from __future__ import annotations

import contextlib
import ctypes.util
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from engine.audio import FloatArray
from tests.plugin_bridge.command_runs import ROOT, wait_for

RATE = 44_100
PERIOD_FRAMES = 1024
#: How long the server waits for a client that a busy machine holds up.
_CLIENT_PATIENCE_MS = 5000
_SHARED = Path("/dev/shm")
_PROBE = "import jack, sys; jack.Client('probe', no_start_server=True, servername=sys.argv[1])"


def what_jack_lacks() -> str:
    """Return what is missing for these tests, "" when nothing is."""
    programs = ["jackd2"] if shutil.which("jackd") is None else []
    libraries = ["libportaudio2"] if ctypes.util.find_library("portaudio") is None else []
    missing = [*programs, *libraries]
    return f"needs a JACK server and PortAudio: apt install {' '.join(missing)}" if missing else ""


@contextmanager
def jack_server(
    log: Path, name: str = "", *, kill: bool = False, realtime: bool = False
) -> Generator[str]:
    """Run jackd with its dummy driver, in step with its clients (-S); yield the server's name.

    kill: end it as a crash would. realtime: as musicians run it, where the machine allows that.
    """
    name = name or f"loopgraft-{uuid.uuid4().hex[:8]}"
    before = _shared_by_jack()
    with log.open("ab") as stderr:
        priority = ["-R", "-P", "20"] if realtime else ["-r"]
        command = ["jackd", *priority, "-S", "-t", str(_CLIENT_PATIENCE_MS), "-n", name]
        server = subprocess.Popen(
            [*command, "-d", "dummy", "-r", str(RATE), "-p", str(PERIOD_FRAMES)],
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
        )
    try:
        wait_for(lambda: _answers(name), "the JACK server")
        yield name
    finally:
        if kill:
            server.kill()
        _end(server)
        _clear(_shared_by_jack() - before)


@contextmanager
def recorder(server: str, name: str, seconds: float, folder: Path) -> Generator[Recording]:
    """Run a client whose input ports are a device of that name; at the end there is a recording."""
    path = folder / f"{name}.npy"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.jack_recorder", name, str(seconds), str(path)],
        cwd=ROOT,
        env={**os.environ, "JACK_DEFAULT_SERVER": server},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    recording = Recording(path, process)
    try:
        assert process.stdout.readline() == "ready\n"
        yield recording
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.communicate(timeout=30)
        _end(process)


class Recording:
    """What a recorder took, once `samples` was called."""

    def __init__(self, path: Path, process: subprocess.Popen[str]) -> None:
        self._path = path
        self._process = process

    def samples(self) -> FloatArray:
        """End the recording and return float32 (2, frames)."""
        self._process.communicate(timeout=30)
        return np.load(self._path)


def _answers(name: str) -> bool:
    """Ask whether a server takes clients, in a process that nothing hangs in."""
    asked = subprocess.run(
        [sys.executable, "-c", _PROBE, name], capture_output=True, check=False, timeout=60
    )
    return asked.returncode == 0


def _clear(paths: set[Path]) -> None:
    """Remove what a server left in shared memory, unless it may be another server's by now."""
    if any(process.info["name"] == "jackd" for process in psutil.process_iter(["name"])):
        return
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _shared_by_jack() -> set[Path]:
    """Return JACK's files but its registry, which a client in this process keeps mapped: in the
    next one it would not find the next server."""
    if not _SHARED.is_dir():
        return set()
    return {path for path in _SHARED.glob("jack*") if path.name != "jack-shm-registry"}


def _end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
