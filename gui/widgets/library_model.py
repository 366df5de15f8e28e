"""The library's entries as rows; a change touches only the rows that it concerns."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QModelIndex, QObject, QStringListModel, Qt, pyqtSignal

from gui.state.library import LibraryState
from gui.state.stored_take import StoredTake

ENTRY_ROLE = Qt.ItemDataRole.UserRole + 1
_NO_PARENT = QModelIndex()


class LibraryModel(QStringListModel):
    """Follows a LibraryState. UI thread only. changing, changed: around each step that follows it.

    Qt counts the rows, because a view asks for their number twice per row that it lays out; what
    is in them is Python's.
    """

    changing = pyqtSignal()
    changed = pyqtSignal()

    def __init__(self, state: LibraryState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._rows: tuple[StoredTake, ...] = ()
        self._next: tuple[StoredTake, ...] = ()
        # Connected before any view is: whoever is told of new rows finds them here.
        self.rowsInserted.connect(self._turn)
        self.rowsRemoved.connect(self._turn)
        state.entries_changed.connect(self._follow)
        self._follow()

    def entry(self, index: QModelIndex) -> StoredTake | None:
        """Return the entry of a row, None for no row."""
        return self._rows[index.row()] if index.isValid() else None

    def index_of(self, take_id: str) -> QModelIndex:
        """Return where a take is shown, else no index."""
        found = (row for row, entry in enumerate(self._rows) if entry.take_id == take_id)
        row = next(found, None)
        return QModelIndex() if row is None else self.index(row)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self.entry(index)
        if entry is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return entry.name
            case Qt.ItemDataRole.ToolTipRole:
                return f"{entry.name}\n{facts_line(entry)}\n{entry.path.name}"
            case Qt.ItemDataRole.AccessibleTextRole:
                stars = f", {entry.rating} of 5 stars" if entry.rating else ""
                return f"{entry.name}, {facts_line(entry).replace(' · ', ', ')}{stars}"
            case _:
                return entry if role == ENTRY_ROLE else None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        of_no_row = Qt.ItemFlag.NoItemFlags
        if not index.isValid():
            return of_no_row
        can = Qt.ItemFlag
        return can.ItemIsEnabled | can.ItemIsSelectable | can.ItemIsDragEnabled

    def canFetchMore(self, parent: QModelIndex) -> bool:
        return not parent.isValid() and self._state.has_more

    def fetchMore(self, parent: QModelIndex) -> None:
        if not parent.isValid():
            self._state.more()

    def _follow(self) -> None:
        """Find what differs between the shown rows and the state's, and change only that."""
        self.changing.emit()
        self._change_rows(self._state.entries)
        self.changed.emit()

    def _change_rows(self, new: tuple[StoredTake, ...]) -> None:
        old = self._rows
        head = _shared(old, new)
        tail = _shared(old[head:][::-1], new[head:][::-1])
        gone, come = len(old) - head - tail, len(new) - head - tail
        if gone:
            self._next = old[:head] + old[head + gone :]
            self.removeRows(head, gone)
        if come:
            self._next = new
            self.insertRows(head, come)
        kept, self._rows = self._rows, new
        for row, (before, after) in enumerate(zip(kept, new, strict=True)):
            if before is not after and _looks(before) != _looks(after):
                index = self.index(row)
                self.dataChanged.emit(index, index)

    def _turn(self) -> None:
        self._rows = self._next


def facts_line(entry: StoredTake) -> str:
    """Return what is known of a take in a few words: 120 bpm · Am · 2 bars."""
    facts = entry.facts
    request = facts.request
    key = facts.key
    parts: list[str] = []
    if request.one_shot or facts.tempo_bpm is None:
        parts.append("one-shot" if request.one_shot else request.task.value)
        parts.append(f"{facts.frames / facts.sample_rate:.1f} s")
    else:
        parts.append(f"{facts.tempo_bpm:.5g} bpm")
    if key is not None:
        parts.append(short_key(key.name))
    if facts.bars is not None and not request.one_shot:
        bars = f"{facts.bars:.3g}"
        parts.append(f"{bars} bar{'' if bars == '1' else 's'}")
    seam = facts.measured.seam_score
    if seam is not None and len(parts) < 4:
        parts.append(f"seam {seam:.2f}")
    return " · ".join(parts)


def short_key(name: str) -> str:
    """Return A minor as Am and F# major as F#."""
    note, _, mode = name.partition(" ")
    return f"{note}m" if mode == "minor" else note


def _shared(first: tuple[StoredTake, ...], second: tuple[StoredTake, ...]) -> int:
    """Return how many takes both begin with."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one is not other and one.take_id != other.take_id:
            break
        count += 1
    return count


def _looks(entry: StoredTake) -> tuple[object, ...]:
    """Return what of a take can change and is seen."""
    return entry.rating, entry.file
