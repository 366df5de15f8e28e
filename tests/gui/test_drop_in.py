"""Dropped bytes become paths, whatever the names are made of."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.drop_in import FILES_LIMIT, dropped_paths, expand_folders, uri_list

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX names")

ODD_NAMES = [
    b"plain.wav",
    b"with space.wav",
    b"100%.wav",
    b"%41.wav",
    b"new\nline.wav",
    b"caf\xe9.wav",
    b"\xff\xfe.wav",
    "🥁 drums.wav".encode(),
    b"#hash?query.wav",
    b"x" * 250 + b".wav",
    b"'quotes\".wav",
]


@posix_only
@pytest.mark.parametrize("name", ODD_NAMES)
def test_every_byte_of_a_name_survives(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(b"x")
    dropped = dropped_paths(uri_list([path]))
    assert dropped.paths == (path,)
    assert dropped.paths[0].read_bytes() == b"x"
    assert dropped.sentence == ""


@posix_only
@given(
    st.lists(
        st.binary(min_size=1, max_size=80).filter(
            lambda name: b"\0" not in name and b"/" not in name and name not in (b".", b"..")
        ),
        max_size=8,
        unique=True,
    )
)
def test_lists_come_back_as_they_were(names: list[bytes]) -> None:
    paths = [Path("/music") / os.fsdecode(name) for name in names]
    assert dropped_paths(uri_list(paths)).paths == tuple(paths)


@given(st.binary(max_size=300))
def test_no_bytes_raise_or_give_a_nul(data: bytes) -> None:
    for path in dropped_paths(data).paths:
        assert "\0" not in str(path)
        assert path.is_absolute()


@posix_only
def test_raw_names_and_line_ends_of_all_kinds_are_read() -> None:
    data = "# a comment\r\nfile:///a b.wav\nfile:/c.wav\r\n\r\nFILE://localhost/é.wav\0".encode()
    assert dropped_paths(data).paths == (Path("/a b.wav"), Path("/c.wav"), Path("/é.wav"))


@posix_only
def test_the_machines_own_name_is_local() -> None:
    data = f"file://{socket.gethostname()}/a.wav".encode()
    assert dropped_paths(data).paths == (Path("/a.wav"),)


@pytest.mark.parametrize(
    "uri",
    [
        b"http://example.org/a.wav",
        b"file://server/share/a.wav",
        b"file:////server/share/a.wav",
        b"file:///a%00b.wav",
        b"file:relative.wav",
        b"/no/scheme.wav",
        b"smb://nas/a.wav",
    ],
)
def test_what_is_not_here_is_left_out_with_one_sentence(uri: bytes) -> None:
    dropped = dropped_paths(uri + b"\r\nfile:///good.wav\r\n")
    assert [path.name for path in dropped.paths] == ["good.wav"]
    assert "was left out" in dropped.sentence
    assert dropped.sentence.endswith(".")
    assert "\0" not in dropped.sentence


def test_several_left_out_make_one_sentence() -> None:
    dropped = dropped_paths(b"\r\n".join([b"http://a/1", b"http://a/2", b"http://a/3"]))
    assert dropped.paths == ()
    assert dropped.sentence == (
        "“http://a/1” and 2 more were left out: they are no files of this computer; save them "
        "here and drop those."
    )


def test_a_file_dropped_twice_counts_once_and_hundreds_are_capped() -> None:
    twice = dropped_paths(b"file:///a.wav\nfile:///a.wav\n")
    assert len(twice.paths) == 1
    many = dropped_paths(b"".join(b"file:///%d.wav\n" % number for number in range(100)))
    assert len(many.paths) == FILES_LIMIT
    assert many.sentence == "36 files beyond the first 64 were left out."


def test_a_folder_gives_its_audio_files_one_level_deep(tmp_path: Path) -> None:
    folder = tmp_path / "loops"
    (folder / "deeper").mkdir(parents=True)
    for name in ("b.WAV", "a.flac", "notes.txt", ".hidden.wav", "deeper/c.wav"):
        (folder / name).write_bytes(b"x")
    single = tmp_path / "single.xyz"
    dropped = expand_folders([folder, single])
    assert dropped.files == ((folder / "a.flac", folder / "b.WAV"), (single,))
    assert dropped.sentence == ""


def test_a_folder_without_audio_and_a_large_one_say_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "large").mkdir()
    for number in range(70):
        (tmp_path / "large" / f"{number:02}.wav").write_bytes(b"x")
    dropped = expand_folders([tmp_path / "empty", tmp_path / "large"])
    assert [len(files) for files in dropped.files] == [0, FILES_LIMIT]
    assert dropped.sentence == (
        "“empty” holds no audio files; 6 files beyond the first 64 were left out."
    )


def test_several_folders_share_one_limit_and_no_file_comes_twice(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for number in range(40):
            (tmp_path / folder / f"{number:02}.wav").write_bytes(b"x")
    dropped = expand_folders([tmp_path / "a", tmp_path / "a", tmp_path / "b"])
    assert [len(files) for files in dropped.files] == [40, 0, 24]
    assert dropped.sentence == "16 files beyond the first 64 were left out."


@posix_only
def test_links_that_lead_nowhere_do_not_hide_the_other_files(
    tmp_path: Path,
) -> None:
    (tmp_path / "good.wav").write_bytes(b"x")
    (tmp_path / "round.wav").symlink_to(tmp_path / "round.wav")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    (files,) = expand_folders([tmp_path]).files
    assert tmp_path / "good.wav" in files
    assert tmp_path / "gone.wav" not in files


@posix_only
def test_a_folder_that_cannot_be_listed_is_left_to_the_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", os.fspath(path))

    monkeypatch.setattr(os, "scandir", refuse)
    assert expand_folders([tmp_path]).files == ((tmp_path,),)
