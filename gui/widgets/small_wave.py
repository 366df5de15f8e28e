"""A sound drawn small, in a row of the library or under the pointer while it is dragged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QLineF, QPointF, QRect, QRectF, Qt
from PyQt6.QtGui import QColor, QFontMetrics, QPainter, QPen, QPixmap

from engine.audio import FrameSpan
from gui.state.clip import Clip
from gui.theme import RADIUS_CONTROL, Palette, font

#: Bars are this far apart and this wide, in px.
_PITCH, _WIDTH = 2.0, 1.25
_DRAG_WIDTH, _DRAG_HEIGHT, _DRAG_PADDING = 184, 60, 8

#: Colours of what was not grafted: the user's own, and what may be an earlier graft.
OWN, UNKNOWN = "source", "dim"

Extremes = npt.NDArray[np.int8]


def decode_extremes(data: bytes) -> Extremes:
    """Return int8 (2, columns), minima first; no columns for what could not be drawn."""
    return np.frombuffer(data, np.int8).reshape(2, -1)


def extremes_of(clip: Clip, columns: int) -> Extremes:
    """Return a clip drawn small, 127 = its peak."""
    pair = clip.peaks.columns(0, clip.frames, min(columns, clip.frames))
    low, high = pair[0].min(axis=0), pair[1].max(axis=0)
    top = max(1e-6, float(np.max(np.abs(pair))))
    return np.rint(np.stack((low, high)) * (127 / top)).astype(np.int8)


def draw_wave(
    painter: QPainter,
    box: QRectF,
    extremes: Extremes,
    grafted: Sequence[tuple[float, float]],
    palette: Palette,
    kept: str = UNKNOWN,
) -> None:
    """Draw bars of kept and of grafted audio. grafted: stretches of [0, 1]. kept: the colour of
    the rest, OWN where it is known to be the user's."""
    count = max(1, int(box.width() // _PITCH))
    lows, highs = _bars(extremes, count)
    middle, half = box.center().y(), box.height() / 2
    lines: dict[bool, list[QLineF]] = {False: [], True: []}
    for bar in range(count):
        at = (bar + 0.5) / count
        x = box.left() + (bar + 0.5) * _PITCH
        low, high = min(-0.02, lows[bar]), max(0.02, highs[bar])
        is_grafted = any(start <= at < stop for start, stop in grafted)
        lines[is_grafted].append(
            QLineF(QPointF(x, middle - high * half), QPointF(x, middle - low * half))
        )
    for is_grafted, drawn in lines.items():
        if not drawn:
            continue
        color = palette.color("graft" if is_grafted else kept, 0.85)
        painter.setPen(QPen(color, _WIDTH, cap=Qt.PenCapStyle.FlatCap))
        painter.drawLines(drawn[0], *drawn[1:])


def kept_color(clip: Clip) -> str:
    """Return the colour of what was not grafted into a clip."""
    return OWN if clip.source_known else UNKNOWN


def shares(spans: Sequence[FrameSpan], frames: int) -> tuple[tuple[float, float], ...]:
    """Return spans of frames as stretches of [0, 1]."""
    return tuple((span.start / frames, span.stop / frames) for span in spans)


def drag_pixmap(
    name: str,
    extremes: Extremes,
    grafted: Sequence[tuple[float, float]],
    palette: Palette,
    pixel_ratio: float = 1.0,
    kept: str = UNKNOWN,
) -> QPixmap:
    """Return what is carried under the pointer: the waveform with the sound's name."""
    pixmap = QPixmap(round(_DRAG_WIDTH * pixel_ratio), round(_DRAG_HEIGHT * pixel_ratio))
    pixmap.setDevicePixelRatio(pixel_ratio)
    pixmap.fill(QColor(0, 0, 0, 0))
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    card = QRectF(0.5, 0.5, _DRAG_WIDTH - 1, _DRAG_HEIGHT - 1)
    painter.setPen(palette.color("line"))
    painter.setBrush(palette.color("raised"))
    painter.drawRoundedRect(card, RADIUS_CONTROL, RADIUS_CONTROL)
    inside = card.adjusted(_DRAG_PADDING, _DRAG_PADDING - 2, -_DRAG_PADDING, -_DRAG_PADDING)
    painter.setFont(font(12))
    painter.setPen(palette.color("text"))
    metrics = QFontMetrics(painter.font())
    text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(inside.width()))
    line = QRect(int(inside.left()), int(inside.top()), int(inside.width()), metrics.height())
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
    below = inside.adjusted(0, metrics.height() + 4, 0, 0)
    draw_wave(painter, below, extremes, grafted, palette, kept)
    painter.end()
    return pixmap


def clip_pixmap(clip: Clip, palette: Palette, pixel_ratio: float = 1.0) -> QPixmap:
    """Return what is carried under the pointer while a clip is dragged."""
    grafted, wave = shares(clip.grafted, clip.frames), extremes_of(clip, 168)
    return drag_pixmap(clip.name, wave, grafted, palette, pixel_ratio, kept_color(clip))


def _bars(extremes: Extremes, count: int) -> tuple[list[float], list[float]]:
    """Return the lowest and highest value of `count` equal parts, -1 to 1."""
    columns = extremes.shape[1]
    if columns == 0:
        return [0.0] * count, [0.0] * count
    starts = np.arange(count) * columns // count
    if count > columns:
        lows, highs = extremes[0][starts], extremes[1][starts]
    else:
        lows = np.minimum.reduceat(extremes[0], starts)
        highs = np.maximum.reduceat(extremes[1], starts)
    return (lows / 127).tolist(), (highs / 127).tolist()
