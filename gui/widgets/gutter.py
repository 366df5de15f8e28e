"""The column left of the waveform: a grip to drag the sound out by, and the height's scale."""

from __future__ import annotations

import math
from typing import NamedTuple

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from gui import theme
from gui.theme import Palette
from gui.widgets.canvas_overlays import paint_made

INVITATION = "Drop a loop here"
INVITATION_DETAIL = "or say what to make on the left, and press Return"
_INVITATIONS = (INVITATION, INVITATION_DETAIL)
MAKING_DETAIL = "the first take is heard as soon as it is ready"
VEIL_ALPHA = 0.2
GRIP_COLUMNS, GRIP_ROWS = 2, 3
GRIP_STEP_PX, GRIP_RADIUS_PX = 4.0, 1.1
TEXT_SIZE_PX, INVITATION_SIZE_PX, DETAIL_SIZE_PX = 11, 16, 12
INSET_PX, COMPACT_INSET_PX = 6.0, 1.0
#: A narrower column has room for the grip's dots alone.
LEAST_WORDS_PX = 64.0
LINE_PX = 18.0
INVITATION_LINE_PX = 24.0
READING_PX = 28.0
DASHES = (4.0, 4.0)
#: Peaks above this are as good as full scale and not worth a word, dB.
QUIET_BELOW_DB = -0.5


def paint_gutter(
    painter: QPainter, area: QRectF, palette: Palette, peak: float, *, before: bool
) -> None:
    """Draw the grip, whether the old sound is shown, and what full height stands for.

    peak: the linear value that fills the height.
    """
    inset = INSET_PX if area.width() >= LEAST_WORDS_PX else COMPACT_INSET_PX
    top = QRectF(area.left() + inset, area.top() + INSET_PX, area.width() - inset, LINE_PX)
    _paint_grip(painter, top, palette)
    if area.width() < LEAST_WORDS_PX:
        return
    painter.setFont(theme.font(TEXT_SIZE_PX))
    painter.setPen(palette.color("dim"))
    left_middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    painter.drawText(top.adjusted(14.0, 0.0, 0.0, 0.0), left_middle, "drag out")
    peak_db = 20 * math.log10(peak)
    if peak_db < QUIET_BELOW_DB:
        bottom = top.translated(0.0, area.height() - top.height() - 2 * INSET_PX)
        painter.drawText(bottom, left_middle, f"peak −{-peak_db:.1f} dB")
    if before:
        painter.setFont(theme.font(TEXT_SIZE_PX, QFont.Weight.DemiBold))
        painter.setPen(palette.color("source"))
        painter.drawText(top.translated(0.0, 22.0), left_middle, "Before")


def _paint_grip(painter: QPainter, area: QRectF, palette: Palette) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(palette.color("faint"))
    top = area.center().y() - GRIP_STEP_PX * (GRIP_ROWS - 1) / 2
    for column in range(GRIP_COLUMNS):
        for row in range(GRIP_ROWS):
            at = QPointF(area.left() + 2 + column * GRIP_STEP_PX, top + row * GRIP_STEP_PX)
            painter.drawEllipse(at, GRIP_RADIUS_PX, GRIP_RADIUS_PX)


class News(NamedTuple):
    """What is being read or made for an empty canvas, and how far the making is, 0 to 1."""

    reading: str = ""
    making: str = ""
    share: float | None = None

    @property
    def lines(self) -> tuple[str, str]:
        """What stands on it, large and small."""
        if self.reading:
            return self.reading, ""
        return (f"Making “{self.making}”", MAKING_DETAIL) if self.making else _INVITATIONS


def paint_invitation(painter: QPainter, area: QRectF, palette: Palette, news: News) -> None:
    """Say calmly what can be done with an empty canvas, or what is under way for it."""
    frame = area.adjusted(0.5, theme.SPACE[1] + 0.5, -0.5, -theme.SPACE[1] - 0.5)
    pen = QPen(palette.color("line"), 1.0)
    pen.setDashPattern(DASHES)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(frame, theme.RADIUS_PANEL, theme.RADIUS_PANEL)
    if news.share is not None:
        inside = frame.adjusted(1.0, 1.0, -1.0, -1.0)
        inside.setWidth(inside.width() * min(1.0, news.share))
        paint_made(painter, inside, palette, VEIL_ALPHA)
    upper = QRectF(area.left(), area.center().y() - INVITATION_LINE_PX, area.width(), LINE_PX)
    large, small = news.lines
    _paint_centred(painter, upper, large, INVITATION_SIZE_PX, palette.color("text"))
    lower = upper.translated(0.0, INVITATION_LINE_PX)
    _paint_centred(painter, lower, small, DETAIL_SIZE_PX, palette.color("dim"))


def paint_reading(painter: QPainter, area: QRectF, palette: Palette, words: str) -> None:
    """Say over what is shown what is being read to take its place."""
    if not words:
        return
    painter.setFont(theme.font(DETAIL_SIZE_PX))
    width = QFontMetricsF(painter.font()).horizontalAdvance(words) + 2 * theme.SPACE[3]
    width = min(width, area.width())
    box = QRectF(area.center().x() - width / 2, area.top() + theme.SPACE[2], width, READING_PX)
    painter.setPen(QPen(palette.color("line"), 1.0))
    painter.setBrush(palette.color("raised"))
    painter.drawRoundedRect(box, theme.RADIUS_CONTROL, theme.RADIUS_CONTROL)
    _paint_centred(painter, box, words, DETAIL_SIZE_PX, palette.color("text"))


def _paint_centred(painter: QPainter, area: QRectF, text: str, size_px: int, color: QColor) -> None:
    painter.setFont(theme.font(size_px))
    painter.setPen(color)
    room = area.width() - 2 * theme.SPACE[3]
    text = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, room)
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip, text)
