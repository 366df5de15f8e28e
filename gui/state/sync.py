"""Whose bars playback follows: nobody's, our own clock's, Link's, JACK's or a MIDI clock's; or who
follows it."""

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
#: Those in which others can be led.
LED: tuple[SourceName, ...] = ("link", "jack", "midi")
#: Where neither the transport nor a sound has a tempo yet.
_USUAL_BPM = 120.0


class Sync(QObject):
    """What is followed or led, and where it is. UI thread only; nothing blocks.

    Who leads has the others go at the tempo of what he hears, until he sets one by hand.

    changed: another source, tempo, place or problem. noted(sentence, level): news.
    """

    changed = pyqtSignal()
    noted = pyqtSignal(str, str)

    def __init__(self, playback: Playback, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.source: SourceName | None = None
        self.leads = False
        #: Where the transport is; None: nobody is followed, or nothing is known yet.
        self.status: SyncStatus | None = None
        self._playback = playback
        self._bpm: float | None = None
        self._is_by_hand = False
        self._is_heard = False
        self._problem = ""
        playback.sync_told.connect(self._on_status)

    def follow(
        self, source: SourceName | None, bpm: float | None = None, *, leads: bool = False
    ) -> None:
        """Follow another source, or lead in it. bpm: the tempo where nobody else tells one; None:
        that of the first sound that is heard."""
        self.source, self.status, self._bpm = source, None, bpm
        self.leads = leads and source in LED
        self._is_heard, self._problem, self._is_by_hand = False, "", False
        self._send()
        self.changed.emit()

    def offer_tempo(self, bpm: float | None) -> None:
        """A sound of this tempo is heard: a source that has none yet takes it, and those who are
        led go at it."""
        if self.source is None or bpm is None or self._is_by_hand:
            return
        if self._bpm is None or (self.leads and bpm != self._bpm):
            self._bpm = bpm
            self._send()

    @property
    def is_own_clock(self) -> bool:
        """Whether playback's process alone knows where the music is."""
        return self.source == "internal" or (self.leads and self.source == "midi")

    @property
    def sets_tempo(self) -> bool:
        """Whether the tempo is ours to set."""
        return self.leads or self.source == "internal"

    def set_tempo(self, bpm: float) -> None:
        """Go at this tempo from now on, 1 to 1000 bpm, whatever is heard."""
        if self.sets_tempo:
            self._bpm, self._is_by_hand = bpm, True
            self._send()

    @property
    def request(self) -> SyncRequest | None:
        """What is followed or led, None for nobody."""
        if self.source is None:
            return None
        return SyncRequest(self.source, self._bpm or _USUAL_BPM, COMMON_TIME, self.leads)

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
            name = NAMES[status.source]
            words = f"{name} goes by this window now" if self.leads else f"Playback follows {name}"
            self.noted.emit(f"{words}.", "")
        self.changed.emit()


def source_of(name: str) -> SourceName | None:
    """Return the source that the settings name, None for none or an unknown one."""
    return next((source for source in SOURCES if source == name), None)
