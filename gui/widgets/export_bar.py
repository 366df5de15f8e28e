"""Under the canvas: the chain, and the shown sound to drag, copy or reveal, as which file."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QEnterEvent, QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PyQt6.QtWidgets import QApplication, QComboBox, QHBoxLayout, QSizePolicy, QWidget

from gui.state.clip import Clip
from gui.state.exports import BitDepth
from gui.state.wet_files import Sides
from gui.theme import DARK, RADIUS_CONTROL, SPACE, Palette, font
from gui.widgets.chain_bar import ChainBar
from gui.widgets.labels import button, label
from gui.widgets.small_wave import Extremes, draw_wave, extremes_of, kept_color, shares

HEIGHT_PX, HANDLE_HEIGHT_PX = 64, 44
HANDLE_WIDTH_PX, HANDLE_LEAST_PX = 200, 130
FORMAT_LEAST_PX = 110
_WAVE_WIDTH_PX, _DOT_STEP_PX, _DOT_RADIUS_PX = 96, 4.0, 1.1
NOTHING = "Nothing to drag yet"


class DragHandle(QWidget):
    """What is grabbed to carry the shown sound into another program.

    drag_wanted: it was pressed and moved far enough; comes once per press.
    """

    drag_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._palette: Palette = DARK
        self._clip: Clip | None = None
        self._wave: Extremes | None = None
        self._pressed_at: QPointF | None = None
        self.setFixedHeight(HANDLE_HEIGHT_PX)
        self.setMinimumWidth(HANDLE_LEAST_PX)
        self.setMaximumWidth(HANDLE_WIDTH_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_clip(None)

    def sizeHint(self) -> QSize:
        return QSize(HANDLE_WIDTH_PX, HANDLE_HEIGHT_PX)

    def set_palette(self, palette: Palette) -> None:
        self._palette = palette
        self.update()

    def show_clip(self, clip: Clip | None) -> None:
        """Show what would be dragged."""
        if clip is None or self._clip is None or clip.peaks is not self._clip.peaks:
            self._wave = None if clip is None else extremes_of(clip, _WAVE_WIDTH_PX)
        if clip is None or self._clip is None or clip.clip_id != self._clip.clip_id:
            self._pressed_at = None
        self._clip = clip
        self.setEnabled(clip is not None)
        open_hand, arrow = Qt.CursorShape.OpenHandCursor, Qt.CursorShape.ArrowCursor
        self.setCursor(arrow if clip is None else open_hand)
        name = NOTHING if clip is None else f"Drag “{clip.name}” into the DAW as a file"
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.update()

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        """Take hold."""
        if a0 is not None and a0.button() is Qt.MouseButton.LeftButton and self._clip is not None:
            self._pressed_at = a0.position()
            a0.accept()

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        """Begin to drag once the pointer went far enough."""
        pressed_at = self._pressed_at
        if a0 is None or pressed_at is None or not a0.buttons() & Qt.MouseButton.LeftButton:
            return
        if (a0.position() - pressed_at).manhattanLength() >= QApplication.startDragDistance():
            self._pressed_at = None
            self.drag_wanted.emit()

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        """Let go."""
        self._pressed_at = None

    def enterEvent(self, event: QEnterEvent | None) -> None:
        self.update()

    def leaveEvent(self, a0: QEvent | None) -> None:
        self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        """Draw a card with a grip, the waveform and what it is for."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        hot = self.isEnabled() and self.underMouse()
        painter.setPen(self._palette.color("graft" if hot else "line"))
        painter.setBrush(self._palette.color("raised" if self.isEnabled() else "panel"))
        painter.drawRoundedRect(card, RADIUS_CONTROL, RADIUS_CONTROL)
        inside = card.adjusted(SPACE[2], SPACE[0], -SPACE[2], -SPACE[0])
        if self._clip is None or self._wave is None:
            painter.setFont(font(12))
            painter.setPen(self._palette.color("dim"))
            painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter, NOTHING)
            return
        self._draw_grip(painter, inside)
        wave = inside.adjusted(SPACE[3], SPACE[0], 0, -SPACE[0])
        wave.setWidth(min(float(_WAVE_WIDTH_PX), inside.width() / 3))
        grafted = shares(self._clip.grafted, self._clip.frames)
        draw_wave(painter, wave, self._wave, grafted, self._palette, kept_color(self._clip))
        self._draw_words(painter, inside.adjusted(SPACE[3] + wave.width() + SPACE[2], 0, 0, 0))

    def _draw_grip(self, painter: QPainter, inside: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._palette.color("faint"))
        for column in range(2):
            for row in range(-1, 2):
                x = inside.left() + 2 + column * _DOT_STEP_PX
                y = inside.center().y() + row * _DOT_STEP_PX
                painter.drawEllipse(QPointF(x, y), _DOT_RADIUS_PX, _DOT_RADIUS_PX)

    def _draw_words(self, painter: QPainter, room: QRectF) -> None:
        if self._clip is None:
            return
        lines = ((self._clip.name, 12, "text", 0.0), ("Drag into the DAW", 11, "dim", 0.5))
        for text, size_px, token, share in lines:
            painter.setFont(font(size_px))
            painter.setPen(self._palette.color(token))
            line = QRectF(
                room.left(), room.top() + share * room.height(), room.width(), room.height() / 2
            )
            short = QFontMetrics(painter.font()).elidedText(
                text, Qt.TextElideMode.ElideRight, max(0, int(room.width()))
            )
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, short)


class ExportBar(QWidget):
    """How the shown sound leaves the window.

    drag_wanted, copy_wanted, reveal_wanted: the shown sound, as a finished file; whoever listens
    does it. format_chosen(BitDepth): how takes are written from now on. sides_chosen(Sides): dry,
    wet or both, while there is a chain.
    """

    drag_wanted = pyqtSignal()
    copy_wanted = pyqtSignal()
    reveal_wanted = pyqtSignal()
    format_chosen = pyqtSignal(object)
    sides_chosen = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("export")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT_PX)
        self.chain = ChainBar()
        self.handle = DragHandle()
        self.handle.drag_wanted.connect(self.drag_wanted)
        self.copy = button(
            "Copy", "", "Copy as a file, to be pasted into a folder or a DAW (Ctrl+D)", self._copy
        )
        self.reveal = button("Reveal", "", "Show the file in its folder", self._reveal)
        self.format = QComboBox()
        self.format.setAccessibleName("Export format")
        self.format.setToolTip("How takes are written; your own sounds leave as they are")
        for depth in BitDepth:
            self.format.addItem(depth.label, depth)
        self.format.activated.connect(self._choose)
        self.format.setMinimumWidth(FORMAT_LEAST_PX)
        self.sides = QComboBox()
        self.sides.setAccessibleName("Export dry or wet")
        self.sides.setToolTip("Dry: as it is. Wet: through the chain, as a file beside it")
        for sides in Sides:
            self.sides.addItem(sides.label, sides)
        self.sides.activated.connect(self._choose_sides)
        self._build()
        self.show_clip(None)
        self.show_chain(has_chain=False)

    def show_chain(self, *, has_chain: bool) -> None:
        """Offer dry and wet where there is a chain."""
        self.sides.setVisible(has_chain)

    def show_sides(self, sides: Sides) -> None:
        """Show which files leave."""
        self.sides.setCurrentIndex(self.sides.findData(sides))

    def set_compact(self, compact: bool) -> None:
        """Leave out, beside a DAW, what a key does as well."""
        for widget in (self.copy, self.reveal, self.title, self.chain.title):
            widget.setVisible(not compact)

    def show_clip(self, clip: Clip | None) -> None:
        """Show what would leave; None: nothing can."""
        self.handle.show_clip(clip)
        self.copy.setEnabled(clip is not None)
        self.reveal.setEnabled(clip is not None)

    def show_format(self, depth: BitDepth) -> None:
        """Show how takes are written."""
        self.format.setCurrentIndex(self.format.findData(depth))

    def set_palette(self, palette: Palette) -> None:
        self.handle.set_palette(palette)

    def _copy(self) -> None:
        self.copy_wanted.emit()

    def _reveal(self) -> None:
        self.reveal_wanted.emit()

    def _choose(self, _index: int) -> None:
        self.format_chosen.emit(self.format.currentData())

    def _choose_sides(self, _index: int) -> None:
        self.sides_chosen.emit(self.sides.currentData())

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 14, 0)
        row.setSpacing(SPACE[1])
        row.addWidget(self.chain, 1)
        row.addWidget(self.handle, 0)
        row.addWidget(self.copy)
        row.addWidget(self.reveal)
        self.title = label("Export", "dim")
        row.addWidget(self.title)
        row.addWidget(self.format)
        row.addWidget(self.sides)
