"""Labels, chips and small buttons in the roles of the style sheet."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QPaintEvent, QPalette
from PyQt6.QtWidgets import (
    QComboBox,
    QLabel,
    QPushButton,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

CHIP_HEIGHT_PX = 24


def set_level(widget: QWidget, level: str) -> None:
    """Show the widget as "", "good", "warn" or "fault"."""
    if widget.property("level") == level:
        return
    widget.setProperty("level", level)
    style = widget.style()
    if style is not None:
        style.unpolish(widget)
        style.polish(widget)


def label(text: str = "", role: str = "", what: str = "") -> QLabel:
    """Return a label in a role: dim, small, title, number, chip, status. what: what it tells, for
    a screen reader and as tooltip; its name stays the text."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setProperty("role", role)
    if role == "chip":
        made.setFixedHeight(CHIP_HEIGHT_PX)
    if what:
        made.setAccessibleDescription(what)
        made.setToolTip(what)
    return made


def button(
    text: str, role: str, name: str, press: Callable[[], object], *, checkable: bool = False
) -> QPushButton:
    """Return a button. name: what a screen reader says, and the tooltip."""
    made = QPushButton(text)
    made.setProperty("role", role)
    if role == "chip":
        made.setFixedHeight(CHIP_HEIGHT_PX)
    made.setAccessibleName(name)
    made.setToolTip(name)
    made.setCheckable(checkable)
    made.clicked.connect(lambda _checked=False: press())
    return made


class RightCombo(QComboBox):
    """A combo box whose text stands at the right, as the numbers above and under it do."""

    def paintEvent(self, e: QPaintEvent | None) -> None:
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        text, option.currentText = option.currentText, ""
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        style = self.style()
        if style is not None:
            field = QStyle.SubControl.SC_ComboBoxEditField
            room = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            short = Qt.TextElideMode.ElideRight
            text = self.fontMetrics().elidedText(text, short, room.width())
            painter.setPen(option.palette.color(QPalette.ColorRole.Text))
            painter.drawText(room, right, text)


class ElidedLabel(QLabel):
    """A label of one line that ends in … where there is no room; the whole is its tooltip."""

    def __init__(self, role: str = "") -> None:
        super().__init__()
        self._whole = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setMinimumWidth(24)

    @property
    def whole(self) -> str:
        return self._whole

    def set_whole(self, text: str) -> None:
        self._whole = text
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.updateGeometry()
        self._elide()

    def sizeHint(self) -> QSize:
        """Return the room that the whole text takes."""
        hint = super().sizeHint()
        return QSize(self.fontMetrics().horizontalAdvance(self._whole) + 2, hint.height())

    def resizeEvent(self, a0: object) -> None:
        """Fit the text anew."""
        self._elide()

    def _elide(self) -> None:
        mode = Qt.TextElideMode.ElideRight
        self.setText(self.fontMetrics().elidedText(self._whole, mode, max(8, self.width())))
