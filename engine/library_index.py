"""The library's index: SQLite over what the files say. Losing it loses nothing."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from engine.atomic_file import write_problem
from engine.display_name import display_name, display_text
from engine.errors import BadInputFile, WriteProblem
from engine.key import Key
from engine.library_folder import FoundFile, folder_lock
from engine.ratings import JournalMark, Rating
from engine.request import Task
from engine.take import TAKE_VERSION, TakeFacts, decode_take, encode_take

BUSY_SECONDS = 30.0
_SCHEMA_VERSION = 1
_INDEX_VERSION = _SCHEMA_VERSION * 1000 + TAKE_VERSION
_DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PARTS = ("", "-wal", "-shm")

# files: every WAV that was read, so that a scan reads only new and changed ones; take_id is
# NULL for one that is no take. takes: one row per take; a copy of its file is in files only.
_SCHEMA = """
CREATE TABLE files (
    path BLOB PRIMARY KEY, signature TEXT NOT NULL, take_id TEXT
) WITHOUT ROWID;
CREATE INDEX files_by_take ON files (take_id);
CREATE TABLE takes (
    number INTEGER PRIMARY KEY, take_id TEXT NOT NULL UNIQUE, path BLOB NOT NULL UNIQUE,
    created_ns INTEGER NOT NULL, task TEXT NOT NULL, bpm REAL, key TEXT, facts BLOB NOT NULL
);
CREATE INDEX takes_by_time ON takes (created_ns DESC, take_id DESC);
CREATE VIRTUAL TABLE takes_words USING fts5 (
    words, tokenize = "unicode61 remove_diacritics 2 tokenchars '#'"
);
CREATE TRIGGER takes_words_follow AFTER DELETE ON takes BEGIN
    DELETE FROM takes_words WHERE rowid = old.number;
END;
CREATE TABLE ratings (take_id TEXT PRIMARY KEY, rating INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE journal (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), file TEXT NOT NULL,
    stop_bytes INTEGER NOT NULL
);
INSERT INTO journal VALUES (1, '0', 0);
"""
_ENTRY = """
SELECT takes.take_id, takes.path, takes.created_ns, takes.facts, coalesce(rating, 0)
FROM takes LEFT JOIN ratings USING (take_id)
"""
_NEWEST_FIRST = "created_ns DESC, take_id DESC"

Identity = tuple[int, int]


class IndexUnusable(WriteProblem):
    """The index is damaged or of another version: it is to be made anew."""


class Outcome(Enum):
    """What a file turned out to be: a new row, a row that was there, a second copy, no take."""

    ADOPTED = "adopted"
    KNOWN = "known"
    COPY = "copy"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class LibraryEntry:
    """A stored take. path: absolute. rating: 0-5, 0 = none. created: UTC seconds."""

    take_id: str
    path: Path
    facts: TakeFacts
    rating: int
    created: float


@dataclass(frozen=True)
class LibraryFilter:
    """Which takes: all that meet every given condition.

    Tempo and key are the asked-for ones, else the measured ones. text: words, as in search.
    """

    bpm_low: float | None = None
    bpm_high: float | None = None
    key: Key | None = None
    minimum_rating: int = 0
    task: Task | None = None
    text: str = ""


def open_index(
    path: Path, audio_root: Path, failed: Identity | None = None
) -> tuple[LibraryIndex, Path | None]:
    """Open or make the index. A damaged one (`failed`, or found so now) is moved aside.

    Returns the index, which is empty when new, and where the damaged one is. Raises WriteProblem.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Exclusive: two processes that meet the same damage must not move the cure aside too.
        with folder_lock(path.parent, "exclusive"):
            moved = _move_aside(path) if failed and failed == identity(path) else None
            try:
                return LibraryIndex(path, audio_root), moved
            except IndexUnusable:
                moved = _move_aside(path)
                return LibraryIndex(path, audio_root), moved
    except OSError as error:
        raise write_problem(path, error) from error


def identity(path: Path) -> Identity | None:
    """Return what tells this file from another one of its name; None without a file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


class LibraryIndex:
    """One connection. One thread at a time; several processes may have one each.

    Every method raises IndexUnusable on damage and WriteProblem when the system refuses.
    """

    def __init__(self, path: Path, audio_root: Path) -> None:
        self.path = path
        self._audio_root = audio_root
        with self._translated():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            self._prepare()
        except WriteProblem:
            self.close()
            raise
        self.identity = identity(path)

    def close(self) -> None:
        self._connection.close()

    def signatures(self) -> dict[str, str]:
        """Return name -> signature of every WAV that was read."""
        rows = self._rows("SELECT path, signature FROM files")
        return {os.fsdecode(path): signature for path, signature in rows}

    def put(self, files: Iterable[tuple[FoundFile, TakeFacts | None]]) -> list[Outcome]:
        """Take note of files in one transaction."""
        with self._transaction():
            return [self._put(file, facts) for file, facts in files]

    def forget(self, names: Iterable[str]) -> int:
        """Drop files that are gone; returns how many takes went with them."""
        gone = [(os.fsencode(name),) for name in names]
        if not gone:
            return 0
        with self._transaction():
            before = self._number("SELECT count(*) FROM takes")
            self._connection.executemany("DELETE FROM files WHERE path = ?", gone)
            self._connection.executemany("DELETE FROM takes WHERE path = ?", gone)
            return before - self._number("SELECT count(*) FROM takes")

    def widowed_copies(self) -> list[str]:
        """Return the names of copies whose take has lost its file."""
        rows = self._rows(
            "SELECT path FROM files WHERE take_id IS NOT NULL"
            " AND take_id NOT IN (SELECT take_id FROM takes)"
        )
        return [os.fsdecode(path) for (path,) in rows]

    def files_of(self, take_id: str) -> list[str]:
        """Return the names of a take's file and of its copies."""
        rows = self._rows("SELECT path FROM files WHERE take_id = ?", take_id)
        return [os.fsdecode(path) for (path,) in rows]

    def journal_mark(self) -> JournalMark:
        """Return up to where ratings were applied."""
        ((file, stop_bytes),) = self._rows("SELECT file, stop_bytes FROM journal")
        return JournalMark(int(file), stop_bytes)

    @contextmanager
    def applying_ratings(self) -> Generator[JournalMark]:
        """Keep other processes from applying ratings meanwhile: their order is the journal's."""
        with self._transaction():
            yield self.journal_mark()

    def apply_ratings(self, ratings: Sequence[Rating], mark: JournalMark, *, anew: bool) -> None:
        """Apply ratings in order, within applying_ratings; `anew` forgets all others first."""
        with self._translated():
            if anew:
                self._connection.execute("DELETE FROM ratings")
            self._connection.executemany(
                "INSERT OR REPLACE INTO ratings VALUES (?, ?)",
                [(rating.take_id, rating.rating) for rating in ratings],
            )
            # Text: an inode may be larger than SQLite's integers.
            self._connection.execute(
                "UPDATE journal SET file = ?, stop_bytes = ?", (str(mark.file), mark.stop_bytes)
            )

    def get(self, take_id: str) -> LibraryEntry | None:
        entries = self._entries(f"{_ENTRY} WHERE takes.take_id = ?", take_id)
        return entries[0] if entries else None

    def newest(self, limit: int, offset: int, chosen: LibraryFilter) -> tuple[LibraryEntry, ...]:
        """Return chosen takes, the newest first."""
        where, values = _conditions(chosen)
        query = f"{_ENTRY} {where} ORDER BY {_NEWEST_FIRST} LIMIT ? OFFSET ?"
        return self._entries(query, *values, limit, offset)

    def count(self, chosen: LibraryFilter) -> int:
        where, values = _conditions(chosen)
        joined = "takes LEFT JOIN ratings USING (take_id)"
        return self._number(f"SELECT count(*) FROM {joined} {where}", *values)

    def search(self, text: str, limit: int) -> tuple[LibraryEntry, ...]:
        """Return the best match first; nothing for a text without words."""
        match = _match_query(text)
        if not match:
            return ()
        # The best are chosen before their facts are read: matching 10,000 takes is quick so.
        query = (
            f"{_ENTRY} JOIN (SELECT rowid AS number, rank AS score FROM takes_words"
            " WHERE takes_words MATCH ? ORDER BY rank, rowid DESC LIMIT ?) USING (number)"
            f" ORDER BY score, {_NEWEST_FIRST}"
        )
        return self._entries(query, match, limit)

    def grafted_into(self, sha256: str) -> tuple[LibraryEntry, ...]:
        """Return the takes whose source is the file of this content, the newest first."""
        query = f"{_ENTRY} WHERE instr(takes.facts, ?) ORDER BY {_NEWEST_FIRST}"
        # The digest may stand anywhere in the facts, such as in a prompt.
        return tuple(
            entry
            for entry in self._entries(query, sha256.encode())
            if (source := entry.facts.request.source) and source.sha256 == sha256
        )

    def _prepare(self) -> None:
        with self._translated():
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
        version = self._number("PRAGMA user_version")
        if version == 0 and self._number("SELECT count(*) FROM sqlite_master") == 0:
            script = f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_INDEX_VERSION}; COMMIT;"
            with self._translated():
                self._connection.executescript(script)
        elif version != _INDEX_VERSION:
            raise IndexUnusable(
                f"The library's index “{display_name(self.path)}” is of another version of "
                "Loopgraft; it is made anew.",
                f"version {version}, wanted {_INDEX_VERSION}",
            )

    def _put(self, file: FoundFile, facts: TakeFacts | None) -> Outcome:
        path, take_id = os.fsencode(file.name), facts and facts.take_id
        self._connection.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (path, file.signature, take_id)
        )
        if facts is None:
            self._connection.execute("DELETE FROM takes WHERE path = ?", (path,))
            return Outcome.FOREIGN
        rows = self._rows("SELECT path FROM takes WHERE take_id = ?", take_id)
        held = rows[0][0] if rows else None
        if held not in (None, path) and os.path.lexists(self._audio_root / os.fsdecode(held)):
            return Outcome.COPY
        self._connection.execute("DELETE FROM takes WHERE take_id = ? OR path = ?", (take_id, path))
        self._insert(path, file, facts)
        return Outcome.ADOPTED if held is None else Outcome.KNOWN

    def _insert(self, path: bytes, file: FoundFile, facts: TakeFacts) -> None:
        key = facts.key
        cursor = self._connection.execute(
            "INSERT INTO takes (take_id, path, created_ns, task, bpm, key, facts)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                facts.take_id,
                path,
                file.created_ns,
                str(facts.request.task),
                _bpm_of(facts),
                key.name if key else None,
                encode_take(facts),
            ),
        )
        self._connection.execute(
            "INSERT INTO takes_words (rowid, words) VALUES (?, ?)",
            (cursor.lastrowid, _words_of(file.name, facts)),
        )

    def _entries(self, query: str, *values: object) -> tuple[LibraryEntry, ...]:
        try:
            return tuple(
                LibraryEntry(
                    take_id,
                    self._audio_root / os.fsdecode(path),
                    decode_take(facts),
                    rating,
                    created_ns / 1e9,
                )
                for take_id, path, created_ns, facts, rating in self._rows(query, *values)
            )
        except BadInputFile as error:  # damage that SQLite cannot see: it has no checksums
            raise self._unusable(error.details) from error

    def _number(self, query: str, *values: object) -> int:
        return self._rows(query, *values)[0][0]

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._translated():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Generator[None]:
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if _is_damage(error):
                raise self._unusable(repr(error)) from error
            raise WriteProblem(
                f"The library's index “{display_name(self.path)}” could not be used, SQLite says "
                f"“{display_text(str(error))}”; check its disk, or set another data folder.",
                repr(error),
            ) from error
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                raise self._unusable(repr(error)) from error
            raise

    def _unusable(self, details: str) -> IndexUnusable:
        return IndexUnusable(
            f"The library's index “{display_name(self.path)}” is damaged; it is made anew.",
            details,
        )


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)  # missing where Python itself complains
    if code == sqlite3.SQLITE_READONLY_DBMOVED:  # another process moved it aside just now
        return True
    return code is not None and code & 0xFF in _DAMAGE_CODES


def _move_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    for part in _PARTS:
        source = path.with_name(path.name + part)
        if source.exists():
            source.rename(aside.with_name(aside.name + part))
    return aside


def _conditions(chosen: LibraryFilter) -> tuple[str, list[object]]:
    given: list[tuple[str, object]] = [
        ("bpm >= ?", chosen.bpm_low),
        ("bpm <= ?", chosen.bpm_high),
        ("key = ?", chosen.key and chosen.key.name),
        ("coalesce(rating, 0) >= ?", chosen.minimum_rating or None),
        ("task = ?", chosen.task and str(chosen.task)),
        (
            "takes.number IN (SELECT rowid FROM takes_words WHERE takes_words MATCH ?)",
            _match_query(chosen.text) or None,
        ),
    ]
    used = [(condition, value) for condition, value in given if value is not None]
    where = " AND ".join(condition for condition, _ in used)
    return (f"WHERE {where}" if where else ""), [value for _, value in used]


def _match_query(text: str) -> str:
    """Return FTS5's query for takes that have every word of the text, or its beginning.

    Each word is quoted, so that no character of it is an operator.
    """
    clean = text.encode("utf-8", "replace").decode().replace("\0", " ")
    words = [word.replace('"', " ") for word in clean.split()]
    return " AND ".join(
        f'"{word}"{"*" if len(word) > 2 else ""}'
        for word in words
        if any(character.isalnum() or character == "#" for character in word)
    )


def _bpm_of(facts: TakeFacts) -> float | None:
    return facts.measured.bpm if facts.tempo_bpm is None else facts.tempo_bpm


def _words_of(name: str, facts: TakeFacts) -> str:
    request, key, bpm = facts.request, facts.key, _bpm_of(facts)
    words = [request.prompt, request.to_prompt, Path(name).stem, str(request.task)]
    if request.source:
        words.append(Path(request.source.name).stem)
    if key:
        words += [key.name, key.file_name]
    if bpm is not None:
        words += [f"{bpm:g}", f"{bpm:.0f}bpm"]
    return "\n".join(words).encode("utf-8", "replace").decode()
