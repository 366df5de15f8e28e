"""The whole window, driven by keys and pointer, with a real worker, reader and audio process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from engine.audio import FrameSpan
from engine.request import Task
from gui.app import App
from gui.commands import Command
from gui.main_window import FIRST_SIZE
from gui.state.ask import Intent
from gui.state.clip import LaneState, PulledEdges
from gui.state.generation import EngineState
from gui.state.settings import Remembered
from gui.widgets.prompt_form import FIRST_PROMPT
from tests.gui.conftest import OpenApp
from tests.gui.hands import (
    CTRL,
    SHIFT,
    Key,
    drop,
    lanes_done,
    make,
    press,
    said,
    wait,
    write_clicks,
)
from tests.gui.loop_maker import BROKEN, RATE


def test_the_first_start_has_a_prompt_filled_in_and_return_makes_it(app: App, qtbot: QtBot) -> None:
    assert app.window.regions.form.prompt.toPlainText() == FIRST_PROMPT
    app.window.regions.form.prompt.setFocus()
    press(app, Key.Key_Return)
    session = app.parts.session
    assert [lane.state for lane in session.lanes] == [LaneState.WAITING] * 4
    wait(qtbot, lambda: session.chosen is not None)
    assert session.canvas.active == 0, "the first take is shown while the others are made"
    wait(qtbot, lambda: app.parts.playback.is_playing)
    assert session.chosen is not None
    assert session.chosen.tempo_bpm == 84.0
    wait(qtbot, lambda: lanes_done(app) == 4)
    assert app.window.regions.header.tempo.text() == "84.00 bpm"
    wait(qtbot, lambda: len(app.parts.library.entries) == 4)


def test_after_return_the_letters_choose_takes(app: App, qtbot: QtBot) -> None:
    form, session = app.window.regions.form, app.parts.session
    form.takes.setValue(2)
    form.prompt.setFocus()
    press(app, Key.Key_Return)
    wait(qtbot, lambda: lanes_done(app) == 2)
    press(app, Key.Key_B)
    assert session.canvas.active == 1
    assert form.prompt.toPlainText() == FIRST_PROMPT, "nothing is typed"


def test_an_order_that_is_refused_leaves_the_keys_in_the_form(app: App) -> None:
    form = app.window.regions.form
    form.prompt.setPlainText("")
    form.prompt.setFocus()
    press(app, Key.Key_Return)
    assert form.prompt.hasFocus()


def test_the_first_start_has_room_for_the_library(app: App) -> None:
    app.window.resize(900, 600)
    app.window.recall(Remembered())
    screen = app.window.screen()
    assert screen is not None
    assert app.window.size() == FIRST_SIZE.boundedTo(screen.availableSize())


def test_letters_choose_takes_and_the_place_goes_on(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, takes=3)
    playback, places = app.parts.playback, list[int]()
    playback.moved.connect(places.append)
    wait(qtbot, lambda: any(place > RATE // 2 for place in places))
    before = places[-1]
    places.clear()
    press(app, Key.Key_C)
    assert app.parts.session.canvas.active == 2
    wait(qtbot, lambda: bool(places))
    assert places[0] >= before, "another take goes on where the last one was"
    press(app, Key.Key_Up)
    assert app.parts.session.canvas.active == 1
    press(app, Key.Key_H)
    assert said(app) == "There is no take H yet."
    assert app.parts.session.canvas.active == 1


def test_space_plays_whatever_button_has_the_focus_but_types_in_text(
    app: App, qtbot: QtBot
) -> None:
    make(app, qtbot, takes=1)
    window, playback = app.window, app.parts.playback
    wait(qtbot, lambda: playback.is_playing)
    for widget in (
        window.regions.form.make,
        window.regions.transport.loop,
        window.regions.waveform,
        window.regions.library.list,
    ):
        widget.setFocus()
        was = playback.is_playing
        press(app, Key.Key_Space)
        assert playback.is_playing is not was, f"Space was eaten by {widget.accessibleName()}"
    assert len(app.parts.session.batches) == 1, "Space must not press the focused button"
    window.regions.form.prompt.setPlainText("")
    window.regions.form.prompt.setFocus()
    was = playback.is_playing
    for key in (Key.Key_A, Key.Key_Space, Key.Key_B):
        press(app, key)
    assert window.regions.form.prompt.toPlainText() == "a b"
    assert playback.is_playing is was


def test_a_selection_is_grafted_and_undone(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, takes=1)
    session, window = app.parts.session, app.window
    first = session.shown
    assert first is not None
    press(app, Key.Key_Right)
    press(app, Key.Key_Right)
    for _ in range(3):
        press(app, Key.Key_Right, SHIFT)
    assert session.intent is Intent.INPAINT
    beat = RATE // 2
    assert session.spans == (FrameSpan(beat, 5 * beat),)
    assert "Graft" in window.regions.form.make.text()
    assert window.regions.form.target.text().startswith("Bar 1, beat 2 to bar 2, beat 1 of “")
    make(app, qtbot, "tom fill", takes=2)
    batch = session.batch
    assert batch is not None
    assert batch.request.task is Task.INPAINT
    assert batch.request.spans == (FrameSpan(beat, 5 * beat),)
    taken = session.shown
    assert taken is not None
    outside = np.r_[0:beat, 5 * beat : first.frames]
    assert np.array_equal(taken.audio.samples[:, outside], first.audio.samples[:, outside])
    press(app, Key.Key_X)
    assert session.before_shown
    assert app.actions.heard is first
    press(app, Key.Key_X)
    press(app, Key.Key_K)
    assert session.canvas.clip is taken
    for _ in range(3):
        press(app, Key.Key_Z, CTRL)
    assert session.shown is first
    press(app, Key.Key_Z, CTRL | SHIFT)
    press(app, Key.Key_Z, CTRL | SHIFT)
    assert session.shown is not first


@pytest.mark.parametrize(
    ("key", "direction", "pulled"),
    [
        (Key.Key_BracketRight, "forward", PulledEdges(right_bars=2)),
        (Key.Key_BracketLeft, "backward", PulledEdges(left_bars=2)),
    ],
)
def test_a_pulled_edge_grows(
    app: App, qtbot: QtBot, key: Qt.Key, direction: str, pulled: PulledEdges
) -> None:
    make(app, qtbot, takes=1)
    session = app.parts.session
    source = session.shown
    assert source is not None
    press(app, key)
    press(app, key)
    assert session.pulled == pulled
    assert session.intent is Intent.EXTEND
    make(app, qtbot, "", takes=1)
    grown, batch = session.shown, session.batch
    assert grown is not None
    assert batch is not None
    assert batch.request.direction == direction
    assert grown.frames == source.frames + 4 * RATE
    assert grown.start_frame == (-4 * RATE if direction == "backward" else 0)


def test_escape_stops_the_newest_order_and_the_queue_goes_on(app: App, qtbot: QtBot) -> None:
    app.window.regions.form.takes.setValue(8)
    for prompt in ("slow one", "slow two", "slow three"):
        app.window.regions.form.prompt.setPlainText(prompt)
        app.window.make()
    batches = app.parts.session.batches
    assert len(batches) == 3
    wait(qtbot, lambda: app.parts.session.batches[0].state is LaneState.MAKING)
    app.window.regions.waveform.setFocus()
    press(app, Key.Key_Escape)
    wait(qtbot, lambda: app.parts.session.batches[2].state is LaneState.CANCELLED)
    assert app.parts.session.batches[0].state is LaneState.MAKING
    app.actions.orders.cancel_all()
    wait(qtbot, lambda: all(batch.is_over for batch in app.parts.session.batches))
    make(app, qtbot, "after all", takes=1)


def test_an_order_in_place_of_what_waits(app: App, qtbot: QtBot) -> None:
    app.window.regions.form.takes.setValue(4)
    for prompt in ("slow one", "slow two"):
        app.window.regions.form.prompt.setPlainText(prompt)
        app.window.make()
    wait(qtbot, lambda: app.parts.session.batches[0].state is LaneState.MAKING)
    app.window.regions.form.prompt.setPlainText("instead")
    app.window.make(replace_waiting=True)
    wait(qtbot, lambda: app.parts.session.batches[1].state is LaneState.CANCELLED)
    wait(qtbot, lambda: app.parts.session.batches[2].state is LaneState.DONE)
    assert app.parts.session.batches[0].state is LaneState.DONE


def test_a_killed_engine_is_restarted_and_the_order_is_made(app: App, qtbot: QtBot) -> None:
    sentences: list[str] = []
    app.actions.noted.connect(lambda sentence, _level: sentences.append(sentence))
    wait(qtbot, lambda: app.parts.generation.state is EngineState.READY)
    app.window.regions.form.prompt.setPlainText("slow drums")
    app.window.make()
    wait(qtbot, lambda: app.parts.session.batches[0].state is LaneState.MAKING)
    pid = app.parts.generation.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait(qtbot, lambda: any("is being restarted" in sentence for sentence in sentences))
    wait(qtbot, lambda: lanes_done(app) == 4)


def test_a_failed_order_says_why_and_what_to_do(app: App, qtbot: QtBot) -> None:
    told: list[tuple[str, str]] = []
    app.actions.said.connect(lambda sentence, level: told.append((sentence, level)))
    app.window.regions.form.prompt.setPlainText("broken")
    app.window.make()
    wait(qtbot, lambda: app.parts.session.batches[0].state is LaneState.FAILED)
    assert (BROKEN, "fault") in told
    assert {lane.state for lane in app.parts.session.lanes} == {LaneState.FAILED}


def test_a_dropped_file_opens_and_is_measured(app: App, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "Grüße #1 – 100%.wav"
    write_clicks(path, bpm=100.0, bars=4)
    drop(app, [path])
    session = app.parts.session
    wait(qtbot, lambda: session.shown is not None and session.shown.tempo_bpm is not None)
    clip = session.shown
    assert clip is not None
    assert clip.tempo_bpm == pytest.approx(100.0, rel=0.01)
    assert clip.grafted == (), "what was dropped in is the user's: blue"
    assert app.window.regions.header.name.whole == "Grüße #1 – 100%"


def test_what_cannot_be_read_is_said_and_nothing_is_lost(
    app: App, qtbot: QtBot, tmp_path: Path
) -> None:
    make(app, qtbot, takes=1)
    shown = app.parts.session.shown
    path = tmp_path / "notes.wav"
    path.write_text("no audio at all")
    drop(app, [path])
    wait(qtbot, lambda: said(app).startswith("Problem:") and "notes.wav" in said(app))
    assert app.parts.session.shown is shown


def test_an_export_dropped_in_brings_its_recipe_back(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, "warm pad, 90 bpm", takes=1)
    exported: list[Path] = []
    clip = app.actions.heard
    assert clip is not None
    app.parts.out.store.prepare(clip, exported.append)
    wait(qtbot, lambda: bool(exported))
    app.parts.session.clear()
    drop(app, exported)
    session = app.parts.session
    wait(qtbot, lambda: session.shown is not None)
    assert session.shown is not None
    assert session.shown.facts is not None
    assert session.shown.facts.request.prompt == "warm pad, 90 bpm"
    app.window.regions.form.prompt.setPlainText("")
    app.window.use_shown_recipe()
    assert app.window.regions.form.prompt.toPlainText() == "warm pad, 90 bpm"


def test_a_star_is_kept_in_the_library(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, takes=2)
    press(app, Key.Key_B)
    press(app, Key.Key_4)
    clip = app.actions.clip_of(1)
    assert clip is not None
    assert clip.facts is not None
    wanted = clip.facts.take_id

    def rating() -> int:
        found = [e.rating for e in app.parts.library.entries if e.take_id == wanted]
        return found[0] if found else 0

    wait(qtbot, lambda: rating() == 4)


def test_the_window_is_as_it_was_left(open_app: OpenApp, qtbot: QtBot) -> None:
    first = open_app()
    first.window.regions.form.prompt.setPlainText("a prompt of mine")
    first.window.regions.form.takes.setValue(7)
    first.window.regions.toggle_library()
    first.close()
    second = open_app()
    assert second.window.regions.form.prompt.toPlainText() == "a prompt of mine"
    assert second.window.regions.form.takes.value() == 7
    assert second.window.regions.library.isHidden()


def test_beside_a_daw_the_library_folds_and_lanes_become_letters(app: App, qtbot: QtBot) -> None:
    window = app.window
    make(app, qtbot, takes=2)
    tall = window.regions.lanes.height()
    window.resize(1000, 700)
    wait(qtbot, lambda: window.regions.library.isHidden())
    window.resize(800, 700)
    wait(qtbot, lambda: window.regions.lanes.height() < tall)
    window.resize(1280, 800)
    wait(qtbot, lambda: not window.regions.library.isHidden())
    wait(qtbot, lambda: window.regions.lanes.height() == tall)


def test_every_command_has_a_name_and_every_key_one_command(app: App) -> None:
    commands = app.window.commands
    keys = [key for command in commands for key in command.keys]
    assert len(keys) == len(set(keys))
    assert len({command.name for command in commands}) == len(commands)


def test_the_palette_finds_and_runs_a_command(app: App, qtbot: QtBot) -> None:
    app.window.regions.waveform.setFocus()
    press(app, Key.Key_K, CTRL)
    assert app.window.palette_.isVisible()
    ran: list[Command] = []
    app.window.palette_.chosen.connect(ran.append)
    for letter in "look for":
        QTest.keyClick(app.window.palette_.search, letter)
    press(app, Key.Key_Return)
    assert [command.name for command in ran] == ["Look for outputs"]
    assert not app.window.palette_.isVisible()
    assert app.parts.session.batches == (), "Return in the palette makes no takes"


def test_everything_that_takes_the_focus_has_a_name(app: App) -> None:
    nameless = [
        f"{type(widget).__name__} {widget.objectName()}"
        for widget in app.window.findChildren(QWidget)
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and widget.isVisibleTo(app.window)
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
        and not (isinstance(widget, QLineEdit) and widget.objectName() == "qt_spinbox_lineedit")
    ]
    assert nameless == []


def test_the_window_imports_nothing_heavy() -> None:
    code = (
        "import sys, gui.app; "
        "print([m for m in ('torch', 'scipy', 'sounddevice', 'pedalboard') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
