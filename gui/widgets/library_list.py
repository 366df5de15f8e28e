"""The library's list: keys, stars, drags and the menu of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PyQt6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
    pyqtSignal,
)
from PyQt6.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence, QMouseEvent
from PyQt6.QtWidgets import QAbstractItemView, QListView, QMenu

from gui.drag_out import DragOut
from gui.state.library import STARS, LibraryState
from gui.state.stored_take import StoredTake
from gui.widgets.library_model import LibraryModel
from gui.widgets.library_row import LibraryRow

_MOVES = (
    Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
    Qt.Key.Key_Home, Qt.Key.Key_End,
)  # fmt: skip
_OPENS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_REMOVES = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)


class LibraryList(QListView):
    """Rows of takes. Keys that it does not use go on to the window: Space, letters, arrows to
    the side."""

    open_wanted = pyqtSignal(object)
    audition_wanted = pyqtSignal(object)
    recipe_wanted = pyqtSignal(object)
    search_wanted = pyqtSignal()

    def __init__(
        self, state: LibraryState, model: LibraryModel, row: LibraryRow, out: DragOut
    ) -> None:
        super().__init__()
        self._state, self._model, self._row, self._out = state, model, row, out
        self.setModel(model)
        self.setItemDelegate(row)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)
        self.setAccessibleName("Takes in the library")
        self.setStyleSheet("QListView { background: transparent; border: 0; padding: 0; }")
        self._anchor = QPersistentModelIndex()
        self._anchor_top = 0
        model.changing.connect(self._drop_anchor)
        model.changed.connect(self._ride_at_anchor)
        state.wanted_changed.connect(self.scrollToTop)
        self.clicked.connect(self._audition)
        self.doubleClicked.connect(self._open)

    @property
    def entry(self) -> StoredTake | None:
        """The take that the keys act on."""
        return self._model.entry(self.currentIndex())

    def choose(self, row: int) -> None:
        """Make a row the current one."""
        flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
        selection = self.selectionModel()
        if selection is not None:
            selection.setCurrentIndex(self._model.index(row), flag)

    def star(self, entry: StoredTake, rating: int) -> None:
        """Give a take its stars; the same ones again take them away."""
        self._state.star(entry.take_id, 0 if rating == entry.rating else rating)

    def menu_for(self, entry: StoredTake) -> QMenu:
        """Return the menu of a take."""
        menu = QMenu(self)
        out = self._out
        items = (
            ("Open on the canvas", "Return", lambda: self.open_wanted.emit(entry)),
            ("Use its recipe", "", lambda: self.recipe_wanted.emit(entry.facts.request)),
            None,
            ("Copy as a file", "Ctrl+C", lambda: out.copy_as_file(entry)),
            ("Show in its folder", "", lambda: out.reveal(entry)),
            None,
            (
                "Take the stars away" if entry.rating else "Star",
                str(entry.rating or STARS),
                lambda: self.star(entry, entry.rating or STARS),
            ),
            ("Remove", "Del", lambda: self._state.remove(entry.take_id)),
        )
        for item in items:
            if item is None:
                menu.addSeparator()
                continue
            text, key, run = item
            self._add(menu, text, key, run)
        if self._state.removed_name:
            text = f"Bring back “{self._state.removed_name[:32]}”"
            self._add(menu, text, "Ctrl+Z", self._state.undo_remove)
        return menu

    def redraw(self, take_id: str) -> None:
        """Draw a take's row anew."""
        self.update(self._model.index_of(take_id))

    def dataChanged(
        self, topLeft: QModelIndex, bottomRight: QModelIndex, roles: Iterable[int] = ()
    ) -> None:
        """Draw changed rows anew; QListView would lay out every row, though all are alike."""
        QAbstractItemView.dataChanged(self, topLeft, bottomRight, roles)

    def keyboardSearch(self, search: str | None) -> None:
        """Leave letters to the window: A to H choose takes."""

    def event(self, e: QEvent | None) -> bool:
        """Claim the keys that mean something here before the window's shortcuts get them."""
        if isinstance(e, QKeyEvent) and e.type() == QEvent.Type.ShortcutOverride and self._uses(e):
            e.accept()
            return True
        return super().event(e)

    def keyPressEvent(self, e: QKeyEvent | None) -> None:
        if e is None:
            return
        if not self._uses(e):
            e.ignore()
        elif e.key() in _MOVES:
            self._move(e)
        elif e.matches(QKeySequence.StandardKey.Undo):
            self._state.undo_remove()
        elif self.entry is not None:
            self._act(e, self.entry)

    def mousePressEvent(self, e: QMouseEvent | None) -> None:
        """A click on the star stars; any other chooses the row, or begins a drag."""
        if e is None:
            return
        at = e.position().toPoint()
        index = self.indexAt(at)
        entry = self._model.entry(index)
        on_star = entry is not None and self._row.star_at(self.visualRect(index), at)
        if entry is not None and on_star and e.button() == Qt.MouseButton.LeftButton:
            self.star(entry, entry.rating or STARS)
        else:
            super().mousePressEvent(e)

    def mouseDoubleClickEvent(self, e: QMouseEvent | None) -> None:
        if e is None:
            return
        at = e.position().toPoint()
        if self._row.star_at(self.visualRect(self.indexAt(at)), at):
            self.mousePressEvent(e)
        else:
            super().mouseDoubleClickEvent(e)

    def startDrag(self, supportedActions: Qt.DropAction) -> None:
        """Drag the finished file of the row."""
        if self.entry is not None:
            pixmap = self._row.drag_pixmap(self.entry, self.devicePixelRatioF())
            self._out.start_drag(self, self.entry, pixmap)
            self.setState(QAbstractItemView.State.NoState)

    def contextMenuEvent(self, a0: QContextMenuEvent | None) -> None:
        """Open the menu at the pointer, or at the current row for the menu key."""
        if a0 is None:
            return
        by_key = a0.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(a0.pos())
        entry = self._model.entry(index)
        viewport = self.viewport()
        if entry is None or viewport is None:
            return
        at = self.visualRect(index).center() if by_key else a0.pos()
        menu = self.menu_for(entry)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(viewport.mapToGlobal(QPoint(at)))

    def _drop_anchor(self) -> None:
        """Remember what is seen first, but at the top: there, what is new is to be seen."""
        seen = self.indexAt(QPoint(0, 0)) if self.verticalOffset() > 0 else QModelIndex()
        self._anchor, self._anchor_top = QPersistentModelIndex(seen), self.visualRect(seen).top()

    def _ride_at_anchor(self) -> None:
        """Keep that where it was, whatever came and went above."""
        bar = self.verticalScrollBar()
        if self._anchor.isValid() and bar is not None:
            moved = self.visualRect(QModelIndex(self._anchor)).top() - self._anchor_top
            bar.setValue(bar.value() + moved)

    def _move(self, e: QKeyEvent) -> None:
        before = self.currentIndex()
        if e.key() == Qt.Key.Key_Up and before.row() <= 0:
            self.search_wanted.emit()
            return
        super().keyPressEvent(e)
        if self.currentIndex() != before:
            self._audition(self.currentIndex())

    def _act(self, e: QKeyEvent, entry: StoredTake) -> None:
        if e.key() in _OPENS:
            self.open_wanted.emit(entry)
        elif e.key() in _REMOVES:
            self._state.remove(entry.take_id)
        elif e.matches(QKeySequence.StandardKey.Copy):
            self._out.copy_as_file(entry)
        elif e.text().isdigit():
            stars = min(int(e.text()), STARS)
            self.star(entry, stars)

    def _uses(self, e: QKeyEvent) -> bool:
        """Tell whether a key means something here."""
        if e.matches(QKeySequence.StandardKey.Copy):
            return self.entry is not None
        if e.matches(QKeySequence.StandardKey.Undo):
            return bool(self._state.removed_name)
        plain = not e.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        is_digit = len(e.text()) == 1 and e.text() in "0123456789"
        return plain and (e.key() in (*_MOVES, *_OPENS, *_REMOVES) or is_digit)

    def _audition(self, index: QModelIndex) -> None:
        entry = self._model.entry(index)
        if entry is not None:
            self.audition_wanted.emit(entry)

    def _open(self, index: QModelIndex) -> None:
        entry = self._model.entry(index)
        if entry is not None:
            self.open_wanted.emit(entry)

    def _add(self, menu: QMenu, text: str, key: str, run: Callable[[], object]) -> None:
        # The key is shown, not bound: the list handles it itself.
        action = menu.addAction(f"{text}\t{key}" if key else text)
        if action is not None:
            action.triggered.connect(lambda _checked=False: run())
