"""What a user can do, whatever hand it comes from: mouse, key, palette or menu. No widgets."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from PyQt6.QtCore import QObject, pyqtSignal

from engine.errors import BadArgument
from engine.tempo import Tempo
from gui.opening import Opening
from gui.orders import Orders
from gui.parts import Parts
from gui.state.clip import LANE_LETTERS, Clip
from gui.state.exports import BitDepth
from gui.state.generation import EngineState
from gui.state.stored_take import StoredTake
from gui.state.sync import LED
from gui.state.wet_files import Sides
from gui.watching import Watching
from plugin_bridge.sync.transport import SourceName

SwitchAt = Literal["now", "bar"]


class Actions(QObject):
    """Turns wishes into orders and changes of what is shown and heard. UI thread only.

    said(sentence, level): the answer to a wish. noted(sentence, level): news nobody asked for.
    switch_changed: another take is switched to now, or at the next bar.
    """

    said = pyqtSignal(str, str)
    noted = pyqtSignal(str, str)
    switch_changed = pyqtSignal()

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.session, self.generation, self.playback = (
            parts.session,
            parts.generation,
            parts.playback,
        )
        self.clips, self.background = parts.clips, parts.background
        self.library, self.out, self.rack = parts.library, parts.out, parts.rack
        self.sync, self.door, self.recorder = parts.sync, parts.door, parts.recorder
        self.opening = Opening(parts)
        self.orders = Orders(parts, self.opening)
        self.watching = Watching(parts, self.opening)
        self.switch_at: SwitchAt = "now"
        #: A take of the library that is heard in place of the canvas.
        self.auditioned: Clip | None = None
        self._audition_id = ""
        self._connect()

    def close(self) -> None:
        """Stop what runs by itself."""
        self.opening.close()
        self.watching.close()

    def choose_lane(self, index: int, at: SwitchAt | None = None) -> None:
        """Show and hear a take, in phase with what sounds. at: now, or from the next bar on."""
        clip, was_pending = self.clip_of(index), self.session.pending is not None
        if clip is None:
            letter = LANE_LETTERS[index] if 0 <= index < len(LANE_LETTERS) else "?"
            self.said.emit(f"There is no take {letter} yet.", "")
        elif (at or self.switch_at) == "bar" and self._waits(clip):
            self.session.wait_for_bar(index)
            self.playback.choose_at_bar(clip)
        elif self.session.choose_lane(index) and (self.auditioned is not None or was_pending):
            self._hear()

    def _waits(self, clip: Clip) -> bool:
        """Return whether a take can be switched to at a bar line of what sounds now."""
        heard = self.heard
        if not self.playback.is_playing or self.auditioned is not None or heard is None:
            return False
        return heard.bar_frames is not None and heard.clip_id != clip.clip_id

    def choose_other(self, index: int) -> None:
        """Choose a take the other way round: at the bar where that is not usual, else now."""
        self.choose_lane(index, "now" if self.switch_at == "bar" else "bar")

    def set_switch(self, at: SwitchAt) -> None:
        """Switch to another take now, or at the next bar."""
        if at != self.switch_at:
            self.switch_at = at
            self.switch_changed.emit()

    def toggle_switch(self) -> None:
        """Change between switching now and at the next bar."""
        self.set_switch("now" if self.switch_at == "bar" else "bar")
        when = "at the next bar" if self.switch_at == "bar" else "at once"
        self.said.emit(f"Takes are switched {when} now; Shift and the letter does the other.", "")

    def step_lane(self, by: int) -> None:
        """Show and hear the next or previous take."""
        index = self.session.lane_beside(by)
        if index is None:
            self.said.emit("There are no takes yet; press Return to make some.", "")
        else:
            self.choose_lane(index)

    def toggle_before(self) -> None:
        """Switch between the take and what it was grafted into."""
        if self.session.before is None:
            self.said.emit("There is nothing before this: it was not grafted into anything.", "")
        else:
            self.session.show_before(not self.session.before_shown)

    def keep(self) -> None:
        """Graft into the chosen take from now on."""
        if self.session.chosen is None:
            self.said.emit("Choose a take first, with A to H.", "")
            return
        kept = self.session.keep_chosen()
        if kept is not None:
            self.said.emit(f"“{kept.name}” is what is grafted into now; Ctrl+Z goes back.", "")

    def undo(self) -> None:
        words = self.session.undo()
        self.said.emit(f"Undone: {words}." if words else "There is nothing to undo.", "")

    def redo(self) -> None:
        words = self.session.redo()
        self.said.emit(f"Done again: {words}." if words else "There is nothing to do again.", "")

    def toggle_play(self) -> None:
        """Play what is shown, or stop."""
        playback = self.playback
        if playback.is_playing:
            playback.stop()
        elif self.heard is None and self.auditioned is None:
            self.said.emit("There is nothing to play yet.", "")
        elif self.auditioned is not None and self.heard is not None:
            self._hear()
            playback.play()
        else:
            playback.play()

    def audition(self, entry: StoredTake) -> None:
        """Hear a take of the library; the canvas stays as it is."""
        self.clips.cancel(self._audition_id)
        self._audition_id = self.clips.load_take(entry.path, entry.facts)

    def play_from_start(self) -> None:
        """Play what is shown from its first frame."""
        if self.heard is None:
            self.said.emit("There is nothing to play yet.", "")
        else:
            self.seek(0)
            self.playback.play()

    def seek(self, frame: int) -> None:
        """Go on from a frame of what is shown."""
        clip = self.heard
        if clip is not None:
            self.playback.seek(clip, frame)

    @property
    def heard(self) -> Clip | None:
        """What sounds when it plays: the shown take, or what was before it."""
        session = self.session
        return session.before if session.before_shown else session.shown

    def clip_of(self, index: int) -> Clip | None:
        """Return the ready take of a lane."""
        lanes = self.session.lanes
        return lanes[index].clip if 0 <= index < len(lanes) else None

    def toggle_star(self, index: int) -> None:
        """Give the take of a lane a star, or take its stars away."""
        if self.clip_of(index) is not None:
            self._rate(index, 0 if self.session.lanes[index].rating else 1)

    def rate_chosen(self, rating: int) -> None:
        """Rate the chosen take, 0 to 5 stars."""
        if self.session.chosen is None or self.session.canvas.active is None:
            self.said.emit("Choose a take first, with A to H.", "")
        else:
            self._rate(self.session.canvas.active, rating)

    def copy_as_file(self) -> None:
        """Put what is heard on the clipboard, as a finished file."""
        clip = self._needed()
        if clip is not None:
            self.out.copy_as_file(clip)

    def reveal(self) -> None:
        """Show the finished file of what is heard in its folder."""
        clip = self._needed()
        if clip is not None:
            self.out.reveal(clip)

    def set_export_format(self, depth: BitDepth) -> None:
        """Write exported files in this sample format from now on."""
        self.out.store.bit_depth = depth

    def follow(self, source: SourceName | None, *, leads: bool = False) -> None:
        """Follow a transport from now on, or lead in it; without a tempo of its own it takes the
        sound's."""
        heard, led = self.heard, self.sync.leads
        self.sync.follow(source, None if heard is None else heard.tempo_bpm, leads=leads)
        if source is None:
            self.said.emit(f"Playback {'leads' if led else 'follows'} nobody now.", "")

    def toggle_lead(self) -> None:
        """Lead where it follows, follow where it leads."""
        source = self.sync.source
        if source is None or source not in LED:
            self.said.emit("Follow Link, JACK or MIDI first (the chip beside the tempo).", "")
        else:
            self.follow(source, leads=not self.sync.leads)

    def set_tempo(self, words: str) -> None:
        """Have all who follow go at a tempo that was typed, 40 to 300 bpm."""
        try:
            self.sync.set_tempo(float(Tempo.of(words.replace(",", "."))))
        except BadArgument as error:
            self.said.emit(error.sentence, "fault")

    def record(self) -> None:
        """Record the next bars; without a transport in the tempo of what is shown."""
        heard = self.heard
        self.recorder.record(None if heard is None else heard.tempo_bpm)

    def set_export_sides(self, sides: Sides) -> None:
        """Export dry, wet or both from now on, while there is a chain."""
        self.out.wet.sides = sides

    def _needed(self) -> Clip | None:
        if self.heard is None:
            self.said.emit("There is no sound yet; make one, or drop one in.", "")
        return self.heard

    def _rate(self, index: int, rating: int) -> None:
        clip = self.clip_of(index)
        if clip is None or clip.facts is None:
            return
        self.library.star(clip.facts.take_id, rating)

    def _connect(self) -> None:
        for part in (self.opening, self.orders, self.watching):
            part.said.connect(self.said)
            part.noted.connect(self.noted)
        self.door.said.connect(self.said)
        self.orders.shown_first.connect(self._play_first)
        self.generation.state_changed.connect(self._on_engine)
        self.clips.loaded.connect(self._on_loaded)
        self.clips.noted.connect(self._warn)
        self.clips.failed.connect(self._on_unreadable)
        self.out.status.connect(self._tell)
        self.background.failed.connect(self._complain)
        self.library.rated.connect(self.session.rate_take)
        self.playback.switched.connect(self._on_switched)
        self.playback.said.connect(self.noted)
        self.rack.said.connect(self.said)
        self.rack.noted.connect(self.noted)
        self.sync.noted.connect(self.noted)
        self.recorder.said.connect(self.said)
        self.recorder.noted.connect(self.noted)
        self.recorder.recorded.connect(self._open_recording)
        self.session.canvas_changed.connect(self._hear)
        self.session.lanes_changed.connect(self._load_slots)

    def _open_recording(self, path: Path) -> None:
        self.opening.show_new(path)

    def _tell(self, sentence: str) -> None:
        self.said.emit(sentence, "")

    def _warn(self, sentence: str) -> None:
        self.noted.emit(sentence, "warn")

    def _complain(self, sentence: str) -> None:
        self.said.emit(sentence, "fault")

    def _play_first(self) -> None:
        if not self.playback.is_playing:
            self.playback.play()

    def _on_switched(self) -> None:
        """The player has come to the bar: what waited for it is heard."""
        pending = self.session.pending
        if pending is not None:
            self.session.choose_lane(pending)

    def _on_loaded(self, clip: Clip) -> None:
        if clip.clip_id == self._audition_id:
            self._audition_id = ""
            self.auditioned = clip
            self.playback.choose(clip)
            self.playback.play(0)

    def _on_unreadable(self, clip_id: str, _path: object, sentence: str) -> None:
        if clip_id == self._audition_id:
            self._audition_id = ""
        self.said.emit(sentence, "fault")

    def _on_engine(self, state: EngineState, sentence: str) -> None:
        if sentence:
            self.noted.emit(sentence, "fault" if state is EngineState.GONE else "warn")

    def _hear(self) -> None:
        clip, self.auditioned = self.heard, None
        self._load_slots()
        if not self.session.awaits_audio:  # what sounds goes on until the take is read again
            # Before the sound: another tempo that came after it would have it stretched at first.
            self.sync.offer_tempo(None if clip is None else clip.tempo_bpm)
            self.playback.choose(clip)

    def _load_slots(self) -> None:
        """Keep what can be switched to at the player's hand, and nothing else."""
        session = self.session
        clips = [lane.clip for lane in session.lanes if lane.clip is not None]
        clips += [clip for clip in (session.canvas.clip,) if clip is not None]
        self.playback.keep_ready(tuple(clips))
