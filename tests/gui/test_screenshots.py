"""Pictures of every state of the window, to be looked at: `make screenshots`.

Those that the README shows are kept beside the other resources, all others in a folder that git
ignores. The sounds of the main ones are real: the shipped model's takes, and a beat of our own.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from PyQt6.QtCore import QSize
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gui.app import App
from gui.state.clip import LaneState
from gui.state.generation import EngineState
from gui.state.recorder import Ear
from tests.conftest import ROOT
from tests.gui import hands
from tests.gui.conftest import OpenApp
from tests.gui.hands import (
    ALT,
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
from tests.integration.jack_parts import jack_server, what_jack_lacks
from tests.integration.test_jack_record import daw
from tests.small_disk import small_disk_at

pytestmark = [
    pytest.mark.screenshots,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks()),
]

FOLDER = Path(os.environ.get("LOOPGRAFT_SCREENSHOTS", ROOT / "build" / "screenshots"))
README_FOLDER = ROOT / "resources" / "screenshots"
README_PICTURES = ("grafted_1280x800", "pulled_1280x800")
SIZES = [(1280, 800), (1920, 1080)]
#: What is being painted, laid out or faded in is done after so long.
SETTLES_MS = 300

Size = tuple[int, int]


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def size(request: pytest.FixtureRequest) -> Size:
    return request.param


@pytest.fixture(autouse=True, scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An output to play on: a window without one says so in every picture."""
    server = f"loopgraft-pictures-{os.getpid()}"
    log = tmp_path_factory.mktemp("jack") / "jackd.log"
    with jack_server(log, server), pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", server)
        yield


def save(app: App, state: str, *, light: bool = False) -> None:
    """Keep a picture of the window as it is, in dark and also in light colours."""
    QTest.qWait(SETTLES_MS)
    size = app.window.size()
    name = f"{state}_{size.width()}x{size.height()}"
    _grab(app, name)
    if light:
        app.show_appearance("light")
        QTest.qWait(SETTLES_MS)
        _grab(app, f"{name}_light")
        app.show_appearance("dark")


def _grab(app: App, name: str) -> None:
    picture = app.window.grab()
    folders = [FOLDER, README_FOLDER] if name in README_PICTURES else [FOLDER]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        assert picture.save(str(folder / f"{name}.png"))


def order(app: App, prompt: str, takes: int = 4) -> None:
    app.window.regions.form.prompt.setPlainText(prompt)
    app.window.regions.form.takes.setValue(takes)
    app.window.make()
    app.window.regions.waveform.setFocus()


def test_from_the_first_start_to_takes(open_app: OpenApp, qtbot: QtBot, size: Size) -> None:
    app = open_app("tests.gui.loop_maker:build_slowly", size)
    save(app, "loading")
    wait(qtbot, lambda: app.parts.generation.state is EngineState.READY)
    save(app, "empty", light=True)
    app.window.regions.library.search.setText("nothing has this name")
    wait(qtbot, lambda: app.parts.library.wanted.text != "" and not app.parts.library.is_loading)
    save(app, "nothing_found")
    app.window.regions.library.search.clear()
    order(app, "slow drums, 300 bpm, 32 bars", 8)
    wait(qtbot, lambda: app.parts.session.batches[0].share > 0.05)
    save(app, "generating", light=True)
    wait(qtbot, lambda: lanes_done(app) >= 3)
    save(app, "playing_while_generating")
    os.kill(app.parts.generation.worker_pid or 0, signal.SIGKILL)
    wait(qtbot, lambda: app.parts.generation.state is EngineState.RESTARTING)
    save(app, "engine_restarting")


def test_waiting_for_the_bar(open_app: OpenApp, qtbot: QtBot, size: Size) -> None:
    app = open_app(size=size)
    make(app, qtbot, "dry drums, 40 bpm", takes=4)
    wait(qtbot, lambda: app.parts.playback.is_playing)
    places: list[int] = []
    app.parts.playback.moved.connect(places.append)
    bar = 6 * 44_100
    wait(qtbot, lambda: bool(places) and places[-1] % bar < bar // 3)
    press(app, Key.Key_C, SHIFT)
    save(app, "waiting_for_the_bar", light=True)
    assert app.parts.session.pending == 2
    app.window.resize(1000, 760)
    save(app, "narrow")
    app.window.resize(800, 620)
    save(app, "beside_a_daw")


def test_recording(open_app: OpenApp, qtbot: QtBot, size: Size) -> None:
    app = open_app(size=size)
    make(app, qtbot, "dry drums, 120 bpm", takes=2)
    app.actions.toggle_play()
    recorder = app.parts.recorder
    with daw(120.0) as other:
        app.actions.follow("jack")
        recorder.set_input("daw")
        press(app, Key.Key_R, ALT)
        wait(qtbot, lambda: recorder.ear is Ear.ON)
        save(app, "listening", light=True)
        press(app, Key.Key_R)
        save(app, "armed")
        other.tell("start")
        wait(qtbot, lambda: app.window.regions.transport.record.text() == "Rec 2 of 4")
        save(app, "recording")
        app.window.resize(800, 620)
        save(app, "recording_beside_a_daw")
        wait(qtbot, lambda: not recorder.is_recording and "Recorded" in said(app))
        app.window.resize(*size)
        wait(qtbot, lambda: "recording" in app.window.windowTitle())
        save(app, "recorded")


def test_failed_and_cancelled(open_app: OpenApp, qtbot: QtBot, size: Size) -> None:
    app = open_app(size=size)
    order(app, "broken")
    wait(qtbot, lambda: app.parts.session.batches[0].state is LaneState.FAILED)
    save(app, "failed", light=True)
    order(app, "slow drums, 30 bars", 8)
    wait(qtbot, lambda: lanes_done(app) >= 1)
    order(app, "warm pad in D minor", 2)
    press(app, Key.Key_Escape)
    app.actions.orders.cancel(app.parts.session.batches[1].job_id)
    wait(qtbot, lambda: app.parts.session.batches[1].state is LaneState.CANCELLED)
    save(app, "cancelled")


def test_device_gone(
    open_app: OpenApp, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: Size
) -> None:
    server = f"loopgraft-gone-{os.getpid()}"
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server)
    with jack_server(tmp_path / "jackd.log", server, kill=True):
        app = open_app(size=size)
        wait(qtbot, lambda: app.parts.playback.output != "")
        make(app, qtbot, "dry drums, 100 bpm", takes=3)
    wait(qtbot, lambda: "gone" in said(app))
    save(app, "device_gone", light=True)


def test_model_missing(open_app: OpenApp, qtbot: QtBot, size: Size) -> None:
    app = open_app("tests.engine.fake_maker:build_missing", size)
    order(app, "dusty lo-fi drums")
    wait(qtbot, lambda: app.parts.session.batches[0].state is LaneState.FAILED)
    save(app, "model_missing")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    takes = tmp_path / "data" / "takes"
    yield from small_disk_at(takes)


def test_disk_full(full_disk: Path, open_app: OpenApp, qtbot: QtBot, size: Size) -> None:
    app = open_app(size=size)
    (full_disk / "filler").write_bytes(bytes(3 * 2**20 + 2**19))
    order(app, "drums, 120 bpm")
    wait(qtbot, lambda: app.parts.session.batches[0].state is LaneState.FAILED)
    save(app, "disk_full")


def test_the_window_at_work(
    open_app: OpenApp, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: Size
) -> None:
    monkeypatch.setattr(hands, "PATIENCE_MS", 600_000)  # the real model, on a busy machine
    app = open_app("graft", size)
    session, window = app.parts.session, app.window
    for prompt in ("rubbery analog bass, 112 bpm, C minor", "glassy felt piano, 90 bpm, F minor"):
        make(app, qtbot, prompt, takes=1)
    make(app, qtbot, "dusty breakbeat drums, 8 bars, 112 bpm", takes=1)
    assert session.shown is not None
    source, other = tmp_path / "break_my_own_loop.wav", tmp_path / "field recording.wav"
    samples, rate = soundfile.read(session.shown.path, dtype="float32")
    soundfile.write(source, samples, rate, subtype="PCM_24")
    write_clicks(other, bpm=100.0, bars=2)
    drop(app, [source, other])
    wait(qtbot, lambda: at_112(app))
    save(app, "opened")
    window.regions.waveform.select_bar(
        (session.shown.bar_frames or 0) * 3.5 if session.shown else 0
    )
    window.regions.form.prompt.setPlainText("tom fill, tight room, swung sixteenths")
    save(app, "selection", light=True)
    window.regions.form.takes.setValue(4)
    window.make()
    wait(qtbot, lambda: lanes_done(app) == 2 and session.batch is not None)
    window.regions.form.prompt.setPlainText("warm pad in D minor")
    session.override_intent(None)
    save(app, "making")
    wait(qtbot, lambda: lanes_done(app) == 4)
    window.regions.form.prompt.setPlainText("tom fill, tight room, swung sixteenths")
    app.actions.toggle_star(1)
    app.actions.choose_lane(1)
    save(app, "grafted", light=True)
    press(app, Key.Key_X)
    save(app, "before")
    press(app, Key.Key_X)
    window.regions.waveform.pull("right", 2)
    save(app, "pulled", light=True)
    press(app, Key.Key_K, CTRL)
    save(app, "commands", light=True)
    press(app, Key.Key_Escape)
    window.regions.form.advanced.toggle()
    save(app, "advanced")
    assert window.size() == QSize(*size)


def at_112(app: App) -> bool:
    shown = app.parts.session.shown
    return shown is not None and shown.facts is None and shown.tempo_bpm is not None
