"""What few need: seed, a length in seconds, steps, guidance, what to avoid; folded away."""

from __future__ import annotations

from PyQt6.QtCore import QLocale, Qt, pyqtSignal
from PyQt6.QtGui import QIntValidator
from PyQt6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QGridLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from engine.request import GUIDANCE_RANGE, SECONDS_RANGE, STEPS_RANGE
from gui.state.ask import Ask
from gui.widgets.labels import button, label

FIELD_WIDTH_PX, FIELD_HEIGHT_PX = 118, 26
#: What is left empty means "as the model likes it".
_AUTO = "auto"
_FOLD = "Seed, length, steps, avoid …"


class AdvancedFields(QWidget):
    """The folded fields. Empty or auto: the model's own choice. changed: a length was set."""

    changed = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.seed = QLineEdit()
        self.seed.setPlaceholderText("random")
        self.seed.setValidator(_plain_number(self.seed))
        self.seconds = QDoubleSpinBox()
        self.seconds.setRange(0.0, SECONDS_RANGE[1])
        self.seconds.setSingleStep(0.5)
        self.seconds.setDecimals(3)
        self.seconds.setSuffix(" s")
        self.one_shot = QCheckBox("one-shot, no loop")
        self.steps = QSpinBox()
        self.steps.setRange(0, STEPS_RANGE[1])
        self.guidance = QDoubleSpinBox()
        self.guidance.setRange(-0.5, GUIDANCE_RANGE[1])
        self.guidance.setSingleStep(0.5)
        self.guidance.setDecimals(1)
        self.guidance.setValue(-0.5)
        self.avoid = QLineEdit()
        self.avoid.setPlaceholderText("vocals, hiss …")
        self._fold = button(f"▸ {_FOLD}", "plain", "More fields", self.toggle)
        self._inner = QWidget()
        self._build()

    @property
    def seed_value(self) -> int | None:
        return int(self.seed.text()) if self.seed.text() else None

    @property
    def seconds_value(self) -> float | None:
        return self.seconds.value() or None

    @property
    def steps_value(self) -> int | None:
        return self.steps.value() or None

    @property
    def guidance_value(self) -> float | None:
        return None if self.guidance.value() < 0 else self.guidance.value()

    @property
    def is_open(self) -> bool:
        return not self._inner.isHidden()

    def toggle(self) -> None:
        """Fold or unfold."""
        self._inner.setVisible(not self.is_open)
        mark = "▾" if self.is_open else "▸"
        self._fold.setText(f"{mark} {_FOLD}")

    def fill(self, ask: Ask) -> None:
        self.seed.setText("" if ask.seed is None else str(ask.seed))
        self.seconds.setValue(ask.seconds or 0.0)
        self.one_shot.setChecked(ask.one_shot)
        self.steps.setValue(ask.steps or 0)
        self.guidance.setValue(-0.5 if ask.guidance is None else ask.guidance)
        self.avoid.setText(ask.avoid)

    def _build(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        whole.addWidget(self._fold)
        whole.addWidget(self._inner)
        grid = QGridLayout(self._inner)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        for row, (text, field) in enumerate(
            (
                ("Seed", self.seed),
                ("Seconds", self.seconds),
                ("Steps", self.steps),
                ("Guidance", self.guidance),
                ("Avoid", self.avoid),
            )
        ):
            field.setAccessibleName(text)
            field.setFixedSize(FIELD_WIDTH_PX, FIELD_HEIGHT_PX)
            field.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(label(text, "dim"), row, 0)
            grid.addWidget(field, row, 1)
        grid.addWidget(self.one_shot, grid.rowCount(), 0, 1, 2)
        self.seconds.setSpecialValueText("by bars")
        for box in (self.steps, self.guidance):
            box.setSpecialValueText(_AUTO)
        self.seconds.valueChanged.connect(self.changed)
        self.one_shot.toggled.connect(self.changed)
        self._inner.hide()


def _plain_number(field: QLineEdit) -> QIntValidator:
    """Return what lets digits alone be typed: a “1,000” would be no seed."""
    plain = QLocale.c()
    plain.setNumberOptions(QLocale.NumberOption.RejectGroupSeparator)
    validator = QIntValidator(0, 2**31 - 1, field)
    validator.setLocale(plain)
    return validator
