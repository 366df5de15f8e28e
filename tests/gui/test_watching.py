"""What a DAW bounces into the watched folder lies on the canvas."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from tests.gui.conftest import OpenApp
from tests.gui.hands import said, wait, write_clicks


def test_what_is_bounced_is_opened_also_after_the_next_start(
    open_app: OpenApp, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = tmp_path / "bounces"
    folder.mkdir()
    write_clicks(folder / "old.wav", 120, 1)
    app = open_app()
    watching, opening = app.actions.watching, app.actions.opening
    watching.watch(folder)
    assert "bounces" in said(app)
    looks = app.parts.background.finished
    with qtbot.waitSignal(looks, timeout=20_000):  # the first look: old.wav is left alone
        pass
    new = folder / "new.wav"
    write_clicks(new, 120, 2)
    wait(qtbot, lambda: opening.current == new)
    assert opening.files == (new,)
    assert app.window.remembered().watched == str(folder)
    app.close()
    again = open_app()
    assert again.actions.watching.folder == folder
    again.actions.watching.stop()
    assert again.actions.watching.folder is None
    assert "no longer watched" in said(again)
    again.actions.watching.stop()
    assert "No folder is watched" in said(again)


def test_a_folder_that_goes_is_news(open_app: OpenApp, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "drive"
    folder.mkdir()
    app = open_app()
    app.actions.watching.watch(folder)
    news: list[str] = []
    app.actions.noted.connect(lambda sentence, _level: news.append(sentence))
    with qtbot.waitSignal(app.parts.background.finished, timeout=20_000):
        pass
    folder.rmdir()
    wait(qtbot, lambda: any("gone" in sentence for sentence in news))
