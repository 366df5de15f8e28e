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
#: Seconds between the marks of a ruler in seconds; the first that fits is taken.
SECOND_STEPS = (
    *(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05),
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0),
)
CLOSEST_SECONDS_PX = 64.0
#: Parts of a beat that are named, finest first, where they are so far apart.
BEAT_PARTS = (4, 1)
CLOSEST_BEATS_PX = 72.0
#: Where fewer of the finest parts are in view than this, seconds are named instead.
LEAST_MARKS = 2
MINUTE_SECONDS = 60.0


def marks(axis: TimeAxis, clip: Clip) -> list[tuple[str, float]]:
    """Return the ruler's texts with their frames: bars, beats and their parts where there is
    room for them, seconds nearer still and without a tempo."""
    beat = clip.beat_frames
    if beat is None or beat / BEAT_PARTS[0] > (axis.stop - axis.start) / LEAST_MARKS:
        return _second_marks(axis, clip.sample_rate)
    for parts in BEAT_PARTS:
        if beat / parts / axis.frames_per_pixel >= CLOSEST_BEATS_PX:
            per_bar = clip.signature.beats_per_bar
            lines = _lines(axis, clip, beat / parts)
            return [(_beat_name(n, per_bar, parts), frame) for n, frame in lines]
    return [(_signed(str(number)), frame) for number, frame in axis.bar_lines(clip)]


def _second_marks(axis: TimeAxis, rate: int) -> list[tuple[str, float]]:
    fitting = (s for s in SECOND_STEPS if s * rate / axis.frames_per_pixel >= CLOSEST_SECONDS_PX)
    step = next(fitting, SECOND_STEPS[-1])
    first, last = math.ceil(axis.start / rate / step), math.floor(axis.stop / rate / step)
    in_minutes = max(abs(axis.start), abs(axis.stop)) / rate >= MINUTE_SECONDS
    decimals = max(0, -math.floor(math.log10(step)))
    found: list[tuple[str, float]] = []
    for n in range(first, last + 1):
        seconds = round(n * step, decimals)
        text = _clock(seconds, decimals) if in_minutes else f"{seconds:.{decimals}f} s"
        found.append((_signed(text), n * step * rate))
    return found


def _clock(seconds: float, decimals: int) -> str:
    """Return "1:05", or "-1:05.25" with two decimals."""
    minutes, rest = divmod(abs(seconds), MINUTE_SECONDS)
    width = decimals + 3 if decimals else 2
    return f"{'-' * (seconds < 0)}{minutes:.0f}:{rest:0{width}.{decimals}f}"


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


def _beat_name(number: int, per_bar: int, parts: int) -> str:
    """Return "4" for a bar's start, "4.2" for another beat, "4.2.3" for a part of one."""
    beats, part = divmod(number, parts)
    bar, beat = divmod(beats, per_bar)
    if part:
        return _signed(f"{bar + 1}.{beat + 1}.{part + 1}")
    return _signed(f"{bar + 1}.{beat + 1}" if beat else str(bar + 1))


def _signed(text: str) -> str:
    """Write a minus as one: there are bars before the first where an intro is pulled out."""
    return text.replace("-", "−")


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
    """Draw the bars as faint lines; the grid's steps and what the ruler names fainter."""
    # Mixed beforehand, as a translucent line takes a hundred times as long as an opaque one.
    top, height = round(rect.top()), round(rect.height())
    named = [frame for _, frame in marks(axis, clip)]
    bars = [frame for _, frame in axis.bar_lines(clip)]
    for alpha, frames in (
        (STEP_ALPHA, [*grid_frames(axis, clip, step_beats), *named]),
        (BAR_ALPHA, named if clip.bar_frames is None else bars),
    ):
        color = _mixed(palette.color("line"), palette.color("bg"), alpha)
        for frame in frames:
            painter.fillRect(round(axis.x_of(frame)), top, 1, height, color)


def _mixed(over: QColor, under: QColor, alpha: float) -> QColor:
    """Return what a translucent colour looks like over another. alpha: 0 to 1."""
    pairs = zip(over.getRgb()[:3], under.getRgb()[:3], strict=True)
    mixed = [round((a or 0) * alpha + (b or 0) * (1 - alpha)) for a, b in pairs]
    return QColor(*mixed)
