"""Running the command line as a user does, in a data folder of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.wav_file import write_wav
from tests.plugin_bridge.scored_maker import MAKER_SPEC

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    errors: str

    @property
    def json(self) -> dict[str, Any]:
        """Return stdout, which must be one JSON object and nothing else."""
        lines = self.out.strip().splitlines()
        assert len(lines) == 1, lines
        return json.loads(lines[0])


@dataclass(frozen=True)
class Shell:
    """A folder to work in and an environment with data of its own."""

    folder: Path
    environment: dict[str, str]

    @property
    def data(self) -> Path:
        return Path(self.environment["LOOPGRAFT_DATA"])

    def start(self, *words: str | bytes) -> subprocess.Popen[str]:
        """Start a command and do not wait."""
        command: list[str | bytes] = [sys.executable, "-P", "-m", "plugin_bridge", *words]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *words: str | bytes) -> Ended:
        """Run a command to its end."""
        return ended(self.start(*words))

    def wavs(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.wav"))


def ended(process: subprocess.Popen[str]) -> Ended:
    out, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return Ended(process.returncode, out, errors)


@contextmanager
def command(*words: str) -> Generator[subprocess.Popen[str]]:
    """Run a command in this test's own environment; one that fails does not leave it behind."""
    process = subprocess.Popen(
        [sys.executable, "-m", "plugin_bridge", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def new_shell(folder: Path, **variables: str) -> Shell:
    """Return a shell in `folder`/work."""
    work = folder / "work"
    work.mkdir()
    environment = {
        **os.environ,
        "LOOPGRAFT_DATA": str(folder / "data"),
        "LOOPGRAFT_MAKER": MAKER_SPEC,
        "LOOPGRAFT_SERVE_IDLE_SECONDS": "60",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        **variables,
    }
    return Shell(work, environment)


def wait_for(
    condition: Callable[[], object], what: str, within_seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until the condition holds: for processes, which cannot signal a test."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def write_clicks(path: Path, bpm: float = 112.0, bars: int = 4, rate: int = 44_100) -> int:
    """Write a loop of clicks, the first of each bar louder, and return its frames."""
    frames = round(bars * 4 * 60 / bpm * rate)
    audio = np.zeros(frames)
    rng = np.random.default_rng(7)
    for beat in range(bars * 4):
        start = round(beat * 60 / bpm * rate)
        size = min(2000, frames - start)
        burst = rng.standard_normal(size) * np.exp(-np.arange(size) / 300)
        audio[start : start + size] += (0.8 if beat % 4 == 0 else 0.4) * burst / 3
    steps = np.rint(np.clip(audio, -1, 1) * 32767).astype(np.int32) << 16
    write_wav(path, np.stack([steps, steps]), rate, "PCM_16")
    return frames
