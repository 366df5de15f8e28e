"""Pictures of the window, for the README and to be looked at: `make screenshots`.

The sounds are real: the shipped model's takes, and a beat of our own dropped in.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from PyQt6.QtCore import QSize
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.app import App
from gui.state.clip import LaneState
from gui.state.generation import EngineState
from tests.conftest import ROOT
from tests.gui.conftest import OpenApp
from tests.gui.hands import CTRL, Key, drop, lanes_done, make, press, wait

pytestmark = [pytest.mark.screenshots, pytest.mark.timeout(1200)]

FOLDER = Path(os.environ.get("LOOPGRAFT_SCREENSHOTS", ROOT / "resources" / "screenshots"))
Save = Callable[[App, str], None]


@pytest.fixture
def save() -> Save:
    FOLDER.mkdir(parents=True, exist_ok=True)

    def save(app: App, name: str) -> None:
        QTest.qWait(300)
        assert app.window.grab().save(str(FOLDER / f"{name}.png"))

    return save


def test_empty_loading_and_narrow(open_app: OpenApp, save: Save, qtbot: QtBot) -> None:
    app = open_app("tests.gui.loop_maker:build_slowly")
    save(app, "loading")
    wait(qtbot, lambda: app.parts.generation.state is EngineState.READY)
    save(app, "empty")
    app.window.regions.library.search.setText("nothing has this name")
    wait(qtbot, lambda: app.parts.library.wanted.text != "" and not app.parts.library.is_loading)
    save(app, "nothing_found")
    app.window.regions.library.search.clear()
    make(app, qtbot, "dry drums, 120 bpm", takes=4)
    app.window.resize(1000, 760)
    save(app, "narrow")
    app.window.resize(800, 620)
    save(app, "beside_a_daw")


def test_failures(open_app: OpenApp, save: Save, qtbot: QtBot) -> None:
    app = open_app()
    app.window.regions.form.prompt.setPlainText("broken")
    app.window.make()
    wait(qtbot, lambda: app.parts.session.batches[0].state is LaneState.FAILED)
    save(app, "failed")
    app.window.regions.form.prompt.setPlainText("slow drums")
    app.window.make()
    wait(qtbot, lambda: app.parts.session.batches[1].state is LaneState.MAKING)
    wait(qtbot, lambda: lanes_done(app) == 1)
    app.window.regions.waveform.setFocus()
    press(app, Key.Key_Escape)
    wait(qtbot, lambda: app.parts.session.batches[1].state is LaneState.CANCELLED)
    save(app, "cancelled")


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_the_window_at_work(
    open_app: OpenApp, save: Save, qtbot: QtBot, tmp_path: Path, size: tuple[int, int]
) -> None:
    app = open_app("graft", size)
    session, window = app.parts.session, app.window
    for prompt in ("rubbery analog bass, 112 bpm, C minor", "glassy felt piano, 90 bpm, F minor"):
        make(app, qtbot, prompt, takes=1)
    make(app, qtbot, "dusty breakbeat drums, 8 bars, 112 bpm", takes=1)
    assert session.shown is not None
    source = tmp_path / "break_my_own_loop.wav"
    samples, rate = soundfile.read(session.shown.path, dtype="float32")
    soundfile.write(source, samples, rate, subtype="PCM_24")
    drop(app, [source])
    wait(qtbot, lambda: session.shown is not None and session.shown.clip_id != "" and at_112(app))
    window.regions.waveform.select_bar(
        (session.shown.bar_frames or 0) * 3.5 if session.shown else 0
    )
    window.regions.form.prompt.setPlainText("tom fill, tight room, swung sixteenths")
    window.regions.form.takes.setValue(4)
    window.make()
    wait(qtbot, lambda: lanes_done(app) == 2 and session.batch is not None)
    name = f"{size[0]}x{size[1]}"
    save(app, f"making_{name}")
    wait(qtbot, lambda: lanes_done(app) == 4)
    app.actions.toggle_star(1)
    app.actions.choose_lane(1)
    save(app, f"grafted_{name}")
    press(app, Key.Key_X)
    save(app, f"before_{name}")
    press(app, Key.Key_X)
    window.regions.waveform.pull("right", 2)
    save(app, f"pulled_{name}")
    press(app, Key.Key_K, CTRL)
    save(app, f"commands_{name}")
    press(app, Key.Key_Escape)
    app.show_appearance("light")
    save(app, f"light_{name}")
    app.show_appearance("dark")
    assert window.size() == QSize(*size)


def at_112(app: App) -> bool:
    shown = app.parts.session.shown
    return shown is not None and shown.facts is None and shown.tempo_bpm is not None
