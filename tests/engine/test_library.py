"""The library: what was acknowledged is there, whatever dies, whatever lies in the folder."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import atomic_file
from engine.atomic_file import TEMPORARY_PREFIX, TEMPORARY_SUFFIX, FileExists
from engine.errors import BadArgument, WriteProblem
from engine.key import Key
from engine.library import Library, LibraryEntry, LibraryFilter
from engine.library_folder import folder_lock, slug, take_file_name
from engine.ratings import JournalMark, RatingsJournal
from engine.request import SourceReference, Task
from engine.wav_file import read_recipe
from tests.engine.library_child import make_facts, make_samples

ROOT = Path(__file__).resolve().parents[2]
KILLS = 200
NOBODY = 65_534
A_MINOR, F_SHARP = Key(9, "minor"), Key(6, "major")
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX names, modes and signals")

Open = Callable[[], Library]


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Open]:
    opened: list[Library] = []

    def open_library() -> Library:
        opened.append(Library(tmp_path / "takes", tmp_path / "index" / "library.sqlite3"))
        return opened[-1]

    yield open_library
    for library in opened:
        library.close()


@pytest.fixture
def library(reopen: Open) -> Library:
    return reopen()


def add(library: Library, take_id: str = "", **details: object) -> str:
    facts = make_facts(take_id, **details)  # type: ignore[arg-type]
    library.add(facts, make_samples())
    return facts.take_id


def ids(entries: tuple[LibraryEntry, ...]) -> list[str]:
    return [entry.take_id for entry in entries]


def wavs(library: Library) -> list[Path]:
    return sorted(library.audio_root.rglob("*.wav"))


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


# --- storing and finding


def test_a_stored_take_is_a_plain_wav_with_its_whole_recipe(library: Library) -> None:
    facts = make_facts("ab12", "Dusty Lo-Fi drums, 84 bpm!", key=A_MINOR)
    path = library.add(facts, make_samples())
    assert path.name == "dusty-lo-fi-drums_84bpm_Amin_ab12.wav"
    assert path.parent.parent == library.audio_root
    assert read_recipe(path) == facts
    audio, rate = soundfile.read(path, dtype="int32")
    assert rate == 44_100
    assert (make_samples() == audio.T).all()


def test_get_returns_what_was_added(library: Library) -> None:
    facts = make_facts("t1")
    path = library.add(facts, make_samples())
    assert library.get("t1") == LibraryEntry("t1", path, facts, 0, path.stat().st_mtime_ns / 1e9)
    assert library.get("t2") is None


def test_a_take_is_stored_once(library: Library) -> None:
    add(library, "t1")
    with pytest.raises(FileExists):
        add(library, "t1", prompt="another prompt")
    assert len(wavs(library)) == library.count() == 1


@pytest.mark.parametrize("take_id", ["../up", "a b", "", "a/b", "-a", "x" * 65, "é"])
def test_an_id_that_is_no_name_is_refused_before_anything_is_written(
    library: Library, take_id: str
) -> None:
    with pytest.raises(BadArgument):
        library.add(replace(make_facts("x"), take_id=take_id), make_samples())
    assert wavs(library) == []


def test_the_newest_take_comes_first_and_pages_do_not_overlap(library: Library) -> None:
    made = [add(library, f"t{number}") for number in range(7)]
    for number, path in enumerate(sorted(wavs(library), key=lambda p: p.stem[-2:])):
        age(path, 100 - number)
    library.sweep()
    assert ids(library.list()) == made[::-1]
    assert ids(library.list(3)) + ids(library.list(3, 3)) + ids(library.list(3, 6)) == made[::-1]
    assert ids(library.list(-1)) == made[::-1]


def test_filters_agree_with_filtering_by_hand(library: Library) -> None:
    for number in range(24):
        take_id = add(
            library,
            f"t{number}",
            bpm=None if number % 6 == 0 else 80.0 + number,
            key=(None, A_MINOR, F_SHARP)[number % 3],
            task=Task.MORPH if number % 4 == 0 else Task.GENERATE,
        )
        if number % 5 == 0:
            library.star(take_id, number % 4 + 1)
    for chosen in (
        LibraryFilter(bpm_low=85, bpm_high=95),
        LibraryFilter(bpm_low=93.0),
        LibraryFilter(key=F_SHARP),
        LibraryFilter(minimum_rating=1),
        LibraryFilter(minimum_rating=3, task=Task.GENERATE),
        LibraryFilter(task=Task.MORPH, text="glass"),
        LibraryFilter(80, 100, A_MINOR, 0, Task.GENERATE, "dusty"),
    ):
        found = library.list(-1, 0, chosen)
        assert ids(found) == [e.take_id for e in library.list(-1) if _meets(e, chosen)]
        assert library.count(chosen) == len(found) > 0


def _meets(entry: LibraryEntry, chosen: LibraryFilter) -> bool:
    facts = entry.facts
    bpm = facts.tempo_bpm or 0.0
    return (
        (chosen.bpm_low is None or bpm >= chosen.bpm_low)
        and (chosen.bpm_high is None or bpm <= chosen.bpm_high)
        and chosen.key in (None, facts.request.key)
        and entry.rating >= chosen.minimum_rating
        and chosen.task in (None, facts.request.task)
    )


def test_search_finds_by_words_of_prompt_name_key_and_tempo(library: Library) -> None:
    add(library, "lofi", prompt="dusty lo-fi drums", bpm=84.0)
    add(library, "bass", prompt="Röyksopp-like warm bass", bpm=92.5, key=F_SHARP)
    add(library, "pad", prompt="warm pad", bpm=120.0, key=A_MINOR, task=Task.MORPH)
    for text, expected in {
        "drums": {"lofi"},
        "lo-fi": {"lofi"},
        "DUST": {"lofi"},
        "warm": {"bass", "pad"},
        "warm pad": {"pad"},
        "warm drums": set[str](),
        "royksopp": {"bass"},
        "F# major": {"bass"},
        "f#maj": {"bass"},
        "minor": {"pad"},
        "84": {"lofi"},
        "92.5": {"bass"},
        "120bpm": {"pad"},
        "morph": {"pad"},
        "glass": {"pad"},
        "": set[str](),
        '"': set[str](),
    }.items():
        assert set(ids(library.search(text))) == expected, text


def test_the_best_match_comes_first(library: Library) -> None:
    add(library, "long", prompt="warm pad with choir, bells, strings and a bit of vinyl noise")
    add(library, "short", prompt="bells")
    assert ids(library.search("bells")) == ["short", "long"]
    assert ids(library.search("bells", 1)) == ["short"]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text() | st.lists(st.sampled_from('"*^:()-+#. AND OR NEAR a é \0')).map("".join))
def test_no_text_breaks_a_search(library: Library, text: str) -> None:
    assert library.search(text) == ()
    assert isinstance(library.count(LibraryFilter(text=text)), int)


@given(prompt=st.text(max_size=200))
def test_a_file_name_has_only_the_characters_every_daw_takes(prompt: str) -> None:
    name = take_file_name(make_facts("ab12", prompt))
    assert name.endswith("_84bpm_ab12.wav")
    assert set(name[:-4]) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-#")
    assert len(name) < 80
    assert len(slug(prompt)) <= 40


def test_an_uneven_tempo_is_not_rounded_into_the_name() -> None:
    assert take_file_name(make_facts("ab12", "bass", 92.5)) == "bass_ab12.wav"


# --- ratings, removing


def test_ratings_are_kept_by_a_rebuild_and_by_a_lost_index(library: Library, reopen: Open) -> None:
    for take_id, rating in (("a", 5), ("b", 2), ("b", 4), ("c", 3), ("c", 0)):
        if library.get(take_id) is None:
            add(library, take_id)
        library.star(take_id, rating)
    expected = {"a": 5, "b": 4, "c": 0}
    assert {e.take_id: e.rating for e in library.list()} == expected
    library.rebuild()
    assert {e.take_id: e.rating for e in library.list()} == expected
    library.close()
    shutil.rmtree(library.audio_root.parent / "index")
    assert {e.take_id: e.rating for e in reopen().list()} == expected


@pytest.mark.parametrize("rating", [-1, 6])
def test_a_rating_is_0_to_5(library: Library, rating: int) -> None:
    add(library, "a")
    with pytest.raises(BadArgument, match="0 to 5"):
        library.star("a", rating)


def test_a_take_that_is_not_there_cannot_be_starred_removed_or_restored(library: Library) -> None:
    for act in (lambda: library.star("a", 1), lambda: library.remove("a")):
        with pytest.raises(BadArgument, match="no take"):
            act()
    with pytest.raises(BadArgument, match="no take"):
        library.restore("a")
    assert not (library.audio_root / "ratings.jsonl").exists()


def test_ratings_of_another_process_are_seen(library: Library, reopen: Open) -> None:
    add(library, "a")
    other = reopen()
    other.star("a", 2)
    library.star("a", 4)
    other.star("a", 3)
    assert library.list()[0].rating == 3


@pytest.mark.parametrize("lines", [1, 3])
def test_a_journal_that_was_replaced_is_read_anew(library: Library, lines: int) -> None:
    add(library, "a")
    add(library, "b")
    journal = library.audio_root / "ratings.jsonl"
    library.star("a", 2)
    saved = journal.read_bytes()
    library.star("b", 5)
    replacement = library.audio_root / "replacement"
    replacement.write_bytes(saved * lines)  # shorter or longer than what was read
    replacement.replace(journal)
    library.sweep()
    assert {e.take_id: e.rating for e in library.list()} == {"a": 2, "b": 0}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    ratings=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=8),
    cut=st.integers(0, 60),
)
def test_a_torn_journal_loses_its_last_line_alone(
    tmp_path: Path, ratings: list[tuple[str, int]], cut: int
) -> None:
    journal = RatingsJournal(tmp_path / "ratings.jsonl")
    journal.path.unlink(missing_ok=True)
    for take_id, rating in ratings:
        journal.append(take_id, rating)
    if ratings:
        whole = journal.path.read_bytes()
        last = len(whole.splitlines(keepends=True)[-1])
        journal.path.write_bytes(whole[: len(whole) - min(cut, last)])
    expected = ratings if cut == 0 else ratings[:-1]
    before, mark = journal.read_from(JournalMark())
    assert [(r.take_id, r.rating) for r in before] == expected
    journal.append("z", 1)
    after, end = journal.read_from(mark)
    everything, _ = journal.read_from(JournalMark())
    assert (after[-1].take_id, after[-1].rating) == ("z", 1)
    assert [(r.take_id, r.rating) for r in everything][: len(expected)] == expected
    assert end == journal.mark()


def test_a_removed_take_is_in_the_trash_and_can_be_restored(library: Library) -> None:
    facts = make_facts("a", "bells")
    path = library.add(facts, make_samples())
    library.star("a", 4)
    before = library.get("a")
    trashed = library.remove("a")
    assert trashed.parent == library.audio_root / "Trash"
    assert read_recipe(trashed) == facts
    assert library.rebuild().takes == 0
    assert library.search("bells") == ()
    assert library.restore("a") == path
    assert library.get("a") == before
    assert library.rebuild().takes == 1


def test_removing_twice_keeps_both_files(library: Library) -> None:
    for _ in range(2):
        add(library, "a")
        library.remove("a")
    assert len(list((library.audio_root / "Trash").iterdir())) == 2


# --- the index is only an index


def listing(library: Library) -> list[LibraryEntry]:
    return list(library.list(-1))


def test_a_deleted_index_gives_the_same_listing(library: Library, reopen: Open) -> None:
    for number in range(20):
        library.star(add(library, bpm=80.0 + number), number % 6)
    before = listing(library)
    found = ids(library.search("dusty"))
    library.close()
    shutil.rmtree(library.audio_root.parent / "index")
    again = reopen()
    assert again.opening.adopted == 20
    assert listing(again) == before
    assert set(ids(again.search("dusty"))) == set(found)


def test_an_index_deleted_under_an_open_library_is_made_again(library: Library) -> None:
    take_id = add(library)
    shutil.rmtree(library.audio_root.parent / "index")
    assert ids(library.list()) == [take_id]
    assert (library.audio_root.parent / "index" / "library.sqlite3").exists()


@pytest.mark.parametrize("damage", ["text", "half", "zeros", "pages", "empty"])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_damaged_index_is_moved_aside_and_rebuilt(
    reopen: Open, damage: str, is_open: bool
) -> None:
    library = reopen()
    for number in range(30):
        library.star(add(library, f"t{number}"), number % 6)
    before = listing(library)
    library.close()  # folds the WAL into the file
    path = library.audio_root.parent / "index" / "library.sqlite3"
    if is_open:
        assert listing(library) == before
    data = path.read_bytes()
    path.write_bytes(
        {
            "text": b"this is no database at all" * 300,
            "half": data[: len(data) // 2],
            "zeros": bytes(len(data)),
            "pages": data[:4096] + os.urandom(len(data) - 4096),
            "empty": b"",
        }[damage]
    )
    after = library if is_open else reopen()
    assert listing(after) == before
    add(after, "new")
    assert after.rebuild().takes == 31
    aside = after.opening.damaged_index
    if aside is not None:
        assert aside.exists()
    if damage != "empty" and not is_open:  # an empty file is a new database to SQLite
        assert aside is not None


def test_an_index_of_another_version_is_moved_aside(library: Library, reopen: Open) -> None:
    add(library, "a")
    library.close()
    path = library.audio_root.parent / "index" / "library.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99999")
    connection.close()
    again = reopen()
    assert again.opening.damaged_index is not None
    assert ids(again.list()) == ["a"]


def test_a_take_is_stored_even_where_the_index_refuses(library: Library, reopen: Open) -> None:
    lock = sqlite3.connect(library.audio_root.parent / "index" / "library.sqlite3")
    lock.execute("DROP TABLE files")  # another program's doing: not damage SQLite reports
    lock.close()
    path = library.add(make_facts("a"), make_samples())
    assert read_recipe(path) == make_facts("a")
    library.close()
    shutil.rmtree(library.audio_root.parent / "index")
    assert ids(reopen().list()) == ["a"]


def test_each_folder_has_an_index_of_its_own(tmp_path: Path, data_folder: Path) -> None:
    with Library(tmp_path / "one") as one, Library(tmp_path / "two") as two:
        add(one, "a")
        assert two.count() == 0
        with Library(tmp_path / "one") as again:
            assert again.count() == 1
    assert len(list((data_folder / "index").glob("*.sqlite3"))) == 2


# --- what lies in the folder


def test_orphans_are_adopted_and_rows_without_files_dropped(library: Library) -> None:
    kept, lost = add(library, "kept"), add(library, "lost")
    found = library.get(lost)
    assert found is not None
    hidden = library.audio_root.parent / "hidden.wav"
    found.path.rename(hidden)
    report = library.sweep()
    assert (report.takes, report.dropped, report.adopted) == (1, 1, 0)
    hidden.rename(library.audio_root / "anywhere.WAV")
    report = library.sweep()
    assert (report.takes, report.dropped, report.adopted) == (2, 0, 1)
    assert set(ids(library.list())) == {kept, lost}


def test_a_moved_file_is_found_where_it_is_now(library: Library) -> None:
    path = library.add(make_facts("a"), make_samples())
    library.star("a", 3)
    target = library.audio_root / "my own folder" / "renamed.wav"
    target.parent.mkdir()
    path.rename(target)
    library.sweep()
    assert [(e.path, e.rating) for e in library.list()] == [(target, 3)]


def test_a_copy_is_one_take_and_stands_in_when_the_first_is_gone(library: Library) -> None:
    path = library.add(make_facts("a"), make_samples())
    copy = library.audio_root / "copy.wav"
    shutil.copy(path, copy)
    assert library.sweep().copies == 1
    assert [entry.path for entry in library.list()] == [path]
    path.unlink()
    assert library.sweep().takes == 1
    assert [entry.path for entry in library.list()] == [copy]


def test_removing_a_take_removes_its_copies(library: Library) -> None:
    path = library.add(make_facts("a"), make_samples())
    shutil.copy(path, library.audio_root / "copy.wav")
    library.sweep()
    library.remove("a")
    assert library.sweep().takes == 0
    assert wavs(library) == sorted((library.audio_root / "Trash").iterdir())


def test_damaged_and_foreign_wavs_are_skipped_and_counted(library: Library) -> None:
    good = add(library)
    whole = wavs(library)[0].read_bytes()
    for name, data in {
        "cut.wav": whole[: len(whole) // 2],
        "tail.wav": whole[:-1],
        "empty.wav": b"",
        "noise.wav": b"no wav at all" * 20,
        "recipe.wav": whole.replace(b'"bpm":', b'"bpm";'),
    }.items():
        (library.audio_root / name).write_bytes(data)
    soundfile.write(library.audio_root / "foreign.wav", make_samples().T, 44_100)
    report = library.sweep()
    assert (report.damaged, report.foreign, report.adopted) == (5, 1, 0)
    assert ids(library.list()) == [good]
    assert library.rebuild().damaged == 5
    assert len(wavs(library)) == 7


def test_a_sweep_reads_only_what_changed(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        add(library)
    read: list[Path] = []
    monkeypatch.setattr("engine.library.read_take", read.append)
    library.sweep()
    assert read == []
    age(wavs(library)[0], 50)
    library.sweep()
    assert len(read) == 1


@posix_only
def test_odd_names_links_and_locked_folders_do_not_stop_the_walk(library: Library) -> None:
    path = library.add(make_facts("a"), make_samples())
    root = library.audio_root
    odd = root / os.fsdecode(b"\xff\xfe bad \n name")
    odd.mkdir()
    target = path.rename(odd / os.fsdecode(b"t\xe9ke.wav"))
    (root / "loop").symlink_to(root)
    (root / "dangling.wav").symlink_to("nowhere")
    os.mkfifo(root / "pipe.wav")
    (root / "folder.wav").mkdir()
    (root / "locked").mkdir(0o000)
    report = library.sweep()
    assert (report.takes, report.damaged, report.foreign) == (1, 0, 0)
    (entry,) = library.list()
    assert entry.path == target
    assert read_recipe(entry.path) == make_facts("a")
    assert library.remove("a").exists()


def leftover(library: Library, name: str = "0123456789abcdef") -> Path:
    path = library.audio_root / "2025-01" / f"{TEMPORARY_PREFIX}{name}{TEMPORARY_SUFFIX}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"RIFF")
    return path


def test_leftovers_of_killed_writers_are_deleted_and_nothing_else(library: Library) -> None:
    path = leftover(library)
    others = [path.with_name("my.part"), path.with_name(".loopgraft-notes"), path.with_name("x")]
    for other in others:
        other.write_bytes(b"mine")
    assert library.sweep().temporaries == 1
    assert not path.exists()
    assert all(other.exists() for other in others)


@posix_only
def test_a_temporary_file_in_use_is_left_alone(library: Library) -> None:
    path = leftover(library)
    with folder_lock(library.audio_root, "shared"):  # as a writer holds it
        assert library.sweep().temporaries == 0
        assert path.exists()
        age(path, 7200)  # no writer takes two hours
        assert library.sweep().temporaries == 1


# --- a folder that cannot be written


def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(atomic_file.os, "fsync", full)
        with pytest.raises(WriteProblem, match="disk is full"):
            add(library, "a")
    assert library.sweep().temporaries == library.count() == 0
    assert wavs(library) == []
    add(library, "a")


@pytest.fixture
def plain_user_folder() -> Iterator[Path]:
    """A folder of the user who runs the test, who is not root in it: root may write anywhere."""
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        if is_root:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            if is_root:
                os.seteuid(0)


@posix_only
def test_a_read_only_folder_can_be_read_and_says_so_when_written(plain_user_folder: Path) -> None:
    root, index = plain_user_folder / "takes", plain_user_folder / "index"
    with Library(root, index) as library:
        path = library.add(make_facts("a"), make_samples())
    folders = (root, path.parent)
    for folder in folders:
        folder.chmod(0o500)
    try:
        with Library(root, index) as again:
            assert ids(again.list()) == ["a"]
            acts = (lambda: add(again, "b"), lambda: again.star("a", 1), lambda: again.remove("a"))
            for act in acts:
                with pytest.raises(WriteProblem, match="does not allow writing"):
                    act()
            assert ids(again.list()) == ["a"]
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_a_folder_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for root, index in (("file", "index"), ("takes", "file/index"), ("file/takes", "index")):
        with pytest.raises(WriteProblem) as caught:
            Library(tmp_path / root, tmp_path / index)
        assert caught.value.sentence.endswith(".")


# --- several at once


def test_threads_share_a_library(library: Library) -> None:
    def work() -> None:
        for _ in range(8):
            add(library)
            library.list(5)
            library.sweep()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert library.count() == 32
    assert library.opening.dropped == 0


class Children:
    """The fork server of library_child.py."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.library_child"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def start(self, library: Library, count: int, label: str) -> int:
        index = library.audio_root.parent / "index" / "library.sqlite3"
        self._tell(f"{library.audio_root} {index} {count} {label}")
        word, pid = self.read()
        assert word == "pid"
        return int(pid)

    def wait(self) -> None:
        self._tell("wait")

    def read(self) -> list[str]:
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()

    def close(self) -> None:
        self._process.communicate(timeout=30)

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


@pytest.fixture
def children() -> Iterator[Children]:
    server = Children()
    yield server
    server.close()


@posix_only
def test_processes_add_at_once_and_lose_nothing(library: Library, children: Children) -> None:
    for label in ("one", "two", "three"):
        children.start(library, 25, label)
    children.wait()
    said, done = [], 0
    while done < 3:
        line = children.read()
        done += line[0] == "done"
        said.append(line)
        library.list(5)
        library.sweep()
    assert [line for line in said if line[0] == "done"] == [["done", "0"]] * 3
    stored = [line[1] for line in said if line[0] == "take"]
    assert sorted(ids(library.list(-1))) == sorted(stored)
    assert len(stored) == 75
    assert library.sweep() == replace(library.opening, takes=75, adopted=0, dropped=0)


@posix_only
def test_nothing_acknowledged_is_lost_in_200_kills(
    library: Library, children: Children, reopen: Open
) -> None:
    rng = random.Random(7)
    takes: list[str] = []
    ratings: dict[str, int] = {}
    for kill in range(KILLS):
        pid = children.start(library, 10_000, f"kill{kill}")
        if kill % 8:  # each eighth dies while it opens and sweeps
            _note(children.read(), takes, ratings)
        time.sleep(rng.uniform(0.0, 0.06))  # the moment of death is what is tested
        os.kill(pid, signal.SIGKILL)
        children.wait()
        while (line := children.read())[0] != "done":
            _note(line, takes, ratings)
    again = reopen()
    entries = {entry.take_id: entry for entry in again.list(-1)}
    assert len(takes) == len(set(takes)) > KILLS
    assert set(takes) <= set(entries)
    assert all(read_recipe(entry.path) == entry.facts for entry in entries.values())
    assert len(entries) == again.count() == len(wavs(again))
    assert {take_id: entries[take_id].rating for take_id in ratings} == ratings
    assert list(again.audio_root.rglob(f"{TEMPORARY_PREFIX}*")) == []
    assert again.opening.damaged == 0
    assert again.opening.damaged_index is None
    assert again.rebuild().takes == len(entries)


def _note(line: list[str], takes: list[str], ratings: dict[str, int]) -> None:
    if line[0] == "take":
        takes.append(line[1])
    else:
        ratings[line[1]] = int(line[2])


def test_the_library_knows_where_a_source_lay(library: Library) -> None:
    lost, kept, other = "1" * 64, "2" * 64, "3" * 64
    for number, (path, digest) in enumerate(
        [("/old/x.wav", kept), ("/new/x.wav", kept), ("/new/x.wav", kept), ("/y.wav", other)]
    ):
        facts = make_facts(f"t{number}", prompt=f"like {lost}")
        source = SourceReference(path, digest)
        library.add(replace(facts, request=replace(facts.request, source=source)), make_samples())
    assert library.source_places(kept) == (Path("/new/x.wav"), Path("/old/x.wav"))
    assert library.source_places(lost) == ()
