"""Takes drawn small: from memory, from the disk's cache, else drawn by the clip reader."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from gui.state.clip_service import ClipService
from gui.state.library import LibraryState
from gui.state.library_thread import Shelves
from gui.state.stored_take import StoredTake
from plugin_bridge.clip_events import ClipEvent, OverviewDrawn

#: Extremes per take: one per pixel of a row at its usual width.
COLUMNS = 208
_KEPT = 4000
#: Takes that are being drawn; when more are wanted, the ones that scrolled by first are dropped.
_DRAWN_AT_ONCE = 48


class Overviews(QObject):
    """UI thread only; nothing blocks. changed(take_id): it can be drawn now."""

    changed = pyqtSignal(str)

    def __init__(
        self, library: LibraryState, service: ClipService, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._library, self._service = library, service
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._wanted: dict[str, StoredTake] = {}
        self._drawing: OrderedDict[str, str] = OrderedDict()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look_up)

    def find(self, entry: StoredTake) -> bytes | None:
        """Return int8 (2, COLUMNS) as bytes, minima first, 127 = the peak; None: it is on its way,
        or cannot be drawn (then empty)."""
        found = self._known.get(entry.take_id)
        if found is not None:
            self._known.move_to_end(entry.take_id)
            return found
        if entry.take_id not in self._drawing and entry.take_id not in self._wanted:
            self._wanted[entry.take_id] = entry
            self._timer.start(0)
        return None

    def _look_up(self) -> None:
        wanted, self._wanted = self._wanted, {}
        for take_id in wanted:
            self._drawing[take_id] = ""

        def look(shelves: Shelves) -> dict[str, bytes]:
            return shelves.overviews.find(wanted)

        self._library.do(look, partial(self._on_found, wanted))

    def _on_found(self, wanted: dict[str, StoredTake], found: object) -> None:
        cached: dict[str, bytes] = found if isinstance(found, dict) else {}
        for take_id, entry in wanted.items():
            extremes = cached.get(take_id)
            if extremes is not None and len(extremes) == 2 * COLUMNS:
                self._keep(take_id, extremes)
            elif take_id in self._drawing:
                self._draw(entry)

    def _draw(self, entry: StoredTake) -> None:
        then = partial(self._on_drawn, entry.take_id)
        self._drawing[entry.take_id] = self._service.overview(entry.path, COLUMNS, then)
        while len(self._drawing) > _DRAWN_AT_ONCE:
            _, request_id = self._drawing.popitem(last=False)
            self._service.cancel(request_id)

    def _on_drawn(self, take_id: str, event: ClipEvent) -> None:
        if not isinstance(event, OverviewDrawn):
            self._keep(take_id, b"")  # a take that cannot be read is not asked for again
            return
        extremes = event.extremes
        self._keep(take_id, extremes)
        self._library.thread_.do(None, lambda shelves: shelves.overviews.put(take_id, extremes))

    def _keep(self, take_id: str, extremes: bytes) -> None:
        self._drawing.pop(take_id, None)
        self._known[take_id] = extremes
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        self.changed.emit(take_id)
