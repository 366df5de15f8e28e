"""Playback as the window sees it: which clip is heard where, its news as signals."""

from __future__ import annotations

from fractions import Fraction

from PyQt6.QtCore import QObject, pyqtSignal

from gui.state.clip import Clip
from plugin_bridge.audio_client import (
    AudioClient,
    AudioEvent,
    AudioGaveUp,
    AudioOptions,
    AudioRestarting,
    DeviceGone,
    DeviceList,
    DeviceOpened,
    Refused,
    SlotFailed,
    SyncStatus,
    VirtualOutputMade,
    VirtualOutputRefused,
)
from plugin_bridge.audio_client import Playback as Position
from plugin_bridge.slots import match_gain
from plugin_bridge.sync.sources import SyncRequest


class Playback(QObject):
    """Owns the audio client. UI thread only; nothing blocks but close().

    Takes are heard at one loudness, on one timeline: another take goes on where the last one was.
    chose(id of the take that is heard from now on, "" of another sound). playing_changed(bool).
    moved(frame of the chosen clip). peaked(linear peak). under_runs_changed(count).
    devices_changed(tuple of OutputDevice, name of the chosen one; "" is the system's own).
    inputs_changed(tuple of InputDevice). switched: what was chosen for the next bar is heard.
    lost_changed(bool): there is no output. rate_changed(Hz): what the output runs at.
    sync_told(SyncStatus). said(sentence, level).
    """

    chose = pyqtSignal(str)
    playing_changed = pyqtSignal(bool)
    moved = pyqtSignal(int)
    peaked = pyqtSignal(float)
    under_runs_changed = pyqtSignal(int)
    devices_changed = pyqtSignal(tuple, str)
    inputs_changed = pyqtSignal(tuple)
    switched = pyqtSignal()
    lost_changed = pyqtSignal(bool)
    rate_changed = pyqtSignal(int)
    sync_told = pyqtSignal(object)
    said = pyqtSignal(str, str)
    _arrived = pyqtSignal(object)

    def __init__(self, options: AudioOptions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.is_playing = False
        self.under_runs = 0
        self.device = options.device
        self.output = ""
        self._rate = options.sample_rate
        self._clip: Clip | None = None
        self._next: Clip | None = None
        self._looping = True
        self._gains: dict[str, float] = {}
        self._gone = False
        self._arrived.connect(self._on_event)
        self._client = AudioClient(options, self._arrived.emit)
        self._client.set_loop(True)
        self._client.list_devices()

    @property
    def child_pid(self) -> int | None:
        return self._client.child_pid

    def choose(self, clip: Clip | None) -> None:
        """Hear this clip from now on, at the place where the last one was."""
        self._clip, self._next = clip, None
        self.chose.emit("" if clip is None else clip.take_id)
        if clip is None:
            self._client.choose(None)
            self.stop()
            return
        self._put(clip)
        bar = clip.bar_frames
        if bar is not None:
            downbeat = self._on_timeline(clip, clip.downbeat_frame)
            frames = Fraction(bar) * self._rate / clip.sample_rate
            self._client.set_grid(frames, downbeat, clip.signature.beats_per_bar)
        else:
            self._client.unset_grid()
        self._client.choose(clip.clip_id)
        self._show_loop()

    def choose_at_bar(self, clip: Clip) -> None:
        """Hear this clip from the next bar line of the chosen one on; `switched` tells."""
        self._put(clip)
        self._next = clip
        self._client.choose(clip.clip_id, "bar")

    def play(self, frame: int | None = None) -> None:
        """Play the chosen clip from a frame of its own, or from where it stands."""
        clip = self._clip
        if clip is None:
            return
        self._client.play(None if frame is None else self._on_timeline(clip, frame))
        self._show_playing(True)

    def stop(self) -> None:
        """Stop and stay there."""
        self._client.stop()
        self._show_playing(False)

    def toggle(self) -> None:
        """Play or stop."""
        if self.is_playing:
            self.stop()
        else:
            self.play()

    def seek(self, clip: Clip, frame: int) -> None:
        """Go to a frame of a clip, playing or not."""
        self._client.seek(self._on_timeline(clip, frame))

    def keep_ready(self, clips: tuple[Clip, ...]) -> None:
        """Have these clips, and no others but the chosen one, at hand to be switched to."""
        wanted = {clip.clip_id: clip for clip in clips}
        for clip in (self._clip, self._next):
            if clip is not None:
                wanted[clip.clip_id] = clip
        for clip_id in set(self._gains) - set(wanted):
            self._client.drop(clip_id)
            del self._gains[clip_id]
        for clip in wanted.values():
            self._put(clip)

    def set_looping(self, looping: bool) -> None:
        """Play round and round, or stop at the end. A one-shot always stops."""
        self._looping = looping
        self._show_loop()

    def set_device(self, name: str) -> None:
        """Go on at another output; "" is the system's own."""
        self.device = name
        self._client.set_device(name)

    def set_sync(self, request: SyncRequest | None) -> None:
        """Lay the bars of what is heard on those of a transport; None: of none."""
        self._client.set_sync(request)

    def set_insert(self, ring: str) -> None:
        """Play through the plugin host with this ring; empty: through none. Any thread."""
        self._client.set_insert(ring)

    def look_for_devices(self) -> None:
        """Ask what outputs there are; devices_changed tells."""
        self._client.list_devices()

    def make_virtual_output(self) -> None:
        """Make an output that the DAW can record, and go on at it."""
        self._client.make_virtual_output()

    def close(self) -> None:
        """End the audio process; nothing is told any more."""
        self._arrived.disconnect(self._on_event)
        self._client.close()

    def _put(self, clip: Clip) -> None:
        gain = match_gain(clip.lufs, clip.peak)
        known = self._gains.get(clip.clip_id)
        if known is None:
            self._client.put(clip.clip_id, clip.audio, self._on_timeline(clip, 0), gain)
        elif known != gain:  # it was measured meanwhile
            self._client.set_gain(clip.clip_id, gain)
        self._gains[clip.clip_id] = gain

    def _show_loop(self) -> None:
        clip = self._clip
        one_shot = clip is not None and clip.facts is not None and not clip.is_loop
        self._client.set_loop(self._looping and not one_shot)

    def _on_timeline(self, clip: Clip, frame: int) -> int:
        """Return a clip's frame on the timeline, at the player's rate."""
        return round((frame + clip.start_frame) * self._rate / clip.sample_rate)

    def _on_event(self, event: AudioEvent) -> None:
        match event:
            case Position():
                self._on_position(event)
            case DeviceOpened():
                self._on_opened(event)
            case DeviceList():
                self.devices_changed.emit(event.devices, self.device)
                self.inputs_changed.emit(event.inputs)
            case VirtualOutputMade():
                self.set_device(event.name)
                self.said.emit(event.sentence, "")
            case DeviceGone():
                self.rate_changed.emit(event.sample_rate)
                self._show_lost(True)
                self.said.emit(event.sentence, "warn")
            case AudioRestarting():
                self.said.emit("Playback stopped unexpectedly and is being restarted.", "warn")
            case AudioGaveUp():
                self._show_playing(False)
                self.said.emit(event.sentence, "fault")
            case SyncStatus():
                self.sync_told.emit(event)
            case SlotFailed() | Refused() | VirtualOutputRefused():
                self.said.emit(event.sentence, "fault")
            case _:
                pass

    def _on_opened(self, event: DeviceOpened) -> None:
        self.output = event.name
        self.rate_changed.emit(event.sample_rate)
        if event.sentence:
            self.said.emit(event.sentence, "warn")
        elif self._gone:
            self.said.emit(f"Playing on {event.name} again.", "")
        self._show_lost(False)
        self._client.list_devices()

    def _on_position(self, event: Position) -> None:
        self._show_playing(event.is_playing)
        self.peaked.emit(max(event.peaks) if event.is_playing else 0.0)
        if event.under_runs != self.under_runs:
            self.under_runs = event.under_runs
            self.under_runs_changed.emit(self.under_runs)
        following = self._next
        if following is not None and event.slot_id == following.clip_id:
            self._clip, self._next = following, None
            self.chose.emit(following.take_id)
            self.switched.emit()
        clip = self._clip
        if clip is not None and event.slot_id == clip.clip_id:
            frame = round(event.frame * clip.sample_rate / self._rate) - clip.start_frame
            self.moved.emit(min(max(0, frame), clip.frames))

    def _show_lost(self, lost: bool) -> None:
        if lost != self._gone:
            self._gone = lost
            self.lost_changed.emit(lost)

    def _show_playing(self, playing: bool) -> None:
        if playing != self.is_playing:
            self.is_playing = playing
            self.playing_changed.emit(playing)
