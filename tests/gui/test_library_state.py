"""The library's list shows what is on the disk, at once and never something older."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine import library as engine_library
from engine.errors import AppError
from engine.key import Key
from gui.state import index_builder
from gui.state import library as library_module
from gui.state.library import LibraryState, Wanted
from gui.state.library_thread import OverviewCache
from gui.state.stored_take import StoredTake
from tests.gui.library_shelf import WAIT_MS, HeldThread, Shelf, ids, many, settle, wait

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    return Shelf(tmp_path)


@pytest.fixture
def full(shelf: Shelf) -> Shelf:
    """A shelf with three takes: c, the newest, b and a."""
    shelf.add("a", "dusty lo-fi drums", 84)
    shelf.add("b", "rubbery analog bass", 120, Key(9, "minor"))
    shelf.add("c", "glassy felt piano", 90, Key(5, "minor"))
    return shelf


@pytest.fixture
def state(qtbot: QtBot, shelf: Shelf) -> Iterator[LibraryState]:
    made = LibraryState(shelf.takes, shelf.index)
    yield made
    made.close()


def test_all_is_shown_the_newest_first_with_names_and_facts(
    full: Shelf, state: LibraryState, qtbot: QtBot
) -> None:
    wait(qtbot, state, "c", "b", "a")
    assert [entry.name for entry in state.entries] == [
        "glassy felt piano",
        "rubbery analog bass",
        "dusty lo-fi drums",
    ]
    stored = full.entry("b")
    assert stored is not None
    shown = state.entries[1]
    assert (shown.path, shown.facts, shown.created) == (stored.path, stored.facts, stored.created)
    assert not state.is_loading


def test_the_library_is_only_touched_off_the_ui_thread(
    full: Shelf, state: LibraryState, qtbot: QtBot
) -> None:
    threads: list[object] = []
    state.do(lambda _shelves: threading.current_thread(), threads.append)
    state.do(lambda _shelves: None, lambda _: threads.append(threading.current_thread()))
    qtbot.waitUntil(lambda: len(threads) == 2, timeout=WAIT_MS)
    assert threads[0] is not threading.main_thread()
    assert threads[1] is threading.main_thread()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(text="dusty"), "a"),
        (Wanted(text="analog bass"), "b"),
        (Wanted(bpm=90.0), "c"),
        (Wanted(bpm=91.5), "c"),
        (Wanted(key=Key(9, "minor")), "b"),
        (Wanted(word="piano"), "c"),
        (Wanted(text="drums", word="piano"), ""),
        (Wanted(text="nothing like it"), ""),
    ],
)
def test_filters_find_what_they_say(
    full: Shelf, state: LibraryState, qtbot: QtBot, wanted: Wanted, found: str
) -> None:
    wait(qtbot, state, "c", "b", "a")
    state.want(wanted)
    wait(qtbot, state, *found)
    assert state.total == len(found)


def test_typed_words_search_once_and_the_last_ones_count(
    full: Shelf, state: LibraryState, qtbot: QtBot
) -> None:
    wait(qtbot, state, "c", "b", "a")
    for text in ("g", "gl", "rub"):
        state.search(text)
    wait(qtbot, state, "b")
    state.search("")
    wait(qtbot, state, "c", "b", "a")


def test_no_page_of_other_words_is_added_while_words_are_typed(
    full: Shelf, state: LibraryState, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "PAGE", 2)
    state.reload()
    wait(qtbot, state, "c", "b")
    state._search_timer.setInterval(WAIT_MS)
    state.search("glassy")
    state.more()
    settle(qtbot, state)
    assert ids(state) == ["c", "b"]


def test_pages_follow_each_other_without_gap_or_repeat(
    full: Shelf, state: LibraryState, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "PAGE", 2)
    state.reload()
    wait(qtbot, state, "c", "b")
    assert state.has_more
    full.add("d")  # pushes b onto the next page
    state.more()
    state.more()
    wait(qtbot, state, "c", "b", "a")
    state.refresh()
    wait(qtbot, state, "d", "c", "b", "a")
    assert not state.has_more


def test_a_refresh_shows_takes_that_another_process_stored(
    full: Shelf, state: LibraryState, qtbot: QtBot
) -> None:
    wait(qtbot, state, "c", "b", "a")
    full.add("d")
    state.refresh()
    wait(qtbot, state, "d", "c", "b", "a")


def test_a_sweep_finds_files_that_were_copied_in_and_taken_away(
    full: Shelf, state: LibraryState, qtbot: QtBot, tmp_path: Path
) -> None:
    wait(qtbot, state, "c", "b", "a")
    state.entries[0].path.unlink()
    other = Shelf(tmp_path / "other").add("elsewhere")
    other.rename(state.entries[1].path.with_name(other.name))
    state.sweep()
    qtbot.waitUntil(lambda: set(ids(state)) == {"elsewhere", "b", "a"}, timeout=WAIT_MS)


def test_a_star_is_shown_at_once_told_and_on_the_disk(
    full: Shelf, state: LibraryState, qtbot: QtBot
) -> None:
    wait(qtbot, state, "c", "b", "a")
    told: list[tuple[str, int]] = []
    state.rated.connect(lambda take_id, rating: told.append((take_id, rating)))
    state.star("b", 4)
    assert [entry.rating for entry in state.entries] == [0, 4, 0]
    assert told == [("b", 4)]
    settle(qtbot, state)
    assert full.rating("b") == 4
    state.want(Wanted(starred=True))
    wait(qtbot, state, "b")


def test_a_take_that_is_not_loaded_can_be_starred_and_comes_into_the_list(
    full: Shelf, state: LibraryState, qtbot: QtBot
) -> None:
    state.want(Wanted(starred=True))
    wait(qtbot, state)
    state.star("a", 1)
    wait(qtbot, state, "a")
    assert full.rating("a") == 1


def test_a_star_that_cannot_be_written_is_taken_back_with_one_sentence(
    full: Shelf, state: LibraryState, qtbot: QtBot
) -> None:
    wait(qtbot, state, "c", "b", "a")
    (full.takes / "ratings.jsonl").mkdir()
    told: list[tuple[str, int]] = []
    state.rated.connect(lambda take_id, rating: told.append((take_id, rating)))
    with qtbot.waitSignal(state.status, timeout=WAIT_MS) as said:
        state.star("b", 4)
    assert "could not be written" in said.args[0]
    assert state.entries[1].rating == 0
    assert told == [("b", 4), ("b", 0)]


def test_what_was_looked_up_before_a_star_or_a_removal_does_not_undo_it(
    full: Shelf, state: LibraryState, qtbot: QtBot
) -> None:
    wait(qtbot, state, "c", "b", "a")
    held = HeldThread(state)
    state._refresh_now()  # looks before, is answered after
    state.star("b", 3)
    state.star("b", 5)
    state.remove("c")
    shown: list[list[tuple[str, int]]] = []
    state.entries_changed.connect(
        lambda: shown.append([(entry.take_id, entry.rating) for entry in state.entries])
    )
    held.go()
    settle(qtbot, state)
    state._refresh_now()
    settle(qtbot, state)
    assert shown
    assert all(rows == [("b", 5), ("a", 0)] for rows in shown)
    assert full.rating("b") == 5


def test_a_removed_take_lies_in_the_trash_and_comes_back_to_its_place(
    full: Shelf, state: LibraryState, qtbot: QtBot
) -> None:
    wait(qtbot, state, "c", "b", "a")
    path = state.entries[1].path
    with qtbot.waitSignal(state.status, timeout=WAIT_MS) as said:
        state.remove("b")
        assert (ids(state), state.total) == (["c", "a"], 2)
    assert said.args == ["“rubbery analog bass” is in the Trash; Ctrl+Z brings it back."]
    assert not path.exists()
    assert state.removed_name == "rubbery analog bass"
    state.undo_remove()
    wait(qtbot, state, "c", "b", "a")
    assert state.entries[1].path.is_file()
    assert (state.total, state.removed_name) == (3, "")
    state.undo_remove()  # there is nothing left to bring back


def test_a_take_whose_file_is_gone_already_is_not_lost_silently(
    full: Shelf, state: LibraryState, qtbot: QtBot
) -> None:
    wait(qtbot, state, "c", "b", "a")
    state.entries[1].path.unlink()
    with qtbot.waitSignal(state.status, timeout=WAIT_MS) as said:
        state.remove("b")
    assert "gone already" in said.args[0]
    assert state.removed_name == ""


def test_a_folder_that_cannot_be_used_says_why_and_comes_back(
    shelf: Shelf, qtbot: QtBot, tmp_path: Path
) -> None:
    shelf.takes.write_text("a file in the way")
    state = LibraryState(shelf.takes, shelf.index)
    try:
        qtbot.waitUntil(lambda: bool(state.trouble), timeout=WAIT_MS)
        assert "could not be written" in state.trouble
        assert not state.is_loading
        shelf.takes.unlink()
        shelf.add("a")
        state.refresh()
        wait(qtbot, state, "a")
        assert state.trouble == ""
    finally:
        state.close()


def test_closing_drops_what_waits_and_tells_nothing_more(shelf: Shelf, qtbot: QtBot) -> None:
    shelf.add("a")
    state = LibraryState(shelf.takes, shelf.index)
    told: list[object] = []
    for _ in range(100):
        state.do(lambda _shelves: None, told.append)
    state.close()
    before = len(told)
    qtbot.wait(50)
    assert len(told) == before
    assert not state.thread_._thread.is_alive()


def test_a_fault_of_our_own_ends_no_thread(full: Shelf, state: LibraryState, qtbot: QtBot) -> None:
    told: list[object] = []
    state.do(lambda _shelves: 1 // 0, told.append)
    settle(qtbot, state)
    assert isinstance(told[0], AppError)


@pytest.mark.parametrize("content", [b"", b"this is no database" * 500])
def test_a_damaged_cache_of_overviews_is_made_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cache" / "overviews.sqlite3"
    path.parent.mkdir()
    path.write_bytes(content)
    cache = OverviewCache(path)
    cache.find(["a"])
    cache.put("a", b"\x01\x02")
    assert cache.find(["a", "b"]) == {"a": b"\x01\x02"}
    cache.close()


def test_loaded_takes_cost_the_garbage_collector_nothing() -> None:
    takes = many(100)
    assert not any(gc.is_tracked(take) for take in takes)
    assert takes[7].rated(3).rating == 3
    assert takes[7].facts.take_id == "t7"
    assert isinstance(takes[7], StoredTake)


def test_the_windows_modules_import_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "import gui.drag_out, gui.drop_in, gui.state.clips, gui.state.exports\n"
        "import gui.widgets.export_bar, gui.widgets.library_view\n"
        "heavy = {'torch', 'scipy', 'sounddevice', 'pedalboard', 'soundfile', 'onnxruntime'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


@pytest.mark.parametrize("loss", ["gone", "garbage"])
def test_a_lost_index_is_built_outside_of_the_windows_process(
    full: Shelf, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    for part in full.index.parent.glob(f"{full.index.name}*"):
        part.unlink()
    if loss == "garbage":
        full.index.write_bytes(b"no database at all " * 400)
    read_here: list[Path] = []
    read_take = engine_library.read_take
    monkeypatch.setattr(
        engine_library, "read_take", lambda path: read_here.append(path) or read_take(path)
    )
    state = LibraryState(full.takes, full.index)
    try:
        wait(qtbot, state, "c", "b", "a")
    finally:
        state.close()
    assert read_here == []


def test_a_build_that_runs_is_ended_with_the_window(
    full: Shelf, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in full.index.parent.glob(f"{full.index.name}*"):
        part.unlink()
    begun: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def hang(_words: list[str], **more: object) -> subprocess.Popen[bytes]:
        begun.append(popen([sys.executable, "-c", "import time; time.sleep(600)"]))
        return begun[-1]

    monkeypatch.setattr(index_builder.subprocess, "Popen", hang)
    state = LibraryState(full.takes, full.index)
    qtbot.waitUntil(lambda: bool(begun), timeout=WAIT_MS)
    state.close()
    assert begun[0].poll() is not None
