"""Recording in the window: a real JACK server, a DAW that plays, the file on the canvas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PyQt6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from gui.app import App
from gui.state.recorder import Ear
from tests.gui.conftest import OpenApp
from tests.gui.hands import ALT, CTRL, SHIFT, Key, press, said, wait
from tests.integration.jack_parts import RATE, jack_server, what_jack_lacks
from tests.integration.jack_player import song
from tests.integration.test_jack_record import Daw, daw
from tests.plugin_bridge.audio_scenarios import shared_blocks
from tests.plugin_bridge.command_runs import wait_for

BPM = 140.0
needs_jack = pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks())


@pytest.fixture
def playing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daw]:
    """A DAW that plays `song()` on a server of its own, its transport stopped at the start."""
    with jack_server(tmp_path / "jackd.log") as server:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", server)
        with daw(BPM) as other:
            yield other


def chip(app: App) -> str:
    return app.window.regions.transport.record.text()


def following(open_app: OpenApp, qtbot: QtBot) -> App:
    app = open_app()
    app.actions.follow("jack")
    app.parts.recorder.set_input("daw")
    app.parts.recorder.set_bars(1)
    wait(qtbot, lambda: app.window.regions.transport.sync.text() == "JACK · stopped")
    app.window.regions.waveform.setFocus()
    return app


def is_of_the_song(app: App) -> bool:
    clip = app.parts.session.canvas.clip
    assert clip is not None
    bar = 4 * 60 / BPM * RATE
    assert clip.frames == round(bar)
    lines = [round(number * bar) for number in range(20)]
    return any(np.array_equal(clip.audio.samples, song()[:, k : k + clip.frames]) for k in lines)


@needs_jack
def test_a_bar_of_the_daw_lands_on_the_canvas(
    open_app: OpenApp, qtbot: QtBot, playing: Daw
) -> None:
    app = following(open_app, qtbot)
    recorder = app.parts.recorder
    assert (chip(app), recorder.ear) == ("Rec", Ear.OFF)
    press(app, Key.Key_R)
    wait(qtbot, lambda: chip(app) == "Rec · waits" and recorder.ear is Ear.ON)
    playing.tell("start")
    wait(qtbot, lambda: chip(app) == "Rec 1 of 1")
    wait(qtbot, lambda: app.parts.session.canvas.clip is not None)
    assert is_of_the_song(app)
    assert recorder.ear is Ear.OFF, "R alone leaves nothing on"
    wait(qtbot, lambda: not shared_blocks())
    shown = app.parts.session.canvas.clip
    assert shown is not None
    assert (shown.tempo_bpm, shown.downbeat_frame, shown.is_loop) == (BPM, 0, True)
    app.close()


@needs_jack
def test_what_was_just_heard_is_taken_and_listening_off_forgets_it(
    open_app: OpenApp, qtbot: QtBot, playing: Daw
) -> None:
    app = following(open_app, qtbot)
    recorder = app.parts.recorder
    press(app, Key.Key_R, SHIFT)
    assert "listening is off" in said(app)
    press(app, Key.Key_R, ALT)
    wait(qtbot, lambda: recorder.ear is Ear.ON)
    assert chip(app) == "Listening"
    assert len(shared_blocks()) == 1
    press(app, Key.Key_R, SHIFT)
    wait(qtbot, lambda: "No whole bar" in said(app))
    playing.tell("start")
    wait(qtbot, lambda: (recorder.bars_kept or 0) >= 2)
    press(app, Key.Key_R, SHIFT)
    wait(qtbot, lambda: app.parts.session.canvas.clip is not None)
    assert is_of_the_song(app)
    pid = recorder._client.child_pid if recorder._client else None  # pyright: ignore
    assert recorder.ear is Ear.ON
    press(app, Key.Key_R, ALT)
    assert (chip(app), recorder.ear) == ("Rec", Ear.OFF)
    wait(qtbot, lambda: not shared_blocks())
    assert pid is not None
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the end of listening")
    app.close()


def test_nothing_is_listened_to_at_the_start_and_a_recording_is_cancelled(
    open_app: OpenApp, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-nobody")
    app = open_app()
    recorder = app.parts.recorder
    assert recorder.ear is Ear.OFF
    assert listening_processes() == 0
    recorder.set_input("nobody:*")
    press(app, Key.Key_R)
    assert recorder.is_recording
    wait(qtbot, lambda: recorder.ear is Ear.LOST)
    assert "No JACK server" in said(app)
    press(app, Key.Key_Escape)
    assert not recorder.is_recording
    assert (chip(app), recorder.ear) == ("Rec", Ear.OFF)
    assert not (tmp_path / "data" / "recordings").exists()


def test_the_chip_and_the_palette_offer_the_same(app: App, qtbot: QtBot) -> None:
    app.window.regions.transport.record.click()
    menus = [menu for menu in app.window.findChildren(QMenu) if menu.isVisible()]
    words = [action.text() for menu in menus for action in menu.actions()]
    assert words[0].startswith("Record 4 bars")
    for menu in menus:
        menu.close()
    press(app, Key.Key_K, CTRL)
    app.window.palette_.search.setText("record 8 bars")
    press(app, Key.Key_Return)
    assert app.parts.recorder.bars == 8
    assert said(app) == "8 bars are recorded at a time now."


def listening_processes() -> int:
    words = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    return sum("capture_process" in line for line in words)
