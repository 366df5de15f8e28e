"""What a hasty or a hostile hand does: nothing is lost, nothing lies, nothing jumps away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QPlainTextEdit
from pytestqt.qtbot import QtBot

from engine.request import GenerationRequest, Task
from gui.app import App
from gui.state.ask import Intent
from gui.state.batch import Batch
from gui.state.clip import Clip, LaneState, PulledEdges
from tests.gui.hands import CTRL, SHIFT, Key, drop, make, press, said, wait, write_clicks

SLOW = "slow drums, 300 bpm"


def order(app: App, prompt: str, takes: int) -> None:
    app.window.regions.form.prompt.setPlainText(prompt)
    app.window.regions.form.takes.setValue(takes)
    app.window.make()


def batches(app: App) -> tuple[Batch, ...]:
    return app.parts.session.batches


def opened(app: App, qtbot: QtBot, path: Path) -> Clip:
    """Drop a loop of four seconds and wait until it is shown; it may not be measured yet."""
    write_clicks(path, bpm=120.0, bars=2)
    drop(app, [path])
    session = app.parts.session
    wait(qtbot, lambda: session.shown is not None)
    app.window.regions.waveform.setFocus()
    assert session.shown is not None
    return session.shown


def test_a_variation_ordered_while_takes_are_made_waits_and_is_shown(
    app: App, qtbot: QtBot
) -> None:
    session = app.parts.session
    order(app, SLOW, 6)
    wait(qtbot, lambda: session.chosen is not None)
    app.actions.choose_lane(0)
    base = session.chosen
    app.window.regions.form.takes.setValue(1)
    app.window.make()
    wait(qtbot, lambda: len(batches(app)) == 2)
    assert len(session.lanes) == 6, "the takes that are being made stay in sight"
    app.actions.orders.cancel(batches(app)[0].job_id)
    wait(qtbot, lambda: session.batch is not None and session.batch is batches(app)[1])
    wait(qtbot, lambda: session.chosen is not None)
    assert session.before is base
    app.actions.undo()
    assert session.chosen is base


@pytest.mark.parametrize("kept", [True, False])
def test_an_order_that_waited_is_shown_where_it_was_asked_for(
    app: App, qtbot: QtBot, kept: bool
) -> None:
    session = app.parts.session
    order(app, SLOW, 4)
    wait(qtbot, lambda: session.chosen is not None)
    if kept:
        app.actions.keep()
    session.override_intent(Intent.VARY if kept else Intent.NEW)
    order(app, "hats", 1)
    wait(qtbot, lambda: len(batches(app)) == 2)
    if not kept:
        session.clear()
    app.actions.orders.cancel(batches(app)[0].job_id)
    wait(qtbot, lambda: session.canvas.batch_id == batches(app)[1].job_id)


def test_takes_made_out_of_sight_are_not_shown_over_what_is_there(
    app: App, qtbot: QtBot, tmp_path: Path
) -> None:
    session = app.parts.session
    clip = opened(app, qtbot, tmp_path / "mine.wav")
    session.override_intent(Intent.NEW)
    order(app, SLOW, 1)
    app.actions.undo()
    assert session.canvas.clip is not None
    wait(qtbot, lambda: said(app).startswith("Ready."))
    assert "In the library." in said(app)
    wait(qtbot, lambda: batches(app)[0].lanes[0].clip is not None)
    assert session.shown is not None
    assert session.shown.clip_id == clip.clip_id
    app.actions.redo()
    assert session.canvas.active == 0, "a lane with nothing chosen would show an empty canvas"
    assert session.shown is batches(app)[0].lanes[0].clip


def test_undo_and_redo_with_nothing_to_do_touch_nothing(
    app: App, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(app, qtbot, tmp_path / "mine.wav")
    press(app, Key.Key_BracketRight)
    press(app, Key.Key_Z, CTRL | SHIFT)
    assert app.parts.session.pulled == PulledEdges(right_bars=1)
    assert said(app) == "There is nothing to do again."


def test_quick_auditions_leave_the_canvas_alone_and_a_letter_ends_them(
    app: App, qtbot: QtBot
) -> None:
    make(app, qtbot, takes=2)
    session, library = app.parts.session, app.parts.library
    wait(qtbot, lambda: len(library.entries) == 2)
    canvas = session.canvas
    heard: list[object] = []
    app.parts.clips.loaded.connect(heard.append)
    for entry in library.entries:
        app.actions.audition(entry)
    wait(qtbot, lambda: bool(heard))
    last = app.actions.auditioned
    assert last is not None
    assert last.path == library.entries[1].path
    assert len(heard) == 1
    assert session.canvas is canvas
    press(app, Key.Key_A)
    assert app.actions.auditioned is None, "a letter is heard, also that of the chosen take"


def test_of_many_files_the_first_lands_and_stays(app: App, qtbot: QtBot, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.wav" for number in range(3)]
    for path in paths:
        write_clicks(path, bpm=120.0, bars=1)
    names: set[str] = set()
    session = app.parts.session
    session.canvas_changed.connect(lambda: names.add(session.shown.name if session.shown else ""))
    drop(app, paths)
    assert said(app) == "Reading 0.wav, the first of 3 files …"
    wait(qtbot, lambda: session.shown is not None)
    assert session.shown is not None
    next_of_a_folder = replace(session.shown, clip_id="next", name="next")
    app.parts.clips.opened.emit(next_of_a_folder)
    app.parts.clips.loaded.emit(next_of_a_folder)
    assert names == {"0"}


def test_a_file_that_another_program_wrote_anew_is_not_grafted_into(
    app: App, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "bounce.wav"
    clip = opened(app, qtbot, path)
    wait(qtbot, lambda: clip.clip_id in app.actions.opening.digests)
    write_clicks(path, bpm=100.0, bars=2)
    press(app, Key.Key_Right)
    order(app, "", 1)
    wait(qtbot, lambda: "was changed since it was opened" in said(app))
    assert batches(app) == ()


def test_a_pulled_edge_stays_while_another_one_is_made(
    app: App, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(app, qtbot, tmp_path / "mine.wav")
    waveform, session = app.window.regions.waveform, app.parts.session
    press(app, Key.Key_BracketRight)
    press(app, Key.Key_BracketRight)
    order(app, "slow", 4)
    wait(qtbot, lambda: bool(batches(app)) and batches(app)[0].share > 0)
    assert waveform.pulled == PulledEdges(right_bars=2)
    session.pull(PulledEdges(left_bars=1))
    share = batches(app)[0].share
    wait(qtbot, lambda: batches(app)[0].share > share)
    assert waveform.pulled == session.pulled == PulledEdges(left_bars=1)
    app.actions.orders.cancel_all()


def test_the_letter_of_the_chosen_take_leads_back_from_before(
    app: App, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(app, qtbot, tmp_path / "mine.wav")
    press(app, Key.Key_Right)
    make(app, qtbot, "", takes=1)
    press(app, Key.Key_X)
    assert app.actions.heard is app.parts.session.before
    press(app, Key.Key_A)
    assert app.actions.heard is app.parts.session.chosen


def test_escape_in_the_search_clears_it_before_it_stops_an_order(app: App, qtbot: QtBot) -> None:
    order(app, SLOW, 8)
    wait(qtbot, lambda: batches(app)[0].state is LaneState.MAKING)
    search = app.window.regions.library.search
    app.window.regions.find_in_library()
    search.setText("hat")
    ended: list[object] = []
    app.parts.generation.job_ended.connect(ended.append)
    press(app, Key.Key_Escape)
    assert search.text() == ""
    wait(qtbot, lambda: batches(app)[0].share > 0.2)
    assert ended == []
    press(app, Key.Key_Escape)
    wait(qtbot, lambda: batches(app)[0].state is LaneState.CANCELLED)


def test_the_palette_keeps_the_keys_and_gives_the_focus_back(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, takes=2)
    window, session = app.window, app.parts.session
    canvas = session.canvas
    for field in (window.palette_.search, window.palette_.list):
        window.regions.waveform.setFocus()
        press(app, Key.Key_K, CTRL)
        field.setFocus()
        press(app, Key.Key_B)
        press(app, Key.Key_W, CTRL)
        press(app, Key.Key_Return, CTRL | SHIFT)
        assert session.canvas is canvas
        assert len(batches(app)) == 1
        if not window.palette_.isHidden():
            press(app, Key.Key_Escape)
        assert QApplication.focusWidget() is window.regions.waveform


def test_a_file_dropped_on_a_text_field_goes_to_the_window(app: App) -> None:
    form, library = app.window.regions.form, app.window.regions.library
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/tmp/loop.wav")])
    for field in (form.prompt, form.to_prompt, form.bpm, form.advanced.seed, library.search):
        target = field.viewport() if isinstance(field, QPlainTextEdit) else field
        assert target is not None
        place, none = target.rect().center(), Qt.KeyboardModifier.NoModifier
        copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
        QApplication.sendEvent(target, QDragEnterEvent(place, copy, data, left, none))
        assert not target.acceptDrops(), f"{field.accessibleName()} would take the file's name"


@pytest.mark.parametrize(
    ("task", "intent"), [(Task.GENERATE, Intent.NEW), (Task.MORPH, Intent.MORPH)]
)
def test_a_recipe_makes_what_it_made_and_its_seed_is_seen(
    app: App, task: Task, intent: Intent
) -> None:
    to_prompt = "rain" if task is Task.MORPH else ""
    app.window.use_recipe(
        GenerationRequest(task, 7, "pad", to_prompt=to_prompt, bpm=97.333, bars=2)
    )
    assert app.parts.session.intent is intent
    assert app.window.regions.form.advanced.is_open
    assert app.window.regions.form.ask().seed == 7
    assert app.window.regions.form.ask().bpm == "97.333"


def test_fifty_orders_are_cancelled_at_once(app: App, qtbot: QtBot) -> None:
    for number in range(50):
        order(app, f"{SLOW} {number}", 8)
    app.actions.orders.cancel_all()
    wait(qtbot, lambda: all(batch.is_over for batch in batches(app)))
    assert {batch.state for batch in batches(app)} == {LaneState.CANCELLED}


def test_a_seed_is_digits_alone(app: App) -> None:
    advanced = app.window.regions.form.advanced
    advanced.seed.setFocus()
    QTest.keyClicks(advanced.seed, "1,000")
    assert advanced.seed_value == 1000
