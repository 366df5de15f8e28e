"""Files of the user's: the first one lands, the others are listed and a key away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from pytestqt.qtbot import QtBot

from gui.app import App
from tests.gui.hands import CTRL, Key, drop, press, said, wait, write_clicks


def names(app: App) -> list[str]:
    return [path.name for path in app.actions.opening.files]


def shown(app: App) -> str:
    clip = app.parts.session.shown
    return "" if clip is None else clip.name


def test_of_several_files_all_are_a_key_away(app: App, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "loops"
    folder.mkdir()
    for path in (tmp_path / "first.wav", folder / "b.wav", folder / "c.wav"):
        write_clicks(path, bpm=120.0, bars=1)
    drop(app, [tmp_path / "first.wav", folder])
    wait(qtbot, lambda: shown(app) == "first")
    assert names(app) == ["first.wav", "b.wav", "c.wav"]
    chip = app.window.regions.header.files
    assert (chip.isVisible(), chip.text()) == (True, "1 / 3 ▾")
    press(app, Key.Key_PageDown, CTRL)
    wait(qtbot, lambda: shown(app) == "b")
    assert chip.text() == "2 / 3 ▾"
    press(app, Key.Key_PageUp, CTRL)
    wait(qtbot, lambda: shown(app) == "first")
    press(app, Key.Key_PageUp, CTRL)
    wait(qtbot, lambda: shown(app) == "c")
    wait(qtbot, lambda: said(app).endswith("2 more are open: Ctrl+PgDown."))
    app.window.show_commands()
    app.window.palette_.search.setText("file that is open")
    assert app.window.palette_.list.count() == 2


def test_one_file_has_no_list(app: App, qtbot: QtBot, tmp_path: Path) -> None:
    write_clicks(tmp_path / "only.wav", bpm=120.0, bars=1)
    drop(app, [tmp_path / "only.wav"])
    wait(qtbot, lambda: shown(app) == "only")
    assert not app.window.regions.header.files.isVisible()
    press(app, Key.Key_PageDown, CTRL)
    assert said(app) == "No other file is open; drop several on the window."


def test_a_file_that_cannot_be_read_leaves_the_list(app: App, qtbot: QtBot, tmp_path: Path) -> None:
    write_clicks(tmp_path / "good.wav", bpm=120.0, bars=1)
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    drop(app, [tmp_path / "bad.wav", tmp_path / "good.wav"])
    wait(qtbot, lambda: said(app).startswith("Problem: "))
    assert names(app) == ["good.wav"]
    assert app.window.regions.waveform.accessibleDescription() == "Nothing is open."
    press(app, Key.Key_PageDown, CTRL)


def test_what_is_being_read_is_said_until_it_is_shown(
    app: App, qtbot: QtBot, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "long.wav"
    soundfile.write(path, 0.1 * rng.standard_normal((60 * 44_100, 2)), 44_100, subtype="PCM_16")
    told: list[str] = []
    app.actions.opening.reading_changed.connect(told.append)
    drop(app, [path])
    wait(qtbot, lambda: bool(told))
    assert told[0] == "Reading “long.wav” …"
    assert app.window.regions.waveform.accessibleDescription().startswith("Reading “long.wav”")
    wait(qtbot, lambda: shown(app) == "long")
    assert told[-1] == ""
