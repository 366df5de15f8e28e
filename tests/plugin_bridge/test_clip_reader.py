"""The clip reader as a real child: files of every kind, kills, hangs, nothing left behind."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from engine.audio import FrameSpan
from engine.key import Key
from engine.library import Library
from engine.sample_format import dequantise
from engine.wav_file import read_recipe, recipe_chunk, write_wav
from plugin_bridge.clip_client import ClipClient
from plugin_bridge.clip_events import (
    ClipEvent,
    ClipExported,
    ClipFailed,
    ClipMeasured,
    ClipOpened,
    OverviewDrawn,
)
from plugin_bridge.clip_messages import Act
from plugin_bridge.exporter import export_take
from tests.plugin_bridge.export_takes import loop_take, one_shot_take

PATIENCE_SECONDS = 120.0
RATE = 44_100
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX names and signals")


class Listener:
    """A client whose events can be waited for."""

    def __init__(self, **options: object) -> None:
        self.events: queue.Queue[ClipEvent] = queue.Queue()
        self.client = ClipClient(self.events.put, **options)  # type: ignore[arg-type]

    def next(self) -> ClipEvent:
        return self.events.get(timeout=PATIENCE_SECONDS)

    def opened(self) -> ClipOpened:
        event = self.next()
        assert isinstance(event, ClipOpened), event
        return event


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener(warm=False)
    yield made
    made.client.close()


def clicks(seconds: float = 4.0, bpm: float = 120.0, channels: int = 2) -> np.ndarray:
    """Return (frames, channels) of decaying noise on every beat."""
    frames = round(seconds * RATE)
    at = (np.arange(frames) / RATE) % (60 / bpm)
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (frames, channels))
    return (noise * np.exp(-30 * at)[:, None]).astype(np.float32)


def write(path: Path, data: np.ndarray | None = None, subtype: str = "PCM_24") -> Path:
    soundfile.write(os.fspath(path), clicks() if data is None else data, RATE, subtype=subtype)
    return path


@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "PCM_24"), ("b.flac", "PCM_16")])
def test_a_sound_of_the_users_is_opened_and_then_measured(
    listener: Listener, tmp_path: Path, name: str, subtype: str
) -> None:
    path = write(tmp_path / name, subtype=subtype)
    listener.client.read("one", path)
    opened = listener.opened()
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    np.testing.assert_array_equal(opened.audio.samples, expected)
    assert (opened.audio.sample_rate, opened.audio.samples.dtype) == (RATE, np.float32)
    assert opened.peaks.frames == expected.shape[1]
    assert opened.peak == pytest.approx(np.abs(expected).max())
    assert opened.facts is None
    measured = listener.next()
    assert isinstance(measured, ClipMeasured)
    # Bare beats say no metre: half the tempo is as right.
    assert measured.bpm in (60.0, 120.0)
    assert measured.is_loop
    assert measured.lufs is not None


def test_an_export_of_ours_brings_its_recipe_and_is_not_measured_again(
    listener: Listener, tmp_path: Path
) -> None:
    facts, samples = loop_take(bpm=92, key=Key(9, "minor"))
    path = export_take(facts, samples, tmp_path / "exports", "PCM_24")
    listener.client.read("one", path)
    opened = listener.opened()
    assert opened.facts == read_recipe(path)
    np.testing.assert_array_equal(opened.audio.samples, dequantise(samples))
    listener.client.overview("two", path, 64)
    assert isinstance(listener.next(), OverviewDrawn)


def test_an_export_that_was_cut_in_an_editor_is_a_sound_of_the_users(
    listener: Listener, tmp_path: Path
) -> None:
    facts, samples = loop_take()
    whole = export_take(facts, samples, tmp_path)
    assert read_recipe(whole) is not None
    write_wav(tmp_path / "cut.wav", samples[:, :4000], 8000, "PCM_16", [recipe_chunk(facts)])
    listener.client.read("one", tmp_path / "cut.wav")
    opened = listener.opened()
    assert opened.facts is None
    assert "changed" in opened.recipe_fault


def test_a_take_of_the_library_is_read_with_its_facts(listener: Listener, tmp_path: Path) -> None:
    facts, samples = loop_take(subtype="FLOAT")
    with Library(tmp_path / "takes", tmp_path / "index.sqlite3") as library:
        path = library.add(facts, samples)
    listener.client.read("one", path, is_take=True)
    opened = listener.opened()
    assert opened.facts == facts
    np.testing.assert_array_equal(opened.audio.samples, samples)


@posix_only
def test_names_that_are_no_text_are_read(listener: Listener, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9 \xf0\x9f\xa5\x81 100%\n.wav")
    listener.client.read("odd", write(tmp_path / "plain.wav").rename(path))
    assert listener.opened().path == path


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not audio at all" * 99, b"\0" * 5000])
def test_garbage_gets_one_sentence_and_the_next_file_works(
    listener: Listener, tmp_path: Path, content: bytes
) -> None:
    bad = tmp_path / "garbage.wav"
    bad.write_bytes(content)
    listener.client.read("bad", bad)
    listener.client.read("good", write(tmp_path / "good.wav"))
    failed = listener.next()
    assert isinstance(failed, ClipFailed)
    assert (failed.request_id, failed.act) == ("bad", Act.READ)
    assert "garbage.wav" in failed.sentence
    assert failed.sentence.endswith(".")
    assert listener.opened().request_id == "good"


def test_a_missing_file_gets_a_sentence(listener: Listener, tmp_path: Path) -> None:
    listener.client.read("gone", tmp_path / "gone.wav")
    failed = listener.next()
    assert isinstance(failed, ClipFailed)
    assert "There is no file" in failed.sentence


def test_sounds_are_opened_before_any_is_measured(listener: Listener, tmp_path: Path) -> None:
    for name in "abc":
        listener.client.read(name, write(tmp_path / f"{name}.wav"))
    events = [listener.next() for _ in range(6)]
    assert [type(event) for event in events] == [ClipOpened] * 3 + [ClipMeasured] * 3
    assert [event.request_id for event in events] == list("abcabc")


def wait_for_pid(client: ClipClient) -> int:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (pid := client.reader_pid) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return pid


def wait_until_running(client: ClipClient, request_id: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while client._running is None or client._running.request_id != request_id:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@posix_only
def test_a_killed_reader_costs_the_file_it_had_and_no_other(
    listener: Listener, tmp_path: Path
) -> None:
    listener.client.read("first", write(tmp_path / "first.wav"))
    listener.opened()
    assert isinstance(listener.next(), ClipMeasured)
    os.kill(wait_for_pid(listener.client), signal.SIGSTOP)  # so that it surely has the request
    listener.client.read("lost", tmp_path / "first.wav")
    listener.client.read("next", tmp_path / "first.wav")
    wait_until_running(listener.client, "lost")
    os.kill(wait_for_pid(listener.client), signal.SIGKILL)
    lost = listener.next()
    assert isinstance(lost, ClipFailed)
    assert lost.request_id == "lost"
    assert "stopped unexpectedly" in lost.sentence
    assert listener.opened().request_id == "next"


@posix_only
def test_a_reader_that_hangs_is_replaced(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    listener = Listener(warm=False, deadline_seconds=PATIENCE_SECONDS)
    with listener.client as client:
        client.read("warm", path)
        listener.opened()
        assert isinstance(listener.next(), ClipMeasured)
        client._deadline_seconds = 1.0
        os.kill(wait_for_pid(client), signal.SIGSTOP)
        client.read("hung", path)
        failed = listener.next()
        assert isinstance(failed, ClipFailed)
        assert "did not answer within 1 s" in failed.sentence
        client._deadline_seconds = PATIENCE_SECONDS
        client.read("next", path)
        assert listener.opened().request_id == "next"


def test_a_cancelled_request_says_nothing(listener: Listener, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    for name in ("one", "two", "three"):
        listener.client.read(name, path)
    listener.client.cancel("two")
    assert [listener.opened().request_id, listener.opened().request_id] == ["one", "three"]


def test_closing_drops_what_is_asked_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    listener = Listener()
    path = write(tmp_path / "a.wav")
    for number in range(20):
        listener.client.read(str(number), path)
    listener.opened()
    pid = wait_for_pid(listener.client)
    begun = time.monotonic()
    listener.client.close()
    assert time.monotonic() - begun < 20.0  # far less than twenty sounds take
    assert not psutil.pid_exists(pid)
    assert list(temporary.iterdir()) == []


@posix_only
def test_the_reader_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    script = (
        "import sys, time; from pathlib import Path\n"
        "from plugin_bridge.clip_client import ClipClient\n"
        "client = ClipClient(lambda e: print(client.reader_pid, flush=True), warm=False)\n"
        "client.read('x', Path(sys.argv[1])); time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert parent.stdout is not None
    reader = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    gone, _ = psutil.wait_procs([reader], timeout=PATIENCE_SECONDS)
    assert gone == [reader]


def test_a_take_is_exported_once_with_all_its_chunks(listener: Listener, tmp_path: Path) -> None:
    facts, samples = loop_take(bpm=100, subtype="PCM_24", prompt="glassy keys")
    with Library(tmp_path / "takes", tmp_path / "index.sqlite3") as library:
        path = library.add(facts, samples)
    for depth in ("PCM_24", "PCM_24", "PCM_16"):
        listener.client.export("x", path, tmp_path / "out", depth)
    exported = [listener.next() for _ in range(3)]
    assert all(isinstance(event, ClipExported) for event in exported)
    names = [event.exported for event in exported if isinstance(event, ClipExported)]
    assert names[0] == names[1] != names[2]
    assert names[0].name.startswith("glassy-keys_100bpm")
    assert soundfile.info(names[2]).subtype == "PCM_16"


def test_an_export_into_no_folder_says_why_and_writes_nothing(
    listener: Listener, tmp_path: Path
) -> None:
    facts, samples = loop_take()
    with Library(tmp_path / "takes", tmp_path / "index.sqlite3") as library:
        path = library.add(facts, samples)
    (tmp_path / "in the way").write_text("a file")
    listener.client.export("x", path, tmp_path / "in the way" / "deeper")
    failed = listener.next()
    assert isinstance(failed, ClipFailed)
    assert failed.act is Act.EXPORT
    assert "could not be written" in failed.sentence


def test_an_overview_shows_the_extremes(listener: Listener, tmp_path: Path) -> None:
    facts, samples = loop_take()
    with Library(tmp_path / "takes", tmp_path / "index.sqlite3") as library:
        path = library.add(facts, samples)
    listener.client.overview("x", path, 50)
    event = listener.next()
    assert isinstance(event, OverviewDrawn)
    drawn = np.frombuffer(event.extremes, np.int8).reshape(2, 50)
    assert drawn[1].max() == 127
    assert drawn[0].min() == -127


def test_a_take_shorter_than_its_overview_is_drawn(listener: Listener, tmp_path: Path) -> None:
    facts, samples = one_shot_take()
    short = replace(facts, frames=20)
    with Library(tmp_path / "takes", tmp_path / "index.sqlite3") as library:
        path = library.add(short, samples[:, :20])
    listener.client.overview("x", path, 208)
    event = listener.next()
    assert isinstance(event, OverviewDrawn), event
    assert np.frombuffer(event.extremes, np.int8).max() == 127


def test_the_client_imports_no_heavy_module() -> None:
    script = (
        "import sys, plugin_bridge.clip_client\n"
        "heavy = {'torch', 'scipy', 'soundfile', 'pedalboard', 'sounddevice', 'PyQt6'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)


def test_grafted_spans_come_with_the_facts(listener: Listener, tmp_path: Path) -> None:
    facts, samples = loop_take()
    facts = replace(facts, grafted=(FrameSpan(100, 900),))
    with Library(tmp_path / "takes", tmp_path / "index.sqlite3") as library:
        path = library.add(facts, samples)
    listener.client.read("x", path, is_take=True)
    opened = listener.opened()
    assert opened.facts is not None
    assert opened.facts.grafted == (FrameSpan(100, 900),)
