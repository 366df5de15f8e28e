"""Above the waveform: the sound's name, what was measured of it, before and after."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QWidget

from gui.state.clip import Clip
from gui.widgets.labels import ElidedLabel, button, label, set_level

HEIGHT_PX, NAME_PX = 48, 96


class ClipHeader(QWidget):
    """Name and facts. before_wanted(bool): show what the take was grafted into."""

    before_wanted = pyqtSignal(bool)
    keep_wanted = pyqtSignal()
    files_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(HEIGHT_PX)
        self.name = ElidedLabel("title")
        self.name.setMinimumWidth(NAME_PX)
        self.files = button("", "chip", "Files that are open (Ctrl+PgDown)", self._files)
        self.tempo = label("", "chip", "Measured tempo")
        self.key = label("", "chip", "Key")
        self.loudness = label("", "chip", "Loudness")
        self.seam = label("", "chip", "Seam score: at most 1 is not heard")
        self.keep = button("Keep", "chip", "Graft into this take from now on (K)", self._keep)
        self.before = button(
            "X before / after",
            "chip",
            "What it was before (X)",
            lambda: self.before_wanted.emit(self.before.isChecked()),
            checkable=True,
        )
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(8)
        row.addWidget(self.name)
        for fact in (self.files, self.tempo, self.key, self.loudness, self.seam):
            row.addWidget(fact)
        row.addStretch(1)
        for choice in (self.keep, self.before):
            row.addWidget(choice)

    def show_clip(self, clip: Clip | None, *, has_before: bool, before_shown: bool) -> None:
        """Show a clip's facts; what is not known is not shown."""
        self.name.set_whole("" if clip is None else clip.name)
        _fact(self.tempo, clip and clip.tempo_bpm and f"{clip.tempo_bpm:.2f} bpm")
        _fact(self.key, clip and clip.key and clip.key.name)
        loud = None if clip is None else clip.lufs
        _fact(self.loudness, None if loud is None else f"{loud:.1f} LUFS".replace("-", "−"))
        self._show_seam(None if clip is None else clip.seam_score)
        self.keep.setVisible(has_before)
        self.before.setVisible(has_before)
        self.before.setChecked(before_shown)
        self._fold()

    def show_files(self, position: int | None, count: int) -> None:
        """Show which of the opened files lies on the canvas; nothing where there is but one."""
        self.files.setVisible(count > 1)
        self.files.setText(f"{'–' if position is None else position + 1} / {count} ▾")
        self._fold()

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        """Show as many facts as there is room for."""
        super().resizeEvent(a0)
        self._fold()

    def _fold(self) -> None:
        """Leave out whole facts rather than cut all of them off, the least telling first."""
        facts = (self.loudness, self.seam, self.key, self.tempo)
        for fact in facts:
            fact.setVisible(bool(fact.text()))
        for fact in facts:
            if self._row.minimumSize().width() > self.width():
                fact.hide()

    def _show_seam(self, score: float | None) -> None:
        heard = score is not None and score > 1.0
        _fact(self.seam, None if score is None else f"seam {score:.2f}")
        set_level(self.seam, "warn" if heard else "")

    def _files(self) -> None:
        self.files_wanted.emit()

    def _keep(self) -> None:
        self.keep_wanted.emit()


def _fact(chip: QLabel, text: object) -> None:
    chip.setText(str(text or ""))
    chip.setVisible(bool(text))
