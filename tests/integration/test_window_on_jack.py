"""The window plays into a real device that dies and comes back: it says so and goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.gui.conftest import OpenApp, dressed, open_app  # noqa: F401 - fixtures
from tests.gui.hands import make, wait
from tests.integration.jack_parts import jack_server, what_jack_lacks

pytestmark = pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks())
SERVER = "loopgraft-window"


def test_a_device_that_dies_and_comes_back_is_said_and_played_on(
    open_app: OpenApp,  # noqa: F811 - the fixture
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", SERVER)
    sentences: list[str] = []
    with jack_server(tmp_path / "jackd.log", SERVER, kill=True):
        app = open_app()
        playback = app.parts.playback
        playback.said.connect(lambda sentence, _level: sentences.append(sentence))
        wait(qtbot, lambda: playback.output != "")
        names = [app.window.regions.transport.device.itemText(i) for i in range(2)]
        assert names[0] == "System output"
        make(app, qtbot, takes=1)
        wait(qtbot, lambda: playback.is_playing)
    wait(qtbot, lambda: any("gone" in sentence for sentence in sentences))
    places: list[int] = []
    playback.moved.connect(places.append)
    wait(qtbot, lambda: len(places) > 5)
    assert playback.is_playing, "the music goes on silently, in time"
    with jack_server(tmp_path / "jackd.log", SERVER):
        wait(qtbot, lambda: any("again" in sentence for sentence in sentences))
        assert playback.is_playing
        app.close()
