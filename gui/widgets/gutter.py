"""The column left of the waveform: a grip to drag the sound out by, and the height's scale."""

from __future__ import annotations

import math

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QFont, QFontMetricsF, QPainter

from gui import theme
from gui.theme import Palette

INVITATION = "Drop a loop here, or ask for one on the left"
GRIP_COLUMNS, GRIP_ROWS = 2, 3
GRIP_STEP_PX, GRIP_RADIUS_PX = 4.0, 1.1
TEXT_SIZE_PX, INVITATION_SIZE_PX = 11, 13
INSET_PX = 6.0
#: Peaks above this are as good as full scale and not worth a word, dB.
QUIET_BELOW_DB = -0.5


def paint_gutter(
    painter: QPainter, area: QRectF, palette: Palette, peak: float, *, before: bool
) -> None:
    """Draw the grip, whether the old sound is shown, and what full height stands for.

    peak: the linear value that fills the height.
    """
    if area.width() < theme.SPACE[3] * 4:
        return
    painter.setFont(theme.font(TEXT_SIZE_PX))
    top = QRectF(area.left() + INSET_PX, area.top() + INSET_PX, area.width() - INSET_PX, 18.0)
    _paint_grip(painter, top, palette)
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


def paint_invitation(painter: QPainter, area: QRectF, palette: Palette) -> None:
    """Say in one calm line what can be done with an empty canvas."""
    painter.setFont(theme.font(INVITATION_SIZE_PX))
    painter.setPen(palette.color("dim"))
    room = area.width() - 2 * theme.SPACE[3]
    text = QFontMetricsF(painter.font()).elidedText(INVITATION, Qt.TextElideMode.ElideRight, room)
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)
