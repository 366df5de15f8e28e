"""Draws one lane: letter, state, star, tempo, and its waveform or how far it is made."""

from __future__ import annotations

import math

from PyQt6.QtCore import QLineF, QPointF, QRectF, Qt
from PyQt6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPen,
    QPixmap,
    QPolygonF,
)

from gui import theme
from gui.state.clip import Clip, Lane, LaneState, TimeAxis
from gui.theme import Palette
from gui.widgets.canvas_overlays import paint_made
from gui.widgets.lane_layout import DOT_X, LETTER_X, LanesLayout, state_word, tempo_of
from gui.widgets.waveform_painter import WaveLook, peak_of, render_wave

ACTIVE_ALPHA, HOVER_ALPHA, VEIL_ALPHA = 0.07, 0.5, 0.22
DOT_RADIUS, DIAMOND_RADIUS, CROSS_RADIUS = 4.0, 5.0, 3.5
STAR_RADIUS, STAR_POINTS, STAR_INNER = 5.6, 5, 0.42
NEXT_BAR = "next bar"
PENDING_DASHES = (3.0, 3.0)
LETTER_SIZE_PX, TEXT_SIZE_PX, NOTE_SIZE_PX = 13, 12, 11
WAVE_INSET_PX = 3.0
#: Lifts what is quiet: a lane is low, and is there to be told from its neighbours.
BEND = 0.72


def render_lane_wave(
    clip: Clip, axis: TimeAxis, height: float, ratio: float, palette: Palette
) -> QPixmap:
    """Draw a take: grey what is the source's, green what was made. axis: the take's frames."""
    look = WaveLook(palette.color("faint"), palette.color("graft"), peak_of(clip.peaks), bend=BEND)
    return render_wave(clip, axis, height, ratio, look)


def paint_row(
    painter: QPainter,
    layout: LanesLayout,
    index: int,
    lane: Lane,
    palette: Palette,
    *,
    active: bool,
    hot: bool,
) -> None:
    """Draw everything of a row but its tempo and its waveform."""
    row = layout.row(index)
    if active:
        painter.fillRect(row, palette.color("graft", ACTIVE_ALPHA))
    elif hot:
        painter.fillRect(row, palette.color("raised", HOVER_ALPHA))
    painter.setPen(QPen(palette.color("line"), 1.0))
    painter.drawLine(QLineF(row.left(), row.top() + 0.5, row.right(), row.top() + 0.5))
    painter.setFont(theme.font(LETTER_SIZE_PX, QFont.Weight.DemiBold))
    ready = lane.state is LaneState.DONE
    painter.setPen(palette.color("text" if ready else "dim"))
    vertical = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(row.adjusted(LETTER_X, 0, 0, 0), vertical, lane.letter)
    paint_state(painter, QPointF(DOT_X, row.center().y()), lane, palette)
    if ready:
        paint_star(painter, layout.star(index).center(), palette, filled=lane.rating > 0)


def paint_tempo(painter: QPainter, area: QRectF, lane: Lane, palette: Palette) -> None:
    """Write the tempo that was measured in a take."""
    tempo = None if lane.clip is None else tempo_of(lane.clip)
    if tempo is not None:
        _paint_right(painter, area, f"{tempo:.1f}", palette.color("dim"), TEXT_SIZE_PX)


def paint_next_bar(painter: QPainter, area: QRectF, palette: Palette) -> None:
    """Say where the tempo stands that the take is heard from the next bar on."""
    wider = area.adjusted(0.0, 0.0, theme.SPACE[1], 0.0)
    _paint_right(painter, wider, NEXT_BAR, palette.color("text"), NOTE_SIZE_PX)


def _paint_right(painter: QPainter, area: QRectF, text: str, color: QColor, size_px: int) -> None:
    painter.setFont(theme.font(size_px))
    painter.setPen(color)
    right_middle = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    painter.drawText(area, right_middle | Qt.TextFlag.TextDontClip, text)


def paint_state(painter: QPainter, centre: QPointF, lane: Lane, palette: Palette) -> None:
    """Draw a shape per state, so that none is told by its colour alone."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if lane.state is LaneState.DONE and lane.is_seamless is False:
        painter.setBrush(palette.color("warn"))
        painter.drawPolygon(_polygon(centre, [DIAMOND_RADIUS] * 4))
    elif lane.state is LaneState.DONE:
        painter.setBrush(palette.color("graft" if lane.is_seamless else "dim"))
        painter.drawEllipse(centre, DOT_RADIUS, DOT_RADIUS)
    elif lane.state is LaneState.MAKING:
        _paint_progress(painter, centre, lane.progress, palette)
    elif lane.state is LaneState.FAILED:
        _paint_cross(painter, centre, palette.color("fault"))
    elif lane.state is LaneState.CANCELLED:
        painter.setPen(QPen(palette.color("dim"), 1.5))
        reach = QPointF(CROSS_RADIUS, 0.0)
        painter.drawLine(centre - reach, centre + reach)
    else:
        painter.setPen(QPen(palette.color("faint"), 1.2))
        painter.drawEllipse(centre, DOT_RADIUS - 0.6, DOT_RADIUS - 0.6)


def _paint_progress(painter: QPainter, centre: QPointF, progress: float, palette: Palette) -> None:
    reach = DOT_RADIUS
    square = QRectF(centre.x() - reach, centre.y() - reach, 2 * reach, 2 * reach)
    painter.setPen(QPen(palette.color("line"), 2.0))
    painter.drawEllipse(square)
    painter.setPen(QPen(palette.color("graft"), 2.0))
    top, full_circle = 90 * 16, 360 * 16  # Qt counts angles in sixteenths of a degree
    painter.drawArc(square, top, -round(full_circle * progress))


def _paint_cross(painter: QPainter, centre: QPointF, color: QColor) -> None:
    painter.setPen(QPen(color, 1.6))
    for slope in (1, -1):
        reach = QPointF(CROSS_RADIUS, slope * CROSS_RADIUS)
        painter.drawLine(centre - reach, centre + reach)


def paint_star(painter: QPainter, centre: QPointF, palette: Palette, *, filled: bool) -> None:
    """Draw a star, its outline alone until it is given."""
    radii = [STAR_RADIUS, STAR_RADIUS * STAR_INNER] * STAR_POINTS
    painter.setPen(QPen(palette.color("warn"), 1.1))
    painter.setBrush(palette.color("warn") if filled else Qt.BrushStyle.NoBrush)
    painter.drawPolygon(_polygon(centre, radii))


def _polygon(centre: QPointF, radii: list[float]) -> QPolygonF:
    """Return corners round a centre, the first one on top."""
    step = 2 * math.pi / len(radii)
    return QPolygonF(
        [
            QPointF(centre.x() + r * math.sin(n * step), centre.y() - r * math.cos(n * step))
            for n, r in enumerate(radii)
        ]
    )


def paint_unmade(painter: QPainter, area: QRectF, lane: Lane, note: str, palette: Palette) -> None:
    """Draw how far a take is, or why there is none. area: where its waveform will be."""
    if lane.state is LaneState.MAKING:
        width = area.width() * lane.progress
        made = QRectF(area.left(), area.top() + 1, width, area.height() - 1)
        paint_made(painter, made, palette, VEIL_ALPHA)
    token = "fault" if lane.state is LaneState.FAILED else "dim"
    painter.setFont(theme.font(NOTE_SIZE_PX))
    painter.setPen(palette.color(token))
    room = area.adjusted(theme.SPACE[1], 0.0, -theme.SPACE[1], 0.0)
    text = QFontMetricsF(painter.font()).elidedText(
        state_word(lane, note), Qt.TextElideMode.ElideRight, room.width()
    )
    painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)


def paint_chip(
    painter: QPainter,
    rect: QRectF,
    lane: Lane,
    palette: Palette,
    *,
    active: bool,
    hot: bool,
    pending: bool = False,
) -> None:
    """Draw a lane as its letter alone, its state's shape beside it or its star; dashed while it
    waits for the bar."""
    inner = rect.adjusted(0.5, 0.5, -0.5, -0.5)
    pen = QPen(palette.color("graft" if active or pending else "line"), 1.0)
    if pending:
        pen.setDashPattern(PENDING_DASHES)
    painter.setPen(pen)
    painter.setBrush(palette.color("raised" if hot or active else "panel"))
    painter.drawRoundedRect(inner, theme.RADIUS_CONTROL, theme.RADIUS_CONTROL)
    ready = lane.state is LaneState.DONE
    painter.setFont(theme.font(LETTER_SIZE_PX, QFont.Weight.DemiBold))
    painter.setPen(palette.color("text" if ready else "dim"))
    painter.drawText(
        QRectF(rect.left() + 9.0, rect.top(), 12.0, rect.height()),
        Qt.AlignmentFlag.AlignVCenter,
        lane.letter,
    )
    centre = QPointF(rect.right() - 12.0, rect.center().y())
    if ready and lane.rating:
        paint_star(painter, centre, palette, filled=True)
    else:
        paint_state(painter, centre, lane, palette)
