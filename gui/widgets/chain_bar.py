"""The chain under the canvas: a card for each plugin with its state in words, and "+ plugin"."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QEvent, QObject, QPoint, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent, QWheelEvent
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QSpinBox, QWidget

from gui.state.rack import HeldSlot, SlotState
from gui.theme import SPACE
from gui.widgets.labels import button, label, set_level

CARD_HEIGHT_PX, NAME_LIMIT = 44, 18
_MIX_WIDTH_PX = 76
#: A card shows by shape, and by a word, whether its plugin is heard.
_HEARD, _PASSED = "◉", "○"


class SlotCard(QFrame):
    """One plugin. Its name is a button that passes it by; Delete, Alt+arrows and the menu key do
    the rest."""

    bypass_wanted = pyqtSignal()
    mix_chosen = pyqtSignal(float)
    reload_wanted = pyqtSignal()
    remove_wanted = pyqtSignal()
    move_wanted = pyqtSignal(int)
    editor_wanted = pyqtSignal()
    menu_wanted = pyqtSignal(QPoint)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("slot")
        self.setFixedHeight(CARD_HEIGHT_PX)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._ask_menu)
        self.name = button("", "slot", "Bypass", self.bypass_wanted.emit)
        self.state = label("", "small")
        self.mix = QSpinBox()
        self.mix.setRange(0, 100)
        self.mix.setSingleStep(5)
        self.mix.setPrefix("wet ")
        self.mix.setSuffix(" %")
        self.mix.setFixedWidth(_MIX_WIDTH_PX)
        self.mix.setKeyboardTracking(False)
        self.mix.valueChanged.connect(self._choose_mix)
        self.reload = button("reload", "", "Load this plugin again", self.reload_wanted.emit)
        self.more = button("⋯", "more", "More: window, move, remove", self._ask_menu_below)
        for pressed in (self.name, self.reload, self.more):
            pressed.installEventFilter(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE[1], 0, SPACE[0], 0)
        row.setSpacing(SPACE[0])
        for widget in (self.name, self.state, self.mix, self.reload, self.more):
            row.addWidget(widget)

    def show_slot(self, held: HeldSlot, place: int) -> None:
        """Show a plugin as it is. place: counted from 1."""
        state = held.state
        shape = _HEARD if state in (SlotState.ON, SlotState.LOADING) else _PASSED
        whole = held.name
        short = whole if len(whole) <= NAME_LIMIT else f"{whole[: NAME_LIMIT - 1]}…"
        self.name.setText(f"{shape} {short}".replace("&", "&&"))
        words = f"{whole}, plugin {place} of the chain: {state.value or 'on'}"
        self.name.setAccessibleName(words)
        self.name.setToolTip(f"{words}. Click or Ctrl+{place} to bypass or hear it.")
        self.state.setText(state.value)
        self.state.setVisible(bool(state.value))
        for widget in (self, self.state):
            set_level(widget, "fault" if state.is_fault else "")
        self.mix.setVisible(state in (SlotState.ON, SlotState.LOADING))
        self.mix.setAccessibleName(f"{whole}: how much of it is heard")
        self.mix.blockSignals(True)
        self.mix.setValue(round(100 * held.slot.mix))
        self.mix.blockSignals(False)
        self.reload.setVisible(state.is_fault)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Delete removes, Alt+Left and Alt+Right move, the menu key shows what else there is."""
        deed = self._deed(a1) if isinstance(a1, QKeyEvent) else None
        if a1 is None or deed is None:
            return super().eventFilter(a0, a1)
        if a1.type() == QEvent.Type.ShortcutOverride:  # or it would be another command's
            a1.accept()
        elif a1.type() == QEvent.Type.KeyPress:
            deed()
        return True

    def _deed(self, key: QKeyEvent) -> Callable[[], object] | None:
        alt = key.modifiers() == Qt.KeyboardModifier.AltModifier
        match key.key():
            case Qt.Key.Key_Delete if not key.modifiers():
                return self.remove_wanted.emit
            case Qt.Key.Key_Left if alt:
                return partial(self.move_wanted.emit, -1)
            case Qt.Key.Key_Right if alt:
                return partial(self.move_wanted.emit, 1)
            case Qt.Key.Key_Menu:
                return self._ask_menu_below
            case _:
                return None

    def mouseDoubleClickEvent(self, a0: object) -> None:
        """Open the plugin's own window."""
        self.editor_wanted.emit()

    def _choose_mix(self, percent: int) -> None:
        self.mix_chosen.emit(percent / 100)

    def _ask_menu(self, place: QPoint) -> None:
        self.menu_wanted.emit(self.mapToGlobal(place))

    def _ask_menu_below(self) -> None:
        self.menu_wanted.emit(self.more.mapToGlobal(self.more.rect().bottomLeft()))


class ChainBar(QWidget):
    """The cards in the order in which they are heard.

    bypass_wanted, reload_wanted, remove_wanted, editor_wanted(place from 0). mix_chosen(place,
    0 to 1). move_wanted(place, by). menu_wanted(place, where). add_wanted.
    """

    bypass_wanted = pyqtSignal(int)
    reload_wanted = pyqtSignal(int)
    remove_wanted = pyqtSignal(int)
    editor_wanted = pyqtSignal(int)
    mix_chosen = pyqtSignal(int, float)
    move_wanted = pyqtSignal(int, int)
    menu_wanted = pyqtSignal(int, QPoint)
    add_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[SlotCard] = []
        self.title = label("Chain", "dim")
        self.add = button("+ plugin", "add", "Add a plugin (Ctrl+P)", self.add_wanted.emit)
        inside = QWidget()
        inside.setObjectName("chain")
        self._row = QHBoxLayout(inside)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(SPACE[1])
        self._row.addStretch(1)
        self._area = _SidewaysArea(inside)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE[1])
        row.addWidget(self.title)
        row.addWidget(self._area)
        row.addWidget(self.add)
        row.addStretch(1)

    def show_owner(self, *, is_own: bool) -> None:
        """Say whose chain it is: the app's, or the heard take's own."""
        self.title.setText("Take's chain" if is_own else "Chain")
        self.title.setToolTip("Only this take goes through it" if is_own else "")

    def show_slots(self, slots: tuple[HeldSlot, ...]) -> None:
        """Show the chain; cards that stay keep the focus."""
        grown = len(slots) > len(self.cards)
        while len(self.cards) < len(slots):
            self._add_card()
        while len(self.cards) > len(slots):
            card = self.cards.pop()
            self._row.removeWidget(card)
            card.hide()
            card.deleteLater()
        for place, (card, held) in enumerate(zip(self.cards, slots, strict=True), start=1):
            card.show_slot(held, place)
        self._area.updateGeometry()
        if grown:
            self._area.show_end()

    def _add_card(self) -> None:
        place, card = len(self.cards), SlotCard()
        card.bypass_wanted.connect(partial(self.bypass_wanted.emit, place))
        card.reload_wanted.connect(partial(self.reload_wanted.emit, place))
        card.remove_wanted.connect(partial(self.remove_wanted.emit, place))
        card.editor_wanted.connect(partial(self.editor_wanted.emit, place))
        card.mix_chosen.connect(partial(self.mix_chosen.emit, place))
        card.move_wanted.connect(partial(self.move_wanted.emit, place))
        card.menu_wanted.connect(partial(self.menu_wanted.emit, place))
        self.cards.append(card)
        self._row.insertWidget(place, card)


class _SidewaysArea(QScrollArea):
    """Scrolls to both sides with the wheel, and shows no bar: there is no room for one."""

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(CARD_HEIGHT_PX)
        self.setMinimumWidth(0)
        self._follows_end = False
        bar = self.horizontalScrollBar()
        if bar is not None:
            bar.rangeChanged.connect(self._on_range)

    def sizeHint(self) -> QSize:
        """Ask for as much room as the cards take; with less it scrolls."""
        inside = self.widget()
        return QSize(0, CARD_HEIGHT_PX) if inside is None else inside.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, CARD_HEIGHT_PX)

    def show_end(self) -> None:
        """Scroll to the newest card once it has its place."""
        self._follows_end = True

    def wheelEvent(self, a0: QWheelEvent | None) -> None:
        bar = self.horizontalScrollBar()
        if a0 is not None and bar is not None:
            turned = a0.angleDelta()
            bar.setValue(bar.value() - (turned.x() or turned.y()))
            a0.accept()

    def _on_range(self, _low: int, high: int) -> None:
        bar = self.horizontalScrollBar()
        if self._follows_end and bar is not None:
            bar.setValue(high)
            self._follows_end = False
