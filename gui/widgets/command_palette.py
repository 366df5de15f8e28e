"""Ctrl+K: every command by name; ? shows the keys. A panel inside the window, never a dialog."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QModelIndex, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QPainter, QPalette
from PyQt6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui.commands import Command, matching
from gui.widgets.labels import label

WIDTH_PX, HEIGHT_PX = 460, 420
HINT = "Type what you want to do"
_KEYS_MARGIN_PX = 10
_COMMAND = Qt.ItemDataRole.UserRole


class CommandPalette(QFrame):
    """Lists commands with their keys; Return runs one, Esc closes. chosen(Command)."""

    chosen = pyqtSignal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("palette")
        self._commands: tuple[Command, ...] = ()
        self.title = label("Commands", "title")
        self.search = QLineEdit()
        self.search.setAccessibleName("Search commands")
        self.list = QListWidget()
        self.list.setAccessibleName("Commands")
        self.list.setUniformItemSizes(True)
        self.list.setItemDelegate(_KeysAtTheRight(self.list))
        self.search.textChanged.connect(self._fill)
        self.search.installEventFilter(self)
        self.list.itemActivated.connect(self._run)
        self.list.installEventFilter(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        for widget in (self.title, self.search, self.list):
            column.addWidget(widget)
        self.hide()

    def open(
        self, commands: tuple[Command, ...], title: str = "Commands", hint: str = HINT
    ) -> None:
        """Show the commands in the middle of the window. hint: what can be typed."""
        self._commands = commands
        self.title.setText(title)
        self.search.setPlaceholderText(hint)
        self.search.clear()
        self._fill("")
        parent = self.parentWidget()
        if parent is not None:
            width, height = min(WIDTH_PX, parent.width()), min(HEIGHT_PX, parent.height())
            self.setGeometry((parent.width() - width) // 2, 64, width, height)
        self.show()
        self.raise_()
        self.search.setFocus()

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Arrows move in the list, Return runs, Esc closes."""
        if not isinstance(a1, QKeyEvent) or a1.type() != QEvent.Type.KeyPress:
            return super().eventFilter(a0, a1)
        match a1.key():
            case Qt.Key.Key_Escape:
                self.hide()
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self._run(self.list.currentItem())
            case Qt.Key.Key_Down if a0 is self.search:
                self._move(1)
            case Qt.Key.Key_Up if a0 is self.search:
                self._move(-1)
            case _:
                return super().eventFilter(a0, a1)
        return True

    def _move(self, by: int) -> None:
        row = min(max(0, self.list.currentRow() + by), self.list.count() - 1)
        self.list.setCurrentRow(row)

    def _fill(self, words: str) -> None:
        self.list.clear()
        for command in matching(self._commands, words):
            item = QListWidgetItem(command.name)
            item.setToolTip(command.group)
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, command.keys_shown)
            item.setData(_COMMAND, command)
            self.list.addItem(item)
        if not self.list.count():
            self.list.addItem("Nothing found")
        self.list.setCurrentRow(0)

    def _run(self, item: QListWidgetItem | None) -> None:
        command = None if item is None else item.data(_COMMAND)
        if command is not None:
            self.hide()
            self.chosen.emit(command)


class _KeysAtTheRight(QStyledItemDelegate):
    """Draws a command with its keys, dimmed, at the right end of the row."""

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        super().paint(painter, option, index)
        if painter is None:
            return
        dim = option.palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
        painter.setPen(dim)
        keys = index.data(Qt.ItemDataRole.AccessibleDescriptionRole) or ""
        room = option.rect.adjusted(0, 0, -_KEYS_MARGIN_PX, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, keys)
