"""The window's regions: every widget, where it lies, and what folds away beside a DAW."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from gui.parts import Parts
from gui.theme import SPACE, Palette
from gui.widgets.clip_header import ClipHeader
from gui.widgets.export_bar import ExportBar
from gui.widgets.labels import ElidedLabel
from gui.widgets.lanes_view import LanesView
from gui.widgets.library_view import LibraryView
from gui.widgets.prompt_form import PromptForm
from gui.widgets.queue_view import QueueView
from gui.widgets.status_line import StatusLine
from gui.widgets.transport_bar import TransportBar
from gui.widgets.waveform_editor import WaveformEditor

ASK_WIDTH_PX, LIBRARY_WIDTH_PX, CANVAS_MARGIN_PX = 272, 252, 10
#: From the canvas' edge to the lanes' letters.
CANVAS_INSET_PX = 6
#: Below these widths the library folds away (and what a key exports as well), and the lanes become
#: a row of letters.
LIBRARY_FOLDS_PX, LANES_FOLD_PX = 1100, 900


class Regions(QWidget):
    """Transport above; ask, canvas and library side by side; export and status below."""

    def __init__(self, parts: Parts, models: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self.transport = TransportBar()
        self.form = PromptForm(models)
        self.queue = QueueView()
        self.header = ClipHeader()
        self.waveform = WaveformEditor()
        self.lanes = LanesView()
        self.hint = ElidedLabel("small")
        self.library = LibraryView(parts.library, parts.out, parts.overviews)
        self.export = ExportBar()
        self.status = StatusLine()
        self.hint.setContentsMargins(CANVAS_INSET_PX, 0, 0, 0)
        self.library_wanted, self._compact = True, False
        self._lay_out()

    def set_palette(self, palette: Palette) -> None:
        """Draw everything in a palette."""
        for widget in (self.transport, self.waveform, self.lanes, self.library, self.export):
            widget.set_palette(palette)

    def fold(self, width: int) -> None:
        """Leave out what does not fit into so many px."""
        self.library.setVisible(self.library_wanted and width >= LIBRARY_FOLDS_PX)
        compact = width < LANES_FOLD_PX
        self.lanes.set_compact(compact)
        narrow = width < LIBRARY_FOLDS_PX
        self.transport.set_compact(compact, narrow=narrow)
        self.export.set_compact(narrow)
        self._compact = compact
        self.show_hint(self.hint.whole)
        self.waveform.set_compact(compact)

    def show_hint(self, words: str) -> None:
        """Say under the lanes what the hands can do with them; nothing beside a DAW."""
        self.hint.set_whole(words)
        self.hint.setVisible(bool(words) and not self._compact)

    def toggle_library(self) -> None:
        """Show the library or fold it away, whatever the width."""
        self.library_wanted = self.library.isHidden()
        self.library.setVisible(self.library_wanted)

    def find_in_library(self) -> None:
        """Show the library, with the cursor in its search field."""
        self.library_wanted = True
        self.library.show()
        self.library.focus_search()

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self._ask_panel())
        middle.addWidget(self._canvas_panel(), 1)
        self.library.setObjectName("library")
        self.library.setFixedWidth(LIBRARY_WIDTH_PX)
        middle.addWidget(self.library)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.transport)
        column.addLayout(middle, 1)
        column.addWidget(self.export)
        column.addWidget(self.status)

    def _ask_panel(self) -> QWidget:
        panel = QWidget()
        panel.setObjectName("ask")
        panel.setFixedWidth(ASK_WIDTH_PX)
        column = QVBoxLayout(panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.form)
        column.addWidget(self.queue, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setFixedWidth(ASK_WIDTH_PX)
        area.setWidget(panel)
        return area

    def _canvas_panel(self) -> QWidget:
        panel = QWidget()
        panel.setObjectName("canvas")
        panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        inner = QVBoxLayout()
        inner.setContentsMargins(CANVAS_MARGIN_PX, 0, CANVAS_MARGIN_PX, SPACE[2])
        inner.setSpacing(SPACE[2])
        inner.addWidget(self.waveform, 1)
        inner.addWidget(self.lanes)
        inner.addWidget(self.hint)
        column.addWidget(self.header)
        column.addLayout(inner, 1)
        return panel
