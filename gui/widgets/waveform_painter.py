"""Draws a clip's audio on a time axis: blue what is the user's, green what was grafted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF

from engine.audio import FrameSpan
from engine.peaks import PeakPyramid
from gui.state.clip import Clip, TimeAxis

#: Each column is read in so many parts: their mean is its body, their extremes its peaks.
PARTS_PER_COLUMN = 4
#: Below so many frames per column the columns are exact; above, 16 frames more are not seen.
EXACT_BELOW_FRAMES = 256.0
#: The share of the height that the loudest peak takes.
FILL = 0.9
#: How solid the body is drawn over the peaks.
PEAK_ALPHA, BODY_ALPHA = 0.36, 0.46
#: Below so many frames per device pixel a line through the frames is drawn.
LINE_BELOW_FRAMES = 1.5
LINE_PX = 1.4
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
    """Points of the waveform, x in device px right of the axis' left end, values linear.

    low, high: the extremes of all channels. body_low, body_high: the mean extremes of the parts.
    """

    x: Line
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


def outline(clip: Clip, axis: TimeAxis, pixel_ratio: float) -> Outline | None:
    """Return the waveform in view; None where the clip is out of view. axis: its own frames."""
    per_pixel = axis.frames_per_pixel / pixel_ratio
    if per_pixel <= 0 or axis.stop <= 0 or axis.start >= clip.frames:
        return None
    if per_pixel < LINE_BELOW_FRAMES:
        return _frame_points(clip, axis, per_pixel)
    return _columns(clip, axis, per_pixel, math.ceil(axis.width * pixel_ratio))


def _frame_points(clip: Clip, axis: TimeAxis, per_pixel: float) -> Outline:
    """Return one point per frame, at its start, and one frame more at both ends."""
    first = max(0, math.floor(axis.start) - 1)
    stop = min(clip.frames, math.ceil(axis.stop) + 2)
    seen = clip.audio.samples[:, first:stop]
    low, high = seen.min(axis=0).astype(np.float64), seen.max(axis=0).astype(np.float64)
    x = (np.arange(first, stop) - axis.start) / per_pixel
    return Outline(x, low, high, low, high)


def _columns(clip: Clip, axis: TimeAxis, per_pixel: float, width: int) -> Outline | None:
    """Return one point per device pixel, bridged to its neighbours."""
    first = max(0, math.floor(-axis.start / per_pixel))
    last = min(width, math.ceil((clip.frames - axis.start) / per_pixel))
    start = max(0, round(axis.start + first * per_pixel))
    stop = min(clip.frames, round(axis.start + last * per_pixel))
    if first >= last or start >= stop:
        return None
    parts = PARTS_PER_COLUMN if per_pixel >= 2 * PARTS_PER_COLUMN else 1
    exact = clip.audio.samples if per_pixel / parts < EXACT_BELOW_FRAMES else None
    found = clip.peaks.columns(start, stop, (last - first) * parts, exact)
    low = found[0].min(axis=0).reshape(-1, parts).astype(np.float64)
    high = found[1].max(axis=0).reshape(-1, parts).astype(np.float64)
    body_low, body_high = low.mean(axis=1), high.mean(axis=1)
    low, high = _bridged(low.min(axis=1), high.max(axis=1))
    return Outline(np.arange(first, last) + 0.5, low, high, body_low, body_high)


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
    width = math.ceil(axis.width * pixel_ratio)
    rows = max(1, math.ceil(height * pixel_ratio))
    pixmap = QPixmap(max(1, width), rows)
    pixmap.fill(Qt.GlobalColor.transparent)
    shape = outline(clip, axis, pixel_ratio)
    if shape is not None:
        painter = QPainter(pixmap)
        _paint_shape(painter, shape, rows, look)
        _tint(painter, clip, axis, pixel_ratio, rows, look)
        painter.end()
    pixmap.setDevicePixelRatio(pixel_ratio)
    return pixmap


def _paint_shape(painter: QPainter, shape: Outline, rows: int, look: WaveLook) -> None:
    """Paint how solid each pixel is; the colour comes after."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle, scale = rows / 2, -FILL * rows / 2
    low, high, body_low, body_high = (_heights(v, look) * scale + middle for v in shape[1:])
    painter.setPen(Qt.PenStyle.NoPen)
    ink = QColor(0, 0, 0)
    ink.setAlphaF(PEAK_ALPHA * look.alpha)
    painter.setBrush(ink)
    painter.drawPolygon(_band(shape.x, high, low))
    ink.setAlphaF(BODY_ALPHA * look.alpha)
    painter.setBrush(ink)
    if shape.body_high is shape.high:
        ink.setAlphaF(look.alpha)
        painter.setPen(QPen(ink, LINE_PX))
    painter.drawPolygon(_band(shape.x, body_high, body_low))


def _heights(values: Line, look: WaveLook) -> Line:
    """Return values as shares of the peak, bent."""
    shares = values / look.peak
    return shares if look.bend == 1.0 else np.sign(shares) * np.abs(shares) ** look.bend


def _band(x: Line, top: Line, bottom: Line) -> QPolygonF:
    """Return the outline from top to bottom (device px), at least a device pixel thick."""
    thin = np.maximum(0.0, 1.0 - (bottom - top)) / 2
    top, bottom = top - thin, bottom + thin
    xs = np.concatenate((x, x[::-1])).tolist()
    ys = np.concatenate((top, bottom[::-1])).tolist()
    return QPolygonF(list(map(QPointF, xs, ys)))


def _tint(
    painter: QPainter, clip: Clip, axis: TimeAxis, ratio: float, rows: int, look: WaveLook
) -> None:
    """Give what was painted its colours."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    width = painter.viewport().width()
    painter.fillRect(0, 0, width, rows, look.kept)
    for span in made_spans(clip):
        left = round((axis.x_of(span.start) - axis.left) * ratio)
        right = round((axis.x_of(span.stop) - axis.left) * ratio)
        left, right = max(0, left), min(width, right)
        if left < right:
            painter.fillRect(QRectF(left, 0, right - left, rows), look.made)
