"""Clips come from real files through real readers, on the UI thread."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pytestqt.qtbot import QtBot

from engine.audio import FrameSpan
from engine.key import Key
from engine.library import Library
from engine.sample_format import dequantise
from engine.take import TakeFacts
from gui.drop_in import dropped_paths, uri_list
from gui.state import clips
from gui.state.clip import Clip
from gui.state.clips import ClipLoader
from plugin_bridge.exporter import export_take
from tests.plugin_bridge.export_takes import graft_take, loop_take

WAIT_MS = 120_000


@pytest.fixture
def loader(qtbot: QtBot) -> Iterator[ClipLoader]:
    made = ClipLoader()
    yield made
    made.close()


def write_tone(path: Path, seconds: float = 1.0) -> Path:
    wave = 0.25 * np.sin(np.arange(int(seconds * 44_100)) * 0.05)
    soundfile.write(path, np.stack([wave, wave], axis=1), 44_100, subtype="PCM_16")
    return path


def stored(folder: Path, **details: object) -> tuple[Path, TakeFacts]:
    facts, samples = loop_take(**details)  # type: ignore[arg-type]
    with Library(folder / "takes", folder / "index.sqlite3") as library:
        return library.add(facts, samples), facts


def test_a_users_sound_is_opened_first_and_loaded_when_measured(
    loader: ClipLoader, qtbot: QtBot, tmp_path: Path
) -> None:
    threads: list[threading.Thread] = []
    loader.loaded.connect(lambda _: threads.append(threading.current_thread()))
    opened: list[Clip] = []
    loader.opened.connect(opened.append)
    with qtbot.waitSignal(loader.loaded, timeout=WAIT_MS) as told:
        ids = loader.load([write_tone(tmp_path / "my tone.wav")])
    clip = told.args[0]
    assert [c.clip_id for c in opened] == [clip.clip_id] == ids
    assert opened[0].audio is clip.audio
    assert opened[0].lufs is None
    assert clip.lufs is not None
    assert (clip.name, clip.facts, clip.grafted) == ("my tone", None, ())
    assert threads == [threading.main_thread()]


def test_our_own_export_brings_its_recipe_back(
    loader: ClipLoader, qtbot: QtBot, tmp_path: Path
) -> None:
    facts, samples = loop_take(bpm=92.5, key=Key(9, "minor"), prompt="glassy keys")
    path = export_take(facts, samples, tmp_path)
    with qtbot.waitSignal(loader.loaded, timeout=WAIT_MS) as told:
        loader.load([path])
    clip = told.args[0]
    assert clip.facts is not None
    assert clip.facts.request == facts.request
    assert (clip.name, clip.tempo_bpm, clip.key) == ("glassy keys", 92.5, Key(9, "minor"))
    assert clip.lufs == facts.measured.lufs
    assert clip.grafted == (FrameSpan(0, facts.frames),)
    np.testing.assert_array_equal(clip.audio.samples, dequantise(samples))


def test_grafts_are_green_and_the_rest_is_the_users(
    loader: ClipLoader, qtbot: QtBot, tmp_path: Path
) -> None:
    facts, samples = graft_take("/music/mine.wav", 8000, 120.0)
    path = export_take(replace(facts, grafted=(FrameSpan(10, 20),)), samples, tmp_path)
    with qtbot.waitSignal(loader.loaded, timeout=WAIT_MS) as told:
        loader.load([path])
    assert told.args[0].grafted == (FrameSpan(10, 20),)
    assert told.args[0].name == "mine"


def test_a_take_that_is_kept_comes_again_with_a_new_id(
    loader: ClipLoader, qtbot: QtBot, tmp_path: Path
) -> None:
    path, facts = stored(tmp_path)
    heard: list[Clip] = []
    for _ in range(2):
        with qtbot.waitSignal(loader.loaded, timeout=WAIT_MS) as told:
            clip_id = loader.load_take(path, facts)
        heard.append(told.args[0])
        assert heard[-1].clip_id == clip_id
    assert heard[0].audio is heard[1].audio
    assert heard[0].clip_id != heard[1].clip_id


def test_at_most_so_many_takes_are_kept(
    loader: ClipLoader, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "TAKES_KEPT", 2)
    for number in range(4):
        path, facts = stored(tmp_path / str(number))
        with qtbot.waitSignal(loader.loaded, timeout=WAIT_MS):
            loader.load_take(path, facts)
    assert len(loader._takes) == 2


def test_garbage_fails_with_a_sentence_and_the_others_load(
    loader: ClipLoader, qtbot: QtBot, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF1234WAVEjunk" * 9)
    good = write_tone(tmp_path / "good.wav")
    with (
        qtbot.waitSignal(loader.failed, timeout=WAIT_MS) as failed,
        qtbot.waitSignal(loader.loaded, timeout=WAIT_MS) as told,
    ):
        loader.load([bad, good])
    assert failed.args[1] == bad
    assert "bad.wav" in failed.args[2]
    assert told.args[0].path == good


def test_whatever_else_is_dropped_gets_one_sentence_each(
    loader: ClipLoader, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("bar 4: louder\n" * 40)
    (tmp_path / "empty.wav").write_bytes(b"")
    soundfile.write(tmp_path / "nothing.wav", np.zeros((0, 2)), 44_100)
    expected = {
        "notes.txt": "not an audio file",
        "empty.wav": "is empty (0 bytes)",
        "nothing.wav": "0 frames",
        "vanished.wav": "There is no file",
    }
    said: dict[str, str] = {}
    loader.failed.connect(lambda _, path, sentence: said.update({path.name: sentence}))
    loader.load([tmp_path / name for name in expected])
    qtbot.waitUntil(lambda: len(said) == len(expected), timeout=WAIT_MS)
    for name, words in expected.items():
        assert name in said[name]
        assert words in said[name]
        assert said[name].endswith(".")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX names")
def test_dropped_bytes_of_odd_names_become_clips(
    loader: ClipLoader, qtbot: QtBot, tmp_path: Path
) -> None:
    names = [b"100% %41.wav", "🥁 drüm loop.wav".encode(), b"caf\xe9#?.wav"]
    tone = write_tone(tmp_path / "tone.wav", 0.2).read_bytes()
    paths = [tmp_path / os.fsdecode(name) for name in names]
    for path in paths:
        path.write_bytes(tone)
    told: list[Clip] = []
    loader.opened.connect(told.append)
    loader.load(dropped_paths(uri_list(paths)).paths)
    qtbot.waitUntil(lambda: len(told) == 3, timeout=WAIT_MS)
    assert [clip.path for clip in told] == paths
    assert [clip.name for clip in told][:2] == ["100% %41", "🥁 drüm loop"]
    for clip in told:
        clip.name.encode()  # can be shown, whatever the file is called


def test_a_folder_loads_its_sounds_and_an_empty_one_says_so(
    loader: ClipLoader, qtbot: QtBot, tmp_path: Path
) -> None:
    folder, empty = tmp_path / "loops", tmp_path / "empty"
    folder.mkdir()
    empty.mkdir()
    for name in ("a.wav", "b.wav"):
        write_tone(folder / name)
    told: list[Clip] = []
    loader.loaded.connect(told.append)
    with qtbot.waitSignal(loader.noted, timeout=WAIT_MS) as noted:
        loader.load([empty, folder])
    assert noted.args == ["“empty” holds no audio files."]
    qtbot.waitUntil(lambda: len(told) == 2, timeout=WAIT_MS)
    assert [clip.name for clip in told] == ["a", "b"]


def test_what_is_cancelled_is_not_told(loader: ClipLoader, qtbot: QtBot, tmp_path: Path) -> None:
    told: list[Clip] = []
    loader.loaded.connect(told.append)
    path = write_tone(tmp_path / "a.wav")
    first, second = loader.load([path, path])
    loader.cancel(first)
    qtbot.waitUntil(lambda: len(told) == 1, timeout=WAIT_MS)
    assert told[0].clip_id == second


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_killed_reader_costs_one_sentence(
    loader: ClipLoader, qtbot: QtBot, tmp_path: Path
) -> None:
    path = write_tone(tmp_path / "a.wav")
    client = loader.service._foreign
    qtbot.waitUntil(lambda: client.reader_pid is not None, timeout=WAIT_MS)
    pid = client.reader_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with qtbot.waitSignal(loader.failed, timeout=WAIT_MS) as failed:
        loader.load([path])
        qtbot.waitUntil(lambda: client._running is not None, timeout=WAIT_MS)
        os.kill(pid, signal.SIGKILL)
    assert "stopped unexpectedly" in failed.args[2]
    with qtbot.waitSignal(loader.loaded, timeout=WAIT_MS):
        loader.load([path])
