"""The window on the bars of a transport, with the real audio process and real clocks."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from PyQt6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from gui.app import App
from gui.widgets.transport_bar import TransportBar, beat_text
from plugin_bridge.audio_client import SyncStatus
from tests.gui.conftest import OpenApp
from tests.gui.hands import CTRL, Key, make, press, said, wait
from tests.integration.jack_parts import jack_server, what_jack_lacks
from tests.plugin_bridge.sync.test_link import peer


@pytest.fixture(autouse=True)
def no_jack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-nobody")


def bar(app: App) -> TransportBar:
    return app.window.regions.transport


def choose(app: App, words: str) -> None:
    """Choose from the chip's menu, as a user does."""
    bar(app).sync.click()
    menus = [menu for menu in app.window.findChildren(QMenu) if menu.isVisible()]
    (action,) = [action for menu in menus for action in menu.actions() if action.text() == words]
    action.trigger()
    for menu in menus:
        menu.close()


def test_playback_locks_to_our_own_clock_and_lets_go(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, "dry drums, 150 bpm", takes=1)
    assert bar(app).sync.text() == "Sync off"
    told: list[SyncStatus] = []
    app.parts.playback.sync_told.connect(told.append)
    choose(app, "Internal")
    wait(qtbot, lambda: bar(app).sync.text() == "Internal · 150.0")
    assert bar(app).sync.isChecked()
    assert said(app) == "Playback follows Internal."
    wait(qtbot, lambda: any(status.error_ms is not None for status in told))
    wait(qtbot, lambda: abs(told[-1].error_ms or 1e9) < 5.0)
    assert app.parts.playback.is_playing
    wait(qtbot, lambda: bar(app).bar.text() == beat_text(told[-1].beat, 4))
    assert bar(app).tempo.text() == "150.00"
    choose(app, "Off")
    assert bar(app).sync.text() == "Sync off"
    assert not bar(app).sync.isChecked()
    assert app.parts.playback.is_playing


@pytest.mark.skipif(
    importlib.util.find_spec("aalink") is None, reason="needs Ableton Link: pip install aalink"
)
def test_a_link_session_tells_the_tempo(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, "dry drums, 120 bpm", takes=1)
    with peer(131.0) as other:
        app.actions.follow("link")
        wait(qtbot, lambda: other.last.peers >= 1)
        other.tell("tempo 126")
        wait(qtbot, lambda: bar(app).sync.text() == "Link · 126.0")
        assert bar(app).tempo.text() == "126.00"
        app.window.resize(800, 620)
        assert bar(app).sync.text() == "Link", "beside a DAW its tempo is said once"


@pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks())
def test_jack_starts_and_stops_what_is_heard(
    open_app: OpenApp, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with jack_server(tmp_path / "jackd.log") as server:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", server)
        app = open_app()
        wait(qtbot, lambda: app.parts.playback.output != "")
        make(app, qtbot, "dry drums, 120 bpm", takes=1)
        app.actions.follow("jack")
        wait(qtbot, lambda: bar(app).sync.text() == "JACK · stopped")
        move_jack(server, "start")
        wait(qtbot, lambda: bar(app).sync.text() == "JACK · 120.0")
        peaks: list[float] = []
        app.parts.playback.peaked.connect(peaks.append)
        wait(qtbot, lambda: any(peak > 0.1 for peak in peaks))
        move_jack(server, "stop")
        wait(qtbot, lambda: bar(app).sync.text() == "JACK · stopped")
        app.close()


def move_jack(server: str, way: str) -> None:
    """Start or stop JACK's transport, as another program does."""
    script = (
        "import jack, sys; c = jack.Client('mover', no_start_server=True, servername=sys.argv[1]); "
        f"c.transport_{way}()"
    )
    subprocess.run([sys.executable, "-c", script, server], check=True, timeout=60)


def test_a_transport_that_is_not_there_is_one_sentence(app: App, qtbot: QtBot) -> None:
    notes: list[str] = []
    app.parts.sync.noted.connect(lambda sentence, _level: notes.append(sentence))
    app.actions.follow("jack")
    wait(qtbot, lambda: bar(app).sync.property("level") == "warn")
    assert bar(app).sync.text() == "JACK · waiting"
    assert "JACK server" in said(app)
    told: list[SyncStatus] = []
    app.parts.playback.sync_told.connect(told.append)
    qtbot.wait(2500)  # it is looked for every second
    assert len(notes) == 1, "a problem that stays is said once"
    press(app, Key.Key_K, CTRL)
    app.window.palette_.search.setText("sync: off")
    press(app, Key.Key_Return)
    assert bar(app).sync.text() == "Sync off"
    assert bar(app).sync.property("level") == ""


def test_the_source_is_remembered_and_takes_the_tempo_of_the_first_sound(
    open_app: OpenApp, qtbot: QtBot, tmp_path: Path
) -> None:
    first = open_app()
    first.actions.follow("internal")
    first.close()
    app = open_app()
    assert app.parts.sync.source == "internal"
    make(app, qtbot, "dry drums, 97 bpm", takes=1)
    wait(qtbot, lambda: bar(app).sync.text() == "Internal · 97.0")


@pytest.mark.parametrize(
    ("beat", "beats_per_bar", "text"),
    [
        (0.0, 4, "1.1.1"),
        (4.25, 4, "2.1.2"),
        (7.99, 4, "2.4.4"),
        (5.0, 3, "2.3.1"),
        (-1.0, 4, "0.4.1"),
    ],
)
def test_a_beat_is_shown_as_bar_beat_and_sixteenth(
    beat: float, beats_per_bar: int, text: str
) -> None:
    assert beat_text(beat, beats_per_bar) == text
