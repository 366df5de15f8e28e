"""The filters above the library: small buttons that are on or off."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from engine.taxonomy import FAMILIES
from gui.state.clip import Clip
from gui.state.library import TEMPO_TOLERANCE, LibraryState
from gui.widgets.labels import CHIP_HEIGHT_PX
from gui.widgets.library_model import short_key


class Chip(QPushButton):
    """A filter. Return switches it; Space is left to the player."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.setProperty("role", "chip")
        self.setFixedHeight(CHIP_HEIGHT_PX)
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.say(text, name)

    def say(self, text: str, name: str) -> None:
        """Show other words. name: for a screen reader and the tooltip."""
        self.setText(text)
        self.setAccessibleName(name)
        self.setToolTip(name)

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        if a0 is None:
            return
        if a0.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif a0.key() in (Qt.Key.Key_Space, Qt.Key.Key_Select):
            a0.ignore()
        else:
            super().keyPressEvent(a0)

    def keyReleaseEvent(self, e: QKeyEvent | None) -> None:
        if e is not None and e.key() in (Qt.Key.Key_Space, Qt.Key.Key_Select):
            e.ignore()
        else:
            super().keyReleaseEvent(e)


class LibraryChips(QWidget):
    """Starred, and what goes with the sound on the canvas: its family, tempo and key."""

    def __init__(self, state: LibraryState) -> None:
        super().__init__()
        self._state = state
        self._clip: Clip | None = None
        self.starred = Chip("★", "Only starred takes")
        self.word = Chip("", "")
        self.tempo = Chip("", "")
        self.key = Chip("", "")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for chip in (self.starred, self.word, self.tempo, self.key):
            chip.clicked.connect(self._choose)
            row.addWidget(chip)
        row.addStretch(1)
        state.wanted_changed.connect(self._show)
        self.match(None)

    def match(self, clip: Clip | None) -> None:
        """Offer what goes with this sound; what is switched on stays as it is."""
        self._clip = clip
        self._show()

    def _show(self) -> None:
        wanted, clip = self._state.wanted, self._clip
        self.starred.setChecked(wanted.starred)
        word = wanted.word or family_of(clip)
        bpm = wanted.bpm or (clip.tempo_bpm if clip is not None else None)
        key = wanted.key or (clip.key if clip is not None else None)
        self.word.setVisible(bool(word))
        self.word.say(word, f"Only takes with the word {word}")
        self.word.setChecked(bool(wanted.word))
        self.tempo.setVisible(bpm is not None)
        if bpm is not None:
            low, high = bpm * (1 - TEMPO_TOLERANCE), bpm * (1 + TEMPO_TOLERANCE)
            name = f"Only takes of {low:.0f} to {high:.0f} bpm, near this sound's tempo"
            self.tempo.say(f"{low:.0f}–{high:.0f}", name)
        self.tempo.setChecked(wanted.bpm is not None)
        self.key.setVisible(key is not None)
        if key is not None:
            self.key.say(short_key(key.name), f"Only takes in {key.name}")
        self.key.setChecked(wanted.key is not None)

    def _choose(self) -> None:
        wanted, clip = self._state.wanted, self._clip
        bpm = wanted.bpm or (clip.tempo_bpm if clip is not None else None)
        key = wanted.key or (clip.key if clip is not None else None)
        self._state.want(
            replace(
                wanted,
                starred=self.starred.isChecked(),
                word=self.word.text() if self.word.isChecked() else "",
                bpm=bpm if self.tempo.isChecked() else None,
                key=key if self.key.isChecked() else None,
            )
        )


def family_of(clip: Clip | None) -> str:
    """Return the family that a take's prompt names, else nothing."""
    if clip is None or clip.facts is None:
        return ""
    words = clip.facts.request.prompt.lower().split()
    return next((family for family in FAMILIES if family in words), "")
