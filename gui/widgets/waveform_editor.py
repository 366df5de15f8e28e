"""Edits what is selected on the waveform, by pointer and by keyboard."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import QEvent, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QNativeGestureEvent, QWheelEvent
from PyQt6.QtWidgets import QToolTip, QWidget

from engine.audio import FrameSpan, merge_spans
from gui.state.clip import Clip, PulledEdges
from gui.widgets.canvas_layout import NO_HIT, Grip, Hit, extent, hit_at
from gui.widgets.gestures import CURSORS, TIPS, Gesture, dragged_edges, dragged_spans, is_drag
from gui.widgets.selection_edit import (
    Grid,
    Spans,
    bar_around,
    extended,
    nudged,
    pulled_by,
    replaced,
)
from gui.widgets.selection_words import span_words
from gui.widgets.waveform_canvas import WaveformCanvas

WHEEL_NOTCH = 120.0
#: How much of the view a notch of the wheel scrolls, and how much it zooms.
SCROLL_SHARE, ZOOM_STEP = 0.1, 1.25
#: A pulled edge gives a bar per so many px at most, so that 16 bars fit on a screen.
MOST_PX_PER_BAR, LEAST_PX_PER_BAR = 32.0, 12.0
#: Room beside a selection that the view is zoomed to, as a share of it.
MARGIN_SHARE = 0.08


class WaveformEditor(WaveformCanvas):
    """The waveform with its gestures. Frames in signals are the clip's. UI thread only.

    Signals tell only what the user did, never what a setter changed.
    selection_changed: tuple of FrameSpan. pulled_changed: PulledEdges. drag_wanted: the grip
    in the gutter, or the ruler with Alt, was dragged; whoever listens starts the drag.
    """

    selection_changed = pyqtSignal(object)
    pulled_changed = pyqtSignal(object)
    seek_requested = pyqtSignal(int)
    drag_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gesture: Gesture | None = None
        self._extends_from_start = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    # ------------------------------------------------------------------ by keyboard

    def nudge(self, steps: int, extend: bool = False) -> None:
        """Move the selection by grid steps; extend moves only its free edge.

        Without a selection it selects the grid step at the playhead, or the first.
        """
        clip = self._clip
        if clip is None or steps == 0:
            return
        grid = Grid(clip, self._grid_beats)
        if not self._spans:
            self._select((grid.cell(self._playhead or 0),))
        elif extend:
            from_start = self._extends_from_start
            span = self._spans[0] if from_start else self._spans[-1]
            span, turned = extended(grid, span, steps, from_start=from_start)
            self._select(replaced(self._spans, 0 if from_start else len(self._spans) - 1, span))
            self._extends_from_start = turned
        else:
            self._select(nudged(grid, self._spans, steps))
        self._reveal(self._spans[-1] if steps > 0 else self._spans[0])

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
        """Select nothing."""
        self._select(())

    def zoom(self, factor: float) -> None:
        """Show 1/factor as much around the selection, else the playhead, else the middle."""
        axis = self.own_axis
        middle = (axis.start + axis.stop) / 2
        around = middle if self._playhead is None else float(self._playhead)
        if self._spans:
            around = (self._spans[0].start + self._spans[-1].stop) / 2
        if not axis.start <= around <= axis.stop:
            around = middle
        self._zoom_at(factor, axis.x_of(around))

    def zoom_to_selection(self) -> None:
        """Show the selection with a little room beside it; all when nothing is selected."""
        if self._clip is None or not self._spans:
            self.zoom_all()
            return
        offset = self._clip.start_frame
        low, high = self._spans[0].start + offset, self._spans[-1].stop + offset
        room = (high - low) * MARGIN_SHARE
        self._set_axis(self._clamped(replace(self._axis, start=low - room, stop=high + room)))

    def zoom_all(self) -> None:
        """Show the whole timeline."""
        self._set_axis(self._fitted())

    def cancel_gesture(self) -> bool:
        """Undo the drag under way. Returns whether there was one."""
        gesture, self._gesture = self._gesture, None
        if gesture is None or not gesture.dragging:
            return False
        self._select(gesture.spans)
        self._pull(gesture.pulled)
        return True

    def _reveal(self, span: FrameSpan) -> None:
        """Scroll as little as needed to see a span, its start first."""
        axis = self.own_axis
        before, beyond = span.start - axis.start, span.stop - axis.stop
        by = before if before < 0 else max(0.0, min(before, beyond))
        if by:
            self._set_axis(self._axis.scrolled(by, self.limits))

    def _zoom_at(self, factor: float, x: float) -> None:
        around = self._axis.frame_at(x)
        self._set_axis(self._axis.zoomed(factor, around, self.limits))

    def _select(self, spans: Spans) -> None:
        if spans != self._spans:
            self._extends_from_start = False
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

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        if event is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        hit, point = self._hit(event.position()), event.position()
        if self._clip is None or hit is NO_HIT:
            return
        if hit.grip is Grip.INSIDE and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            hit = Hit(Grip.WAVE)
        if hit.grip is Grip.RULER and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            hit = Hit(Grip.TITLE)
        self._gesture = Gesture(
            hit=hit,
            at=point,
            frame=self.own_axis.frame_at(point.x()),
            spans=self._spans,
            pulled=self._pulled,
            bar_px=self._bar_px(self._clip),
        )

    def _bar_px(self, clip: Clip) -> float:
        bar = clip.bars_in_frames(1) / self._axis.frames_per_pixel
        return min(max(LEAST_PX_PER_BAR, bar), MOST_PX_PER_BAR)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        if event is None:
            return
        gesture = self._gesture
        if gesture is None:
            self._hover(self._hit(event.position()))
            return
        if not is_drag(gesture, event.position()):
            return
        self._gesture = replace(gesture, dragging=True)
        self._drag(self._gesture, event)

    def _hover(self, hit: Hit) -> None:
        self.setCursor(CURSORS[hit.grip])
        hot = (hit.grip is Grip.PULL_LEFT, hit.grip is Grip.PULL_RIGHT)
        if hot != self._hot:
            self._hot = hot
            self.update()

    def _drag(self, gesture: Gesture, event: QMouseEvent) -> None:
        clip, grip = self._clip, gesture.hit.grip
        if clip is None:
            return
        x = event.position().x()
        if grip is Grip.TITLE:
            self._gesture = None
            self.drag_wanted.emit()
        elif grip in (Grip.PULL_LEFT, Grip.PULL_RIGHT):
            self._pull(dragged_edges(gesture, x))
        elif grip is Grip.RULER:
            self._seek(self.own_axis.frame_at(x))
        else:
            self._follow(x)
            is_free = event.modifiers() & Qt.KeyboardModifier.AltModifier
            grid = Grid(clip, None if is_free else self._grid_beats)
            adds = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            frame = self.own_axis.frame_at(x)
            self._select(dragged_spans(gesture, grid, frame, adds=adds))

    def _follow(self, x: float) -> None:
        """Scroll along when a drag leaves the view."""
        beyond = min(0.0, x - self._axis.left) + max(0.0, x - self._axis.right)
        if beyond:
            frames = beyond * self._axis.frames_per_pixel
            self._set_axis(self._axis.scrolled(frames, self.limits))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        if event is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        gesture, self._gesture = self._gesture, None
        if gesture is None or gesture.dragging:
            return
        grip = gesture.hit.grip
        if grip is Grip.RULER:
            self._seek(gesture.frame)
        elif grip not in (Grip.TITLE, Grip.PULL_LEFT, Grip.PULL_RIGHT):
            self._select(())
            self._seek(gesture.frame)

    def _seek(self, frame: float) -> None:
        if self._clip is not None:
            self.seek_requested.emit(min(max(0, round(frame)), self._clip.frames - 1))

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        clip = self._clip
        if event is None or clip is None or not self.layout_px.wave.contains(event.position()):
            return
        span = bar_around(clip, self.own_axis.frame_at(event.position().x()))
        adds = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        self._select(merge_spans((*self._spans, span)) if adds else (span,))

    def leaveEvent(self, event: QEvent | None) -> None:
        if self._gesture is None:
            self._hover(NO_HIT)
        super().leaveEvent(event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        if event is None or self._clip is None:
            return
        delta = event.angleDelta()
        notches = max(delta.y(), delta.x(), key=abs) / WHEEL_NOTCH
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom_at(ZOOM_STEP**notches, event.position().x())
        else:
            frames = -notches * SCROLL_SHARE * (self._axis.stop - self._axis.start)
            self._set_axis(self._axis.scrolled(frames, self.limits))
        event.accept()

    # ------------------------------------------------------------------ the rest of the events

    def event(self, event: QEvent | None) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.tip_at(QPointF(event.pos())), self)
            return True
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
                self._zoom_at(1.0 + event.value(), event.position().x())
                return True
        elif isinstance(event, QKeyEvent) and self._ends_drag(event):
            event.accept()
            return True
        return super().event(event)

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
            return span_words(self._clip, self._spans[hit.index])
        return TIPS.get(hit.grip, "")
