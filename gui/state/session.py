"""What lies on the canvas: the sound, its takes, what is selected; with undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PyQt6.QtCore import QObject, pyqtSignal

from engine.audio import FrameSpan, merge_spans
from engine.request import Task
from gui.state.ask import Intent, intent_for
from gui.state.batch import Batch
from gui.state.clip import NOT_PULLED, Clip, Lane, LaneState, PulledEdges
from gui.state.history import History


@dataclass(frozen=True)
class Canvas:
    """One state that undo returns to. clip: what is grafted into. batch_id: whose takes are in
    the lanes. active: the chosen lane."""

    clip: Clip | None = None
    batch_id: str | None = None
    active: int | None = None


class Session(QObject):
    """The canvas and its lanes. UI thread only.

    canvas_changed: another sound is shown. lanes_changed: a lane or the choice among them, or
    which lane waits for the bar (`pending`).
    selection_changed: spans or pulled edges. intent_changed: what Return would do.
    """

    canvas_changed = pyqtSignal()
    lanes_changed = pyqtSignal()
    selection_changed = pyqtSignal()
    intent_changed = pyqtSignal()
    history_changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._history: History[Canvas] = History.of(Canvas())
        self._batches: dict[str, Batch] = {}
        self.spans: tuple[FrameSpan, ...] = ()
        self.pulled = NOT_PULLED
        self.before_shown = False
        #: The lane that will be chosen at the next bar.
        self.pending: int | None = None
        self._override: Intent | None = None
        self._picked = False
        #: The order that is shown is a morph: Return morphs again.
        self._morphs = False

    @property
    def canvas(self) -> Canvas:
        return self._history.value

    @property
    def batch(self) -> Batch | None:
        """The order whose takes are in the lanes."""
        return self._batches.get(self.canvas.batch_id or "")

    @property
    def batches(self) -> tuple[Batch, ...]:
        """Every order since the start, oldest first."""
        return tuple(self._batches.values())

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return self.batch.lanes if self.batch is not None else ()

    @property
    def chosen(self) -> Clip | None:
        """The take of the chosen lane, once it is ready."""
        active = self.canvas.active
        if active is None or active >= len(self.lanes):
            return None
        return self.lanes[active].clip

    @property
    def awaits_audio(self) -> bool:
        """Whether the chosen take is being read again."""
        active = self.canvas.active
        return active is not None and active < len(self.lanes) and self.lanes[active].is_away

    @property
    def shown(self) -> Clip | None:
        """What the canvas shows: the chosen take, else the sound that is grafted into."""
        return self.chosen or self.canvas.clip

    @property
    def before(self) -> Clip | None:
        """What the chosen take was grafted into."""
        return self.canvas.clip if self.chosen is not None else None

    @property
    def intent(self) -> Intent:
        """What Return does: chosen, else what follows from the selection."""
        follows = intent_for(self.shown, self.spans, self.pulled, self._picked)
        again = Intent.MORPH if follows is Intent.NEW and self._morphs else follows
        return self._override or again

    @property
    def undo_words(self) -> str:
        """What undo would take back; empty when there is nothing."""
        return self._history.past[-1].words if self._history.can_undo else ""

    @property
    def can_redo(self) -> bool:
        return self._history.can_redo

    def override_intent(self, intent: Intent | None) -> None:
        """Do this on Return whatever is selected; None: what follows from the selection."""
        self._override, self._morphs = intent, False
        self.intent_changed.emit()

    def ask_anew(self) -> None:
        """Other words were written: a take that was picked is no longer what they are about."""
        if self._picked:
            self._picked = False
            self.intent_changed.emit()

    def open(self, clip: Clip) -> None:
        """Lay a sound on the canvas."""
        self._do(Canvas(clip), f"Open {clip.name}")

    def learn(self, clip: Clip) -> None:
        """Take in what was measured of a sound that was opened, wherever undo leads to it."""

        def told(canvas: Canvas) -> Canvas:
            known = canvas.clip is not None and canvas.clip.clip_id == clip.clip_id
            return replace(canvas, clip=clip) if known else canvas

        self._history = self._history.mapped(told)
        self.canvas_changed.emit()
        self.intent_changed.emit()

    def clear(self) -> None:
        """Empty the canvas."""
        self._do(Canvas(), "Clear the canvas")

    def keep_chosen(self) -> Clip | None:
        """Make the chosen take the sound that is grafted into, and return what that is then."""
        chosen = self.chosen
        if chosen is not None and self.canvas.active is not None:
            letter = self.lanes[self.canvas.active].letter
            self._do(Canvas(chosen), f"Keep take {letter}", self.pulled)
        return self.canvas.clip

    def show_batch(self, job_id: str) -> None:
        """Show the takes of an order in the lanes, the first ready one chosen."""
        batch = self._batches[job_id]
        ready = [i for i, lane in enumerate(batch.lanes) if lane.state is LaneState.DONE]
        canvas = Canvas(batch.base, job_id, ready[0] if ready else None)
        self._show(batch, canvas, f"Show {batch.title}")

    def add_batch(self, batch: Batch, *, show: bool) -> None:
        """Note an order. show: its lanes are shown at once."""
        self._batches[batch.job_id] = batch
        if show:
            self._override = None
            self._show(batch, Canvas(batch.base, batch.job_id), batch.title)
        self.lanes_changed.emit()

    def leave_unmade(self, job_id: str) -> None:
        """Go back from an order that ended with no take to what was shown before it."""
        batch, before = self._batches[job_id], self._history.undone()
        is_shown = self.canvas.batch_id == job_id and self.canvas.active is None
        if is_shown and before.value != Canvas() and all(lane.clip is None for lane in batch.lanes):
            self._go(before, batch.pulled)

    def update_batch(self, job_id: str, change: Callable[[Batch], Batch]) -> None:
        """Replace an order by what `change` makes of it; unknown orders are ignored."""
        if job_id not in self._batches:
            return
        self._batches[job_id] = change(self._batches[job_id])
        self.lanes_changed.emit()

    def finish_take(self, job_id: str, index: int, clip: Clip) -> bool:
        """Put a ready take into its lane. Returns whether it is shown now as the first one.

        Where undo and redo lead to its order with nothing chosen, the first take is chosen too.
        """
        if job_id not in self._batches:
            return False
        batch = self._batches[job_id]
        self._batches[job_id] = batch.finished(index, with_history_of(clip, batch.base))
        first = self.canvas.batch_id == job_id and self.canvas.active is None
        if first:
            self._amend(replace(self.canvas, active=index))

        def chosen(canvas: Canvas) -> Canvas:
            is_bare = canvas.batch_id == job_id and canvas.active is None
            return replace(canvas, active=index) if is_bare else canvas

        self._history = self._history.mapped(chosen)
        self.lanes_changed.emit()
        return first

    def miss_take(self, job_id: str, index: int, sentence: str) -> None:
        """Note that what was made of a take cannot be read, and why."""
        self.update_batch(job_id, lambda batch: batch.missed(index, sentence))
        if self.canvas.batch_id == job_id and self.canvas.active == index:
            self._amend(replace(self.canvas, active=None))

    def bring_back(self, job_id: str, index: int, clip: Clip) -> None:
        """Put the audio of a finished take into its lane again; it is the clip that it was."""
        batch = self._batches.get(job_id)
        if batch is None or index >= len(batch.lanes):
            return
        lane, file = batch.lanes[index], batch.lanes[index].file
        if file is None or not lane.is_away:
            return
        known = with_history_of(replace(clip, clip_id=file.clip_id), batch.base)
        self._batches[job_id] = batch.with_lane(index, replace(lane, clip=known))
        if self.canvas.batch_id == job_id and self.canvas.active == index:
            self._shown_anew(self._frames())
        else:
            self.lanes_changed.emit()

    def drop_audio_but_of(self, job_ids: tuple[str, ...]) -> None:
        """Keep in memory the takes of these orders, and of those that are being made."""
        for job_id, batch in self._batches.items():
            if batch.is_over and job_id not in job_ids:
                self._batches[job_id] = batch.without_audio()

    def wait_for_bar(self, index: int) -> None:
        """Note that a lane will be chosen at the next bar."""
        self.pending = index
        self.lanes_changed.emit()

    def choose_lane(self, index: int | None) -> bool:
        """Pick a lane whose take is ready; None shows what is grafted into."""
        if index is not None and not self._is_ready(index):
            return False
        self._picked = index is not None
        self.pending = None
        if index != self.canvas.active:
            self._amend(replace(self.canvas, active=index))
        else:
            self.show_before(False)
            self.lanes_changed.emit()
            self.intent_changed.emit()
        return True

    def _is_ready(self, index: int) -> bool:
        return 0 <= index < len(self.lanes) and self.lanes[index].clip is not None

    def lane_beside(self, by: int) -> int | None:
        """Return the next (1) or previous (-1) ready take, the last one at the end; None where
        there is none."""
        ready = [i for i, lane in enumerate(self.lanes) if lane.clip is not None]
        if not ready:
            return None
        here = self.canvas.active if self.pending is None else self.pending
        at = ready.index(here) if here in ready else (-1 if by > 0 else len(ready))
        return ready[min(max(0, at + by), len(ready) - 1)]

    def rate_take(self, take_id: str, rating: int) -> None:
        """Show a take's stars, 0 to 5, in whichever lane it lies."""
        for batch in self.batches:
            for index, lane in enumerate(batch.lanes):
                facts = None if lane.clip is None else lane.clip.facts
                if facts is not None and facts.take_id == take_id:
                    rated = batch.with_lane(index, replace(lane, rating=rating))
                    self._batches[batch.job_id] = rated
        self.lanes_changed.emit()

    def select(self, spans: tuple[FrameSpan, ...]) -> None:
        """Select spans of the shown sound; a pulled edge goes back."""
        if spans == self.spans:
            return
        self.spans = spans
        if spans:
            self.pulled = NOT_PULLED
        self._selected()

    def pull(self, pulled: PulledEdges) -> None:
        """Pull one edge out; the other goes back, and so does the selection."""
        if pulled.left_bars and pulled.right_bars:
            if pulled.left_bars != self.pulled.left_bars:
                pulled = replace(pulled, right_bars=0)
            else:
                pulled = replace(pulled, left_bars=0)
        if pulled == self.pulled:
            return
        self.pulled = pulled
        if pulled:
            self.spans = ()
        self._selected()

    def show_before(self, shown: bool) -> None:
        """Show and play what the take was grafted into."""
        if shown != self.before_shown and (not shown or self.before is not None):
            self.before_shown = shown
            self.canvas_changed.emit()

    def undo(self) -> str:
        """Take the last edit back and return its words; empty when there is none."""
        words = self.undo_words
        if self._history.can_undo:
            self._go(self._history.undone())
        return words

    def redo(self) -> str:
        """Do again what was undone and return its words; empty when there is nothing."""
        if not self._history.can_redo:
            return ""
        words = self._history.future[0].words
        self._go(self._history.redone())
        return words

    def _do(self, canvas: Canvas, words: str, pulled: PulledEdges = NOT_PULLED) -> None:
        self._go(self._history.did(canvas, words), pulled)

    def _show(self, batch: Batch, canvas: Canvas, words: str) -> None:
        """Show an order; Return then does more of its kind, and nothing new in a graft's place."""
        self._picked, self._morphs = batch.base is not None, batch.request.task is Task.MORPH
        self._set(self._history.did(canvas, words), batch.pulled)

    def _go(self, history: History[Canvas], pulled: PulledEdges = NOT_PULLED) -> None:
        """Show another state; Return does what follows from it."""
        self._override, self._picked, self._morphs = None, False, False
        self._set(history, pulled)

    def _set(self, history: History[Canvas], pulled: PulledEdges = NOT_PULLED) -> None:
        """Change the state; what was selected stays where it still is a place of the sound."""
        frames = self._frames()
        self._history = history
        self._shown_anew(frames, pulled)
        self.history_changed.emit()

    def _amend(self, canvas: Canvas) -> None:
        frames = self._frames()
        self._history = self._history.amended(canvas)
        self._shown_anew(frames)

    def _shown_anew(self, frames_before: int, pulled: PulledEdges = NOT_PULLED) -> None:
        """Tell that the canvas is another. pulled: how far an edge may still be pulled out."""
        if self._frames() != frames_before or self.pulled not in (NOT_PULLED, pulled):
            self._forget_selection()
        self.before_shown, self.pending = False, None
        self.canvas_changed.emit()
        self.lanes_changed.emit()
        self.intent_changed.emit()

    def _frames(self) -> int:
        return self.shown.frames if self.shown is not None else 0

    def _forget_selection(self) -> None:
        self.spans, self.pulled = (), NOT_PULLED
        self.selection_changed.emit()

    def _selected(self) -> None:
        self._override = None
        self.selection_changed.emit()
        self.intent_changed.emit()


def with_history_of(clip: Clip, base: Clip | None) -> Clip:
    """Return a take that knows what of the sound under it was made before, and where it starts."""
    if base is None:
        return clip
    shift = clip.frames - base.frames if _grows_backward(clip) else 0
    earlier = tuple(FrameSpan(span.start + shift, span.stop + shift) for span in base.grafted)
    merged = merge_spans((*clip.grafted, *(s for s in earlier if s.start < clip.frames)))
    return replace(clip, grafted=merged, start_frame=base.start_frame - shift)


def _grows_backward(clip: Clip) -> bool:
    return clip.facts is not None and clip.facts.request.direction == "backward"
