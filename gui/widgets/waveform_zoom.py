"""Zooms and scrolls the waveform, by method, wheel and pinch."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtGui import QNativeGestureEvent, QWheelEvent
from PyQt6.QtWidgets import QWidget

from engine.audio import FrameSpan
from gui.widgets.waveform_canvas import WaveformCanvas

WHEEL_NOTCH = 120.0
#: How much of the view a notch of the wheel scrolls, and how much it zooms.
SCROLL_SHARE, ZOOM_STEP = 0.1, 1.25
#: Room beside a selection that the view is zoomed to, as a share of it.
MARGIN_SHARE = 0.08


class ZoomableWaveform(WaveformCanvas):
    """The waveform on an axis that the user moves. UI thread only."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        #: Where the pointer is over the axis, px; None when it is elsewhere.
        self._pointer_x: float | None = None

    def zoom(self, factor: float) -> None:
        """Show 1/factor as much around the pointer; where that is elsewhere, around the
        selection, else the playhead, else the middle."""
        if self._clip is not None:
            self._zoom_at(factor, self._zoom_x())

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

    def scroll_by(self, share: float) -> None:
        """Scroll by a share of what is in view; to the left below 0."""
        frames = share * (self._axis.stop - self._axis.start)
        self._set_axis(self._axis.scrolled(frames, self.limits))

    def _zoom_x(self) -> float:
        axis = self._axis
        if self._pointer_x is not None:
            return self._pointer_x
        middle = (axis.start + axis.stop) / 2
        around = middle if self._playhead is None else self._playhead
        if self._spans and self._clip is not None:
            selected = (self._spans[0].start + self._spans[-1].stop) / 2
            around = selected + self._clip.start_frame
        return axis.x_of(around if axis.start <= around <= axis.stop else middle)

    def _zoom_at(self, factor: float, x: float) -> None:
        around = self._axis.frame_at(x)
        self._set_axis(self._axis.zoomed(factor, around, self.limits))

    def _reveal(self, span: FrameSpan) -> None:
        """Scroll as little as needed to see a span, its start first."""
        axis = self.own_axis
        before, beyond = span.start - axis.start, span.stop - axis.stop
        by = before if before < 0 else max(0.0, min(before, beyond))
        if by:
            self._set_axis(self._axis.scrolled(by, self.limits))

    def _note_pointer(self, x: float) -> None:
        on_axis = self._axis.left <= x <= self._axis.right
        self._pointer_x = x if on_axis else None

    def leaveEvent(self, a0: QEvent | None) -> None:
        self._pointer_x = None
        super().leaveEvent(a0)

    def wheelEvent(self, a0: QWheelEvent | None) -> None:
        """Scroll; zoom at the pointer with Ctrl. A touchpad moves what is under the fingers."""
        if a0 is None or self._clip is None:
            return
        turned, moved = a0.angleDelta(), a0.pixelDelta()
        notches = max(turned.y(), turned.x(), key=abs) / WHEEL_NOTCH
        if a0.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._zoom_at(ZOOM_STEP**notches, a0.position().x())
        elif a0.phase() is not Qt.ScrollPhase.NoScrollPhase and not moved.isNull():
            self.scroll_by(-max(moved.y(), moved.x(), key=abs) / max(1.0, self._axis.width))
        else:
            self.scroll_by(-notches * SCROLL_SHARE)
        a0.accept()

    def event(self, a0: QEvent | None) -> bool:
        if (
            isinstance(a0, QNativeGestureEvent)
            and a0.gestureType() is Qt.NativeGestureType.ZoomNativeGesture
        ):
            self._zoom_at(1.0 + a0.value(), a0.position().x())
            return True
        return super().event(a0)
