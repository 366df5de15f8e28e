"""Where things lie: all of it under one variable, the folder of sockets nobody else's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine import places
from engine.errors import WriteProblem

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv(places.DATA_VARIABLE, str(folder))
    return folder


def test_one_variable_moves_everything(data_folder: Path) -> None:
    for folder in (
        places.data_folder(),
        places.library_folder(),
        places.index_path(Path("x")),
        places.log_folder(),
        places.cache_folder(),
        places.runtime_folder(),
    ):
        assert folder.is_relative_to(data_folder)


@posix_only
def test_the_runtime_folder_is_the_users_alone(data_folder: Path) -> None:
    folder = places.runtime_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    assert places.runtime_folder().stat().st_mode & 0o777 == 0o700


@posix_only
def test_a_runtime_folder_that_is_a_link_is_refused(data_folder: Path, tmp_path: Path) -> None:
    data_folder.mkdir()
    (data_folder / "run").symlink_to(tmp_path)
    with pytest.raises(WriteProblem, match="somebody else"):
        places.runtime_folder()
