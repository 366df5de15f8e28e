"""`loopgraft record` on a real JACK server: what lands in the file is what a DAW played, frame for
frame, from its bar line on."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from engine.audio import FloatArray
from engine.wav_file import read_chunks
from plugin_bridge.capture.grid_chunk import read_grid
from plugin_bridge.wav_metadata import AcidChunk
from tests.integration.jack_parts import PERIOD_FRAMES, RATE, jack_server, what_jack_lacks
from tests.integration.jack_player import song
from tests.integration.test_jack import read_until
from tests.plugin_bridge.audio_scenarios import shared_blocks
from tests.plugin_bridge.command_runs import ROOT, command

pytestmark = pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks())

BPM = 142.0
BAR = 4 * 60 / BPM * RATE


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with jack_server(tmp_path_factory.mktemp("jack") / "jackd.log") as name:
        yield name


@pytest.fixture
def server(shared_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("JACK_DEFAULT_SERVER", shared_server)
    return shared_server


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
        try:
            process.communicate("stop\n", timeout=20)
        except (subprocess.TimeoutExpired, OSError):  # its server is gone
            process.kill()
            process.communicate()


@contextmanager
def recording(*words: str) -> Generator[subprocess.Popen[str]]:
    with command("record", "--json", *words) as process:
        yield process


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


def record(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the end and return what is told of it."""
    told, errors = process.communicate(timeout=120)
    assert told, errors
    return json.loads(told)


def bar_line(facts: dict[str, Any], bpm: float = BPM) -> int:
    """Return the frame of the song at which the recording should begin."""
    return round((facts["first_bar"] - 1) * 4 * 60 / bpm * RATE)


def test_whole_bars_are_recorded_to_the_sample(server: str, tmp_path: Path) -> None:
    out = tmp_path / "loop.wav"
    with daw() as other:
        words = ["--bars", "2", "--sync", "jack", "--input", "daw", "--out", str(out)]
        with recording(*words) as process:
            read_until(process, "stopped")
            other.tell("start")
            facts = record(process)
    assert process.returncode == 0
    samples = read(facts["path"])
    assert facts["frames"] == samples.shape[1] == round(2 * BAR)
    assert facts["first_bar"] == 1
    assert error_frames(samples, 0) == 0
    assert facts["bpm"] == BPM
    acid = AcidChunk.decode(dict(read_chunks(out))[b"acid"])
    assert (acid.beats, acid.one_shot, acid.tempo_bpm) == (8, False, BPM)
    grid = read_grid(out, samples.shape[1])
    assert grid is not None
    assert (grid.bpm, grid.downbeat_frame, grid.is_loop) == (BPM, 0, True)
    assert shared_blocks(process.pid) == set()


@pytest.mark.parametrize("bpm", [97.3, 174.0])
def test_music_that_plays_already_is_recorded_from_its_next_bar(
    server: str, tmp_path: Path, bpm: float
) -> None:
    with daw(bpm) as other:
        other.tell(f"locate {7 * RATE + 123}")
        other.tell("start")
        words = ["--bars", "1", "--sync", "jack", "--input", "daw:*", "--out", str(tmp_path)]
        with recording(*words) as process:
            facts = record(process)
    samples = read(facts["path"])
    assert facts["first_bar"] > 3
    assert samples.shape[1] == round(4 * 60 / bpm * RATE)
    assert error_frames(samples, bar_line(facts, bpm)) == 0
    assert re.fullmatch(r"recording-daw_\d+bpm(_[A-G]#?(maj|min))?\.wav", Path(facts["path"]).name)


def test_a_new_tempo_meanwhile_is_recorded_to_the_bar_line_and_said(
    server: str, tmp_path: Path
) -> None:
    with daw() as other:
        words = ["--bars", "3", "--sync", "jack", "--input", "daw", "--out", str(tmp_path)]
        with recording(*words) as process:
            read_until(process, "stopped")
            other.tell("start")
            read_until(process, "playing")
            threading.Event().wait(0.5)
            other.tell("tempo 160")
            facts = record(process)
    samples = read(facts["path"])
    assert facts["whole"]
    assert "142.00 to 160.00 bpm" in facts["sentence"]
    assert 3 * 4 * 60 / 160 * RATE < samples.shape[1] < 3 * BAR
    assert facts["bpm"] == pytest.approx(3 * 4 * 60 * RATE / samples.shape[1])
    assert error_frames(samples, bar_line(facts)) == 0


def test_ctrl_c_leaves_nothing(server: str, tmp_path: Path) -> None:
    with daw() as other:
        words = ["--bars", "8", "--sync", "jack", "--input", "daw", "--out", str(tmp_path)]
        with recording(*words) as process:
            read_until(process, "stopped")
            other.tell("start")
            read_until(process, "playing")
            threading.Event().wait(0.5)
            process.send_signal(signal.SIGINT)
            told, errors = process.communicate(timeout=60)
    assert process.returncode == 5
    assert json.loads(told)["error"] == "Cancelled; nothing was written."
    assert "Traceback" not in errors
    assert list(tmp_path.glob("*.wav")) == []
    assert list(tmp_path.glob(".*")) == []
    assert shared_blocks(process.pid) == set()


def test_a_stopped_transport_leaves_what_was_played(server: str, tmp_path: Path) -> None:
    with daw() as other:
        words = ["--bars", "16", "--sync", "jack", "--input", "daw", "--out", str(tmp_path)]
        with recording(*words) as process:
            read_until(process, "stopped")
            other.tell("start")
            read_until(process, "playing")
            threading.Event().wait(1.0)
            other.tell("stop")
            facts = record(process)
    assert process.returncode == 4
    samples = read(facts["path"])
    assert not facts["whole"]
    assert facts["sentence"].startswith("The transport stopped or jumped")
    assert samples.shape[1] == facts["frames"]
    assert samples.shape[1] % PERIOD_FRAMES == 0
    assert error_frames(samples, 0) == 0


def test_a_program_that_is_not_there_is_one_sentence(server: str, tmp_path: Path) -> None:
    words = ["--bars", "1", "--bpm", "120", "--input", "nobody:out_*", "--out", str(tmp_path)]
    with recording(*words) as process:
        told, errors = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "JACK has no output called “nobody:out_*”; there are: system:" in errors
    assert len(errors.splitlines()) == 1
    assert json.loads(told)["exit_code"] == 4


def test_inputs_are_listed_of_jack_each_program(server: str) -> None:
    with daw():
        done = subprocess.run(
            [sys.executable, "-m", "plugin_bridge", "devices", "--json"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    inputs = {entry["name"]: entry for entry in json.loads(done.stdout)["inputs"]}
    assert inputs["daw"]["is_virtual"]
    assert not inputs["system"]["is_virtual"]


def test_a_server_that_dies_leaves_what_was_captured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    with ExitStack() as stack:
        name = stack.enter_context(jack_server(tmp_path / "jackd.log", kill=True))
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        other = stack.enter_context(daw())
        words = ["--bars", "16", "--sync", "jack", "--input", "daw", "--out", str(tmp_path)]
        process = stack.enter_context(recording(*words))
        read_until(process, "stopped")
        other.tell("start")
        read_until(process, "playing")
        threading.Event().wait(1.5)
        kill_server(name)
        facts = record(process)
    assert process.returncode == 4
    assert not facts["whole"]
    assert facts["sentence"].startswith("The input went")
    samples = read(facts["path"])
    assert samples.shape[1] == facts["frames"] > RATE // 4
    assert error_frames(samples, 0) == 0
    assert shared_blocks(process.pid) == set()


def kill_server(name: str) -> None:
    """End a server of ours as a crash would."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if words[:1] == ["jackd"] and name in words:
            process.kill()


@pytest.mark.slow
def test_twenty_recordings_are_all_exact(server: str, tmp_path: Path) -> None:
    """Tempos, starts and lengths as they come: the figure of the README."""
    errors: list[int | None] = []
    rng = np.random.default_rng(5)
    for number in range(20):
        bpm = round(float(rng.uniform(60, 200)), 3)
        with daw(bpm) as other:
            other.tell(f"locate {int(rng.integers(0, 10 * RATE))}")
            other.tell("start")
            out = tmp_path / f"{number}.wav"
            bars = str(int(rng.integers(1, 4)))
            words = ["--bars", bars, "--sync", "jack", "--input", "daw", "--out", str(out)]
            with recording(*words) as process:
                facts = record(process)
        samples = read(str(out))
        assert samples.shape[1] == round(int(bars) * 4 * 60 / bpm * RATE)
        errors.append(error_frames(samples, bar_line(facts, bpm)))
    print(errors)  # noqa: T201
    assert all(error is not None and abs(error) <= 1 for error in errors)
