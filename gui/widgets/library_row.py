"""How a row of the library looks: a card with name, star, waveform and facts."""

from __future__ import annotations

from collections import OrderedDict

from PyQt6.QtCore import QModelIndex, QObject, QPoint, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QFontMetrics, QPainter, QPixmap
from PyQt6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.state.overviews import Overviews
from gui.state.provenance import grafted_spans
from gui.state.stored_take import StoredTake
from gui.theme import RADIUS_CONTROL, Palette, font
from gui.widgets.library_model import ENTRY_ROLE, facts_line
from gui.widgets.small_wave import decode_extremes, drag_pixmap, draw_wave, shares

CARD_HEIGHT, GAP = 78, 7
_PADDING, _WAVE_HEIGHT, _STAR_WIDTH = 8, 26, 34
_PIXMAPS_KEPT = 256


class LibraryRow(QStyledItemDelegate):
    """Draws rows; waveforms are kept as pixmaps, so that scrolling copies them."""

    def __init__(
        self, overviews: Overviews, palette: Palette, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._overviews, self._palette = overviews, palette
        self._waves: OrderedDict[tuple[str, int, float], QPixmap] = OrderedDict()

    def set_palette(self, palette: Palette) -> None:
        """Draw in other colours."""
        self._palette = palette
        self._waves.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(120, CARD_HEIGHT + GAP)

    def star_at(self, row: QRect, point: QPoint) -> bool:
        """Tell whether a point of the list lies on the star of the row in this rectangle."""
        card = row.adjusted(0, 0, 0, -GAP)
        return QRect(card.right() - _STAR_WIDTH, card.top(), _STAR_WIDTH + 1, 28).contains(point)

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        entry = index.data(ENTRY_ROLE)
        if painter is None or not isinstance(entry, StoredTake):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -GAP - 0.5)
        self._draw_card(painter, card, option.state)
        inside = card.adjusted(_PADDING, _PADDING - 1, -_PADDING, -_PADDING)
        self._draw_name(painter, inside, entry, option.state)
        self._draw_wave(painter, inside, entry, option.widget)
        painter.setFont(font(11))
        painter.setPen(self._palette.color("dim"))
        text = _elided(painter, facts_line(entry), inside.width())
        below = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
        painter.drawText(inside, below, text)
        painter.restore()

    def drag_pixmap(self, entry: StoredTake, pixel_ratio: float) -> QPixmap:
        """Return what is carried under the pointer while a take is dragged."""
        extremes = decode_extremes(self._overviews.find(entry) or b"")
        grafted = shares(grafted_spans(entry.facts), entry.facts.frames)
        return drag_pixmap(entry.name, extremes, grafted, self._palette, pixel_ratio)

    def _draw_card(self, painter: QPainter, card: QRectF, state: QStyle.StateFlag) -> None:
        is_selected = bool(state & QStyle.StateFlag.State_Selected)
        has_focus = bool(state & QStyle.StateFlag.State_HasFocus)
        edge = "bg"
        if is_selected or state & QStyle.StateFlag.State_MouseOver:
            edge = "graft" if is_selected and has_focus else "line"
        painter.setPen(self._palette.color(edge))
        painter.setBrush(self._palette.color("raised" if is_selected else "bg"))
        painter.drawRoundedRect(card, RADIUS_CONTROL, RADIUS_CONTROL)

    def _draw_name(
        self, painter: QPainter, inside: QRectF, entry: StoredTake, state: QStyle.StateFlag
    ) -> None:
        touched = QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_Selected
        star = _star_text(entry.rating, bool(state & touched))
        painter.setFont(font(12))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop
        painter.setPen(self._palette.color("warn" if entry.rating else "dim"))
        painter.drawText(inside, right, star)
        room = inside.width() - (painter.fontMetrics().horizontalAdvance(star) + 6 if star else 0)
        painter.setPen(self._palette.color("text"))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        painter.drawText(inside, left, _elided(painter, entry.name, room))

    def _draw_wave(
        self, painter: QPainter, inside: QRectF, entry: StoredTake, widget: QWidget | None
    ) -> None:
        top = inside.top() + QFontMetrics(font(12)).height() + 3
        ratio = widget.devicePixelRatioF() if widget is not None else 1.0
        width = int(inside.width())
        pixmap = self._wave(entry, width, ratio)
        if pixmap is not None:
            painter.drawPixmap(QPoint(int(inside.left()), int(top)), pixmap)
            return
        painter.setPen(self._palette.color("line"))
        middle = top + _WAVE_HEIGHT / 2
        painter.drawLine(int(inside.left()), int(middle), int(inside.right()), int(middle))

    def _wave(self, entry: StoredTake, width: int, ratio: float) -> QPixmap | None:
        """Return the waveform as a pixmap; None while it is not known."""
        key = (entry.take_id, width, ratio)
        kept = self._waves.get(key)
        if kept is not None:
            self._waves.move_to_end(key)
            return kept
        data = self._overviews.find(entry)
        if not data:
            return None
        pixmap = QPixmap(round(width * ratio), round(_WAVE_HEIGHT * ratio))
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(0, 0, width, _WAVE_HEIGHT)
        grafted = shares(grafted_spans(entry.facts), entry.facts.frames)
        draw_wave(painter, box, decode_extremes(data), grafted, self._palette)
        painter.end()
        self._waves[key] = pixmap
        while len(self._waves) > _PIXMAPS_KEPT:
            self._waves.popitem(last=False)
        return pixmap


def _star_text(rating: int, is_touched: bool) -> str:
    if rating == 0:
        return "☆" if is_touched else ""
    return "★" if rating == 5 else f"{rating} ★"


def _elided(painter: QPainter, text: str, width: float) -> str:
    metrics = painter.fontMetrics()
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(width))
