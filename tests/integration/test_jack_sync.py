"""`loopgraft stream --sync jack` on a real server: what a timebase master records of it."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio import FloatArray
from engine.wav_file import write_wav
from plugin_bridge.sync.phase_lock import LIMIT_SECONDS
from tests.integration.jack_parts import PERIOD_FRAMES, RATE, jack_server, what_jack_lacks
from tests.integration.test_jack import read_until
from tests.plugin_bridge.audio_scenarios import noise
from tests.plugin_bridge.command_runs import ROOT, command, write_clicks

pytestmark = pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks())

DEVICE = "daw-in"
BPM = 112.0
FRAMES = round(4 * 60 / BPM * RATE)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with jack_server(tmp_path / "jackd.log") as name:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        yield name


@dataclass
class Daw:
    """The other program. `recording` ends it."""

    process: subprocess.Popen[str]
    path: Path

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def recording(self) -> tuple[FloatArray, FloatArray]:
        """Return the samples, float32 (2, frames), and the cycles, as jack_master has them."""
        self.process.communicate(timeout=60)
        taken = np.load(self.path)
        return taken["samples"], taken["cycles"]


@contextmanager
def daw(folder: Path) -> Generator[Daw]:
    path = folder / "taken.npz"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.jack_master", DEVICE, str(BPM), str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Daw(process, path)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@contextmanager
def stream(file: Path, *words: str) -> Generator[subprocess.Popen[str]]:
    with command("stream", str(file), "--device", DEVICE, "--json", *words) as process:
        yield process


def write_noise(path: Path) -> FloatArray:
    """Write one bar of noise, and return its left side as it is in the file."""
    steps = (noise(4.0)[:, :FRAMES] * 0.5 * 2**23).astype(np.int32) << 8
    write_wav(path, steps, RATE, "PCM_24")
    return (steps[0] / 2**31).astype(np.float32)


def wait_for_words(process: subprocess.Popen[str], *words: str) -> None:
    for word in words:
        read_until(process, word)


def lateness(loop: FloatArray, samples: FloatArray, beat: float) -> tuple[int, bool]:
    """Return by how many frames a block is late against a beat, and whether it is the file's."""
    place = round(beat / 4 * loop.size)
    reach = 600
    around = loop[(place + np.arange(-reach, samples.size + reach)) % loop.size]
    offset = int(np.argmax(np.correlate(around, samples))) - reach
    same = loop[(place + offset + np.arange(samples.size)) % loop.size]
    return -offset, bool(np.array_equal(same, samples))


def clicks_late_ms(clicks: FloatArray, samples: FloatArray, cycles: FloatArray) -> FloatArray:
    """Return how late each beat's click is against the DAW's own beat, in ms, in order.

    clicks: a bar of them, (beats, frames). What a beat is near a jump of the DAW is left out.
    """
    late: list[float] = []
    for (start, _, beat, rolled), (_, _, later, goes_on) in itertools.pairwise(cycles):
        crossed = int(np.floor(later))
        if not (rolled and goes_on) or not beat < crossed <= later or later - beat > 0.2:
            continue
        place = start + (crossed - beat) / (later - beat) * PERIOD_FRAMES
        first = round(place) - 600
        around = samples[0, first : first + 1200 + clicks.shape[1]]
        if first > 0 and around.size == 1200 + clicks.shape[1] and around.any():
            peak = np.argmax(np.correlate(around, clicks[crossed % 4]))
            late.append(1000 * (first + int(peak) - place) / RATE)
    return np.array(late)


def blocks_of(samples: FloatArray, cycles: FloatArray) -> list[tuple[bool, float, FloatArray]]:
    """Return whether the transport rolled, its beat, and what was heard, cycle by cycle."""
    starts = cycles[:, 0].astype(int)
    return [
        (bool(rolled), beat, samples[0, start : start + PERIOD_FRAMES])
        for start, (_, _, beat, rolled) in zip(starts, cycles, strict=True)
    ]


def tell_and_wait(other: Daw, line: str, seconds: float) -> None:
    """Say something to the DAW and let music pass: what is measured is what plays meanwhile."""
    other.tell(line)
    threading.Event().wait(seconds)


def test_a_stream_follows_start_locate_and_stop_to_the_frame(server: str, tmp_path: Path) -> None:
    loop = write_noise(tmp_path / "loop.wav")
    with daw(tmp_path) as other:
        words = ["--sync", "jack", "--bpm", str(BPM), "--downbeat", "0"]
        with stream(tmp_path / "loop.wav", *words) as process:
            wait_for_words(process, "Ctrl+C", "stopped")
            tell_and_wait(other, "start", 3)
            tell_and_wait(other, f"locate {100 * RATE}", 2)
            tell_and_wait(other, "stop", 1)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
        blocks = blocks_of(*other.recording())
    rolling = [index for index, (rolled, _, _) in enumerate(blocks) if rolled]
    assert len(rolling) > 100
    assert not any(samples.any() for _, _, samples in blocks[: rolling[0]])
    assert not blocks[-1][2].any(), "it stops with the DAW"
    beats = np.array([blocks[index][1] for index in rolling])
    located = int(np.argmax(np.abs(np.diff(beats)))) + 1
    late = [lateness(loop, blocks[index][2], blocks[index][1]) for index in rolling]
    assert max(abs(frames) for frames, _ in late) <= LIMIT_SECONDS * RATE
    # Bit for bit, but for the crossfade at the locate and where the start came in.
    exact = [is_file for place, (_, is_file) in enumerate(late) if place not in (0, located)]
    assert sum(exact) >= len(exact) - 2
    told = json.loads(out)["sync"]
    assert told["source"] == "jack"
    assert told["error_p99_ms"] < 1000 * LIMIT_SECONDS


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_minutes_stay_on_the_daws_beat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In real time, as musicians run their server."""
    with jack_server(tmp_path / "jackd.log", realtime=True) as name:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        loop = write_noise(tmp_path / "loop.wav")
        with daw(tmp_path) as other:
            words = ["--sync", "jack", "--bpm", str(BPM), "--downbeat", "0"]
            with stream(tmp_path / "loop.wav", *words) as process:
                wait_for_words(process, "Ctrl+C", "stopped")
                tell_and_wait(other, "start", 600)
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)
            blocks = blocks_of(*other.recording())
    rolling = [(beat, samples) for rolled, beat, samples in blocks if rolled and samples.any()]
    assert len(rolling) > 590 * RATE / PERIOD_FRAMES
    late = [abs(lateness(loop, samples, beat)[0]) for beat, samples in rolling[1:-20:25]]
    late_ms = 1000 * np.array(late) / RATE
    print(f"median {np.median(late_ms):.3f} ms, longest {late_ms.max():.3f} ms")  # noqa: T201
    assert late_ms.max() <= 2.0


def test_a_new_tempo_is_held_at_once_and_then_played_stretched(server: str, tmp_path: Path) -> None:
    """A click on each beat: how far each lies off the DAW's own beats."""
    write_clicks(tmp_path / "loop.wav", BPM, bars=1)
    loop = soundfile.read(tmp_path / "loop.wav", dtype="float32")[0][:, 0]
    clicks = np.stack([loop[round(b * FRAMES / 4) :][:800] for b in range(4)])
    with daw(tmp_path) as other:
        words = ["--sync", "jack", "--bpm", str(BPM), "--downbeat", "0"]
        with stream(tmp_path / "loop.wav", *words) as process:
            wait_for_words(process, "Ctrl+C", "stopped")
            tell_and_wait(other, "start", 2)
            tell_and_wait(other, "tempo 120", 1)
            wait_for_words(process, "stretched")
            tell_and_wait(other, "locate 0", 6)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        samples, cycles = other.recording()
    late = clicks_late_ms(clicks, samples, cycles)
    print(f"median {np.median(late):.3f} ms, p99 {np.percentile(late, 99):.3f} ms")  # noqa: T201
    assert np.abs(late[-8:]).max() < 1000 * LIMIT_SECONDS, "stretched"


def test_a_missing_part_of_sync_is_one_sentence(server: str, tmp_path: Path) -> None:
    write_noise(tmp_path / "loop.wav")
    words = ["--sync", "link", "--bpm", str(BPM), "--once"]
    with stream(tmp_path / "loop.wav", *words) as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "leave out --once" in json.loads(out)["error"]
    assert len(errors.splitlines()) == 1
