"""What goes wrong around the window: it says so in one sentence and goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.app import App
from gui.state.clip import LaneState
from gui.state.generation import EngineState
from tests.gui.conftest import OpenApp
from tests.gui.hands import make, said, wait
from tests.small_disk import small_disk_at


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB where the library lies."""
    yield from small_disk_at(tmp_path / "data" / "takes")


def test_a_full_disk_is_said_and_room_on_it_is_used(
    small_disk: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    app = open_app()
    filler = small_disk / "filler"
    filler.write_bytes(bytes(3 * 2**20 + 2**19))
    order(app, "drums, 120 bpm")
    wait(qtbot, lambda: app.parts.session.batches[0].state is LaneState.FAILED)
    assert said(app).startswith("Problem: ")
    assert "space" in said(app) or "full" in said(app)
    filler.unlink()
    make(app, qtbot, takes=1)
    assert said(app).startswith("Ready.")


def test_an_engine_that_never_starts_is_said_and_the_window_stays(
    open_app: OpenApp, qtbot: QtBot
) -> None:
    app = open_app("tests.engine.fake_maker:build_missing")
    order(app, "drums")
    wait(qtbot, lambda: app.parts.session.batches[0].state is LaneState.FAILED)
    assert said(app).startswith("Problem: ")
    assert "install it again" in said(app) or app.parts.generation.state is EngineState.GONE
    app.window.regions.find_in_library()
    assert app.window.isVisible()


def test_a_killed_audio_process_is_restarted_and_plays_on(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, takes=1)
    playback = app.parts.playback
    wait(qtbot, lambda: playback.is_playing)
    pid = playback.child_pid
    assert pid is not None
    sentences: list[str] = []
    playback.said.connect(lambda sentence, _level: sentences.append(sentence))
    os.kill(pid, signal.SIGKILL)
    wait(qtbot, lambda: any("being restarted" in sentence for sentence in sentences))
    wait(qtbot, lambda: playback.child_pid not in (None, pid))
    places: list[int] = []
    playback.moved.connect(places.append)
    wait(qtbot, lambda: len(places) > 5 and places[-1] != places[0])
    assert playback.is_playing


def test_a_source_that_vanished_is_said_before_anything_is_made(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, takes=1)
    shown = app.parts.session.shown
    assert shown is not None
    shown.path.unlink()
    app.actions.choose_lane(0)
    order(app, "")
    wait(qtbot, lambda: said(app).startswith("Problem: "))
    assert "can no longer be read" in said(app)
    assert len(app.parts.session.batches) == 1
    assert app.parts.session.shown is shown


def order(app: App, prompt: str) -> None:
    with_words = app.window.regions.form.prompt
    if prompt:
        with_words.setPlainText(prompt)
    app.window.regions.form.takes.setValue(1)
    app.window.make()
