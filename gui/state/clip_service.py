"""The clip readers as the window sees them: wishes in, answers by call on the UI thread."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from plugin_bridge.clip_client import ClipClient
from plugin_bridge.clip_events import ClipEvent, ClipOpened

Then = Callable[[ClipEvent], None]


class ClipService(QObject):
    """Owns two readers. UI thread only; nothing blocks but close().

    One reads what nobody trusts and measures it; the other serves the library's own takes, so
    that a file that hangs never delays a drag or an audition. The first is warmed up at once, the
    second starts when it is needed.
    """

    _arrived = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._then: dict[str, Then] = {}
        self._arrived.connect(self._on_event)
        self._foreign = ClipClient(self._arrived.emit)
        self._own = ClipClient(self._arrived.emit, warm=False)

    def read(self, path: Path, then: Then) -> str:
        """Read a user's file: ClipOpened, then ClipMeasured without a recipe, or ClipFailed."""
        request_id = self._expect(then)
        self._foreign.read(request_id, path)
        return request_id

    def read_take(self, path: Path, then: Then) -> str:
        """Read a take of the library: ClipOpened or ClipFailed."""
        request_id = self._expect(then)
        self._own.read(request_id, path, is_take=True)
        return request_id

    def overview(self, path: Path, columns: int, then: Then) -> str:
        """Draw a take small: OverviewDrawn or ClipFailed."""
        request_id = self._expect(then)
        self._own.overview(request_id, path, columns)
        return request_id

    def export(self, path: Path, folder: Path, subtype: str | None, then: Then) -> str:
        """Write a take as a finished file: ClipExported or ClipFailed."""
        request_id = self._expect(then)
        self._own.export(request_id, path, folder, subtype)
        return request_id

    def cancel(self, request_id: str) -> None:
        """Forget a request; its `then` is not called any more."""
        if self._then.pop(request_id, None) is not None:
            self._foreign.cancel(request_id)
            self._own.cancel(request_id)

    def close(self) -> None:
        """End both readers; nothing is told any more."""
        self._then.clear()
        self._foreign.close()
        self._own.close()

    def _expect(self, then: Then) -> str:
        request_id = uuid.uuid4().hex
        self._then[request_id] = then
        return request_id

    def _on_event(self, event: ClipEvent) -> None:
        then = self._then.get(event.request_id)
        if then is None:
            return
        if not (isinstance(event, ClipOpened) and event.facts is None):
            del self._then[event.request_id]
        then(event)
