"""A press on the waveform and what dragging it makes of the selection."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtWidgets import QApplication

from engine.audio import merge_spans
from gui.state.clip import PulledEdges
from gui.widgets.canvas_layout import Grip, Hit
from gui.widgets.selection_edit import Grid, Spans, moved, pulled_by, replaced, resized, swept

#: A press that moves less is a click, px.
CLICK_PX = 4.0

CURSORS = {
    Grip.NOTHING: Qt.CursorShape.ArrowCursor,
    Grip.TITLE: Qt.CursorShape.OpenHandCursor,
    Grip.RULER: Qt.CursorShape.PointingHandCursor,
    Grip.WAVE: Qt.CursorShape.IBeamCursor,
    Grip.INSIDE: Qt.CursorShape.SizeAllCursor,
    Grip.START: Qt.CursorShape.SizeHorCursor,
    Grip.STOP: Qt.CursorShape.SizeHorCursor,
    Grip.PULL_LEFT: Qt.CursorShape.SplitHCursor,
    Grip.PULL_RIGHT: Qt.CursorShape.SplitHCursor,
}
TIPS = {
    Grip.TITLE: "Drag the whole sound into the DAW",
    Grip.RULER: "Click to play from here; Alt and drag to take the sound into the DAW",
    Grip.PULL_LEFT: "Pull out to grow an intro, bar by bar  [",
    Grip.PULL_RIGHT: "Pull out to continue, bar by bar  ]",
}
#: Grips that change the selection when they are dragged.
SELECTING = (Grip.WAVE, Grip.INSIDE, Grip.START, Grip.STOP)


@dataclass(frozen=True)
class Gesture:
    """A press and all that it began with.

    at, now: where it was pressed, and where the pointer is. frame: of the clip. bar_px: what
    pulls one bar out. adds: what is swept joins what was selected. is_free: the grid is off.
    """

    hit: Hit
    at: QPointF
    now: QPointF
    frame: float
    spans: Spans
    pulled: PulledEdges
    bar_px: float
    adds: bool = False
    dragging: bool = False
    is_free: bool = False

    @property
    def selects(self) -> bool:
        """Whether dragging it changes the selection."""
        return self.hit.grip in SELECTING

    @property
    def pulls(self) -> bool:
        """Whether dragging it pulls an edge out."""
        return self.hit.grip in (Grip.PULL_LEFT, Grip.PULL_RIGHT)


def dragged_spans(gesture: Gesture, grid: Grid, frame: float) -> Spans:
    """Return what is selected once a press has been dragged to a frame of the clip."""
    grip, index = gesture.hit
    if grip is Grip.WAVE or (grip is Grip.INSIDE and gesture.adds):
        span = swept(grid, gesture.frame, frame)
        return merge_spans((*gesture.spans, span)) if gesture.adds else (span,)
    span = gesture.spans[index]
    if grip is Grip.INSIDE:
        changed = moved(grid, span, frame - gesture.frame)
    else:
        changed = resized(grid, span, frame, start=grip is Grip.START)
    return replaced(gesture.spans, index, changed)


def clicked_spans(gesture: Gesture, grid: Grid) -> Spans:
    """Return what is selected after a press that was no drag: nothing. One that adds takes a
    selected span away, or adds the grid's cell."""
    if not gesture.adds:
        return ()
    if gesture.hit.grip is Grip.WAVE:
        return merge_spans((*gesture.spans, grid.cell(gesture.frame)))
    index = gesture.hit.span_index
    return (*gesture.spans[:index], *gesture.spans[index + 1 :])


def dragged_edges(gesture: Gesture, x: float) -> PulledEdges:
    """Return how far the edges are pulled out once a handle has been dragged to x px."""
    left = gesture.hit.grip is Grip.PULL_LEFT
    outwards = (gesture.at.x() - x) if left else (x - gesture.at.x())
    return pulled_by(gesture.pulled, round(outwards / gesture.bar_px), left=left)


def is_drag(gesture: Gesture, point: QPointF) -> bool:
    """Return whether the pointer went far enough for more than a click."""
    least = QApplication.startDragDistance() if gesture.hit.grip is Grip.TITLE else CLICK_PX
    return gesture.dragging or (point - gesture.at).manhattanLength() >= least
