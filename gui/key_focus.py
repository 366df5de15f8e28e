"""Whose key it is: the focused widget's own, or a command's."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)

_PLAIN = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier
_MOVES = frozenset(
    {
        Qt.Key.Key_Up,
        Qt.Key.Key_Down,
        Qt.Key.Key_Home,
        Qt.Key.Key_End,
        Qt.Key.Key_PageUp,
        Qt.Key.Key_PageDown,
    }
)
#: ShortcutOverride comes before every key, also before those that are a command's.
_ACTS = frozenset({QEvent.Type.ShortcutOverride, QEvent.Type.MouseButtonPress})
_CHOOSES = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Delete})


class KeyFocus(QObject):
    """Space plays everywhere but where text is typed; lists and fields keep their own keys.

    choosers: widgets in which Return and Delete belong to what is chosen there. acted: the user
    pressed a key or a button in the window.
    """

    acted = pyqtSignal()

    def __init__(
        self, window: QWidget, choosers: tuple[QWidget, ...], play: Callable[[], None]
    ) -> None:
        super().__init__(window)
        self._window, self._choosers, self._play = window, choosers, play
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self)

    def close(self) -> None:
        """Let every key go its own way again."""
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Give Space to playback, and claimed keys to the widget."""
        if a1 is not None and a1.type() in _ACTS and self._window.isActiveWindow():
            self.acted.emit()
        if not isinstance(a1, QKeyEvent) or not self._window.isActiveWindow():
            return super().eventFilter(a0, a1)
        focus = QApplication.focusWidget()
        if a1.type() == QEvent.Type.ShortcutOverride and self._keeps(focus, a1):
            a1.accept()
            return True
        if a1.key() == Qt.Key.Key_Space and not a1.modifiers() and not types_text(focus):
            if a1.type() == QEvent.Type.KeyPress and not a1.isAutoRepeat():
                self._play()
            return a1.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
        return super().eventFilter(a0, a1)

    def _keeps(self, focus: QWidget | None, event: QKeyEvent) -> bool:
        """Return whether a key is the focused widget's own, whatever command it also is."""
        if event.modifiers() & ~_PLAIN or focus is None:
            return False
        if any(chooser.isAncestorOf(focus) for chooser in self._choosers):
            return event.key() in _MOVES or event.key() in _CHOOSES
        return isinstance(focus, QComboBox | QAbstractSpinBox) and event.key() in _MOVES


def types_text(widget: QWidget | None) -> bool:
    """Return whether letters and spaces belong to this widget."""
    if isinstance(widget, QAbstractItemView):
        return False
    return isinstance(widget, QLineEdit | QPlainTextEdit) and not widget.isReadOnly()
