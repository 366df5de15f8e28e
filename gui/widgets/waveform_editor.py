"""Edits what is selected on the waveform, by pointer and by keyboard."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import QBasicTimer, QEvent, QPointF, Qt, QTimerEvent, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QHelpEvent, QHideEvent, QKeyEvent, QMouseEvent
from PyQt6.QtWidgets import QToolTip, QWidget

from engine.audio import FrameSpan, merge_spans
from gui.state.clip import NOT_PULLED, Clip, PulledEdges
from gui.widgets.canvas_layout import NO_HIT, Grip, Hit, extent, hit_at
from gui.widgets.gestures import (
    CURSORS,
    SELECTING,
    TIPS,
    Gesture,
    clicked_spans,
    dragged_edges,
    dragged_spans,
    is_drag,
)
from gui.widgets.selection_edit import (
    Grid,
    Spans,
    bar_around,
    beside,
    extended,
    nudged,
    pulled_by,
    replaced,
)
from gui.widgets.selection_words import span_words
from gui.widgets.waveform_keys import run_key
from gui.widgets.waveform_zoom import ZoomableWaveform

#: A pulled edge gives a bar per so many px at most, so that 16 bars fit on a screen.
MOST_PX_PER_BAR, LEAST_PX_PER_BAR = 32.0, 12.0
#: A drag beyond the view scrolls so often, by this share of how far beyond it is, px at most.
SCROLL_EVERY_MS, BEYOND_SHARE, MOST_SCROLL_PX = 30, 0.3, 40.0

_ADDS = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier


class WaveformEditor(ZoomableWaveform):
    """The waveform with its gestures. UI thread only.

    Signals tell only what the user did, never what a setter changed.
    selection_changed: tuple of FrameSpan, in frames of the clip. pulled_changed: PulledEdges.
    seek_requested: a frame of what is drawn. drag_wanted: the grip in the gutter, or the ruler
    with Alt, was dragged; whoever listens starts the drag.
    """

    selection_changed = pyqtSignal(object)
    pulled_changed = pyqtSignal(object)
    seek_requested = pyqtSignal(int)
    drag_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gesture: Gesture | None = None
        self._scrolling = QBasicTimer()
        self._extends_from_start = False
        #: The one of several spans that the arrows move; all of them when it is gone.
        self._alone: FrameSpan | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_clip(self, clip: Clip | None, before: Clip | None = None) -> None:
        """As WaveformCanvas; a drag under way ends where the frames are no longer the same."""
        if clip is None or self._clip is None or clip.frames != self._clip.frames:
            self._end_gesture()
        super().show_clip(clip, before)

    # ------------------------------------------------------------------ by keyboard

    def nudge(self, steps: int, extend: bool = False, free: bool = False) -> None:
        """Move the selection by grid steps; extend moves only its free edge, free goes by px.

        Without a selection it selects the grid step at the playhead, or the first.
        """
        clip = self._clip
        if clip is None or steps == 0:
            return
        grid = Grid(clip, self._grid_beats)
        if not self._spans:
            at = 0.0 if self._playhead is None else self._playhead - clip.start_frame
            self._select((grid.cell(at),))
            return
        if free:
            grid, steps = Grid(clip, None), steps * max(1, round(self._axis.frames_per_pixel))
        if extend:
            self._extend(grid, steps)
        else:
            self._move(grid, steps)

    def _move(self, grid: Grid, steps: int) -> None:
        alone = self._moved_alone
        if alone is None:
            self._select(nudged(grid, self._spans, steps))
            self._reveal(self._spans[-1] if steps > 0 else self._spans[0])
            return
        (moved,) = nudged(grid, (alone,), steps)
        self._select(replaced(self._spans, self._spans.index(alone), moved))
        self._set_alone(moved)

    def _extend(self, grid: Grid, steps: int) -> None:
        from_start, alone = self._extends_from_start, self._moved_alone
        span = alone or self._spans[0 if from_start else -1]
        changed, turned = extended(grid, span, steps, from_start=from_start)
        self._select(replaced(self._spans, self._spans.index(span), changed))
        self._extends_from_start = turned
        if alone is not None:
            self._set_alone(changed)
        else:
            self._reveal(self._spans[-1] if steps > 0 else self._spans[0])

    def add_region(self, steps: int) -> None:
        """Select one grid step more, so many steps beside what is selected.

        The arrows then move it alone, until something else is selected.
        """
        clip = self._clip
        if clip is None or not self._spans:
            self.nudge(steps)
            return
        added = beside(Grid(clip, self._grid_beats), self._spans, steps)
        if added is not None:
            self._select(merge_spans((*self._spans, added)))
            self._set_alone(added)

    @property
    def _moved_alone(self) -> FrameSpan | None:
        return self._alone if self._alone in self._spans else None

    def _set_alone(self, span: FrameSpan) -> None:
        self._alone = span
        self._reveal(span)

    def pull(self, side: str, bars: int) -> None:
        """Pull the "left" or "right" edge out by bars; fewer than 0 push it back."""
        if side not in ("left", "right"):
            raise ValueError(f"side {side!r}: expected left or right")
        if self._clip is not None:
            self._pull(pulled_by(self._pulled, bars, left=side == "left"))

    def select_all(self) -> None:
        """Select the whole clip."""
        if self._clip is not None:
            self._select((FrameSpan(0, self._clip.frames),))

    def select_bar(self, frame: float) -> None:
        """Select the bar that a frame of the clip lies in."""
        if self._clip is not None:
            self._select((bar_around(self._clip, frame),))

    def clear_selection(self) -> None:
        """Select nothing and push the edges back."""
        self._select(())
        self._pull(NOT_PULLED)

    def cancel_gesture(self) -> bool:
        """Undo the drag under way. Returns whether there was one."""
        gesture = self._gesture
        self._end_gesture()
        if gesture is None or not gesture.dragging:
            return False
        self._select(gesture.spans)
        self._pull(gesture.pulled)
        return True

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        if a0 is not None and not run_key(self, a0):
            super().keyPressEvent(a0)

    def _select(self, spans: Spans) -> None:
        if spans != self._spans:
            self._extends_from_start, self._alone = False, None
            self.set_selection(spans)
            self.selection_changed.emit(self._spans)

    def _pull(self, pulled: PulledEdges) -> None:
        if pulled != self._pulled:
            self.set_pulled(pulled)
            self.pulled_changed.emit(pulled)

    # ------------------------------------------------------------------ by pointer

    def _hit(self, point: QPointF) -> Hit:
        if self._clip is None:
            return NO_HIT
        ends = extent(self._clip, self._pulled)
        return hit_at(self.layout_px, self.own_axis, ends, self._spans, point)

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        clip = self._clip
        if a0 is None or clip is None or a0.button() is not Qt.MouseButton.LeftButton:
            return
        hit, point, held = self._hit(a0.position()), a0.position(), a0.modifiers()
        if hit is NO_HIT:
            return
        if hit.grip is Grip.RULER and held & Qt.KeyboardModifier.AltModifier:
            hit = Hit(Grip.TITLE)
        self._gesture = Gesture(
            hit=hit,
            at=point,
            now=point,
            frame=self.own_axis.frame_at(point.x()),
            spans=self._spans,
            pulled=self._pulled,
            bar_px=self._bar_px(clip),
            adds=bool(held & _ADDS),
        )

    def _bar_px(self, clip: Clip) -> float:
        bar = clip.bars_in_frames(1) / self._axis.frames_per_pixel
        return min(max(LEAST_PX_PER_BAR, bar), MOST_PX_PER_BAR)

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None:
            return
        self._note_pointer(a0.position().x())
        if not a0.buttons() & Qt.MouseButton.LeftButton:
            self._end_gesture()  # the button was let go where nobody told us
        gesture = self._gesture
        if gesture is None:
            self._hover(self._hit(a0.position()))
        elif is_drag(gesture, a0.position()):
            free = bool(a0.modifiers() & Qt.KeyboardModifier.AltModifier)
            self._drag(replace(gesture, dragging=True, now=a0.position(), is_free=free))

    def _hover(self, hit: Hit) -> None:
        self.setCursor(CURSORS[hit.grip])
        hot = (hit.grip is Grip.PULL_LEFT, hit.grip is Grip.PULL_RIGHT)
        if hot != self._hot:
            self._hot = hot
            self.update()

    def _drag(self, gesture: Gesture) -> None:
        self._gesture = gesture
        if gesture.hit.grip is Grip.TITLE:
            self._end_gesture()
            self.drag_wanted.emit()
        elif gesture.pulls:
            self._pull(dragged_edges(gesture, gesture.now.x()))
        elif gesture.hit.grip is Grip.RULER:
            self._seek(gesture.now.x())
        elif gesture.selects:
            self._sweep(gesture)

    def _sweep(self, gesture: Gesture) -> None:
        """Select as far as the pointer is, or as far as the view goes while it scrolls along."""
        if self._clip is None:
            return
        x = min(max(self._axis.left, gesture.now.x()), self._axis.right)
        grid = Grid(self._clip, None if gesture.is_free else self._grid_beats)
        self._select(dragged_spans(gesture, grid, self.own_axis.frame_at(x)))
        if x == gesture.now.x():
            self._scrolling.stop()
        elif not self._scrolling.isActive():
            self._scrolling.start(SCROLL_EVERY_MS, self)

    def timerEvent(self, a0: QTimerEvent | None) -> None:
        """Scroll along while a drag is held beyond the view."""
        gesture = self._gesture
        if gesture is None or a0 is None or a0.timerId() != self._scrolling.timerId():
            super().timerEvent(a0)
            return
        x = gesture.now.x()
        beyond = min(0.0, x - self._axis.left) + max(0.0, x - self._axis.right)
        pixels = min(max(-MOST_SCROLL_PX, BEYOND_SHARE * beyond), MOST_SCROLL_PX)
        self.scroll_by(pixels / max(1.0, self._axis.width))
        self._sweep(gesture)

    @property
    def is_scrolling(self) -> bool:
        """Whether a drag beyond the view scrolls along."""
        return self._scrolling.isActive()

    def _end_gesture(self) -> None:
        self._gesture = None
        self._scrolling.stop()

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None or a0.button() is not Qt.MouseButton.LeftButton:
            return
        gesture = self._gesture
        self._end_gesture()
        if gesture is None or self._clip is None:
            return
        if gesture.dragging:
            self._hover(self._hit(a0.position()))
        elif gesture.hit.grip is Grip.RULER:
            self._seek(gesture.at.x())
        elif gesture.selects:
            self._select(clicked_spans(gesture, Grid(self._clip, self._grid_beats)))
            if not gesture.adds:
                self._seek(gesture.at.x())

    def _seek(self, x: float) -> None:
        clip, drawn = self._clip, self.drawn
        if clip is not None and drawn is not None:
            frame = self._axis.in_frames_of(drawn, clip.sample_rate).frame_at(x)
            self.seek_requested.emit(min(max(0, round(frame)), drawn.frames - 1))

    def mouseDoubleClickEvent(self, a0: QMouseEvent | None) -> None:
        clip = self._clip
        if a0 is None or clip is None or a0.button() is not Qt.MouseButton.LeftButton:
            return
        if self._hit(a0.position()).grip not in SELECTING:
            self.mousePressEvent(a0)  # the second of two quick clicks
            return
        span = bar_around(clip, self.own_axis.frame_at(a0.position().x()))
        adds = a0.modifiers() & _ADDS
        self._select(merge_spans((*self._spans, span)) if adds else (span,))

    def leaveEvent(self, a0: QEvent | None) -> None:
        if self._gesture is None:
            self._hover(NO_HIT)
        super().leaveEvent(a0)

    def focusOutEvent(self, a0: QFocusEvent | None) -> None:
        self._scrolling.stop()  # until the pointer moves again
        super().focusOutEvent(a0)

    def hideEvent(self, a0: QHideEvent | None) -> None:
        self._end_gesture()
        super().hideEvent(a0)

    # ------------------------------------------------------------------ the rest of the events

    def event(self, a0: QEvent | None) -> bool:
        if isinstance(a0, QHelpEvent) and a0.type() is QEvent.Type.ToolTip:
            QToolTip.showText(a0.globalPos(), self.tip_at(QPointF(a0.pos())), self)
            return True
        if isinstance(a0, QKeyEvent) and self._ends_drag(a0):
            a0.accept()
            return True
        return super().event(a0)

    def _ends_drag(self, event: QKeyEvent) -> bool:
        """Let Escape end a drag before the window takes it for the newest job."""
        is_escape = event.key() == Qt.Key.Key_Escape
        if event.type() is not QEvent.Type.ShortcutOverride or not is_escape:
            return False
        return self.cancel_gesture()

    def tip_at(self, point: QPointF) -> str:
        """Return what the pointer could do at a place, or what is selected there."""
        hit = self._hit(point)
        if self._clip is not None and hit.grip in (Grip.INSIDE, Grip.START, Grip.STOP):
            return span_words(self._clip, self._spans[hit.span_index])
        return TIPS.get(hit.grip, "")
