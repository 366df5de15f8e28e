"""What a user does with the whole window: keys, drops, waiting for takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from PyQt6.QtCore import QMimeData, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.app import App
from tests.gui.loop_maker import RATE

PATIENCE_MS = 120_000
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
ALT = Qt.KeyboardModifier.AltModifier
Key = Qt.Key


def press(app: App, key: Qt.Key, modifiers: Qt.KeyboardModifier | None = None) -> None:
    """Press a key where the focus is, as a keyboard does: shortcuts come first."""
    target = QApplication.focusWidget() or app.window
    QTest.keyClick(target, key, modifiers or Qt.KeyboardModifier.NoModifier)


def make(app: App, qtbot: QtBot, prompt: str = "dry drums, 120 bpm", takes: int = 2) -> None:
    """Order takes and wait until all of them are in their lanes."""
    app.window.regions.form.prompt.setPlainText(prompt)
    app.window.regions.form.takes.setValue(takes)
    app.window.regions.form.prompt.setFocus()
    ordered = len(app.parts.session.batches)
    press(app, Key.Key_Return)
    wait(qtbot, lambda: len(app.parts.session.batches) > ordered)
    wait(qtbot, lambda: lanes_done(app) == takes)
    app.window.regions.waveform.setFocus()


def lanes_done(app: App) -> int:
    return sum(lane.clip is not None for lane in app.parts.session.lanes)


def wait(qtbot: QtBot, is_so: Callable[[], bool]) -> None:
    qtbot.waitUntil(is_so, timeout=PATIENCE_MS)


def said(app: App) -> str:
    return app.window.regions.status.sentence.whole


def write_clicks(path: Path, bpm: float, bars: int) -> None:
    frames = round(240 / bpm * bars * RATE)
    rng = np.random.default_rng(0)
    wave = np.zeros(frames)
    for number in range(4 * bars):
        start = round(number * 60 / bpm * RATE)
        burst = rng.standard_normal(2000) * np.exp(-np.arange(2000) / 300)
        part = burst[: frames - start]
        wave[start : start + len(part)] += (0.8 if number % 4 == 0 else 0.4) * part
    soundfile.write(path, 0.3 * np.stack([wave, wave], axis=1), RATE, subtype="PCM_16")


def drop(app: App, paths: list[Path]) -> None:
    """Let files go over the window, as a file manager does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    place = QPointF(600, 300)
    entering = QDragEnterEvent(place.toPoint(), copy, data, left, none)
    QApplication.sendEvent(app.window, entering)
    assert entering.isAccepted()
    QApplication.sendEvent(app.window, QDropEvent(place, copy, data, left, none))
