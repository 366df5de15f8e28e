"""The whole app on a screen of its own, with a quick maker in a real worker process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QObject, QTimer
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from gui.app import App, dress
from gui.parts import audio_options, build_parts, worker_options
from tests.gui.loop_maker import MAKER_SPEC

OpenApp = Callable[..., App]


@pytest.fixture(scope="session")
def dressed(qapp: QApplication) -> QApplication:
    dress(qapp)
    return qapp


@pytest.fixture
def open_app(
    dressed: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenApp]:
    """Opens the app on data of its own; closed, and proved to leave nothing, at the end."""
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    opened: list[App] = []

    def open_(maker: str = MAKER_SPEC, size: tuple[int, int] = (1280, 800)) -> App:
        app = App(dressed, build_parts(worker_options("cpu", maker), audio_options()))
        app.window.resize(*size)
        app.window.show()
        app.window.activateWindow()
        assert QTest.qWaitForWindowActive(app.window, 20_000)
        opened.append(app)
        return app

    yield open_
    for app in opened:
        app.close()
        left = [timer for timer in running_timers(app) if timer.interval() > 0]
        assert left == [], "timers that run on in a closed app"
        app.window.deleteLater()
    dressed.processEvents()


def running_timers(app: App) -> list[QTimer]:
    """Return the timers of the window and of what is behind it that would still fire."""
    owners = [app.window, app.actions, *vars(app.parts).values()]
    objects = [owner for owner in owners if isinstance(owner, QObject)]
    timers = [timer for owner in objects for timer in owner.findChildren(QTimer)]
    return [timer for timer in timers if timer.isActive()]


@pytest.fixture
def app(open_app: OpenApp) -> App:
    return open_app()
