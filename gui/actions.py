"""What a user can do, whatever hand it comes from: mouse, key, palette or menu. No widgets."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from engine.display_name import display_name
from engine.errors import AppError, BadInputFile
from engine.messages import Progress
from engine.request import GenerationRequest
from engine.take import TakeFacts
from gui.parts import Parts
from gui.state.ask import Ask, Intent, Target, build_request, missing
from gui.state.batch import Batch
from gui.state.clip import Clip, LaneState
from gui.state.exports import BitDepth
from gui.state.generation import EngineState
from gui.state.stored_take import StoredTake


class Actions(QObject):
    """Turns wishes into orders and news into lanes. UI thread only. said(sentence, level)."""

    said = pyqtSignal(str, str)

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.session, self.generation, self.playback = (
            parts.session,
            parts.generation,
            parts.playback,
        )
        self.clips, self.background = parts.clips, parts.background
        self.library, self.out = parts.library, parts.out
        self._lanes_to_fill: dict[str, tuple[str, int]] = {}
        #: Files that were asked for, and those of them that are shown but not measured yet.
        self._wanted: set[str] = set()
        self._opened: set[str] = set()
        #: What the opened files were, by clip_id: sha256.
        self.digests: dict[str, str] = {}
        #: A take of the library that is heard in place of the canvas.
        self.auditioned: Clip | None = None
        self._audition_id = ""
        self._connect()

    def make(self, ask: Ask, *, replace_waiting: bool = False) -> None:
        """Order what the form says; what is shown is what is grafted into."""
        session, intent = self.session, self.session.intent
        lack = missing(intent, ask, session.shown, bool(session.spans))
        if lack is not None:
            self.said.emit(lack, "warn")
            return
        if intent in (Intent.NEW, Intent.MORPH):
            self._order(intent, ask, None, replace_waiting)
            return
        clip = session.shown
        if clip is None:
            return
        selected = Target(clip, "", session.spans, session.pulled)
        self.background.run(
            partial(_sha256, clip.path),
            lambda digest: self._graft(
                intent, ask, replace(selected, sha256=str(digest)), replace_waiting
            ),
        )

    def open_files(self, paths: list[Path]) -> None:
        """Read the first of these files, or of a folder; it lands on the canvas."""
        if paths:
            of_many = "" if len(paths) == 1 else f", the first of {len(paths)} files"
            self.said.emit(f"Reading {display_name(paths[0])}{of_many} …", "")
            self._wanted.update(self.clips.load(paths[:1]))

    def cancel(self, job_id: str) -> None:
        """Stop one order, running or waiting."""
        self.generation.cancel(job_id)

    def cancel_newest(self) -> bool:
        """Stop the order that came last; returns whether there was one."""
        live = self.live
        if live:
            self.cancel(live[-1].job_id)
        return bool(live)

    def cancel_all(self) -> None:
        """Stop every order."""
        for batch in reversed(self.live):
            self.cancel(batch.job_id)

    @property
    def live(self) -> list[Batch]:
        """The orders that are not over, oldest first."""
        return [batch for batch in self.session.batches if not batch.is_over]

    def choose_lane(self, index: int) -> None:
        """Show and hear a take, in phase with what sounds."""
        if self.session.choose_lane(index):
            if self.auditioned is not None:
                self._hear()
        else:
            letter = "ABCDEFGH"[index] if 0 <= index < 8 else "?"
            self.said.emit(f"There is no take {letter} yet.", "")

    def step_lane(self, by: int) -> None:
        """Show and hear the next or previous take."""
        if not self.session.step_lane(by):
            self.said.emit("There are no takes yet; press Return to make some.", "")

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
        self.generation.progressed.connect(self._on_progress)
        self.generation.take_done.connect(self._on_take)
        self.generation.job_ended.connect(self._on_ended)
        self.generation.state_changed.connect(self._on_engine)
        self.clips.opened.connect(self._on_opened)
        self.clips.loaded.connect(self._on_loaded)
        self.clips.noted.connect(self._warn)
        self.out.status.connect(self._tell)
        self.clips.failed.connect(self._on_unreadable)
        self.background.failed.connect(self._complain)
        self.library.rated.connect(self.session.rate_take)
        self.session.canvas_changed.connect(self._hear)
        self.session.lanes_changed.connect(self._load_slots)

    def _tell(self, sentence: str) -> None:
        self.said.emit(sentence, "")

    def _warn(self, sentence: str) -> None:
        self.said.emit(sentence, "warn")

    def _complain(self, sentence: str) -> None:
        self.said.emit(sentence, "fault")

    def _graft(self, intent: Intent, ask: Ask, target: Target, replace_: bool) -> None:
        """Order a graft, unless the file is no longer what is shown and heard of it."""
        if self.digests.get(target.clip.clip_id, target.sha256) == target.sha256:
            self._order(intent, ask, target, replace_)
        else:
            name = display_name(target.clip.path)
            self._warn(f"“{name}” was changed since it was opened; drop it on the window again.")

    def _order(self, intent: Intent, ask: Ask, target: Target | None, replace_: bool) -> None:
        try:
            request = build_request(intent, ask, target)
        except AppError as error:
            self.said.emit(error.sentence, "warn")
            return
        idle = not self.live
        if idle and target is not None and self.session.chosen is target.clip:
            self.session.keep_chosen()
        job_id = self.generation.submit(request, replace_waiting=replace_)
        base = None if target is None else target.clip
        batch = Batch.ordered(job_id, request, title_of(intent, request, base), base)
        self.session.add_batch(batch, show=idle)
        self.said.emit(f"{batch.title}: ordered." if idle else f"{batch.title}: waiting.", "")

    def _on_progress(self, told: Progress) -> None:
        waiting = self._state_of(told.job_id) is LaneState.WAITING
        self.session.update_batch(told.job_id, lambda batch: batch.progressed(told))
        if waiting and self.session.canvas.batch_id != told.job_id:
            self._show_if_free(told.job_id)

    def _show_if_free(self, job_id: str) -> None:
        """Show an order that begins, unless the canvas went on to something else."""
        session, shown = self.session, self.session.batch
        batch = next((batch for batch in session.batches if batch.job_id == job_id), None)
        if batch is None:
            return
        is_free = _id(session.canvas.clip) == _id(batch.base) if shown is None else shown.is_over
        if is_free:
            session.show_batch(job_id)

    def _state_of(self, job_id: str) -> LaneState | None:
        found = [batch.state for batch in self.session.batches if batch.job_id == job_id]
        return found[0] if found else None

    def _on_take(self, job_id: str, index: int, path: Path, facts: TakeFacts) -> None:
        self._lanes_to_fill[facts.take_id] = (job_id, index)
        self.clips.load_take(path, facts)
        self.library.refresh()

    def _on_opened(self, clip: Clip) -> None:
        """Show a user's sound before it is measured."""
        if clip.clip_id in self._wanted:
            self._opened.add(clip.clip_id)
            self._open(clip)

    def _open(self, clip: Clip) -> None:
        """Lay a file on the canvas, and note what it is: others may write into it later."""
        self._wanted.discard(clip.clip_id)
        self.session.open(clip)
        noted = partial(self.digests.__setitem__, clip.clip_id)
        self.background.run(partial(_sha256, clip.path), noted)

    def _on_loaded(self, clip: Clip) -> None:
        if clip.clip_id == self._audition_id:
            self._audition_id = ""
            self.auditioned = clip
            self.playback.choose(clip)
            self.playback.play(0)
            return
        if clip.clip_id in self._opened:
            self._opened.remove(clip.clip_id)
            self.session.learn(clip)
            self.said.emit(_opened(clip), "")
            return
        place = None if clip.facts is None else self._lanes_to_fill.pop(clip.facts.take_id, None)
        if place is None:
            if clip.clip_id in self._wanted:
                self._open(clip)
                self.said.emit(_opened(clip), "")
            return
        if self.session.finish_take(*place, clip) and not self.playback.is_playing:
            self.playback.play()

    def _on_unreadable(self, _path: object, sentence: str) -> None:
        self.said.emit(sentence, "fault")

    def _on_ended(self, job_id: str, state: LaneState, sentence: str) -> None:
        self.session.update_batch(job_id, lambda batch: batch.ended(state, sentence))
        batch = next((b for b in self.session.batches if b.job_id == job_id), None)
        if batch is None:
            return
        if state is LaneState.FAILED:
            self.said.emit(sentence, "fault")
        elif state is LaneState.CANCELLED:
            self.said.emit(f"Cancelled: {batch.title}.", "")
        else:
            is_shown = self.session.canvas.batch_id == job_id
            where = "" if is_shown else " In the library."
            self.said.emit(ready_words(batch, self.generation.device) + where, "")

    def _on_engine(self, state: EngineState, sentence: str) -> None:
        if sentence:
            self.said.emit(sentence, "fault" if state is EngineState.GONE else "warn")

    def _hear(self) -> None:
        clip, self.auditioned = self.heard, None
        self._load_slots()
        self.playback.choose(clip)

    def _load_slots(self) -> None:
        """Keep what can be switched to at the player's hand, and nothing else."""
        session = self.session
        clips = [lane.clip for lane in session.lanes if lane.clip is not None]
        clips += [clip for clip in (session.canvas.clip,) if clip is not None]
        self.playback.keep_ready(tuple(clips))


def _id(clip: Clip | None) -> str:
    return "" if clip is None else clip.clip_id


def ready_words(batch: Batch, device: str) -> str:
    """Return that the takes are ready, how long that took, and which graft is joined best."""
    takes = len(batch.lanes)
    where = {"cpu": " on the CPU", "cuda": " on the GPU"}.get(device, "")
    words = f"Ready. {takes} take{'' if takes == 1 else 's'} in {batch.seconds:.1f} s{where}."
    best = batch.best_joined
    if batch.base is not None and best is not None and best.clip is not None:
        words += f" {best.letter} is joined best, seam {best.clip.seam_score:.2f}."
    return words


def title_of(intent: Intent, request: GenerationRequest, base: Clip | None) -> str:
    """Return an order in a few words."""
    prompt = request.prompt if len(request.prompt) <= 48 else f"{request.prompt[:47]}…"
    if base is None:
        return prompt
    return f"{intent.value} {base.name}" + (f": {prompt}" if prompt else "")


def _opened(clip: Clip) -> str:
    if clip.facts is not None:
        return f"“{clip.name}” is one of ours; its recipe is back."
    if clip.tempo_bpm is None:
        return f"“{clip.name}” is open; no tempo could be measured."
    return f"“{clip.name}” is open: {clip.tempo_bpm:.2f} bpm measured."


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInputFile(
            f"“{display_name(path)}” can no longer be read; drop it on the window again.",
            repr(error),
        ) from error
