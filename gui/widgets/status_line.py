"""One sentence on how things are; a fault stays until something succeeds or the user acts."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QWidget

from gui.widgets.labels import ElidedLabel, label, set_level

HEIGHT_PX = 26


class StatusLine(QWidget):
    """The bottom line. Levels: "", "warn", "fault"."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("status")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT_PX)
        self._keeps_fault = False
        self.sentence = ElidedLabel("status")
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 14, 0)
        row.setSpacing(16)
        row.addWidget(self.sentence, 1)
        row.addWidget(label("? shortcuts", "status"))
        row.addWidget(label("Ctrl+K commands", "status"))

    def say(self, sentence: str, level: str = "") -> None:
        """Show a sentence; a warning or fault begins with a word that says so."""
        self._keeps_fault = level == "fault"
        word = {"warn": "Note: ", "fault": "Problem: "}.get(level, "")
        self.sentence.set_whole(f"{word}{sentence}")
        set_level(self.sentence, level)

    def note(self, sentence: str, level: str = "") -> None:
        """Show news that nobody asked for, unless a fault is to be read first."""
        if level == "fault" or not self._keeps_fault:
            self.say(sentence, level)

    def release(self) -> None:
        """The user acted: whatever is said next may take a fault's place."""
        self._keeps_fault = False
