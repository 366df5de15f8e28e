"""The library's entries as rows; a change touches only the rows that it concerns."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from engine.library import LibraryEntry
from gui.state.library import LibraryState, name_of
from plugin_bridge.export_name import known_key

ENTRY_ROLE = Qt.ItemDataRole.UserRole + 1
_NO_PARENT = QModelIndex()


class LibraryModel(QAbstractListModel):
    """Follows a LibraryState. UI thread only."""

    def __init__(self, state: LibraryState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._rows: tuple[LibraryEntry, ...] = state.entries
        state.entries_changed.connect(self._follow)

    def entry(self, index: QModelIndex) -> LibraryEntry | None:
        """Return the entry of a row, None for no row."""
        return self._rows[index.row()] if index.isValid() else None

    def row_of(self, take_id: str) -> int | None:
        """Return where a take is shown."""
        found = (row for row, entry in enumerate(self._rows) if entry.take_id == take_id)
        return next(found, None)

    def tell_changed(self, take_id: str) -> None:
        """Have a take's row drawn anew."""
        row = self.row_of(take_id)
        if row is not None:
            index = self.index(row)
            self.dataChanged.emit(index, index)

    def rowCount(self, parent: QModelIndex = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self.entry(index)
        if entry is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return name_of(entry)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{name_of(entry)}\n{facts_line(entry)}\n{entry.path.name}"
            case Qt.ItemDataRole.AccessibleTextRole:
                stars = f", {entry.rating} of 5 stars" if entry.rating else ""
                return f"{name_of(entry)}, {facts_line(entry).replace(' · ', ', ')}{stars}"
            case _:
                return entry if role == ENTRY_ROLE else None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsDragEnabled

    def canFetchMore(self, parent: QModelIndex) -> bool:
        return not parent.isValid() and self._state.has_more

    def fetchMore(self, parent: QModelIndex) -> None:
        if not parent.isValid():
            self._state.more()

    def _follow(self) -> None:
        """Find what differs between the shown rows and the state's, and change only that."""
        old, new = self._rows, self._state.entries
        head = _shared(old, new)
        tail = _shared(old[head:][::-1], new[head:][::-1])
        gone, come = len(old) - head - tail, len(new) - head - tail
        if gone:
            self.beginRemoveRows(_NO_PARENT, head, head + gone - 1)
            self._rows = old[:head] + old[head + gone :]
            self.endRemoveRows()
        if come:
            self.beginInsertRows(_NO_PARENT, head, head + come - 1)
            self._rows = new
            self.endInsertRows()
        self._rows = new
        pairs = [(row, row) for row in range(head)]
        pairs += [(len(old) - back, len(new) - back) for back in range(1, tail + 1)]
        for before, after in pairs:
            if old[before] is not new[after] and _looks(old[before]) != _looks(new[after]):
                self.dataChanged.emit(self.index(after), self.index(after))


def facts_line(entry: LibraryEntry) -> str:
    """Return what is known of a take in a few words: 120 bpm · Am · 2 bars."""
    facts = entry.facts
    request = facts.request
    key = known_key(facts)
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


def _shared(first: tuple[LibraryEntry, ...], second: tuple[LibraryEntry, ...]) -> int:
    """Return how many takes both begin with."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one is not other and one.take_id != other.take_id:
            break
        count += 1
    return count


def _looks(entry: LibraryEntry) -> tuple[object, ...]:
    """Return what of a take can change and is seen."""
    return entry.rating, entry.path
