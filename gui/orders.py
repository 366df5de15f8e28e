"""Orders: from what the form says to takes in their lanes. No widgets."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from engine.display_name import display_name, display_text
from engine.errors import AppError
from engine.messages import Progress
from engine.prompt_notes import conflicts, remarks, understood
from engine.request import GenerationRequest
from engine.take import TakeFacts
from gui.opening import Opening
from gui.parts import Parts
from gui.state.ask import Ask, Intent, Target, build_request, missing
from gui.state.batch import Batch
from gui.state.clip import Clip, Lane, LaneState
from gui.state.digest import file_sha256

#: Orders whose takes stay in memory: the one that is shown and the one before it.
ORDERS_KEPT = 2


@dataclass(frozen=True)
class _Asked:
    """A graft whose source is being read to know what it is. asked_at: monotonic, in seconds."""

    intent: Intent
    ask: Ask
    target: Target
    replace_waiting: bool
    asked_at: float


@dataclass(frozen=True)
class _Place:
    """The lane that a take being read belongs to. is_new: it was made just now."""

    job_id: str
    index: int
    is_new: bool


class Orders(QObject):
    """UI thread only; nothing blocks. said, noted(sentence, level): as Actions.

    shown_first: the first take of an order is ready, and is shown.
    """

    said = pyqtSignal(str, str)
    noted = pyqtSignal(str, str)
    shown_first = pyqtSignal()

    def __init__(self, parts: Parts, opening: Opening) -> None:
        super().__init__()
        self._session, self._generation = parts.session, parts.generation
        self._clips, self._background, self._library = parts.clips, parts.background, parts.library
        self._opening = opening
        self._asked: dict[int, _Asked] = {}
        self._number = 0
        self._reading: dict[str, _Place] = {}
        self._seen: tuple[str, ...] = ()
        self._generation.progressed.connect(self._on_progress)
        self._generation.take_done.connect(self._on_take)
        self._generation.job_ended.connect(self._on_ended)
        self._clips.loaded.connect(self._on_loaded)
        self._clips.failed.connect(self._on_unreadable)
        self._session.canvas_changed.connect(self._keep_seen)

    @property
    def live(self) -> list[Batch]:
        """The orders that are not over, oldest first."""
        return [batch for batch in self._session.batches if not batch.is_over]

    def make(self, ask: Ask, *, replace_waiting: bool = False) -> bool:
        """Order what the form says; what is shown is what is grafted into.

        Returns whether something is ordered, or will be once its source has been read.
        """
        session, intent = self._session, self._session.intent
        clip = session.shown
        lack = missing(intent, ask, clip, bool(session.spans))
        if lack is not None:
            self.said.emit(lack, "warn")
            return False
        if clip is None or intent in (Intent.NEW, Intent.MORPH):
            return self._order(intent, ask, None, replace_waiting)
        target = Target(clip, "", session.spans, session.pulled)
        self._read_source(_Asked(intent, ask, target, replace_waiting, time.monotonic()))
        return True

    def cancel(self, job_id: str) -> None:
        """Stop one order, running or waiting."""
        self._generation.cancel(job_id)

    def cancel_newest(self) -> bool:
        """Stop the order that came last; returns whether there was one."""
        live, asked = self.live, list(self._asked)
        newest = asked[-1] if asked else None
        if newest is not None and (not live or self._asked[newest].asked_at >= live[-1].ordered_at):
            self._forget(newest)
        elif live:
            self.cancel(live[-1].job_id)
        else:
            return False
        return True

    def cancel_all(self) -> None:
        """Stop every order."""
        for number in list(self._asked):
            self._forget(number)
        for batch in reversed(self.live):
            self.cancel(batch.job_id)

    def step(self, by: int) -> None:
        """Show the takes of the next (1) or previous (-1) order that has any."""
        session = self._session
        here = session.canvas.batch_id
        worth = [b for b in session.batches if b.may_have_takes or b.job_id == here]
        shown = [batch.job_id for batch in worth]
        at = by + (shown.index(here) if here in shown else len(shown))
        if 0 <= at < len(shown):
            session.show_batch(shown[at])
            words = next(b.title for b in session.batches if b.job_id == shown[at])
            self.said.emit(f"Takes {at + 1} of {len(shown)}: {words}.", "")
        else:
            which = "earlier" if by < 0 else "later"
            self.said.emit(f"There are no {which} takes of this session.", "")

    def _read_source(self, asked: _Asked) -> None:
        """Learn what the source is, then order."""
        self._number += 1
        number = self._number
        self._asked[number] = asked
        self._background.run(
            partial(file_sha256, asked.target.clip.path),
            partial(self._on_digest, number),
            partial(self._on_no_digest, number),
        )

    def _forget(self, number: int) -> None:
        asked = self._asked.pop(number)
        self.said.emit(f"Cancelled: {asked.intent.value} {asked.target.clip.name}.", "")

    def _on_no_digest(self, number: int, error: AppError) -> None:
        if self._asked.pop(number, None) is not None:
            self.said.emit(error.sentence, "fault")

    def _on_digest(self, number: int, digest: str) -> None:
        """Order a graft, unless the file is no longer what is shown and heard of it."""
        asked = self._asked.pop(number, None)
        if asked is None:
            return
        target = replace(asked.target, sha256=digest)
        if self._opening.digests.get(target.clip.clip_id, digest) == digest:
            self._order(asked.intent, asked.ask, target, asked.replace_waiting)
        else:
            name = display_name(target.clip.path)
            changed = "was changed since it was opened; drop it on the window again."
            self.said.emit(f"“{name}” {changed}", "warn")

    def _order(self, intent: Intent, ask: Ask, target: Target | None, replace_: bool) -> bool:
        try:
            request = build_request(intent, ask, target)
        except AppError as error:
            self.said.emit(error.sentence, "warn")
            return False
        session, base = self._session, None if target is None else target.clip
        idle = not self.live
        show = idle and (base is None or session.shown is base)
        if show and base is not None and session.chosen is base:
            session.keep_chosen()
        job_id = self._generation.submit(request, replace_waiting=replace_)
        batch = Batch.ordered(job_id, request, title_of(intent, request, base), base)
        session.add_batch(batch, show=show)
        notes = order_notes(request)
        words = [f"{batch.title}: {'ordered' if idle else 'waiting'}.", *notes]
        self.said.emit(" ".join(words), "warn" if notes else "")
        return True

    def _batch(self, job_id: str) -> Batch | None:
        return next((b for b in self._session.batches if b.job_id == job_id), None)

    def _on_progress(self, told: Progress) -> None:
        batch = self._batch(told.job_id)
        begins = batch is not None and batch.state is LaneState.WAITING
        self._session.update_batch(told.job_id, lambda batch: batch.progressed(told))
        if begins and batch is not None and self._session.canvas.batch_id != told.job_id:
            self._show_if_free(batch)

    def _show_if_free(self, batch: Batch) -> None:
        """Show an order that begins, unless the canvas went on to something else, or back: what
        was undone could then not be done again."""
        session, shown = self._session, self._session.batch
        is_free = _id(session.canvas.clip) == _id(batch.base) if shown is None else shown.is_over
        if is_free and not session.can_redo:
            session.show_batch(batch.job_id)

    def _on_take(self, job_id: str, index: int, path: Path, facts: TakeFacts) -> None:
        self._reading[self._clips.load_take(path, facts)] = _Place(job_id, index, is_new=True)
        self._library.refresh()

    def _on_loaded(self, clip: Clip) -> None:
        place = self._reading.pop(clip.clip_id, None)
        if place is None:
            return
        if not place.is_new:
            self._session.bring_back(place.job_id, place.index, clip)
        elif self._session.finish_take(place.job_id, place.index, clip):
            self.shown_first.emit()
        self._keep_seen()

    def _on_unreadable(self, clip_id: str, _path: object, sentence: str) -> None:
        """A take that was made, but is no longer there or no sound any more."""
        place = self._reading.pop(clip_id, None)
        if place is not None:
            self._session.miss_take(place.job_id, place.index, sentence)

    def _on_ended(self, job_id: str, state: LaneState, sentence: str) -> None:
        self._session.update_batch(job_id, lambda batch: batch.ended(state, sentence))
        batch = self._batch(job_id)
        if batch is None:
            return
        if state is LaneState.FAILED or batch.fault:
            self.said.emit(sentence or batch.fault, "fault")
        elif state is LaneState.CANCELLED:
            self._session.leave_unmade(job_id)
            self.said.emit(f"Cancelled: {batch.title}.", "")
        else:
            is_shown = self._session.canvas.batch_id == job_id
            where = "" if is_shown else " In the library."
            ready = ready_words(batch, self._generation.device) + where
            self.said.emit(ready + understood_words(batch), "")

    def _keep_seen(self) -> None:
        """Read again what is shown and not in memory; drop what has not been shown for long."""
        shown = self._session.batch
        if shown is not None:
            others = tuple(job_id for job_id in self._seen if job_id != shown.job_id)
            self._seen = (shown.job_id, *others)[:ORDERS_KEPT]
            for index, lane in enumerate(shown.lanes):
                self._read_again(shown.job_id, index, lane)
        self._session.drop_audio_but_of(self._seen)

    def _read_again(self, job_id: str, index: int, lane: Lane) -> None:
        place = _Place(job_id, index, is_new=False)
        if lane.is_away and lane.file is not None and place not in self._reading.values():
            clip_id = self._clips.load_take(lane.file.path, lane.file.facts)
            self._reading[clip_id] = place


def _id(clip: Clip | None) -> str:
    return "" if clip is None else clip.clip_id


def ready_words(batch: Batch, device: str) -> str:
    """Return that the takes are ready, how long that took, and which graft fits best."""
    takes = len(batch.lanes)
    where = {"cpu": " on the CPU", "cuda": " on the GPU"}.get(device, "")
    words = f"Ready. {takes} take{'' if takes == 1 else 's'} in {batch.seconds:.1f} s{where}."
    best = batch.best
    if batch.base is not None and best is not None and best.clip is not None:
        words += f" {best.letter} fits best, seam {best.clip.seam_score:.2f}."
    return words


def order_notes(request: GenerationRequest) -> list[str]:
    """Return a sentence on all that the prompt's words ask for and that is done otherwise."""
    lost = [
        f"The prompt says {conflict.said}; {conflict.used} is set and used."
        for conflict in conflicts(request)
    ]
    said = (request.prompt, request.to_prompt, request.negative_prompt)
    return lost + [display_text(remark) for prompt in said for remark in remarks(prompt)]


def understood_words(batch: Batch) -> str:
    """Return what was understood of an order's prompt; empty where it said nothing known."""
    files = [lane.file for lane in batch.lanes if lane.file is not None]
    guess = files[0].facts.guessed_family if files else None
    words = understood(batch.request.prompt, guess)
    return f" Understood: {', '.join(words)}." if words else ""


def title_of(intent: Intent, request: GenerationRequest, base: Clip | None) -> str:
    """Return an order in a few words."""
    prompt = request.prompt if len(request.prompt) <= 48 else f"{request.prompt[:47]}…"
    if base is None:
        return prompt
    return f"{intent.value} {base.name}" + (f": {prompt}" if prompt else "")
