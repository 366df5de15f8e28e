"""Listening and recording as the window sees them: off until it is asked for."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from engine.places import log_folder, recordings_folder
from gui.state.sync import Sync
from plugin_bridge.capture.capture_client import CaptureClient, ListenOptions, RecordOrder
from plugin_bridge.capture.capture_events import (
    CaptureEvent,
    InputLost,
    Listening,
    NotListening,
    Recorded,
    RecordFailed,
)
from plugin_bridge.capture.capture_messages import InputOpened
from plugin_bridge.capture.punch import Running, Waiting
from plugin_bridge.sync.sources import SyncRequest

BARS = (1, 2, 4, 8, 16, 32)
#: Where nobody tells a tempo.
_USUAL_BPM = 120.0


class Ear(Enum):
    """Whether anything is listened to."""

    OFF = "off"
    OPENING = "opening"
    ON = "on"
    LOST = "lost"


class Recorder(QObject):
    """Owns the capture client, which there is only while something is listened to. UI thread only;
    nothing blocks but close().

    changed: whether and what is listened to, or how far a recording is. recorded(Path): a file is
    there, to be opened. said(sentence, level): the answer to a wish. noted: news.
    """

    changed = pyqtSignal()
    recorded = pyqtSignal(object)
    said = pyqtSignal(str, str)
    noted = pyqtSignal(str, str)
    _arrived = pyqtSignal(object)

    def __init__(self, sync: Sync, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.ear = Ear.OFF
        self.input = ""
        self.bars = 4
        #: What is listened to, as it calls itself.
        self.heard_name = ""
        #: Whole bars that could be kept now; None without a transport.
        self.bars_kept: int | None = None
        #: How far a recording is; None: nothing is being recorded.
        self.progress: Waiting | Running | None = None
        self._sync = sync
        self._client: CaptureClient | None = None
        self._followed: SyncRequest | None = None
        self._is_for_one = False
        self._arrived.connect(self._on_event)
        sync.changed.connect(self._follow)

    @property
    def is_recording(self) -> bool:
        return self.progress is not None

    def toggle_listening(self) -> None:
        """Switch listening on, or off: then what was kept is gone."""
        if self.ear is Ear.OFF or self._is_for_one:
            was_off, self._is_for_one = self.ear is Ear.OFF, False
            if was_off:
                self._listen()
            self.said.emit("Listening: the last 32 bars are kept; Shift+R takes them.", "")
        else:
            self._stop()
            self.said.emit("Listening is off; what was kept is gone.", "")

    def record(self, bpm: float | None) -> None:
        """Record from the next bar line on; again: do not. bpm: where no transport tells one."""
        if self.is_recording:
            self.cancel()
            return
        if self.ear is Ear.OFF:
            self._is_for_one = True
            self._listen()
        assert self._client is not None  # something is listened to
        self.progress = Waiting()
        self._client.record(self._order(self.bars, bpm))
        self.said.emit(self._armed_words(bpm), "")
        self.changed.emit()

    def cancel(self) -> bool:
        """Record nothing. Returns whether there was a recording to cancel."""
        if self._client is None or not self.is_recording:
            return False
        self.progress = None
        self._client.cancel()
        self._end_if_for_one()
        self.said.emit("Nothing is recorded.", "")
        self.changed.emit()
        return True

    def keep_last(self) -> None:
        """Write down the last whole bars that were heard."""
        if self._client is None or self.ear is Ear.OFF:
            self.said.emit(
                "Nothing was heard: listening is off. Alt+R switches it on; from then on the last "
                "32 bars are kept.",
                "warn",
            )
            return
        self._client.keep_last(self._order(self.bars, None))

    def set_bars(self, bars: int) -> None:
        """Record so many bars from now on, 1 to 32."""
        self.bars = bars
        self.said.emit(f"{bars} bar{'' if bars == 1 else 's'} are recorded at a time now.", "")
        self.changed.emit()

    def set_input(self, name: str) -> None:
        """Listen to another input; "" is the system's own."""
        self.input = name
        if self.ear is not Ear.OFF:
            self._listen()
        self.changed.emit()

    def close(self) -> None:
        """End listening; a recording that is being written is finished."""
        self._sync.changed.disconnect(self._follow)
        self._arrived.disconnect(self._on_event)
        if self._client is not None:
            self._client.close()
            self._client = None

    def _order(self, bars: int, bpm: float | None) -> RecordOrder:
        return RecordOrder(bars, str(recordings_folder()), bpm or _USUAL_BPM)

    def _armed_words(self, bpm: float | None) -> str:
        bars = f"{self.bars} bar{'' if self.bars == 1 else 's'}"
        if self._sync.request is not None:
            return f"Records {bars} from the next bar line on; Esc cancels."
        return f"Records {bars} of {bpm or _USUAL_BPM:.4g} bpm from now on; Esc cancels."

    def _listen(self) -> None:
        if self._client is None:
            self._client = CaptureClient(self._arrived.emit)
        self._followed = self._transport()
        self._tell_clock(self._client)
        options = ListenOptions(self.input, self._followed, log_path=log_folder() / "listening.log")
        self._client.listen(options)
        self._show(Ear.OPENING if self.ear is Ear.OFF else self.ear)

    def _follow(self) -> None:
        """Tell the client whose bars are followed, when that is another's, and how our own clock
        goes."""
        if self.ear is Ear.OFF or self._client is None:
            return
        self._tell_clock(self._client)
        if self._transport() != self._followed:
            self._listen()

    def _transport(self) -> SyncRequest | None:
        """Return where the listening process asks where the music is: never to lead. A clock that
        is ours alone it knows from playback, and the tempo of all is no news to it."""
        request = self._sync.request
        if request is None or self._sync.is_own_clock:
            return None if request is None else SyncRequest("internal")
        return SyncRequest(request.source) if request.leads else request

    def _tell_clock(self, client: CaptureClient) -> None:
        if self._sync.is_own_clock and self._sync.status is not None:
            client.tell(self._sync.status)

    def _stop(self) -> None:
        self._is_for_one = False
        self.progress = self.bars_kept = None
        if self._client is not None:
            self._client.stop_listening()
        self._show(Ear.OFF)

    def _end_if_for_one(self) -> None:
        """Listening that was switched on for one recording ends with it."""
        if self._is_for_one:
            self._stop()

    def _show(self, ear: Ear) -> None:
        self.ear = ear
        self.changed.emit()

    def _on_event(self, event: CaptureEvent) -> None:
        if self.ear is Ear.OFF and not isinstance(event, Recorded | RecordFailed):
            return  # it was on its way when listening was switched off
        match event:
            case InputOpened():
                self._on_opened(event)
            case InputLost():
                self.noted.emit(event.sentence, "warn")
                self._show(Ear.LOST)
            case Listening():
                self._on_listening(event)
            case Recorded():
                self._on_recorded(event.path, event.sentence, is_whole=event.cut.is_whole)
            case RecordFailed():
                self.progress = None
                self.said.emit(event.sentence, "fault")
                self._end_if_for_one()
                self.changed.emit()
            case NotListening():
                self._show(Ear.OFF)
            case _:
                pass

    def _on_opened(self, opened: InputOpened) -> None:
        self.heard_name = opened.name
        if self.ear is Ear.LOST:
            self.noted.emit(f"Listening to {opened.name} again.", "")
        if opened.sentence:
            self.noted.emit(opened.sentence, "warn")
        self._show(Ear.ON)

    def _on_listening(self, event: Listening) -> None:
        before = self.progress, self.bars_kept
        self.bars_kept = event.bars
        if self.is_recording:  # else it was told before the cancel arrived
            self.progress = event.progress or self.progress
        if before != (self.progress, self.bars_kept):
            self.changed.emit()

    def _on_recorded(self, path: Path, sentence: str, *, is_whole: bool) -> None:
        self.progress = None
        self._end_if_for_one()
        self.said.emit(sentence, "" if is_whole else "warn")
        self.changed.emit()
        self.recorded.emit(path)
