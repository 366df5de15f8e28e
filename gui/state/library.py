"""The library as the window shows it: a list that grows as it is scrolled, filtered, searched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from engine.errors import AppError
from engine.key import Key
from engine.library import LibraryFilter
from engine.places import cache_folder, library_folder
from gui.state.library_changes import UnwrittenChanges
from gui.state.library_thread import LibraryThread, Shelves
from gui.state.stored_take import StoredTake

PAGE = 200
#: While words are typed, the list waits this long for the next letter.
SEARCH_PAUSE_MS = 150
_REFRESH_PAUSE_MS = 60
#: A loop this near in tempo can be played in another's tempo unheard.
TEMPO_TOLERANCE = 0.02
STARS = 5

Then = Callable[[Any], None]


@dataclass(frozen=True)
class Wanted:
    """Which takes are shown. bpm: within 2 %. word: a further word that must occur."""

    text: str = ""
    starred: bool = False
    bpm: float | None = None
    key: Key | None = None
    word: str = ""

    def __bool__(self) -> bool:
        return self != Wanted()

    @property
    def filter(self) -> LibraryFilter:
        low = None if self.bpm is None else self.bpm * (1 - TEMPO_TOLERANCE)
        high = None if self.bpm is None else self.bpm * (1 + TEMPO_TOLERANCE)
        text = f"{self.text} {self.word}".strip()
        return LibraryFilter(low, high, self.key, 1 if self.starred else 0, text=text)


@dataclass(frozen=True)
class _Page:
    entries: tuple[StoredTake, ...]
    total: int


class LibraryState(QObject):
    """UI thread only; nothing blocks but close(). entries: what is loaded, the newest first.

    entries_changed: entries, total or is_loading are others. wanted_changed: the filter is.
    rated(take_id, rating): a take has these stars now. status(sentence): what happened, or why it
    did not.
    """

    entries_changed = pyqtSignal()
    wanted_changed = pyqtSignal()
    rated = pyqtSignal(str, int)
    status = pyqtSignal(str)
    _done = pyqtSignal(object, object)

    def __init__(
        self,
        folder: Path | None = None,
        index_path: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.folder = folder or library_folder()
        self.entries: tuple[StoredTake, ...] = ()
        self.total = 0
        self.is_loading = True
        self.trouble = ""
        self.wanted = Wanted()
        self._removed: list[StoredTake] = []
        self._unwritten = UnwrittenChanges()
        self._query = 0
        self._loading_more = False
        self._done.connect(self._on_done)
        shelves = Shelves(self.folder, index_path, cache_folder() / "overviews.sqlite3")
        self.thread_ = LibraryThread(shelves, self._done.emit)
        self._search_timer = _single_shot(self, SEARCH_PAUSE_MS, self.reload)
        self._refresh_timer = _single_shot(self, _REFRESH_PAUSE_MS, self._refresh_now)
        self.reload()

    @property
    def has_more(self) -> bool:
        """Whether takes are left that `more` would load."""
        return len(self.entries) < self.total

    @property
    def removed_name(self) -> str:
        """The name of the take that undo_remove would bring back; empty when there is none."""
        return self._removed[-1].name if self._removed else ""

    def search(self, text: str) -> None:
        """Show takes that have these words, once no more letters come."""
        if text != self.wanted.text:
            self.wanted = replace(self.wanted, text=text)
            self._search_timer.start()
            self.wanted_changed.emit()

    def want(self, wanted: Wanted) -> None:
        """Show these takes."""
        if wanted != self.wanted:
            self.wanted = wanted
            self.wanted_changed.emit()
            self.reload()

    def reload(self) -> None:
        """Ask for the first page anew."""
        self._search_timer.stop()
        self._query += 1
        self._loading_more = False
        self.is_loading = True
        self._ask(0, partial(self._on_first_page, self._query))

    def refresh(self) -> None:
        """Look for new takes; the list stays where it is."""
        if not self._refresh_timer.isActive():
            self._refresh_timer.start()

    def sweep(self) -> None:
        """Bring the index up to date with the folder: other programs may have changed it."""
        self.do(lambda shelves: shelves.library.sweep(), lambda _report: self.refresh())

    def more(self) -> None:
        """Load the next page."""
        # While words are typed, the list on show is still the one of the old words.
        if self.has_more and not self._loading_more and not self._search_timer.isActive():
            self._loading_more = True
            self._ask(len(self.entries), partial(self._on_next_page, self._query))

    def star(self, take_id: str, rating: int) -> None:
        """Rate a take, 0 (none) to 5, also one that is not loaded; shown at once, taken back
        where it cannot be written."""
        entry = self._find(take_id)
        before = None if entry is None else entry.rating
        if before == rating:
            return
        number = self._unwritten.rate(take_id, rating)
        self._show_rating(take_id, rating)

        def settle(result: object) -> None:
            is_last = self._unwritten.settle_rating(take_id, number)
            if isinstance(result, AppError):
                if is_last and before is not None:
                    self._show_rating(take_id, before)
                self.status.emit(result.sentence)
            elif before is None:
                self.refresh()

        self.do(lambda shelves: shelves.library.star(take_id, rating), settle)

    def remove(self, take_id: str) -> None:
        """Move a take to the library's Trash; undo_remove brings it back."""
        entry = self._find(take_id)
        if entry is None:
            return
        self._unwritten.remove(take_id)
        self._show(self.entries, self.total - 1)

        def settle(result: object) -> None:
            self._unwritten.settle_removal(take_id)
            if isinstance(result, AppError):
                self.status.emit(result.sentence)
                self._put_back(entry)
            else:
                self._removed.append(entry)
                self.status.emit(f"“{entry.name}” is in the Trash; Ctrl+Z brings it back.")

        self.do(lambda shelves: shelves.library.remove(take_id), settle)

    def undo_remove(self) -> None:
        """Bring back the take that was removed last."""
        if not self._removed:
            return
        entry = self._removed.pop()

        def check(result: object) -> None:
            if isinstance(result, Path):
                self.status.emit(f"“{entry.name}” is back.")
                self._put_back(entry.moved_to(result))
            elif isinstance(result, AppError):
                self.status.emit(result.sentence)

        self.do(lambda shelves: shelves.library.restore(entry.take_id), check)

    def do(self, work: Callable[[Shelves], object], then: Then) -> None:
        """Do work on the library's thread; `then` gets its result or AppError on the UI thread."""
        self.thread_.do(then, work)

    def close(self) -> None:
        """End the thread; nothing is told any more."""
        self._search_timer.stop()
        self._refresh_timer.stop()
        self._done.disconnect(self._on_done)
        self.thread_.close()

    def _refresh_now(self) -> None:
        self._ask(0, partial(self._on_refreshed, self._query))

    def _ask(self, offset: int, then: Then) -> None:
        chosen = self.wanted.filter

        def look(shelves: Shelves) -> _Page:
            found = shelves.library.list(PAGE, offset, chosen)
            return _Page(tuple(map(StoredTake.of, found)), shelves.library.count(chosen))

        self.do(look, then)

    def _on_done(self, then: Then, result: object) -> None:
        then(result)

    def _on_first_page(self, query: int, result: object) -> None:
        if query != self._query:
            return
        self.is_loading = False
        if isinstance(result, AppError):
            self.trouble = result.sentence
            self.status.emit(result.sentence)
            self._show((), 0)
        elif isinstance(result, _Page):
            self.trouble = ""
            self._show(result.entries, result.total)

    def _on_next_page(self, query: int, result: object) -> None:
        if query != self._query:
            return
        self._loading_more = False
        if isinstance(result, _Page):
            known = {entry.take_id for entry in self.entries}
            new = tuple(entry for entry in result.entries if entry.take_id not in known)
            # Pages shift when takes come and go meanwhile; an empty one must not be asked again.
            total = result.total if new else len(self.entries)
            self._show(self.entries + new, total)

    def _on_refreshed(self, query: int, result: object) -> None:
        if query == self._query and isinstance(result, _Page):
            self.trouble, self.is_loading = "", False
            self._show(_merged(result.entries, self.entries, result.total), result.total)

    def _show(self, entries: tuple[StoredTake, ...], total: int) -> None:
        self.entries, self.total = self._unwritten.applied_to(entries), total
        self.entries_changed.emit()

    def _row_of(self, take_id: str) -> int | None:
        rows = (row for row, entry in enumerate(self.entries) if entry.take_id == take_id)
        return next(rows, None)

    def _find(self, take_id: str) -> StoredTake | None:
        row = self._row_of(take_id)
        return None if row is None else self.entries[row]

    def _show_rating(self, take_id: str, rating: int) -> None:
        row = self._row_of(take_id)
        if row is not None:
            rated = self.entries[row].rated(rating)
            self.entries = (*self.entries[:row], rated, *self.entries[row + 1 :])
            self.entries_changed.emit()
        self.rated.emit(take_id, rating)

    def _put_back(self, entry: StoredTake) -> None:
        """Show a take where it was, if it is wanted and its place is loaded."""
        older = (at for at, e in enumerate(self.entries) if _newness(e) < _newness(entry))
        at = next(older, len(self.entries))
        is_loaded = at < len(self.entries) or not self.has_more
        if self.wanted or not is_loaded:
            self.reload()
        elif self._find(entry.take_id) is None:
            self._show((*self.entries[:at], entry, *self.entries[at:]), self.total + 1)


def _newness(entry: StoredTake) -> tuple[float, str]:
    return entry.created, entry.take_id


def _merged(
    page: tuple[StoredTake, ...], known: tuple[StoredTake, ...], total: int
) -> tuple[StoredTake, ...]:
    """Return the first page with what was loaded behind it, where that still follows."""
    if not page or not known or len(known) <= len(page):
        return page
    ids = [entry.take_id for entry in known]
    last = page[-1].take_id
    if last not in ids:
        return page
    whole = page + known[ids.index(last) + 1 :]
    return whole if len(whole) <= total else page


def _single_shot(owner: QObject, pause_ms: int, then: Callable[[], None]) -> QTimer:
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(pause_ms)
    timer.timeout.connect(then)
    return timer
