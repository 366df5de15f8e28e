"""Every take ever made: plain WAV files are the truth, SQLite is an index over them.

Beside the takes, in `YYYY-MM` folders, lie `ratings.jsonl` and the folder `Trash`. A take's file
is never changed after it was written: a DAW may refer to it. A graft keeps the whole path of its
source, to be made again; exports, which are given to others, do not.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from engine.atomic_file import FileExists, write_problem
from engine.errors import BadArgument, BadInputFile, WriteProblem
from engine.library_folder import (
    TRASH_NAME,
    FolderContent,
    FoundFile,
    describe,
    folder_lock,
    make_folder,
    month_name,
    read_take,
    remove_stale_temporaries,
    take_file_name,
    walk_folder,
)
from engine.library_index import (
    Identity,
    IndexUnusable,
    LibraryEntry,
    LibraryFilter,
    LibraryIndex,
    Outcome,
    identity,
    open_index,
)
from engine.places import index_path as default_index_path
from engine.ratings import RATING_RANGE, JournalMark, RatingsJournal
from engine.take import TakeFacts
from engine.take_maker import NativeSamples
from engine.wav_file import recipe_chunk, write_wav

__all__ = ["Library", "LibraryEntry", "LibraryFilter", "SweepReport"]

RATINGS_NAME = "ratings.jsonl"
#: Takes of one transaction of a sweep: others wait for it, and a kill loses no more than it.
_BATCH = 500
_ALL = LibraryFilter()

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class SweepReport:
    """What a sweep found.

    takes: in the library now. adopted: files that had no row. dropped: rows whose file is gone.
    damaged: WAVs that cannot be read, left where they are. foreign: WAVs that are no takes.
    copies: second files of one take. temporaries: leftovers of killed writers, deleted.
    damaged_index: where a damaged index was moved to since the library was opened, else None.
    """

    takes: int
    adopted: int = 0
    dropped: int = 0
    damaged: int = 0
    foreign: int = 0
    copies: int = 0
    temporaries: int = 0
    damaged_index: Path | None = None


class Library:
    """The takes of one folder. Any thread; any number of processes; not across a fork.

    Opening makes the folder, sweeps it (`opening`: what was found) and raises WriteProblem when
    folder or index cannot be used. `index_path`: by default in the user's data folder.
    """

    def __init__(self, audio_root: Path, index_path: Path | None = None) -> None:
        self.audio_root = audio_root.absolute()
        self._lock = threading.RLock()
        self._journal = RatingsJournal(self.audio_root / RATINGS_NAME)
        self._made_folders: set[Path] = set()
        _make_root(self.audio_root)
        self._index_path = index_path or default_index_path(self.audio_root)
        self._index: LibraryIndex | None = None
        self._damaged_index: Path | None = None
        self._is_reopening = False
        self.opening = SweepReport(0)
        self._reopen(None)

    def close(self) -> None:
        """Give the index back; a later call opens it again."""
        with self._lock:
            if self._index is not None:
                self._index.close()
                self._index = None

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, facts: TakeFacts, samples: NativeSamples) -> Path:
        """Store a take; it is on the disk when this returns. samples: (channels, frames).

        An index that cannot be written is logged, not raised: the next sweep adopts the file.
        Raises FileExists when the take is stored already, WriteProblem, BadArgument, ValueError.
        """
        name = take_file_name(facts)
        self._check_new(facts.take_id)
        folder = self.audio_root / month_name(time.time_ns())
        path = folder / name
        try:
            self._make_folder(folder)
            with folder_lock(self.audio_root, "shared"):
                write_wav(path, samples, facts.sample_rate, facts.subtype, [recipe_chunk(facts)])
            file = describe(self.audio_root, f"{folder.name}{os.sep}{name}")
        except OSError as error:
            raise write_problem(path, error) from error
        try:
            self._use(lambda index: index.put([(file, facts)]))
        except WriteProblem as error:
            _log.warning("%s is stored, but not in the index: %s", path, error.details)
        return path

    def get(self, take_id: str) -> LibraryEntry | None:
        """Return a take, None when there is none of that id."""
        return self._use(lambda index: index.get(take_id))

    def list(
        self, limit: int = 100, offset: int = 0, chosen: LibraryFilter = _ALL
    ) -> tuple[LibraryEntry, ...]:
        """Return takes, the newest first. limit -1: all."""
        return self._use(lambda index: index.newest(limit, offset, chosen))

    def count(self, chosen: LibraryFilter = _ALL) -> int:
        """Return how many takes there are for `list`."""
        return self._use(lambda index: index.count(chosen))

    def search(self, text: str, limit: int = 100) -> tuple[LibraryEntry, ...]:
        """Return takes that have every word (or its first three letters on), the best first.

        Looks at prompts, file names, key, tempo and task. Nothing for a text without words.
        """
        return self._use(lambda index: index.search(text, limit))

    def source_places(self, sha256: str) -> tuple[Path, ...]:
        """Return where the file of this content lay when takes were grafted into it."""
        entries = self._use(lambda index: index.grafted_into(sha256))
        sources = (entry.facts.request.source for entry in entries)
        return tuple(dict.fromkeys(source.location for source in sources if source))

    def star(self, take_id: str, rating: int) -> None:
        """Rate a take, 0 (none) to 5; on the disk when this returns.

        Raises BadArgument, WriteProblem.
        """
        low, high = RATING_RANGE
        if not low <= rating <= high:
            raise BadArgument(f"A rating of {rating} is outside {low} to {high} stars.")
        self._need(take_id)
        self._journal.append(take_id, rating)
        self._apply_ratings()

    def remove(self, take_id: str) -> Path:
        """Move a take to the folder Trash and return where it is now; its rating is kept.

        A DAW project that refers to the file will miss it: ask the user first.
        Raises BadArgument, WriteProblem.
        """
        self._need(take_id)
        names = self._use(lambda index: index.files_of(take_id))
        # Copies too, or the next sweep would bring the take back.
        moved = [self._move_to_trash(self.audio_root / name) for name in names if self._has(name)]
        self._use(lambda index: index.forget(names))
        if not moved:
            raise BadArgument(f"The file of the take “{take_id}” is gone already.")
        return moved[0]

    def restore(self, take_id: str) -> Path:
        """Take a removed take back out of Trash. Raises BadArgument, WriteProblem."""
        trash = self.audio_root / TRASH_NAME
        for source in sorted(trash.glob("*.wav")):
            facts = _read_or_none(source) if take_id in source.name else None
            if facts is not None and facts.take_id == take_id:
                return self._restore(source, facts)
        raise BadArgument(f"There is no take “{take_id}” in {TRASH_NAME}.")

    def rebuild(self) -> SweepReport:
        """Read every file again, damaged or not; ratings stay. Raises WriteProblem."""
        return self._scan(reread=True)

    def sweep(self) -> SweepReport:
        """Bring the index up to date with the folder; reads only new and changed files."""
        return self._scan(reread=False)

    def _scan(self, *, reread: bool) -> SweepReport:
        with self._lock:
            # Before the walk: a file that another process adds meanwhile must not look gone.
            known = self._use(lambda index: index.signatures())
            content = walk_folder(self.audio_root)
            temporaries = remove_stale_temporaries(self.audio_root, content.temporaries)
            gone = [name for name in known.keys() - content.wavs.keys() if not self._has(name)]
            dropped = self._use(lambda index: index.forget(gone))
            unread = self._unread(content, {} if reread else known)
            counts = self._adopt(unread)
            self._apply_ratings(anew=reread)
            report = SweepReport(
                takes=self.count(),
                adopted=counts[Outcome.ADOPTED],
                dropped=dropped,
                damaged=counts[None],
                foreign=counts[Outcome.FOREIGN],
                copies=counts[Outcome.COPY],
                temporaries=temporaries,
                damaged_index=self._damaged_index,
            )
        if report != SweepReport(report.takes):
            _log.info("The library was swept: %s", report)
        return report

    def _unread(self, content: FolderContent, known: dict[str, str]) -> Iterator[FoundFile]:
        copies = set(self._use(lambda index: index.widowed_copies()))
        for name, file in content.wavs.items():
            if known.get(name) != file.signature or name in copies:
                yield file

    def _adopt(self, files: Iterable[FoundFile]) -> Counter[Outcome | None]:
        """Read files into the index; counts outcomes, None for damaged files."""
        counts: Counter[Outcome | None] = Counter()
        waiting = iter(files)
        while batch := list(islice(waiting, _BATCH)):
            read: list[tuple[FoundFile, TakeFacts | None]] = []
            for file in batch:
                try:
                    read.append((file, read_take(self.audio_root / file.name)))
                except BadInputFile as error:
                    if self._has(file.name):
                        counts[None] += 1
                        _log.warning("%r is skipped: %s", file.name, error.details)
            counts.update(self._use(lambda index, read=read: index.put(read)))
        return counts

    def _apply_ratings(self, *, anew: bool = False) -> None:
        """Bring the index up to the journal's end; from its start when it is another file."""

        def apply(index: LibraryIndex) -> None:
            if not anew and index.journal_mark() == self._journal.mark():
                return
            with index.applying_ratings() as mark:
                end = self._journal.mark()
                is_other = anew or mark.file != end.file or mark.stop_bytes > end.stop_bytes
                start = JournalMark(end.file) if is_other else mark
                index.apply_ratings(*self._journal.read_from(start), anew=is_other)

        self._use(apply)

    def _use(self, action: Callable[[LibraryIndex], _Result]) -> _Result:
        """Run `action` on the index; where that is damaged or was replaced, on a new one."""
        with self._lock:
            index = self._index
            if index is None or index.identity != identity(self._index_path):
                index = self._reopen(None)
            try:
                return action(index)
            except IndexUnusable as error:
                if self._is_reopening:  # a new index that is damaged too: the disk is broken
                    raise
                _log.warning("%s %s", error.sentence, error.details)
                failed = index.identity
            return action(self._reopen(failed))

    def _reopen(self, failed: Identity | None) -> LibraryIndex:
        self.close()
        index, moved = open_index(self._index_path, self.audio_root, failed)
        self._index, self._damaged_index = index, moved or self._damaged_index
        self._is_reopening = True
        try:
            self.opening = self.sweep()
        except IndexUnusable as error:
            if failed:
                raise
            _log.warning("%s %s", error.sentence, error.details)
            return self._reopen(index.identity)
        finally:
            self._is_reopening = False
        return self._index

    def _need(self, take_id: str) -> LibraryEntry:
        entry = self.get(take_id)
        if entry is None:
            raise BadArgument(f"There is no take “{take_id}” in the library.")
        return entry

    def _check_new(self, take_id: str) -> None:
        try:
            entry = self.get(take_id)
        except WriteProblem as error:  # no index: the file's name still tells within its month
            _log.warning("%s %s", error.sentence, error.details)
            return
        if entry is not None and os.path.lexists(entry.path):
            raise FileExists(f"The take “{take_id}” is in the library already.", str(entry.path))

    def _has(self, name: str) -> bool:
        return os.path.lexists(self.audio_root / name)

    def _make_folder(self, folder: Path) -> None:
        if folder not in self._made_folders or not folder.is_dir():
            make_folder(folder)
            self._made_folders.add(folder)

    def _move_to_trash(self, path: Path) -> Path:
        """A power cut may undo the move, never lose the file: nothing is synced here."""
        trash = self.audio_root / TRASH_NAME
        target = trash / path.name
        try:
            self._make_folder(trash)
            while os.path.lexists(target):
                target = trash / f"{path.stem}_{time.time_ns()}{path.suffix}"
            return path.rename(target)
        except OSError as error:
            raise write_problem(path, error) from error

    def _restore(self, source: Path, facts: TakeFacts) -> Path:
        name = take_file_name(facts)
        try:
            folder = self.audio_root / month_name(source.stat().st_mtime_ns)
            target = folder / name
            self._make_folder(folder)
            if os.path.lexists(target):
                raise FileExists(
                    f"The take “{facts.take_id}” is in the library already.", str(target)
                )
            source.rename(target)
            file = describe(self.audio_root, f"{folder.name}{os.sep}{name}")
        except OSError as error:
            raise write_problem(source, error) from error
        self._use(lambda index: index.put([(file, facts)]))
        return target


def _make_root(audio_root: Path) -> None:
    try:
        if not audio_root.is_dir():
            make_folder(audio_root)
    except OSError as error:
        raise write_problem(audio_root, error) from error


def _read_or_none(path: Path) -> TakeFacts | None:
    try:
        return read_take(path)
    except BadInputFile:
        return None
