"""The index of plugins: what each is, and the list of those that are not to be loaded.

SQLite, so that the window and the command line can scan at once and a verdict is on the disk
before a plugin gets the chance to take the process with it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.atomic_file import write_problem
from engine.display_name import display_name
from engine.errors import BadArgument, WriteProblem
from engine.places import data_folder
from plugin_bridge.plugins.facts import PluginFacts, find_plugin
from plugin_bridge.plugins.folders import Stamp

#: As many crashes within so long put a running plugin on the deny list.
CRASH_LIMIT = 2
CRASH_WINDOW_SECONDS = 300.0

_BUSY_SECONDS = 30.0
_VERSION = 1
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, mtime_ns INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
    denied INTEGER NOT NULL, reason TEXT NOT NULL, plugins BLOB NOT NULL, seconds REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS crashes (path BLOB NOT NULL, at_seconds REAL NOT NULL);
PRAGMA user_version = {_VERSION};
"""
_ENTRY = "SELECT path, mtime_ns, size_bytes, denied, reason, plugins, seconds FROM files"


@dataclass(frozen=True)
class PluginEntry:
    """A file that was scanned. reason: why it is denied, one sentence. seconds: its scan took."""

    path: Path
    stamp: Stamp
    denied: bool
    reason: str = ""
    plugins: tuple[PluginFacts, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class UsablePlugin:
    """A plugin that may be loaded, and from where."""

    path: Path
    facts: PluginFacts


class _Damaged(WriteProblem):
    """The file is no index, or that of another version."""


class PluginIndex:
    """One connection; any thread. Close it. Every method raises WriteProblem."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the index, by default the user's own; a damaged one is set aside."""
        self._path = path or data_folder() / "plugins.sqlite3"
        self._lock = threading.Lock()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_problem(self._path, error) from error
        try:
            self._connection = self._open()
        except _Damaged:
            self._set_aside()
            self._connection = self._open()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> PluginIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def entries(self) -> list[PluginEntry]:
        """Return every entry, by path."""
        with self._using() as connection:
            rows = connection.execute(f"{_ENTRY} ORDER BY path").fetchall()
        return [_entry(*row) for row in rows]

    def get(self, path: Path) -> PluginEntry | None:
        with self._using() as connection:
            query = f"{_ENTRY} WHERE path = ?"
            row = connection.execute(query, (os.fsencode(path),)).fetchone()
        return None if row is None else _entry(*row)

    def put(self, entry: PluginEntry) -> None:
        """Write an entry; it is on the disk when this returns."""
        row = (
            os.fsencode(entry.path),
            *entry.stamp,
            entry.denied,
            entry.reason,
            msgspec.json.encode(entry.plugins),
            entry.seconds,
        )
        with self._using() as connection:
            connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def forget(self, paths: Iterable[Path]) -> None:
        """Drop entries and their crashes."""
        with self._using() as connection:
            for path in paths:
                name = (os.fsencode(path),)
                connection.execute("DELETE FROM files WHERE path = ?", name)
                connection.execute("DELETE FROM crashes WHERE path = ?", name)

    def usable(self) -> list[UsablePlugin]:
        """Return every plugin that is not denied; of one that lies twice, the first by path."""
        found: dict[str, UsablePlugin] = {}
        for entry in self.entries():
            for facts in () if entry.denied else entry.plugins:
                found.setdefault(facts.plugin_id, UsablePlugin(entry.path, facts))
        return list(found.values())

    def find(self, text: str) -> UsablePlugin:
        """Return a usable plugin by id or name. Raises BadArgument, which says why not."""
        usable = {plugin.facts.plugin_id: plugin for plugin in self.usable()}
        try:
            facts = find_plugin([plugin.facts for plugin in usable.values()], text)
        except BadArgument:
            self._explain_denial(text)
            raise
        return usable[facts.plugin_id]

    def note_crash(self, path: Path, now_seconds: float, limit: int = CRASH_LIMIT) -> bool:
        """Count a crash of a running plugin. Returns whether that put it on the deny list.

        now_seconds: of a clock that all processes share (time.time).
        """
        name = os.fsencode(path)
        with self._using() as connection:
            connection.execute("INSERT INTO crashes VALUES (?, ?)", (name, now_seconds))
            since = now_seconds - CRASH_WINDOW_SECONDS
            connection.execute("DELETE FROM crashes WHERE at_seconds < ?", (since,))
            query = "SELECT count(*) FROM crashes WHERE path = ?"
            ((count,),) = connection.execute(query, (name,)).fetchall()
            if count < limit:
                return False
            reason = (
                f"It crashed or hung {count} times within {CRASH_WINDOW_SECONDS / 60:g} minutes."
            )
            query = "UPDATE files SET denied = 1, reason = ? WHERE path = ?"
            connection.execute(query, (reason, name))
            return True

    def allow(self, path: Path) -> PluginEntry:
        """Take a file off the deny list and forget its crashes. Raises BadArgument."""
        entry = self.get(path)
        if entry is None:
            raise BadArgument(f"“{display_name(path)}” was not scanned; scan it first.")
        name = os.fsencode(path)
        with self._using() as connection:
            connection.execute("DELETE FROM crashes WHERE path = ?", (name,))
            query = "UPDATE files SET denied = 0, reason = '' WHERE path = ?"
            connection.execute(query, (name,))
        return entry

    def _explain_denial(self, text: str) -> None:
        """Raise the reason where a denied plugin was meant."""
        for entry in self.entries():
            names = {entry.path.stem.casefold(), str(entry.path).casefold()}
            names |= {facts.plugin_id.casefold() for facts in entry.plugins}
            if entry.denied and text.casefold() in names:
                raise BadArgument(
                    f"“{display_name(entry.path)}” is in quarantine: {entry.reason} "
                    "“loopgraft plugins allow PATH” lets it out."
                )

    def _open(self) -> sqlite3.Connection:
        connection = None
        try:
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA synchronous = FULL")
            ((version,),) = connection.execute("PRAGMA user_version").fetchall()
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError(f"it has version {version}, not {_VERSION}")
            connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            problem = self._problem(error)
            if not isinstance(error, sqlite3.OperationalError):  # such as a full disk
                problem = _Damaged(problem.sentence, problem.details)
            raise problem from error
        return connection

    def _set_aside(self) -> None:
        """Keep what cannot be read under another name: it can be scanned again."""
        with contextlib.suppress(OSError):
            self._path.replace(self._path.with_name(f"{self._path.name}.damaged"))

    @contextmanager
    def _using(self) -> Generator[sqlite3.Connection]:
        """One transaction of one thread."""
        with self._lock:
            try:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self._connection
            except sqlite3.Error as error:
                raise self._problem(error) from error

    def _problem(self, error: sqlite3.Error) -> WriteProblem:
        return WriteProblem(
            f"The index of plugins “{display_name(self._path)}” cannot be used: {error}; "
            "free some space, or remove it and scan again.",
            repr(error),
        )


def _entry(
    path: bytes,
    mtime_ns: int,
    size_bytes: int,
    denied: int,
    reason: str,
    plugins: bytes,
    seconds: float,
) -> PluginEntry:
    facts = msgspec.json.decode(plugins, type=tuple[PluginFacts, ...])
    stamp = Stamp(mtime_ns, size_bytes)
    return PluginEntry(Path(os.fsdecode(path)), stamp, bool(denied), reason, facts, seconds)
