"""Whose bars playback follows: nobody's, our own clock's, Link's, JACK's or a MIDI clock's."""

from __future__ import annotations

from PyQt6.QtCore import QObject, pyqtSignal

from engine.tempo import COMMON_TIME
from gui.state.playback import Playback
from plugin_bridge.audio_client import SyncStatus
from plugin_bridge.sync.sources import SyncRequest
from plugin_bridge.sync.transport import SOURCES, SourceName

NAMES: dict[SourceName, str] = {
    "internal": "Internal",
    "link": "Link",
    "jack": "JACK",
    "midi": "MIDI",
}
#: Where neither the transport nor a sound has a tempo yet.
_USUAL_BPM = 120.0


class Sync(QObject):
    """What is followed and where it is. UI thread only; nothing blocks.

    changed: another source, tempo, place or problem. noted(sentence, level): news.
    """

    changed = pyqtSignal()
    noted = pyqtSignal(str, str)

    def __init__(self, playback: Playback, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.source: SourceName | None = None
        #: Where the transport is; None: nobody is followed, or nothing is known yet.
        self.status: SyncStatus | None = None
        self._playback = playback
        self._bpm: float | None = None
        self._is_heard = False
        self._problem = ""
        playback.sync_told.connect(self._on_status)

    def follow(self, source: SourceName | None, bpm: float | None = None) -> None:
        """Follow another source. bpm: the tempo where nobody else tells one; None: that of the
        first sound that is heard."""
        self.source, self.status, self._bpm = source, None, bpm
        self._is_heard, self._problem = False, ""
        self._send()
        self.changed.emit()

    def offer_tempo(self, bpm: float | None) -> None:
        """A sound of this tempo is heard: a source that has none yet takes it."""
        if self.source is not None and self._bpm is None and bpm is not None:
            self._bpm = bpm
            self._send()

    @property
    def request(self) -> SyncRequest | None:
        """What is followed, None for nobody."""
        if self.source is None:
            return None
        return SyncRequest(self.source, self._bpm or _USUAL_BPM, COMMON_TIME)

    def _send(self) -> None:
        self._playback.set_sync(self.request)

    def _on_status(self, status: SyncStatus) -> None:
        if status.source != self.source:
            return
        self.status = status
        if status.sentence != self._problem:
            self._problem = status.sentence
            if status.sentence:
                self._is_heard = False
                self.noted.emit(status.sentence, "warn")
        if not status.sentence and not self._is_heard:
            self._is_heard = True
            self.noted.emit(f"Playback follows {NAMES[status.source]}.", "")
        self.changed.emit()


def source_of(name: str) -> SourceName | None:
    """Return the source that the settings name, None for none or an unknown one."""
    return next((source for source in SOURCES if source == name), None)
