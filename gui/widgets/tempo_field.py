"""The tempo in the top bar: a number that is told, or a field where it is ours to set."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QKeyEvent
from PyQt6.QtWidgets import QLineEdit

from gui.widgets.labels import set_level

NO_TEMPO = "–"
TEMPO_TIP, SET_TEMPO_TIP = "Tempo", "Tempo of all: click or T, then type (40 to 300 bpm)"
_WIDTH_PX = 66
_TAKES = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter})
_ENDS = _TAKES | {Qt.Key.Key_Escape}


class TempoField(QLineEdit):
    """wanted(str): what was typed, with Return. left: the keys go elsewhere again."""

    wanted = pyqtSignal(str)
    left = pyqtSignal()

    def __init__(self) -> None:
        super().__init__(NO_TEMPO)
        self.setProperty("role", "number")
        self.setFixedWidth(_WIDTH_PX)
        self._told = NO_TEMPO
        self.set_open(False)

    def show_tempo(self, bpm: float | None) -> None:
        """Show a tempo, not over what is being typed."""
        self._told = NO_TEMPO if bpm is None else f"{bpm:.2f}"
        if not self.hasFocus():
            self.setText(self._told)

    def set_open(self, is_open: bool) -> None:
        """Let it be set, or only be read."""
        self.setReadOnly(not is_open)
        policy = Qt.FocusPolicy.StrongFocus if is_open else Qt.FocusPolicy.NoFocus
        self.setFocusPolicy(policy)
        self.setToolTip(SET_TEMPO_TIP if is_open else TEMPO_TIP)
        self.setAccessibleName(TEMPO_TIP)
        set_level(self, "open" if is_open else "")
        if not is_open and self.hasFocus():
            self.clearFocus()

    def begin(self) -> None:
        """Have another tempo typed."""
        self.setFocus()
        self.selectAll()

    def event(self, a0: QEvent | None) -> bool:
        """Keep Return and Esc from the commands they are elsewhere."""
        is_asked = isinstance(a0, QKeyEvent) and a0.type() == QEvent.Type.ShortcutOverride
        if is_asked and isinstance(a0, QKeyEvent) and a0.key() in _ENDS:
            a0.accept()
            return True
        return super().event(a0)

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        """Take what was typed, or leave it."""
        if a0 is None or a0.key() not in _ENDS:
            super().keyPressEvent(a0)
            return
        if a0.key() in _TAKES:
            self.wanted.emit(self.text())
        self.left.emit()

    def focusOutEvent(self, a0: QFocusEvent | None) -> None:
        """Show again what it is."""
        super().focusOutEvent(a0)
        self.setText(self._told)
        self.deselect()
