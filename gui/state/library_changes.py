"""Stars and removals that are shown before they are written. No Qt."""

from __future__ import annotations

from collections.abc import Iterable

from gui.state.stored_take import StoredTake


class UnwrittenChanges:
    """Keeps what was looked up before a change from undoing it on the screen. UI thread only.

    The library's thread works in order: until a change is settled, everything that arrives was
    looked up before it.
    """

    def __init__(self) -> None:
        self._ratings: dict[str, tuple[int, int]] = {}
        self._removed: dict[str, int] = {}
        self._number = 0

    def rate(self, take_id: str, rating: int) -> int:
        """Show this rating from now on; returns what settle_rating wants."""
        self._number += 1
        self._ratings[take_id] = (self._number, rating)
        return self._number

    def settle_rating(self, take_id: str, number: int) -> bool:
        """The rating is written, or never will be. Returns whether it was the take's last one."""
        is_last = self._ratings.get(take_id, (0, 0))[0] == number
        if is_last:
            del self._ratings[take_id]
        return is_last

    def remove(self, take_id: str) -> None:
        """Leave the take out from now on."""
        self._removed[take_id] = self._removed.get(take_id, 0) + 1

    def settle_removal(self, take_id: str) -> None:
        """The take is removed, or never will be."""
        self._removed[take_id] -= 1
        if not self._removed[take_id]:
            del self._removed[take_id]

    def applied_to(self, entries: Iterable[StoredTake]) -> tuple[StoredTake, ...]:
        """Return the entries as they are to be shown."""
        if not self._ratings and not self._removed:
            return tuple(entries)
        return tuple(self._rated(e) for e in entries if e.take_id not in self._removed)

    def _rated(self, entry: StoredTake) -> StoredTake:
        _, rating = self._ratings.get(entry.take_id, (0, entry.rating))
        return entry if rating == entry.rating else entry.rated(rating)
