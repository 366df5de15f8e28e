"""`python -m gui.bench`: how quick the window is, as JSON; `loopgraft bench` runs it.

Draws into memory where there is no screen.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

import numpy as np
from PyQt6.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QApplication

from engine.child_process import child_environment, module_command
from engine.places import DATA_VARIABLE
from gui.app import App, dress
from gui.parts import audio_options, build_parts, worker_options
from gui.state.generation import EngineState

PROMPT = "punchy house drums, 120 bpm"
TAKES = 8
_PATIENCE_SECONDS = 300.0
_BEAT_MS = 2
_HEARD_PEAK = 1e-4

Values = dict[str, tuple[str, list[float]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print name, unit and values. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m gui.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--started-at", type=float, help="one start alone: when it was begun")
    options = parser.parse_args(arguments)
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if options.started_at is not None:
        sys.stdout.write(json.dumps(one_start(options.started_at)))
        return 0
    with tempfile.TemporaryDirectory(prefix="lg-") as folder:
        os.environ[DATA_VARIABLE] = folder
        started = [_start_again() for _ in range(options.runs + 1)][1:]
        values: Values = {"start of the window to interactive (not the first)": ("s", started)}
        for _ in range(options.runs):
            for name, (unit, found) in one_journey().items():
                values.setdefault(name, (unit, []))[1].extend(found)
    sys.stdout.write(json.dumps(values))
    return 0


def one_start(started_at: float) -> float:
    """Return the seconds from `started_at` (time.time) to a window that answers."""
    app = _open()
    _wait(lambda: app.window.isVisible())
    _press(app, Qt.Key.Key_End)  # it answers: a key was taken
    QApplication.processEvents()
    seconds = time.time() - started_at
    app.close()
    return seconds


def one_journey() -> Values:
    """Ask for eight takes in a window whose engine is warm, and hear the first."""
    app = _open()
    parts = app.parts
    try:
        _wait(lambda: parts.generation.state is EngineState.READY)
        app.window.regions.form.takes.setValue(TAKES)
        app.window.regions.form.bars.setValue(4)
        app.window.regions.form.prompt.setPlainText(PROMPT)
        heard: list[float] = []

        def hear(peak: float) -> None:
            if peak > _HEARD_PEAK:
                heard.append(time.monotonic())

        parts.playback.peaked.connect(hear)
        began = time.monotonic()
        stalls = Stalls(app.window)
        _press(app, Qt.Key.Key_Return)
        _wait(lambda: bool(heard))
        _wait(lambda: all(lane.clip is not None for lane in parts.session.lanes))
        stalls.stop()
        return {
            "Return to first audio, warm": ("s", [heard[0] - began]),
            "Return to 8 takes of 8 s in their lanes": ("s", [time.monotonic() - began]),
            "window stalls while they are made, 99 %": ("ms", [stalls.quantile(0.99)]),
            "window stalls while they are made, longest": ("ms", [stalls.quantile(1.0)]),
            "under-runs meanwhile": ("", [float(parts.playback.under_runs)]),
        }
    finally:
        app.close()
        app.window.deleteLater()


class Stalls(QObject):
    """How late the UI thread comes to a timer that beats every 2 ms."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._late_ms: list[float] = []
        self._last = time.monotonic()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(_BEAT_MS)

    def stop(self) -> None:
        self._timer.stop()

    def quantile(self, share: float) -> float:
        """Return how many ms late the given share of beats was at most."""
        return float(np.quantile(self._late_ms, share))

    def _beat(self) -> None:
        now = time.monotonic()
        self._late_ms.append(max(0.0, 1000 * (now - self._last) - _BEAT_MS))
        self._last = now


def _open() -> App:
    qt = QApplication.instance()
    if not isinstance(qt, QApplication):
        qt = QApplication(sys.argv[:1])
    dress(qt)
    app = App(qt, build_parts(worker_options(), audio_options()))
    app.window.resize(1280, 800)
    app.window.show()
    return app


def _press(app: App, key: Qt.Key) -> None:
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        event = QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(app.window.regions.form.prompt, event)


def _start_again() -> float:
    done = subprocess.run(
        module_command("gui.bench", "--started-at", str(time.time())),
        env=child_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=_PATIENCE_SECONDS,
    )
    return float(json.loads(done.stdout))


def _wait(is_so: Callable[[], bool]) -> None:
    """Let the event loop run, as it does for a user, until something is so."""
    loop, deadline = QEventLoop(), time.monotonic() + _PATIENCE_SECONDS
    timer = QTimer()
    timer.timeout.connect(lambda: loop.quit() if is_so() or time.monotonic() > deadline else None)
    timer.start(20)
    loop.exec()
    if not is_so():
        raise TimeoutError("The window did not get there.")


if __name__ == "__main__":
    sys.exit(main())
