"""`loopgraft record` on a real JACK server: what lands in the file is what a DAW played, frame for
frame, from its bar line on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio import FloatArray
from engine.wav_file import read_chunks
from plugin_bridge.capture.grid_chunk import read_grid
from plugin_bridge.wav_metadata import AcidChunk
from tests.integration.jack_parts import RATE, jack_server, what_jack_lacks
from tests.integration.jack_player import song
from tests.integration.test_jack import read_until
from tests.plugin_bridge.audio_scenarios import shared_blocks
from tests.plugin_bridge.command_runs import ROOT

pytestmark = pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks())

BPM = 142.0
BAR = 4 * 60 / BPM * RATE


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    with jack_server(tmp_path / "jackd.log") as name:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        yield name


class Daw:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


@contextmanager
def daw(bpm: float = BPM, name: str = "daw") -> Generator[Daw]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.jack_player", name, str(bpm)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Daw(process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def recording(*words: str) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "plugin_bridge", "record", "--json", *words],
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


def error_frames(samples: FloatArray, frame: int, reach: int = 40) -> int | None:
    """Return by how many frames a recording begins after a frame of the song, None: it is not
    sample for sample what was played there."""
    played = song()
    for off in sorted(range(-reach, reach + 1), key=abs):
        start = frame + off
        if start >= 0 and np.array_equal(samples, played[:, start : start + samples.shape[1]]):
            return off
    return None


def read(path: str) -> FloatArray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def test_whole_bars_are_recorded_to_the_sample(server: str, tmp_path: Path) -> None:
    out = tmp_path / "loop.wav"
    with daw() as other:
        words = ["--bars", "2", "--sync", "jack", "--input", "daw", "--out", str(out)]
        with recording(*words) as process:
            read_until(process, "stopped")
            other.tell("start")
            told, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    facts = json.loads(told)
    samples = read(facts["path"])
    assert facts["frames"] == samples.shape[1] == round(2 * BAR)
    assert error_frames(samples, 0) == 0
    assert facts["bpm"] == BPM
    acid = AcidChunk.decode(dict(read_chunks(out))[b"acid"])
    assert (acid.beats, acid.one_shot, acid.tempo_bpm) == (8, False, BPM)
    grid = read_grid(out, samples.shape[1])
    assert grid is not None
    assert (grid.bpm, grid.downbeat_frame, grid.is_loop) == (BPM, 0, True)
    assert shared_blocks(process.pid) == set()
