"""The right panel: every take ever made, searched, filtered, heard and dragged out."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QLabel, QLineEdit, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from gui.drag_out import DragOut
from gui.state.clip import Clip
from gui.state.library import LibraryState, Wanted
from gui.state.overviews import Overviews
from gui.theme import DARK, Palette
from gui.widgets.library_chips import LibraryChips
from gui.widgets.library_list import LibraryList
from gui.widgets.library_model import LibraryModel
from gui.widgets.library_row import LibraryRow

_MARGIN, _SPACE = 14, 10


class LibraryView(QWidget):
    """Shows a LibraryState. UI thread only.

    open_wanted(StoredTake): lay it on the canvas. audition_wanted(StoredTake): let it be
    heard. recipe_wanted(GenerationRequest): fill the form with it. status(sentence).
    """

    open_wanted = pyqtSignal(object)
    audition_wanted = pyqtSignal(object)
    recipe_wanted = pyqtSignal(object)
    status = pyqtSignal(str)

    def __init__(
        self,
        state: LibraryState,
        out: DragOut,
        overviews: Overviews,
        palette: Palette = DARK,
    ) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Library")
        self.state = state
        self.model = LibraryModel(state, self)
        self.row = LibraryRow(overviews, palette, self)
        self.search = QLineEdit()
        self.chips = LibraryChips(state)
        self.list = LibraryList(state, self.model, self.row, out)
        self.empty = _Empty()
        self._stack = QStackedWidget()
        self._lay_out()
        self._bind(overviews)
        self._show_state()

    def set_palette(self, palette: Palette) -> None:
        """Draw everything in other colours."""
        self.row.set_palette(palette)
        self.list.viewport().update()  # pyright: ignore[reportOptionalMemberAccess]

    def focus_search(self) -> None:
        """Put the cursor into the search field, its words selected."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def match(self, clip: Clip | None) -> None:
        """Offer filters for what goes with this sound."""
        self.chips.match(clip)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """From the search field: down and Return go to the list, Escape clears the words."""
        if a0 is self.search and isinstance(a1, QKeyEvent) and a1.type() == QEvent.Type.KeyPress:
            if a1.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                return self._to_list()
            if a1.key() == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
        return super().eventFilter(a0, a1)

    def _lay_out(self) -> None:
        self.search.setPlaceholderText("Search the library…")
        self.search.setAccessibleName("Search the library")
        self.search.setFixedHeight(30)
        self._stack.addWidget(self.list)
        self._stack.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, 0)
        column.setSpacing(_SPACE)
        column.addWidget(self.search)
        column.addWidget(self.chips)
        column.addWidget(self._stack, 1)
        QWidget.setTabOrder(self.search, self.chips.starred)
        QWidget.setTabOrder(self.chips.key, self.list)

    def _bind(self, overviews: Overviews) -> None:
        state = self.state
        self.search.installEventFilter(self)
        self.search.textChanged.connect(state.search)
        state.entries_changed.connect(self._show_state)
        state.wanted_changed.connect(self._show_words)
        state.status.connect(self.status)
        overviews.changed.connect(self.list.redraw)
        self.list.open_wanted.connect(self.open_wanted)
        self.list.audition_wanted.connect(self.audition_wanted)
        self.list.recipe_wanted.connect(self.recipe_wanted)
        self.list.search_wanted.connect(self.focus_search)
        self.empty.clear.clicked.connect(lambda: state.want(Wanted()))

    def _to_list(self) -> bool:
        """Go to the row that was chosen, else hear the first one."""
        if self.model.rowCount():
            self.list.setFocus(Qt.FocusReason.TabFocusReason)
            if not self.list.selectedIndexes():  # the focus alone makes a row the current one
                self.list.choose(0)
                self.audition_wanted.emit(self.list.entry)
        return True

    def _show_words(self) -> None:
        if self.search.text() != self.state.wanted.text:
            self.search.setText(self.state.wanted.text)

    def _show_state(self) -> None:
        state = self.state
        if state.entries:
            self._stack.setCurrentWidget(self.list)
        elif state.trouble:
            self.empty.say("The library is not there", state.trouble, can_clear=False)
        elif state.is_loading:
            self.empty.say("", "Opening the library…", can_clear=False)
        elif state.wanted:
            self.empty.say("Nothing found", "No take has all of that.", can_clear=True)
        else:
            self.empty.say("No takes yet", "What you make is kept here.", can_clear=False)
        if not state.entries:
            self._stack.setCurrentWidget(self.empty)


class _Empty(QWidget):
    """What is said where no rows are."""

    def __init__(self) -> None:
        super().__init__()
        self._title, self._text = QLabel(), QLabel()
        self.clear = QPushButton("Show all takes")
        self._title.setProperty("role", "title")
        self._text.setProperty("role", "small")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 64, 8, 0)
        column.setSpacing(6)
        for label in (self._title, self._text):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setWordWrap(True)
            column.addWidget(label)
        column.addSpacing(6)
        column.addWidget(self.clear, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)

    def say(self, title: str, text: str, *, can_clear: bool) -> None:
        """Show words. can_clear: offer to drop the search and the filters."""
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self._text.setText(text)
        self.clear.setVisible(can_clear)
