"""Draws a clip's audio on a time axis: blue what is the user's, green what was grafted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QLineF, QPointF, QSize, Qt
from PyQt6.QtGui import QColor, QImage, QPainter, QPen, QPixmap, QPolygonF

from engine.audio import FrameSpan
from engine.peaks import BASE_BLOCK, FACTOR, PeakPyramid
from gui.state.clip import Clip, TimeAxis

#: Each column is read in so many parts: their mean is its body, their extremes its peaks.
PARTS_PER_COLUMN = 4
#: A part takes at least so many blocks of the pyramid's level that it is read from.
BLOCKS_PER_PART = 3
#: The share of the height that the loudest peak takes.
FILL = 0.9
#: How solid the peaks are drawn, and the body in them.
PEAK_ALPHA, BODY_ALPHA = 0.36, 0.65
#: Below so many frames per device pixel a line through the frames is drawn.
LINE_BELOW_FRAMES = 1.5
LINE_PX = 1.4
#: The second channel's line is fainter, so that two that differ are told apart.
LATER_CHANNELS_ALPHA = 0.55
#: From so many px per frame on every frame gets a dot, of this radius in px; not in low lanes.
DOTS_FROM_PX, DOT_RADIUS_PX, DOTS_FROM_HEIGHT_PX = 7.0, 2.0, 80.0
SILENCE = 1e-6

Line = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WaveLook:
    """kept: the user's frames. made: what was grafted. peak: the value drawn at full height.
    alpha: how solid, 1.0 as in the editor. bend: exponent of the drawn values; 1.0 is true to
    scale, less lifts what is quiet, for small pictures."""

    kept: QColor
    made: QColor
    peak: float
    alpha: float = 1.0
    bend: float = 1.0


class Outline(NamedTuple):
    """Columns of the waveform, device px; first is right of the axis' left end. Values linear.

    low, high: the extremes of all channels. body_low, body_high: the mean extremes of the parts.
    """

    first: int
    low: Line
    high: Line
    body_low: Line
    body_high: Line


def peak_of(pyramid: PeakPyramid) -> float:
    """Return the largest absolute value; 1.0 for silence."""
    top = pyramid.levels[-1]
    peak = float(np.max(np.abs(top), initial=0.0))
    return peak if peak > SILENCE else 1.0


def made_spans(clip: Clip) -> tuple[FrameSpan, ...]:
    """Return the frames that the engine made: all of a take that was made from words alone."""
    if clip.grafted or clip.facts is None or clip.facts.request.source is not None:
        return clip.grafted
    return (FrameSpan(0, clip.frames),)


class Trace(NamedTuple):
    """One point per frame, at its start: x in device px right of the axis' left end.

    channels: a row of linear values per channel, equal ones left out.
    """

    x: Line
    channels: list[Line]


def _frame_points(clip: Clip, axis: TimeAxis, per_pixel: float) -> Trace:
    """Return the frames in view and one more at both ends."""
    first = max(0, math.floor(axis.start) - 1)
    stop = min(clip.frames, math.ceil(axis.stop) + 2)
    x = (np.arange(first, stop, dtype=np.float64) - axis.start) / per_pixel
    channels: list[Line] = []
    for row in clip.audio.samples[:, first:stop].astype(np.float64):
        if not any(np.array_equal(row, known) for known in channels):
            channels.append(row)
    return Trace(x, channels)


def _columns(clip: Clip, axis: TimeAxis, per_pixel: float, width: int) -> Outline | None:
    """Return one point per device pixel, bridged to its neighbours."""
    first = max(0, math.floor(-axis.start / per_pixel))
    last = min(width, math.ceil((clip.frames - axis.start) / per_pixel))
    start = max(0, round(axis.start + first * per_pixel))
    stop = min(clip.frames, round(axis.start + last * per_pixel))
    if first >= last or start >= stop:
        return None
    parts = PARTS_PER_COLUMN if per_pixel >= 2 * PARTS_PER_COLUMN else 1
    low, high = _extremes(clip, start, stop, (last - first) * parts)
    low, high = low.reshape(-1, parts), high.reshape(-1, parts)
    body_low, body_high = low.mean(axis=1), high.mean(axis=1)
    low, high = _bridged(low.min(axis=1), high.max(axis=1))
    return Outline(first, low, high, body_low, body_high)


def _extremes(clip: Clip, start: int, stop: int, count: int) -> tuple[Line, Line]:
    """Return what all channels reach together in `count` equal parts of [start, stop).

    Read from the audio, or from the coarsest level of the pyramid whose blocks are well below a
    part: a block belongs to one part alone, so that a call costs the same at any zoom.
    """
    part, block = (stop - start) / count, 1
    source = np.broadcast_to(clip.audio.samples, (2, *clip.audio.samples.shape))
    for level, values in enumerate(clip.peaks.levels):
        size = BASE_BLOCK * FACTOR**level
        if size * BLOCKS_PER_PART <= part:
            source, block = values, size
    first, last = start // block, -(-stop // block)
    edges = np.arange(count, dtype=np.int64) * (last - first) // count
    seen = source[:, :, first:last]
    low = np.minimum.reduceat(seen[0].min(axis=0), edges)
    high = np.maximum.reduceat(seen[1].max(axis=0), edges)
    return low.astype(np.float64), high.astype(np.float64)


def _bridged(low: Line, high: Line) -> tuple[Line, Line]:
    """Let neighbours meet, so that a steep slope leaves no gap."""
    joined_low, joined_high = low.copy(), high.copy()
    joined_low[1:] = np.minimum(low[1:], high[:-1])
    joined_high[1:] = np.maximum(high[1:], low[:-1])
    return joined_low, joined_high


def render_wave(
    clip: Clip, axis: TimeAxis, height: float, pixel_ratio: float, look: WaveLook
) -> QPixmap:
    """Draw the clip as wide as the axis, transparent where there is none. axis: its own frames."""
    size = QSize(math.ceil(axis.width * pixel_ratio), max(1, math.ceil(height * pixel_ratio)))
    per_pixel = axis.frames_per_pixel / pixel_ratio
    made = _made_columns(clip, axis, pixel_ratio, size.width())
    pixmap: QPixmap | None = None
    if per_pixel <= 0 or axis.stop <= 0 or axis.start >= clip.frames:
        pass  # out of view
    elif per_pixel < LINE_BELOW_FRAMES:
        trace = _frame_points(clip, axis, per_pixel)
        pixmap = _line_pixmap(trace, size, made, look, pixel_ratio)
    else:
        shape = _columns(clip, axis, per_pixel, size.width())
        pixmap = None if shape is None else _bar_pixmap(shape, size, made, look)
    if pixmap is None:
        pixmap = _clear_pixmap(size)
    pixmap.setDevicePixelRatio(pixel_ratio)
    return pixmap


def _clear_pixmap(size: QSize) -> QPixmap:
    pixmap = QPixmap(size)
    pixmap.fill(Qt.GlobalColor.transparent)
    return pixmap


def _made_columns(
    clip: Clip, axis: TimeAxis, pixel_ratio: float, width: int
) -> list[tuple[int, int]]:
    """Return the columns [left, right), device px, of what was made."""
    found: list[tuple[int, int]] = []
    for span in made_spans(clip):
        left = round((axis.x_of(span.start) - axis.left) * pixel_ratio)
        right = round((axis.x_of(span.stop) - axis.left) * pixel_ratio)
        if max(0, left) < min(width, right):
            found.append((max(0, left), min(width, right)))
    return found


def _rows(values: Line, rows: int, look: WaveLook) -> Line:
    """Return where values lie from the top, device px, bent as the look wants it."""
    shares = values / look.peak
    if look.bend != 1.0:
        shares = np.sign(shares) * np.abs(shares) ** look.bend
    return rows / 2 * (1.0 - FILL * shares)


def _bar_pixmap(
    shape: Outline, size: QSize, made: list[tuple[int, int]], look: WaveLook
) -> QPixmap:
    """Draw a bar per column as an image of five colours, which takes a few ms at any size.

    The colours: nothing, peaks and body of what was kept, peaks and body of what was made.
    """
    row = np.arange(size.height(), dtype=np.int16)[:, np.newaxis]
    bars = np.zeros((size.height(), size.width()), dtype=np.uint8)
    seen = bars[:, shape.first : shape.first + shape.low.size]
    for low, high in ((shape.low, shape.high), (shape.body_low, shape.body_high)):
        top = np.rint(_rows(high, size.height(), look)).astype(np.int16)
        bottom = np.rint(_rows(low, size.height(), look)).astype(np.int16)
        bottom = np.maximum(top + 1, bottom)
        seen += (row >= top) & (row < bottom)
    for left, right in made:
        part = bars[:, left:right]
        part += 2 * (part > 0).view(np.uint8)
    image = QImage(
        bars.tobytes(), size.width(), size.height(), size.width(), QImage.Format.Format_Indexed8
    )
    table = [QColor(Qt.GlobalColor.transparent)]
    for color in (look.kept, look.made):
        table += [_solid(color, alpha * look.alpha) for alpha in (PEAK_ALPHA, BODY_ALPHA)]
    image.setColorTable([color.rgba() for color in table])
    return QPixmap.fromImage(image)


def _line_pixmap(
    trace: Trace, size: QSize, made: list[tuple[int, int]], look: WaveLook, pixel_ratio: float
) -> QPixmap:
    """Draw a line through the frames of each channel, and dots where there is room for them."""
    pixmap = _clear_pixmap(size)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for number, values in enumerate(trace.channels):
        y = _rows(values, size.height(), look)
        points = list(map(QPointF, trace.x.tolist(), y.tolist()))
        color = _solid(look.kept, look.alpha * (LATER_CHANNELS_ALPHA if number else 1.0))
        pen = QPen(color, LINE_PX * pixel_ratio)
        _trace_points(painter, points, pen)
        if size.height() >= DOTS_FROM_HEIGHT_PX * pixel_ratio:
            _dot_points(painter, points, pen, pixel_ratio)
    # What is drawn keeps its shape and takes the other colour.
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    for left, right in made:
        painter.fillRect(left, 0, right - left, size.height(), _solid(look.made, look.alpha))
    painter.end()
    return pixmap


def _trace_points(painter: QPainter, points: list[QPointF], pen: QPen) -> None:
    """Draw one channel's line. points: device px."""
    painter.setPen(pen)
    # Stroking one long path takes far longer than its parts.
    lines = [QLineF(start, stop) for start, stop in pairwise(points)]
    if lines:
        painter.drawLines(*lines)


def _dot_points(painter: QPainter, points: list[QPointF], pen: QPen, pixel_ratio: float) -> None:
    """Draw a dot per frame where they are far enough apart. points: device px."""
    if len(points) < 2 or points[1].x() - points[0].x() < DOTS_FROM_PX * pixel_ratio:
        return
    dots = QPen(pen.color(), 2 * DOT_RADIUS_PX * pixel_ratio)
    dots.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(dots)
    painter.drawPoints(QPolygonF(points))


def _solid(color: QColor, alpha: float) -> QColor:
    """Return the colour as solid as alpha says, 0 to 1."""
    chosen = QColor(color)
    chosen.setAlphaF(alpha)
    return chosen
