"""The window lets scripts in only when it is told to, and shuts them out at its end."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from tests.gui.conftest import OpenApp
from tests.gui.hands import said, wait


def answer(path: Path) -> dict[str, object]:
    """Ask the port how it is, as a script does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as script:
        script.settimeout(60)
        script.connect(str(path))
        script.sendall(b'{"command": "status", "id": "1"}\n')
        return json.loads(script.makefile().readline())


def test_scripts_are_let_in_and_shut_out(open_app: OpenApp, qtbot: QtBot, tmp_path: Path) -> None:
    app = open_app()
    door, path = app.parts.door, tmp_path / "data" / "run" / "control.sock"
    assert not path.exists()
    door.toggle()
    wait(qtbot, lambda: door.is_open)
    assert "may make takes" in said(app)
    assert answer(path)["ok"] is True
    door.toggle()
    wait(qtbot, lambda: not door.is_open)
    assert "shut out" in said(app)
    with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
        answer(path)


def test_the_door_ends_with_the_app(open_app: OpenApp, qtbot: QtBot) -> None:
    app = open_app()
    app.parts.door.toggle()
    wait(qtbot, lambda: app.parts.door.is_open)
    app.close()
    children = psutil.Process().children(recursive=True)
    assert not any("control" in child.cmdline() for child in children)


def test_a_second_door_is_one_sentence(open_app: OpenApp, qtbot: QtBot) -> None:
    first, second = open_app(), open_app()
    first.parts.door.toggle()
    wait(qtbot, lambda: first.parts.door.is_open)
    second.parts.door.toggle()
    wait(qtbot, lambda: not second.parts.door.is_wanted)
    assert said(second).endswith(".")
    assert first.parts.door.is_open
