"""A file is whole or not there: kill -9, a full disk, a taken name."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.atomic_file import (
    TEMPORARY_PREFIX,
    TEMPORARY_SUFFIX,
    FileExists,
    write_atomically,
)
from engine.errors import WriteProblem

ROOT = Path(__file__).resolve().parents[2]

_STOPS_HALFWAY = """
import sys
from engine.atomic_file import write_atomically
def parts():
    yield b"x" * 100_000
    print("half", flush=True)
    sys.stdin.read()
    yield b"y"
write_atomically(sys.argv[1], parts(), overwrite=True)
"""

_WRITES_FOR_EVER = """
import itertools, sys
from engine.atomic_file import write_atomically
for i in itertools.count():
    write_atomically(sys.argv[1], [bytes([i % 256]) * 500_000] * 4, overwrite=True)
    print(i, flush=True)
"""

_FILLS_THE_DISK = """
import sys
import numpy as np
from engine.errors import WriteProblem
from engine.wav_file import write_wav
{limit}
try:
    write_wav(sys.argv[1], np.zeros((2, 500_000), np.int32), 44_100, "PCM_16")
except WriteProblem as problem:
    print(problem.sentence)
import os
print(os.listdir(os.path.dirname(sys.argv[1])))
"""


def _start(code: str, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )


@pytest.mark.parametrize("before", [None, b"the old content"])
def test_a_kill_halfway_leaves_the_target_as_it_was(tmp_path: Path, before: bytes | None) -> None:
    target = tmp_path / "take.wav"
    if before is not None:
        target.write_bytes(before)
    with _start(_STOPS_HALFWAY, target) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"half\n"
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    assert (target.read_bytes() if target.exists() else None) == before
    for path in set(tmp_path.iterdir()) - {target}:
        assert path.name.startswith(TEMPORARY_PREFIX)
        assert path.name.endswith(TEMPORARY_SUFFIX)


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "take.wav"
    rng = random.Random(5)
    for _ in range(5):
        with _start(_WRITES_FOR_EVER, target) as child:
            assert child.stdout is not None
            for _ in range(rng.randint(1, 12)):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
            child.wait(10)
        content = target.read_bytes()
        assert len(content) == 2_000_000
        assert len(set(content)) == 1


def test_a_full_disk_gets_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    """A real 256 KiB file system, in a mount namespace of its own."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], check=False).returncode:
        pytest.skip("no mount namespaces here")
    script = 'mount -t tmpfs -o size=256k none "$1" && exec "$2" -c "$3" "$1/take.wav"'
    code = _FILLS_THE_DISK.format(limit="")
    done = subprocess.run(
        [unshare, "-rm", "sh", "-c", script, "sh", tmp_path, sys.executable, code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "“take.wav” could not be written: the disk is full; free some space or choose another "
        "folder.",
        "[]",
    ]


def test_a_file_size_limit_gets_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    done = subprocess.run(
        [sys.executable, "-c", _FILLS_THE_DISK.format(limit=limit), str(tmp_path / "take.wav")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    sentence, left = done.stdout.splitlines()
    assert "does not take a file this large" in sentence
    assert left == "[]"


def test_a_taken_name_is_refused_and_untouched(tmp_path: Path) -> None:
    target = tmp_path / "take.wav"
    target.write_bytes(b"mine")
    with pytest.raises(FileExists, match=r"“take.wav” exists already"):
        write_atomically(target, [b"new"])
    assert target.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [target]


def test_a_dangling_link_counts_as_taken(tmp_path: Path) -> None:
    target = tmp_path / "take.wav"
    target.symlink_to(tmp_path / "elsewhere.wav")
    with pytest.raises(FileExists):
        write_atomically(target, [b"new"])
    assert not (tmp_path / "elsewhere.wav").exists()


def test_without_hard_links_the_file_is_still_written_and_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    target = tmp_path / "take.wav"
    write_atomically(target, [b"a", b"b"])
    with pytest.raises(FileExists):
        write_atomically(target, [b"new"])
    assert target.read_bytes() == b"ab"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/take.wav", "folder does not exist"),
        ("file/take.wav", "its folder is a file"),
        ("n" * 300, "name is too long"),
    ],
)
def test_a_place_that_cannot_be_written_gets_one_sentence(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteProblem, match=reason) as caught:
        write_atomically(tmp_path / name, [b"new"])
    assert caught.value.sentence.count(". ") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_part_that_fails_leaves_no_temporary_file(tmp_path: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"some"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "take.wav", parts())
    assert list(tmp_path.iterdir()) == []


def test_the_umask_decides_who_may_read_the_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "take.wav", [b"x"])
    (tmp_path / "plain").write_bytes(b"x")
    assert (tmp_path / "take.wav").stat().st_mode == (tmp_path / "plain").stat().st_mode
