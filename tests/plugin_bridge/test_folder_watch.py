"""A folder that a DAW bounces into: each file is told once, and not before it is finished."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.folder_watch import SETTLE_SECONDS, FolderWatch
from tests.plugin_bridge.command_runs import Shell, ended, new_shell, wait_for, write_clicks

SETTLED = SETTLE_SECONDS + 0.01


def write(path: Path, size: int = 100, changed: int = 1) -> Path:
    path.write_bytes(b"x" * size)
    os.utime(path, ns=(changed, changed))
    return path


def test_what_was_there_is_left_alone_until_it_changes(tmp_path: Path) -> None:
    old = write(tmp_path / "old.wav")
    watch = FolderWatch(tmp_path)
    assert watch.look(0.0).files == watch.look(10.0).files == ()
    write(old, changed=2)  # bounced again under its name
    assert watch.look(20.0).files == ()
    assert watch.look(20.0 + SETTLED).files == (old,)
    assert watch.look(60.0).files == ()


def test_a_file_that_grows_is_told_when_it_has_done(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path)
    watch.look(0.0)
    path = tmp_path / "bounce.WAV"
    for step in range(1, 10):  # it is written for longer than the watch is patient
        write(path, 100 * step, step)
        assert watch.look(step * 0.6).files == ()
        assert watch.is_waiting
    assert watch.look(9 * 0.6 + SETTLED).files == (path,)
    assert not watch.is_waiting


def test_a_file_that_stands_still_for_a_moment_is_not_finished_yet(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path)
    watch.look(0.0)
    path = write(tmp_path / "bounce.wav")
    assert watch.look(1.0).files == ()
    assert watch.look(1.0 + 0.9 * SETTLE_SECONDS).files == (), "its writer may only have paused"
    assert watch.look(1.0 + SETTLED).files == (path,)


@pytest.mark.parametrize("name", [".hidden.wav", "notes.txt", "bounce.wav.part", "wav"])
def test_what_is_no_sound_is_left_alone(tmp_path: Path, name: str) -> None:
    watch = FolderWatch(tmp_path)
    watch.look(0.0)
    write(tmp_path / name)
    (tmp_path / "folder.wav").mkdir()
    watch.look(1.0)
    assert watch.look(9.0).files == ()


def test_an_empty_file_is_not_finished(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path)
    watch.look(0.0)
    path = write(tmp_path / "a.wav", 0)
    watch.look(1.0)
    assert watch.look(9.0).files == ()
    write(path, 5, 2)
    watch.look(10.0)
    assert watch.look(10.0 + SETTLED).files == (path,)


def test_a_folder_that_is_gone_is_said_once_and_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "drive"
    folder.mkdir()
    watch = FolderWatch(folder)
    watch.look(0.0)
    folder.rmdir()
    assert "gone" in watch.look(1.0).sentence
    assert watch.look(2.0).sentence == ""
    folder.mkdir()
    assert "there again" in watch.look(3.0).sentence
    path = write(folder / "a.wav")
    watch.look(4.0)
    assert watch.look(4.0 + SETTLED).files == (path,)


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0.1, 2.0)), max_size=30))
def test_every_version_is_told_once_and_only_when_it_was_still(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[int, float]]
) -> None:
    """Story: which of three files is written next, and how long after that it is looked."""
    folder = tmp_path_factory.mktemp("watched")
    watch = FolderWatch(folder)
    watch.look(0.0)
    now, versions, told = 0.0, {}, []
    for number, (which, pause) in enumerate(story, start=1):
        path = write(folder / f"{which}.wav", changed=number)
        versions[path] = number
        told += [(path, versions[path]) for path in watch.look(now).files]
        now += pause
        told += [(path, versions[path]) for path in watch.look(now).files]
    for later in (now + SETTLED, now + 3 * SETTLED):
        told += [(path, versions[path]) for path in watch.look(later).files]
    assert len(told) == len(set(told))
    assert {(path, version) for path, version in versions.items()} <= set(told)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return new_shell(tmp_path)


def test_what_is_bounced_is_continued_and_a_bad_file_ends_nothing(shell: Shell) -> None:
    bounces = shell.folder / "bounces"
    bounces.mkdir()
    process = shell.start("watch", "bounces", "--bars", "1", "--bpm", "112", "--no-serve")
    assert process.stderr is not None
    assert "watching" in process.stderr.readline()
    (bounces / "bad.wav").write_bytes(b"no sound at all")
    write_clicks(bounces / "loop.wav", 112.0, 2)
    results = bounces / "Loopgraft"
    wait_for(lambda: list(results.glob("*.wav")), "the continuation")
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert "bad.wav" in done.errors
    assert done.code in (0, 5)  # 5: between two files, while the engine is being closed
    assert len(list(results.glob("*.wav"))) == 1


def test_once_works_off_what_is_there(shell: Shell) -> None:
    bounces = shell.folder / "bounces"
    bounces.mkdir()
    for name in ("a.wav", "b.wav"):
        write_clicks(bounces / name, 112.0, 2)
    done = shell.run("watch", "bounces", "--once", "--bars", "1", "--no-serve", "--out", "made")
    assert done.code == 0
    assert len(list((shell.folder / "made").glob("*.wav"))) == 2


def test_an_empty_folder_and_no_folder_are_one_sentence(shell: Shell) -> None:
    (shell.folder / "empty").mkdir()
    for words, says in ((("empty", "--once"), "holds no audio"), (("nowhere",), "is no folder")):
        done = shell.run("watch", *words)
        assert done.code == 2
        assert says in done.errors
        assert len(done.errors.strip().splitlines()) == 1
