"""The queue under the green button: a click never hits an order that came up under the pointer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PyQt6.QtCore import QEvent, QPointF, Qt
from PyQt6.QtGui import QEnterEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.request import GenerationRequest, Task
from gui.state.batch import Batch
from gui.state.clip import LaneState
from gui.widgets.queue_view import QueueView

LEFT = Qt.MouseButton.LeftButton


def batch(job_id: str, state: LaneState = LaneState.WAITING) -> Batch:
    request = GenerationRequest(task=Task.GENERATE, seed=1, prompt=job_id, variations=1)
    ordered = Batch.ordered(job_id, request, job_id, None)
    return ordered if state is LaneState.WAITING else ordered.ended(state)


@pytest.fixture
def queue(qtbot: QtBot) -> Iterator[QueueView]:
    view = QueueView()
    qtbot.addWidget(view)
    view.resize(240, 300)
    view.show()
    return view


def point(queue: QueueView, *, inside: bool) -> None:
    place = QPointF(20, 20)
    event = QEnterEvent(place, place, place) if inside else QEvent(QEvent.Type.Leave)
    QApplication.sendEvent(queue, event)


def test_no_row_moves_under_the_pointer(queue: QueueView) -> None:
    cancelled: list[str] = []
    queue.cancel_wanted.connect(cancelled.append)
    queue.show_batches((batch("one"), batch("two")))
    point(queue, inside=True)
    first = queue.rows[0].stop
    queue.show_batches((batch("one", LaneState.DONE), batch("two")))
    assert [row.job_id for row in queue.rows] == ["one", "two"]
    assert queue.rows[0].words.whole == "Ready: one"
    QTest.mouseClick(first, LEFT)
    assert cancelled == [], "there is nothing to cancel there any more"
    point(queue, inside=False)
    assert [row.job_id for row in queue.rows] == ["two"]


def test_a_press_on_one_order_never_cancels_another(queue: QueueView) -> None:
    cancelled: list[str] = []
    queue.cancel_wanted.connect(cancelled.append)
    queue.show_batches((batch("one"), batch("two")))
    pressed = queue.rows[0].stop
    QTest.mousePress(pressed, LEFT)
    queue.show_batches((batch("one", LaneState.DONE), batch("two")))
    QTest.mouseRelease(pressed, LEFT)
    assert "two" not in cancelled
    (second,) = (row for row in queue.rows if row.job_id == "two")
    QTest.mouseClick(second.stop, LEFT)
    assert cancelled[-1] == "two"


def test_orders_come_in_order_and_many_are_counted(queue: QueueView) -> None:
    orders = tuple(batch(str(number)) for number in range(8))
    point(queue, inside=False)
    queue.show_batches(orders)
    assert [row.job_id for row in queue.rows] == ["0", "1", "2", "3", "4"]
    queue.show_batches((batch("0", LaneState.CANCELLED), *orders[1:]))
    assert [row.job_id for row in queue.rows] == ["1", "2", "3", "4", "5"]
    tops = [row.y() for row in queue.rows]
    assert tops == sorted(tops)
