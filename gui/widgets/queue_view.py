"""The orders under the green button: what is being made, how long, what waits, how to stop it."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from gui.state.batch import Batch
from gui.state.clip import LaneState
from gui.widgets.labels import ElidedLabel, button

_MOST_ROWS = 5


class QueueRow(QWidget):
    """One order. cancel_wanted(job_id), show_wanted(job_id)."""

    cancel_wanted = pyqtSignal(str)
    show_wanted = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._job_id = ""
        self.words = ElidedLabel("small")
        self.stop = button("✕", "plain", "Cancel", lambda: self.cancel_wanted.emit(self._job_id))
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(4)
        self.bar.setAccessibleName("Progress")
        top = QHBoxLayout()
        top.setContentsMargins(0, 0, 0, 0)
        top.addWidget(self.words, 1)
        top.addWidget(self.stop)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 2, 0, 2)
        whole.setSpacing(3)
        whole.addLayout(top)
        whole.addWidget(self.bar)

    def show_batch(self, batch: Batch, newest: bool) -> None:
        """Show an order; the newest is the one that Esc stops."""
        self._job_id = batch.job_id
        making = batch.state is LaneState.MAKING
        self.words.set_whole(_words(batch))
        self.bar.setVisible(making)
        self.bar.setValue(round(1000 * batch.share))
        self.stop.setText("esc" if newest else "✕")
        self.stop.setToolTip(f"Cancel “{batch.title}”")

    def mouseReleaseEvent(self, a0: object) -> None:
        """Show the order's takes."""
        self.show_wanted.emit(self._job_id)


class QueueView(QWidget):
    """The orders that are not over, the running one first."""

    cancel_wanted = pyqtSignal(str)
    show_wanted = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Queue")
        self._rows: list[QueueRow] = []
        self._more = ElidedLabel("small")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 0, 14, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self._more)
        self._more.hide()
        self._column.addStretch(1)

    def show_batches(self, batches: tuple[Batch, ...]) -> None:
        """Show the orders that run or wait, oldest first."""
        live = [batch for batch in batches if not batch.is_over]
        for index, batch in enumerate(live[:_MOST_ROWS]):
            self._row(index).show_batch(batch, batch is live[-1])
            self._rows[index].show()
        for row in self._rows[len(live) :]:
            row.hide()
        hidden = max(0, len(live) - _MOST_ROWS)
        self._more.setVisible(hidden > 0)
        self._more.set_whole(f"and {hidden} more" if hidden else "")

    def _row(self, index: int) -> QueueRow:
        while len(self._rows) <= index:
            row = QueueRow()
            row.cancel_wanted.connect(self.cancel_wanted)
            row.show_wanted.connect(self.show_wanted)
            row.setCursor(Qt.CursorShape.PointingHandCursor)
            self._column.insertWidget(len(self._rows), row)
            self._rows.append(row)
        return self._rows[index]


def _words(batch: Batch) -> str:
    if batch.state is LaneState.WAITING:
        return f"Waiting: {batch.title}"
    left = "" if batch.seconds_left is None else f" · {_seconds(batch.seconds_left)} left"
    return f"{batch.note}{left}"


def _seconds(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{rest} s" if minutes == 0 else f"{minutes}:{rest:02d} min"
