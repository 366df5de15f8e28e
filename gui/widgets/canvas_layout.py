"""Where ruler, waveform and context bracket lie, and what is under the pointer. In px."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from PyQt6.QtCore import QPointF, QRectF, Qt

from engine.audio import FrameSpan
from gui.state.clip import Clip, PulledEdges, TimeAxis

#: The column left of the time axis: the lanes' labels, and the editor's grip for dragging out.
GUTTER_PX = 104
COMPACT_GUTTER_PX = 12
#: Room right of the axis, so that the right edge's handle is whole.
RIGHT_PX = 6
RULER_PX = 24
BRACKET_PX = 12

HANDLE_SIZE = (10.0, 44.0)
#: How far beside a handle or a selection's edge the pointer still takes hold of it.
HANDLE_REACH_PX = 6.0
EDGE_REACH_PX = 5.0

#: Focus that came by keyboard is drawn; a click needs no frame.
KEYBOARD_REASONS = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class Grip(Enum):
    """What the pointer takes hold of."""

    NOTHING = auto()
    TITLE = auto()
    RULER = auto()
    WAVE = auto()
    INSIDE = auto()
    START = auto()
    STOP = auto()
    PULL_LEFT = auto()
    PULL_RIGHT = auto()


class Hit(NamedTuple):
    """A grip, and which span it belongs to."""

    grip: Grip
    span_index: int = 0


NO_HIT = Hit(Grip.NOTHING)


@dataclass(frozen=True)
class CanvasLayout:
    """The editor's regions, from top to bottom."""

    gutter: QRectF
    ruler: QRectF
    wave: QRectF
    bracket: QRectF

    @classmethod
    def of(cls, width: float, height: float, gutter: float = GUTTER_PX) -> CanvasLayout:
        axis = max(1.0, width - gutter - RIGHT_PX)
        wave = max(1.0, height - RULER_PX - BRACKET_PX)
        return cls(
            gutter=QRectF(0.0, RULER_PX, gutter, wave),
            ruler=QRectF(gutter, 0.0, axis, RULER_PX),
            wave=QRectF(gutter, RULER_PX, axis, wave),
            bracket=QRectF(gutter, RULER_PX + wave, axis, BRACKET_PX),
        )


class Extent(NamedTuple):
    """Frames from low to high; low is negative where an intro will be."""

    low: float
    high: float

    @property
    def frames(self) -> float:
        return self.high - self.low


def extent(clip: Clip, pulled: PulledEdges) -> Extent:
    """Return the clip with what will be made at its edges, in the clip's frames."""
    return Extent(
        -float(clip.bars_in_frames(pulled.left_bars)),
        float(clip.frames + clip.bars_in_frames(pulled.right_bars)),
    )


def timeline_extent(clip: Clip, before: Clip | None, pulled: PulledEdges) -> Extent:
    """Return all there is to see of a clip and what it was before, in frames of the timeline."""
    own = extent(clip, pulled)
    low, high = own.low + clip.start_frame, own.high + clip.start_frame
    if before is None:
        return Extent(low, high)
    ratio = clip.sample_rate / before.sample_rate
    start = before.start_frame * ratio
    return Extent(min(low, start), max(high, start + before.frames * ratio))


def handle_rects(
    layout: CanvasLayout, axis: TimeAxis, ends: Extent
) -> tuple[QRectF | None, QRectF | None]:
    """Return the handles of the left and right end; None for one that is out of view.

    axis: in the clip's frames.
    """
    return _handle(layout, axis.x_of(ends.low)), _handle(layout, axis.x_of(ends.high))


def _handle(layout: CanvasLayout, x: float) -> QRectF | None:
    area = layout.wave
    if not area.left() - 1 <= x <= area.right() + 1:
        return None
    width, height = HANDLE_SIZE
    return QRectF(x - width / 2, area.center().y() - height / 2, width, height)


def hit_at(
    layout: CanvasLayout,
    axis: TimeAxis,
    ends: Extent,
    spans: tuple[FrameSpan, ...],
    point: QPointF,
) -> Hit:
    """Return what lies under the pointer. axis, ends: in the frames of the spans."""
    reach = HANDLE_REACH_PX
    grips = (Grip.PULL_LEFT, Grip.PULL_RIGHT)
    for grip, rect in zip(grips, handle_rects(layout, axis, ends), strict=True):
        if rect is not None and rect.adjusted(-reach, -reach, reach, reach).contains(point):
            return Hit(grip)
    if layout.ruler.contains(point):
        return Hit(Grip.RULER)
    if layout.gutter.contains(point):
        return Hit(Grip.TITLE)
    if not layout.wave.contains(point):
        return NO_HIT
    return _span_hit(axis, spans, point.x()) or Hit(Grip.WAVE)


def _span_hit(axis: TimeAxis, spans: tuple[FrameSpan, ...], x: float) -> Hit | None:
    for index, span in enumerate(spans):
        start, stop = axis.x_of(span.start), axis.x_of(span.stop)
        # Narrow spans keep a middle to be moved by.
        reach = min(EDGE_REACH_PX, max(1.0, (stop - start) / 3))
        if abs(x - start) <= reach:
            return Hit(Grip.START, index)
        if abs(x - stop) <= reach:
            return Hit(Grip.STOP, index)
        if start < x < stop:
            return Hit(Grip.INSIDE, index)
    return None
