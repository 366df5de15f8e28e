"""The orders under the green button: what is being made, how long, what waits, how to stop it."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QEnterEvent
from PyQt6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from gui.state.batch import Batch
from gui.state.clip import LaneState
from gui.widgets.labels import ElidedLabel, button

_MOST_ROWS = 5


class QueueRow(QWidget):
    """One order, for as long as it is shown. cancel_wanted(job_id), show_wanted(job_id)."""

    cancel_wanted = pyqtSignal(str)
    show_wanted = pyqtSignal(str)

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id
        self.words = ElidedLabel("small")
        self.stop = button("✕", "plain", "Cancel", lambda: self.cancel_wanted.emit(job_id))
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(4)
        self.bar.setAccessibleName("Progress")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
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
        making = batch.state is LaneState.MAKING
        self.words.set_whole(_words(batch))
        self.bar.setVisible(making)
        self.bar.setValue(round(1000 * batch.share))
        self.stop.setEnabled(not batch.is_over)
        self.stop.setText("" if batch.is_over else "esc" if newest else "✕")
        self.stop.setToolTip(f"Cancel “{batch.title}”")

    def mouseReleaseEvent(self, a0: object) -> None:
        """Show the order's takes."""
        self.show_wanted.emit(self.job_id)


class QueueView(QWidget):
    """The orders that are not over, the running one first.

    While the pointer is over it no row moves: orders that end keep their row until it leaves, so
    that a click never hits the order that came up under it.
    """

    cancel_wanted = pyqtSignal(str)
    show_wanted = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Queue")
        self._batches: tuple[Batch, ...] = ()
        self._rows: dict[str, QueueRow] = {}
        self._is_pointed_at = False
        self._more = ElidedLabel("small")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 0, 14, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self._more)
        self._more.hide()
        self._column.addStretch(1)

    @property
    def rows(self) -> tuple[QueueRow, ...]:
        """The rows from top to bottom."""
        return tuple(self._rows.values())

    def show_batches(self, batches: tuple[Batch, ...]) -> None:
        """Show the orders that run or wait, oldest first."""
        self._batches = batches
        live = [batch for batch in batches if not batch.is_over]
        held = self._rows if self._is_pointed_at else {}
        kept = [batch for batch in batches if not batch.is_over or batch.job_id in held]
        shown = kept[:_MOST_ROWS]
        for job_id in set(self._rows) - {batch.job_id for batch in shown}:
            row = self._rows.pop(job_id)
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        for batch in shown:
            self._row(batch.job_id).show_batch(batch, bool(live) and batch is live[-1])
        hidden = max(0, len(kept) - _MOST_ROWS)
        self._more.setVisible(hidden > 0)
        self._more.set_whole(f"and {hidden} more" if hidden else "")

    def enterEvent(self, event: QEnterEvent | None) -> None:
        self._is_pointed_at = True
        super().enterEvent(event)

    def leaveEvent(self, a0: QEvent | None) -> None:
        """Let the rows close up again."""
        self._is_pointed_at = False
        self.show_batches(self._batches)
        super().leaveEvent(a0)

    def _row(self, job_id: str) -> QueueRow:
        if job_id not in self._rows:
            row = QueueRow(job_id)
            row.cancel_wanted.connect(self.cancel_wanted)
            row.show_wanted.connect(self.show_wanted)
            self._column.insertWidget(len(self._rows), row)
            self._rows[job_id] = row
        return self._rows[job_id]


_ENDS = {
    LaneState.DONE: "Ready",
    LaneState.FAILED: "Failed",
    LaneState.CANCELLED: "Cancelled",
    LaneState.WAITING: "Waiting",
}


def _words(batch: Batch) -> str:
    if batch.state in _ENDS:
        return f"{_ENDS[batch.state]}: {batch.title}"
    left = "" if batch.seconds_left is None else f" · {_seconds(batch.seconds_left)} left"
    return f"{batch.note}{left}"


def _seconds(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{rest} s" if minutes == 0 else f"{minutes}:{rest:02d} min"
