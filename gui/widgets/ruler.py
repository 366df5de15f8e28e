"""The ruler over the waveform, and the faint lines that go down from it."""

from __future__ import annotations

import math

from PyQt6.QtCore import QLineF, QPointF, QRectF
from PyQt6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from gui import theme
from gui.state.clip import Clip, TimeAxis
from gui.theme import Palette

#: Grid lines that would be nearer than this are left out, px.
CLOSEST_LINES_PX = 24.0
BAR_ALPHA, STEP_ALPHA = 0.7, 0.4
TEXT_SIZE_PX = 11
#: Seconds between the marks of a ruler without a tempo; the first that fits is taken.
SECOND_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
CLOSEST_SECONDS_PX = 48.0
CLOSEST_BEATS_PX = 72.0


def marks(axis: TimeAxis, clip: Clip) -> list[tuple[str, float]]:
    """Return the ruler's texts with their frames: bars, beats where there is room for them,
    seconds without a tempo."""
    beat = clip.beat_frames
    if beat is not None and beat / axis.frames_per_pixel >= CLOSEST_BEATS_PX:
        per_bar = clip.signature.beats_per_bar
        return [(_beat_name(n, per_bar), frame) for n, frame in _lines(axis, clip, beat)]
    if beat is not None:
        return [(str(number), frame) for number, frame in axis.bar_lines(clip)]
    rate, per_pixel = clip.sample_rate, axis.frames_per_pixel
    fitting = (s for s in SECOND_STEPS if s * rate / per_pixel >= CLOSEST_SECONDS_PX)
    step = next(fitting, SECOND_STEPS[-1])
    first, last = math.ceil(axis.start / rate / step), math.floor(axis.stop / rate / step)
    return [(f"{n * step:g} s", n * step * rate) for n in range(first, last + 1)]


def grid_frames(axis: TimeAxis, clip: Clip, step_beats: float) -> list[float]:
    """Return the frames of the grid's lines in view; none where they would be too near."""
    beat = clip.beat_frames
    if beat is None or beat * step_beats / axis.frames_per_pixel < CLOSEST_LINES_PX:
        return []
    return [frame for _, frame in _lines(axis, clip, beat * step_beats)]


def _lines(axis: TimeAxis, clip: Clip, step: float) -> list[tuple[int, float]]:
    """Return (steps from the downbeat, frame) of the lines in view."""
    origin = clip.downbeat_frame
    first, last = math.ceil((axis.start - origin) / step), math.floor((axis.stop - origin) / step)
    return [(n, origin + n * step) for n in range(first, last + 1)]


def _beat_name(beats: int, per_bar: int) -> str:
    """Return "4" for a bar's first beat, "4.2" for the others."""
    bar, beat = divmod(beats, per_bar)
    return f"{bar + 1}.{beat + 1}" if beat else str(bar + 1)


def paint_ruler(
    painter: QPainter, rect: QRectF, axis: TimeAxis, clip: Clip, palette: Palette
) -> None:
    """Write the marks at the left of their lines and draw the line under them."""
    painter.setFont(theme.font(TEXT_SIZE_PX))
    metrics = QFontMetricsF(painter.font())
    painter.setPen(palette.color("dim"))
    for text, frame in marks(axis, clip):
        x = axis.x_of(frame)
        if x + metrics.horizontalAdvance(text) <= rect.right():
            painter.drawText(QPointF(x, rect.bottom() - 7.0), text)
    painter.setPen(QPen(palette.color("line"), 1.0))
    y = rect.bottom() - 0.5
    painter.drawLine(QLineF(rect.left(), y, rect.right(), y))


def paint_grid(
    painter: QPainter,
    rect: QRectF,
    axis: TimeAxis,
    clip: Clip,
    palette: Palette,
    step_beats: float,
) -> None:
    """Draw the bars as faint lines, the grid's steps fainter."""
    # Mixed beforehand, as a translucent line takes a hundred times as long as an opaque one.
    top, height = round(rect.top()), round(rect.height())
    for alpha, frames in (
        (STEP_ALPHA, grid_frames(axis, clip, step_beats)),
        (BAR_ALPHA, _strong_frames(axis, clip)),
    ):
        color = _mixed(palette.color("line"), palette.color("bg"), alpha)
        for frame in frames:
            painter.fillRect(round(axis.x_of(frame)), top, 1, height, color)


def _strong_frames(axis: TimeAxis, clip: Clip) -> list[float]:
    """Return where the stronger lines go: at bars, or at the seconds' marks without a tempo."""
    if clip.bar_frames is None:
        return [frame for _, frame in marks(axis, clip)]
    return [frame for _, frame in axis.bar_lines(clip)]


def _mixed(over: QColor, under: QColor, alpha: float) -> QColor:
    """Return what a translucent colour looks like over another. alpha: 0 to 1."""
    pairs = zip(over.getRgb()[:3], under.getRgb()[:3], strict=True)
    mixed = [round((a or 0) * alpha + (b or 0) * (1 - alpha)) for a, b in pairs]
    return QColor(*mixed)
