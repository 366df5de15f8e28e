"""A library folder to fill and look into, and the state of a window that shows it."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from pytestqt.qtbot import QtBot

from engine.key import Key
from engine.library import Library, LibraryEntry
from gui.state.library import LibraryState
from gui.state.stored_take import StoredTake
from tests.plugin_bridge.export_takes import loop_take

WAIT_MS = 120_000


class Shelf:
    """The folder as another process has it: the engine, a DAW script, a second window."""

    def __init__(self, folder: Path) -> None:
        self.takes, self.index = folder / "takes", folder / "index.sqlite3"

    def add(
        self, take_id: str, prompt: str = "dusty drums", bpm: float = 120, key: Key | None = None
    ) -> Path:
        facts, samples = loop_take(bpm=bpm, key=key, prompt=prompt)
        with Library(self.takes, self.index) as library:
            return library.add(replace(facts, take_id=take_id), samples)

    def entry(self, take_id: str) -> LibraryEntry | None:
        with Library(self.takes, self.index) as library:
            return library.get(take_id)

    def rating(self, take_id: str) -> int:
        found = self.entry(take_id)
        assert found is not None
        return found.rating


class HeldThread:
    """Keeps the library's thread busy until `go`."""

    def __init__(self, state: LibraryState) -> None:
        self._going = threading.Event()
        state.thread_.do(None, lambda _shelves: self._going.wait(60))

    def go(self) -> None:
        self._going.set()


def ids(state: LibraryState) -> list[str]:
    return [entry.take_id for entry in state.entries]


def wait(qtbot: QtBot, state: LibraryState, *take_ids: str) -> None:
    """Wait until exactly these takes are shown, in this order."""
    qtbot.waitUntil(lambda: ids(state) == list(take_ids), timeout=WAIT_MS)


def settle(qtbot: QtBot, state: LibraryState) -> None:
    """Wait until all that was asked of the library's thread so far is done and told."""
    told: list[object] = []
    state.do(lambda _shelves: None, told.append)
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT_MS)


def many(count: int) -> tuple[StoredTake, ...]:
    """Return takes, the newest first, that lie on no disk."""
    facts, _ = loop_take()
    made = [
        LibraryEntry(f"t{n}", Path(f"/takes/{n}.wav"), replace(facts, take_id=f"t{n}"), 0, 1e9 - n)
        for n in range(count)
    ]
    return tuple(map(StoredTake.of, made))
