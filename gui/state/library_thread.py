"""The one thread that touches the library's folder and index, and the cache of overviews. No Qt."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from engine.errors import AppError
from engine.library import Library
from engine.places import index_path as default_index_path
from gui.state.index_builder import IndexBuilder

_log = logging.getLogger(__name__)

_SCHEMA = "CREATE TABLE IF NOT EXISTS overviews (take_id TEXT PRIMARY KEY, extremes BLOB NOT NULL)"
#: Ids of one query: below SQLite's limit of variables.
_IDS_AT_ONCE = 500
_DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

Work = Callable[["Shelves"], Any]
Tell = Callable[[object, object], None]


class OverviewCache:
    """Takes drawn small, kept between starts; losing it loses nothing. One thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def find(self, take_ids: Iterable[str]) -> dict[str, bytes]:
        """Return what is known of these takes."""
        wanted = list(take_ids)[:_IDS_AT_ONCE]
        marks = ",".join("?" * len(wanted))
        query = f"SELECT take_id, extremes FROM overviews WHERE take_id IN ({marks})"
        return dict(self._run(query, tuple(wanted)))

    def put(self, take_id: str, extremes: bytes) -> None:
        """Keep a take's overview."""
        self._run("INSERT OR REPLACE INTO overviews VALUES (?, ?)", (take_id, extremes))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run(self, query: str, values: tuple[object, ...]) -> list[tuple[str, bytes]]:
        """Run a query; a cache that is damaged or cannot be written is given up, then made anew."""
        try:
            if self._connection is None:
                self._connection = self._open()
            return self._connection.execute(query, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            _log.warning("The cache of overviews is not usable: %r", error)
            self.close()
            if getattr(error, "sqlite_errorcode", None) in _DAMAGE_CODES:
                with suppress(OSError):
                    self._path.unlink()
            return []

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            # What is lost in a power cut is drawn again.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


class Shelves:
    """What the thread has at hand. The library opens with its first use."""

    def __init__(self, folder: Path, index_path: Path | None, cache_path: Path) -> None:
        self._folder, self._index_path = folder, index_path
        self._library: Library | None = None
        self._builder = IndexBuilder()
        self.overviews = OverviewCache(cache_path)

    @property
    def library(self) -> Library:
        """Return the library. Raises WriteProblem while its folder cannot be used.

        A lost index is built anew first, which may take a while.
        """
        index_path = self._index_path or default_index_path(self._folder.absolute())
        self._builder.build(self._folder, index_path)
        if self._library is None:
            self._library = Library(self._folder, self._index_path)
        return self._library

    def stop(self) -> None:
        """Wait for no index to be built. Any thread."""
        self._builder.stop()

    def close(self) -> None:
        self.overviews.close()
        if self._library is not None:
            self._library.close()


class LibraryThread:
    """Does work in order. Any thread; only close() blocks, for the work that runs.

    `tell` is called on this thread with the work's token and its result, or its AppError.
    """

    def __init__(self, shelves: Shelves, tell: Tell) -> None:
        self._shelves, self._tell = shelves, tell
        self._queue: queue.SimpleQueue[tuple[object, Work] | None] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="library", daemon=True)
        self._thread.start()

    def do(self, token: object, work: Work) -> None:
        """Queue work; None as its token: nobody waits for the result."""
        self._queue.put((token, work))

    def close(self) -> None:
        """Drop what waits and end."""
        self._closing = True
        self._shelves.stop()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        with closing(self._shelves):
            while (item := self._queue.get()) is not None and not self._closing:
                token, work = item
                result = self._result(work)
                if token is not None and not self._closing:
                    self._tell(token, result)

    def _result(self, work: Work) -> object:
        try:
            return work(self._shelves)
        except AppError as error:
            _log.warning("%s %s", error.sentence, error.details)
            return error
        except Exception as error:  # noqa: BLE001 - the top of this thread
            _log.exception("A fault in the library's thread")
            return AppError("The library met a fault of its own; the log has it.", repr(error))
