"""Journeys 1 to 3 of the product, in the window, with the real worker and the shipped weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PyQt6.QtCore import QPointF
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.audio import FrameSpan
from gui.app import App
from gui.state.ask import Intent
from tests.engine.libsndfile_reader import look
from tests.gui.canvas_parts import drag
from tests.gui.conftest import OpenApp
from tests.gui.hands import CTRL, Key, drop, lanes_done, press, wait
from tests.integration.real_engine import native, write_beat

RATE, BPM = 48_000, 120.0
BAR = 2 * RATE


@pytest.fixture
def app(open_app: OpenApp) -> App:
    return open_app("graft")


def test_journey_1_ask_hear_and_take_the_file(app: App, qtbot: QtBot) -> None:
    window, session = app.window, app.parts.session
    window.regions.form.prompt.setFocus()
    press(app, Key.Key_A, CTRL)
    QTest.keyClicks(window.regions.form.prompt, "dry techno drums, 126 bpm")
    window.regions.form.bars.setValue(2)
    window.regions.form.takes.setValue(2)
    press(app, Key.Key_Return)
    wait(qtbot, lambda: session.chosen is not None)
    assert app.parts.playback.is_playing, "the first take plays while the second is made"
    wait(qtbot, lambda: lanes_done(app) == 2)
    window.regions.waveform.setFocus()
    press(app, Key.Key_Down)
    assert session.canvas.active == 1
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    clipboard.clear()
    press(app, Key.Key_D, CTRL)
    wait(qtbot, lambda: bool((data := clipboard.mimeData()) and data.hasUrls()))
    data = clipboard.mimeData()
    assert data is not None
    path = Path(data.urls()[0].toLocalFile())
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert len(samples) == round(8 * 60 / 126 * rate)
    assert look(path).bpm == pytest.approx(126.0)
    assert session.shown is not None
    assert session.shown.facts is not None
    heard = session.shown.facts.measured.bpm
    assert heard == pytest.approx(126.0, rel=0.02) or heard is None
    assert np.abs(samples).max() > 0.05


def test_journey_2_sweep_and_repaint(app: App, qtbot: QtBot, tmp_path: Path) -> None:
    window, session = app.window, app.parts.session
    source = tmp_path / "break_my_own_loop.wav"
    write_beat(source, bpm=BPM, bars=4, rate=RATE, subtype="PCM_24", channels=2)
    drop(app, [source])
    wait(qtbot, lambda: session.shown is not None and session.shown.tempo_bpm is not None)
    clip = session.shown
    assert clip is not None
    sweep(app, clip.bar_frames or 0, 1.0, 2.0)
    assert session.intent is Intent.INPAINT
    (span,) = session.spans
    assert span.start == pytest.approx(BAR, abs=RATE // 50)
    assert span.stop == pytest.approx(2 * BAR, abs=RATE // 50)
    window.regions.form.takes.setValue(2)
    window.regions.form.prompt.setFocus()
    QTest.keyClicks(window.regions.form.prompt, "tom fill")
    press(app, Key.Key_Return)
    wait(qtbot, lambda: session.batch is not None and lanes_done(app) == 2)
    old = native(source)
    for lane in session.lanes:
        assert lane.clip is not None
        assert lane.clip.seam_score is not None
        new = native(lane.clip.path)
        assert np.array_equal(new[:, : span.start], old[:, : span.start])
        assert np.array_equal(new[:, span.stop :], old[:, span.stop :])
        assert not np.array_equal(new[:, span.start : span.stop], old[:, span.start : span.stop])


def test_journey_3_pull_the_edges_out(app: App, qtbot: QtBot, tmp_path: Path) -> None:
    window, session = app.window, app.parts.session
    source = tmp_path / "loop.wav"
    frames = write_beat(source, bpm=BPM, bars=2, rate=RATE, subtype="PCM_16", channels=1)
    drop(app, [source])
    wait(qtbot, lambda: session.shown is not None and session.shown.tempo_bpm is not None)
    right = right_handle(app)
    drag(window.regions.waveform, right, right + QPointF(70, 0))
    assert session.intent is Intent.EXTEND
    bars = session.pulled.right_bars
    assert bars >= 1
    window.regions.form.takes.setValue(1)
    window.make()
    wait(qtbot, lambda: session.chosen is not None)
    grown = session.chosen
    assert grown is not None
    more = round(bars * 4 * 60 / (grown.tempo_bpm or 0) * RATE)
    assert grown.frames == pytest.approx(frames + more, abs=2)
    assert np.array_equal(native(grown.path)[:, :frames], native(source))
    assert grown.grafted == (FrameSpan(frames, grown.frames),)
    window.regions.waveform.setFocus()
    press(app, Key.Key_K)
    press(app, Key.Key_BracketLeft)
    window.make()
    wait(qtbot, lambda: session.chosen is not None and session.chosen is not grown)
    intro = session.chosen
    assert intro is not None
    assert intro.start_frame < 0
    assert np.array_equal(native(intro.path)[:, -grown.frames :], native(grown.path))


def sweep(app: App, bar_frames: float, first_bar: float, last_bar: float) -> None:
    """Drag over the waveform from one bar line to another."""
    wave = app.window.regions.waveform
    axis = wave.own_axis
    y = wave.height() / 2
    start, stop = (QPointF(axis.x_of(bar * bar_frames), y) for bar in (first_bar, last_bar))
    drag(wave, start, stop)


def right_handle(app: App) -> QPointF:
    wave = app.window.regions.waveform
    return QPointF(wave.axis.right, wave.layout_px.wave.center().y())
