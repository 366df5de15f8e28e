"""Fixtures for every test: whoever leaves a child process or a thread behind fails."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.screen import Screen

ROOT = Path(__file__).resolve().parent.parent
GRACE_SECONDS = 3.0

_SCREEN: pytest.StashKey[Screen | None] = pytest.StashKey()

# How long one example takes says more about the machine than about the code.
settings.register_profile("loopgraft", deadline=None)
settings.load_profile("loopgraft")

# For `from tests.engine... import`, also where pytest was not started as `python -m pytest`.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))


def pytest_configure(config: pytest.Config) -> None:
    """Give the window's tests a screen for the whole run."""
    from tests.screen import open_screen

    config.stash[_SCREEN] = open_screen()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take it away."""
    screen = config.stash.get(_SCREEN, None)
    if screen is not None:
        screen.close()


def _child_pids() -> set[int]:
    """Return this process's children. Linux lists them per thread, far cheaper than a scan."""
    lists = list(Path("/proc/self/task").glob("*/children"))
    if not lists:
        return {child.pid for child in psutil.Process().children()}
    pids: set[int] = set()
    for children in lists:
        with contextlib.suppress(OSError):  # that thread has ended
            pids.update(int(pid) for pid in children.read_text().split())
    return pids


def _command_line(pid: int) -> str:
    """Return what runs under a process id, "" when it is gone."""
    try:
        return " ".join(psutil.Process(pid).cmdline()) or "unknown"
    except psutil.ZombieProcess:
        return "zombie"
    except psutil.NoSuchProcess:
        return ""


def _leftovers(pids: set[int], threads: set[threading.Thread]) -> list[str]:
    left = [thread.name for thread in threading.enumerate() if thread not in threads]
    for pid in _child_pids() - pids:
        line = _command_line(pid)
        # multiprocessing keeps one tracker for the whole process.
        if line and "resource_tracker" not in line:
            left.append(f"{pid}: {line}")
    return left + [block.name for block in Path("/dev/shm").glob(f"*-{os.getpid()}-*")]


@pytest.fixture(scope="session", autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests, and the processes they start, out of the user's own data folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOPGRAFT_DATA", str(tmp_path_factory.mktemp("loopgraft-data")))
        yield


@pytest.fixture(autouse=True)
def no_leftovers() -> Iterator[None]:
    """Fail a test that leaves a thread, a child process or shared memory behind."""
    pids, threads = _child_pids(), set(threading.enumerate())
    yield
    deadline = time.monotonic() + GRACE_SECONDS
    while (left := _leftovers(pids, threads)) and time.monotonic() < deadline:
        time.sleep(0.02)
    if left:
        pytest.fail(f"left behind: {', '.join(left)}")
