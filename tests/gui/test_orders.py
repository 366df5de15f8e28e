"""Orders and their takes: what begins, what is stopped, what is read again. The whole window."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui import orders
from gui.app import App
from gui.state import clips, digest
from gui.state.batch import Batch
from gui.state.clip import Clip, LaneState
from tests.gui.hands import ALT, CTRL, SHIFT, Key, drop, make, press, said, wait, write_clicks
from tests.gui.loop_maker import RATE

SLOW = "slow drums, 300 bpm"
#: A bar at 40 bpm, in frames: long enough for a busy machine.
BAR = 6 * RATE


def order(app: App, prompt: str, takes: int = 1) -> None:
    app.window.regions.form.prompt.setPlainText(prompt)
    app.window.regions.form.takes.setValue(takes)
    app.window.make()


def opened(app: App, qtbot: QtBot, path: Path) -> Clip:
    write_clicks(path, bpm=120.0, bars=2)
    drop(app, [path])
    session = app.parts.session
    wait(qtbot, lambda: session.shown is not None and session.shown.lufs is not None)
    app.window.regions.waveform.setFocus()
    assert session.shown is not None
    return session.shown


def batches(app: App) -> tuple[Batch, ...]:
    return app.parts.session.batches


def test_an_order_that_begins_after_it_was_undone_leaves_redo_alone(app: App, qtbot: QtBot) -> None:
    session = app.parts.session
    order(app, SLOW, 8)
    wait(qtbot, lambda: batches(app)[0].state is LaneState.MAKING)
    order(app, "hats", 1)
    app.actions.undo()
    assert session.canvas.batch_id is None
    app.actions.orders.cancel(batches(app)[0].job_id)
    wait(qtbot, lambda: len(batches(app)) == 2 and batches(app)[1].is_over)
    assert session.canvas.batch_id is None, "what was undone stays undone"
    app.actions.redo()
    assert session.canvas.batch_id == batches(app)[0].job_id
    app.actions.orders.step(1)
    assert session.batch is batches(app)[1]


def test_escape_stops_an_order_whose_source_is_still_being_read(
    app: App, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(app, qtbot, tmp_path / "mine.wav")
    press(app, Key.Key_Right)
    asked: list[str] = []
    submit = app.parts.generation.submit
    monkeypatch.setattr(
        app.parts.generation,
        "submit",
        lambda request, **more: asked.append(request.prompt) or submit(request, **more),
    )
    order(app, "tom fill")
    press(app, Key.Key_Escape)
    assert said(app) == "Cancelled: Inpaint mine."
    order(app, "another")
    wait(qtbot, lambda: bool(asked))
    assert asked == ["another"]
    assert session_spans(app), "Esc stopped the order; it did not clear the selection"


def session_spans(app: App) -> int:
    return len(app.parts.session.spans)


def test_a_take_that_cannot_be_read_says_so_in_its_lane(
    app: App, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = app.parts.clips.load_take

    def load_take(path: Path, facts: object) -> str:
        path.write_bytes(b"RIFF is all that is left")
        return taken(path, facts)  # type: ignore[arg-type]

    monkeypatch.setattr(app.parts.clips, "load_take", load_take)
    order(app, "drums", 1)
    session = app.parts.session
    wait(qtbot, lambda: bool(session.lanes) and session.lanes[0].state is LaneState.FAILED)
    assert session.lanes[0].sentence
    wait(qtbot, lambda: batches(app)[0].is_over)
    assert session.lanes[0].state is LaneState.FAILED
    assert said(app).startswith("Problem: ")
    assert "failed: " in app.window.regions.lanes.words(0)


def test_takes_of_earlier_orders_leave_memory_and_come_back(
    app: App, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "TAKES_KEPT", 1)
    session = app.parts.session
    for prompt in ("one", "two", "three"):
        make(app, qtbot, prompt, takes=2)
    app.actions.choose_lane(1)
    held = [sum(lane.clip is not None for lane in batch.lanes) for batch in batches(app)]
    assert held == [0, 2, 2], f"only {orders.ORDERS_KEPT} orders stay in memory"
    ids = [lane.file.clip_id for lane in batches(app)[0].lanes if lane.file is not None]
    for _ in range(2):
        press(app, Key.Key_Up, ALT)
    assert session.batch is batches(app)[0]
    wait(qtbot, lambda: all(lane.clip is not None for lane in session.lanes))
    assert [lane.clip.clip_id for lane in session.lanes if lane.clip] == ids
    assert session.chosen is not None
    assert app.actions.heard is session.chosen
    press(app, Key.Key_Z, CTRL)
    press(app, Key.Key_Z, CTRL)
    assert session.batch is batches(app)[2]
    wait(qtbot, lambda: session.chosen is not None)
    assert session.canvas.active == 1
    assert session.chosen is session.lanes[1].clip


def test_a_take_whose_file_is_gone_when_it_comes_back_says_so(
    app: App, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "TAKES_KEPT", 1)
    session = app.parts.session
    for prompt in ("one", "two", "three"):
        make(app, qtbot, prompt, takes=1)
    file = batches(app)[0].lanes[0].file
    assert file is not None
    file.path.unlink()
    for _ in range(2):
        press(app, Key.Key_Up, ALT)
    wait(qtbot, lambda: session.lanes[0].state is LaneState.FAILED)
    assert not session.awaits_audio
    assert said(app).startswith("Problem: ")


def test_earlier_takes_are_walked_through_by_keys(app: App, qtbot: QtBot) -> None:
    for prompt in ("one", "two"):
        make(app, qtbot, prompt, takes=1)
    session = app.parts.session
    press(app, Key.Key_Up, ALT)
    assert session.batch is batches(app)[0]
    assert said(app) == "Takes 1 of 2: one."
    press(app, Key.Key_Up, ALT)
    assert session.batch is batches(app)[0]
    assert said(app) == "There are no earlier takes of this session."
    press(app, Key.Key_Down, ALT)
    assert session.batch is batches(app)[1]


def test_a_letter_with_shift_waits_for_the_bar(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, "dry drums, 40 bpm", takes=2)
    session, regions, playback = app.parts.session, app.window.regions, app.parts.playback
    wait(qtbot, lambda: playback.is_playing)
    places: list[int] = []
    playback.moved.connect(places.append)
    wait(qtbot, lambda: bool(places) and places[-1] % BAR < BAR // 3)
    press(app, Key.Key_B, SHIFT)
    assert (session.pending, session.canvas.active) == (1, 0)
    assert "next bar" in regions.lanes.accessibleDescription()
    assert regions.transport.switch.text() == "B · next bar"
    wait(qtbot, lambda: session.canvas.active == 1)
    assert session.pending is None
    assert places[-1] % BAR < BAR // 2, "it came after a bar line"
    assert regions.transport.switch.text() == "Switch at once"


def test_what_waits_for_the_bar_is_called_off_by_the_letter_that_sounds(
    app: App, qtbot: QtBot
) -> None:
    make(app, qtbot, "dry drums, 40 bpm", takes=2)
    session, playback = app.parts.session, app.parts.playback
    wait(qtbot, lambda: playback.is_playing)
    press(app, Key.Key_S)
    assert app.actions.switch_at == "bar"
    press(app, Key.Key_B)
    assert session.pending == 1
    press(app, Key.Key_A, SHIFT)
    assert session.pending is None
    places: list[int] = []
    playback.moved.connect(places.append)
    wait(qtbot, lambda: len(places) > 3)
    assert session.canvas.active == 0
    press(app, Key.Key_B)
    press(app, Key.Key_Space)
    wait(qtbot, lambda: session.canvas.active == 1)


def test_stopped_takes_are_switched_at_once_also_with_the_bar_set(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, takes=2)
    wait(qtbot, lambda: app.parts.playback.is_playing)
    app.actions.set_switch("bar")
    app.parts.playback.stop()
    press(app, Key.Key_B)
    assert app.parts.session.canvas.active == 1
    assert app.window.remembered().switch_at == "bar"


def test_a_changed_file_is_told_from_the_one_that_was_hashed(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"one")
    sha256 = digest.file_sha256(path)
    assert digest.has_sha256(path, sha256)
    path.write_bytes(b"other")
    assert not digest.has_sha256(path, sha256)
    path.unlink()
    assert not digest.has_sha256(path, sha256)


def test_what_the_prompt_says_and_the_form_overrules_is_shown(app: App, qtbot: QtBot) -> None:
    app.window.regions.form.bpm.setText("120")
    order(app, "slow druns, 90 bpm", 1)
    line = said(app)
    assert line.startswith("Note: slow druns, 90 bpm: ordered.")
    assert "The prompt says 90 bpm; 120 bpm is set and used." in line
    assert "“druns” is read as “drums”." in line
    wait(qtbot, lambda: said(app).startswith("Ready."))
    assert "Understood: drums, 90 bpm." in said(app)
