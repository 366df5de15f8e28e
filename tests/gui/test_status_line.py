"""What the bottom line says, and what may take its place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from gui.app import App
from gui.widgets.status_line import StatusLine
from tests.gui.hands import Key, press, said


@pytest.fixture
def line(qtbot: QtBot) -> Iterator[StatusLine]:
    made = StatusLine()
    qtbot.addWidget(made)
    return made


def test_a_fault_outlives_news_that_nobody_asked_for(line: StatusLine) -> None:
    line.say("The disk is full; free some space.", "fault")
    line.note("Playing on the headphones again.")
    assert line.sentence.whole == "Problem: The disk is full; free some space."
    line.note("Playback has ended.", "fault")
    assert line.sentence.whole == "Problem: Playback has ended."
    line.say("Ready. 4 takes.")
    line.note("Playing on the headphones again.")
    assert line.sentence.whole == "Playing on the headphones again."


def test_once_the_user_acts_news_may_take_a_faults_place(line: StatusLine) -> None:
    line.say("The disk is full; free some space.", "fault")
    line.release()
    line.note("Playing on the headphones again.")
    assert line.sentence.whole == "Playing on the headphones again."


def test_a_device_note_waits_until_a_key_is_pressed(app: App) -> None:
    app.actions.said.emit("The model cannot make that.", "fault")
    app.parts.playback.said.emit("Playing on the headphones again.", "")
    assert said(app) == "Problem: The model cannot make that."
    press(app, Key.Key_Shift)
    app.parts.playback.said.emit("Playing on the headphones again.", "")
    assert said(app) == "Playing on the headphones again."
