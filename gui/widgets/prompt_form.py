"""Ask: what will happen, the prompt, a few fields, one green button."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QObject, QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine.key import NOTE_NAMES, Key
from engine.prompt import parse_prompt
from engine.tempo import BARS_RANGE
from gui.state.ask import MOST_TAKES, Ask, Intent, button_text
from gui.state.clip import NOT_PULLED, Clip, PulledEdges
from gui.widgets.advanced_fields import FIELD_HEIGHT_PX, FIELD_WIDTH_PX, AdvancedFields
from gui.widgets.labels import RightCombo, button, label

FIRST_PROMPT = "dusty lo-fi drums, 84 bpm"
PROMPT_HEIGHT_PX = 84
_PLACEHOLDERS = {
    Intent.NEW: "What should it sound like?",
    Intent.INPAINT: "What should be there instead? Empty: what fits.",
    Intent.EXTEND: "How should it go on? Empty: as it is.",
    Intent.VARY: "Where should it lean? Empty: the same idea.",
    Intent.MORPH: "What does it start as?",
}


_KEYS = tuple(Key(root, mode) for mode in ("minor", "major") for root in range(len(NOTE_NAMES)))


class PromptEdit(QPlainTextEdit):
    """A prompt: Return makes, Shift+Return breaks the line, Tab leaves."""

    submitted = pyqtSignal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setFixedHeight(PROMPT_HEIGHT_PX)

    def keyPressEvent(self, e: QKeyEvent | None) -> None:
        """Submit on Return."""
        if e is not None and e.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if e.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.insertPlainText("\n")
            else:
                self.submitted.emit()
            return
        super().keyPressEvent(e)


class PromptForm(QWidget):
    """The form. submitted: make it. intent_chosen(Intent | None): the segments were clicked.
    prompt_edited: the prompt has other words."""

    submitted = pyqtSignal()
    intent_chosen = pyqtSignal(object)
    prompt_edited = pyqtSignal()
    changed = pyqtSignal()

    def __init__(self, models: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self._intent = Intent.NEW
        self._pulled: PulledEdges = NOT_PULLED
        #: Tempo and row of the key while a graft has its own; else the graft's.
        self._other_facts = ("", 0)
        self._segments = _segments(self)
        self.prompt = PromptEdit("Prompt")
        self.to_prompt = PromptEdit("What it becomes")
        self.to_prompt.setPlaceholderText("What does it become?")
        self.target = label("", "small")
        self.target.setWordWrap(True)
        self.bpm = QLineEdit()
        self.key = _key_box()
        self.bars = _number("Bars", (0, BARS_RANGE[1]), 0, "4")
        self.takes = _number("Takes", (1, MOST_TAKES), 4)
        self.context = _number("Context", (1, 16), 2, suffix=" bars")
        self.strength = _number("Strength", (5, 100), 50, suffix=" %")
        self.model = _model_box(models)
        self.advanced = AdvancedFields()
        self.make = button("Make", "make", "Make the takes (Return)", self.submitted.emit)
        self.bpm.setAccessibleName("Tempo in bpm")
        self.bpm.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._rows: dict[str, tuple[QWidget, QWidget]] = {}
        self._build()
        self._connect()
        self.show_intent(Intent.NEW, None, NOT_PULLED, "")

    def ask(self) -> Ask:
        """Return what the form says."""
        return Ask(
            prompt=self.prompt.toPlainText(),
            to_prompt=self.to_prompt.toPlainText(),
            bpm=self.bpm.text(),
            bars=self.bars.value() or None,
            seconds=self.advanced.seconds_value,
            one_shot=self.advanced.one_shot.isChecked(),
            key=self.key.currentData(),
            takes=self.takes.value(),
            context_bars=self.context.value(),
            strength=self.strength.value() / 100,
            model=self.model.currentData() or "graft",
            seed=self.advanced.seed_value,
            steps=self.advanced.steps_value,
            guidance=self.advanced.guidance_value,
            avoid=self.advanced.avoid.text(),
        )

    def fill(self, ask: Ask) -> None:
        """Show what `ask` says: a recipe, or what was asked in the last session."""
        self.prompt.setPlainText(ask.prompt)
        self.to_prompt.setPlainText(ask.to_prompt)
        row = _key_row(ask.key)
        self._other_facts = (ask.bpm if self.bpm.isReadOnly() else "", row)
        if not self.bpm.isReadOnly():
            self.bpm.setText(ask.bpm)
        self.bars.setValue(ask.bars or 0)
        self.key.setCurrentIndex(row)
        self.takes.setValue(ask.takes)
        self.model.setCurrentIndex(self._model_row(ask.model))
        self.context.setValue(ask.context_bars)
        self.strength.setValue(round(100 * ask.strength))
        self.advanced.fill(ask)

    def has_model(self, model: str) -> bool:
        """Return whether a model can be chosen."""
        return self.model.findData(model) >= 0

    def _model_row(self, model: str) -> int:
        row = self.model.findData(model)
        return row if row >= 0 else self.model.currentIndex()

    def show_intent(
        self, intent: Intent, clip: Clip | None, pulled: PulledEdges, target: str
    ) -> None:
        """Show what Return will do, and in words to what."""
        self._intent, self._pulled = intent, pulled
        for button_, own in self._segments:
            button_.setChecked(own is intent)
        self.prompt.setPlaceholderText(_PLACEHOLDERS[intent])
        self.target.setText(target)
        self.target.setVisible(bool(target))
        self.to_prompt.setVisible(intent is Intent.MORPH)
        new = intent in (Intent.NEW, Intent.MORPH)
        shown = {"bars": new, "context": not new, "strength": intent is Intent.VARY}
        for name, visible in shown.items():
            for widget in self._rows[name]:
                widget.setVisible(visible)
        self._show_locks(None if new else clip)
        self._show_words()

    def _show_locks(self, clip: Clip | None) -> None:
        """A graft keeps the tempo of what it goes into."""
        tempo = None if clip is None else clip.tempo_bpm
        locked = clip is not None
        if locked != self.bpm.isReadOnly():
            self._swap_facts()
        self.bpm.setReadOnly(locked)
        name = self._rows["bpm"][0]
        if isinstance(name, QLabel):
            name.setText("Tempo locked" if locked else "Tempo")
        if locked:
            self.bpm.setPlaceholderText("free" if tempo is None else f"{tempo:.2f} bpm")

    def _swap_facts(self) -> None:
        """Show the tempo and key of a graft, or again those that something new was to have."""
        shown = (self.bpm.text(), self.key.currentIndex())
        bpm, row = self._other_facts
        self._other_facts = shown
        with QSignalBlocker(self.bpm):
            self.bpm.setText(bpm)
        self.key.setCurrentIndex(row)

    def _show_words(self) -> None:
        """Show what the words of the prompt already say where a field is left empty."""
        self.make.setText(button_text(self._intent, self.ask(), self._pulled) + "  ⏎")
        if self._intent in (Intent.NEW, Intent.MORPH):
            said = parse_prompt(self.prompt.toPlainText())
            tempo = f"{said.bpm:g} bpm" if said.bpm else "120 bpm"
            self.bpm.setPlaceholderText(tempo)
            self._show_length(said.bars)
            self.key.setItemText(0, said.key.name if said.key else "any key")
        else:
            self.key.setItemText(0, "as it is")
        self.changed.emit()

    def _show_length(self, bars: int | None) -> None:
        """Show the bars that the words say; a length in seconds, or of one sound, has none."""
        has_bars = self.advanced.seconds_value is None and not self.advanced.one_shot.isChecked()
        self.bars.setEnabled(has_bars)
        self.bars.setSpecialValueText(f"{bars or 4}" if has_bars else "–")

    def _build(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(14, 14, 14, 8)
        whole.setSpacing(8)
        whole.addWidget(self._segment_row())
        for widget in (self.prompt, self.to_prompt, self.target):
            whole.addWidget(widget)
        fields = QGridLayout()
        fields.setHorizontalSpacing(8)
        fields.setVerticalSpacing(4)
        fields.setColumnStretch(0, 1)
        rows: list[tuple[str, str, QWidget]] = [
            ("bpm", "Tempo", self.bpm),
            ("key", "Key", self.key),
            ("bars", "Bars", self.bars),
            ("takes", "Takes", self.takes),
            ("context", "Context", self.context),
            ("strength", "Strength", self.strength),
            ("model", "Model", self.model),
        ]
        for row, (name, text, field) in enumerate(rows):
            words = label(text, "dim")
            words.setBuddy(field)
            field.setFixedSize(FIELD_WIDTH_PX, FIELD_HEIGHT_PX)
            fields.addWidget(words, row, 0)
            fields.addWidget(field, row, 1)
            self._rows[name] = (words, field)
        whole.addLayout(fields)
        whole.addWidget(self.advanced)
        whole.addSpacing(4)
        whole.addWidget(self.make)

    def _segment_row(self) -> QWidget:
        box = QWidget()
        box.setObjectName("segments")
        row = QHBoxLayout(box)
        row.setContentsMargins(3, 3, 3, 3)
        row.setSpacing(0)
        group = QButtonGroup(box)
        for segment, _ in self._segments:
            group.addButton(segment)
            row.addWidget(segment, 1)
        return box

    def _connect(self) -> None:
        self.prompt.submitted.connect(self.submitted)
        self.to_prompt.submitted.connect(self.submitted)
        self.prompt.textChanged.connect(self._show_words)
        self.prompt.textChanged.connect(self.prompt_edited)
        self.takes.valueChanged.connect(self._show_words)
        self.advanced.changed.connect(self._show_words)
        for field in (self.bpm, self.bars, self.takes, self.context, self.strength):
            field.installEventFilter(self)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Return makes from every field."""
        if isinstance(a1, QKeyEvent) and _is_return_press(a1):
            self.submitted.emit()
            return True
        return super().eventFilter(a0, a1)


def _is_return_press(event: QKeyEvent) -> bool:
    pressed = event.type() == QEvent.Type.KeyPress
    return pressed and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)


def _segments(form: PromptForm) -> list[tuple[QPushButton, Intent]]:
    made: list[tuple[QPushButton, Intent]] = []
    for intent in Intent:
        press = _chooser(form, intent)
        segment = button(intent.value, "segment", f"{intent.value}", press, checkable=True)
        made.append((segment, intent))
    return made


def _chooser(form: PromptForm, intent: Intent) -> Callable[[], object]:
    return lambda: form.intent_chosen.emit(intent)


def _key_box() -> QComboBox:
    box = RightCombo()
    box.setAccessibleName("Key")
    box.addItem("any key", None)
    for key in _KEYS:
        box.addItem(key.name, key)
    return box


def _key_row(key: Key | None) -> int:
    """Return the row of a key. Qt's findData knows the same object only, not an equal one."""
    return 0 if key is None else 1 + _KEYS.index(key)


def _model_box(models: tuple[tuple[str, str], ...]) -> QComboBox:
    box = RightCombo()
    box.setAccessibleName("Model")
    for model_id, name in models:
        box.addItem(name, model_id)
    return box


def _number(
    name: str, limits: tuple[int, int], value: int, special: str = "", suffix: str = ""
) -> QSpinBox:
    box = QSpinBox()
    box.setAccessibleName(name)
    box.setRange(*limits)
    box.setSuffix(suffix)
    if special:
        box.setSpecialValueText(special)
    box.setValue(value)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    return box
