"""The DAW scripts: each put where its DAW looks, with the command that starts this Loopgraft."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from plugin_bridge.daw_scripts import find_scripts, own_command
from tests.plugin_bridge.command_runs import Shell, new_shell

ACTIONS = ("continue", "inpaint", "intro", "vary")
ARDOUR = "loopgraft_continue.lua"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".config"


@pytest.fixture
def shell(tmp_path: Path, config: Path) -> Shell:
    config.mkdir(parents=True)
    return new_shell(tmp_path, HOME=str(config.parent), XDG_CONFIG_HOME="")


def test_each_script_goes_where_its_daw_looks(shell: Shell, config: Path) -> None:
    for daw in ("ardour6", "ardour7", "REAPER", "ardour-notes"):
        (config / daw).mkdir()
    done = shell.run("scripts", "install", "--json")
    assert done.code == 0, done.errors
    told = {script["path"] for script in done.json["scripts"]}
    found = {str(path) for path in config.rglob("*.lua")}
    assert told == found
    folders = {Path(path).parent.relative_to(config).as_posix() for path in found}
    assert folders == {"ardour6/scripts", "ardour7/scripts", "REAPER/Scripts"}
    names = sorted(path.name for path in config.rglob("*.lua"))
    assert names == sorted(3 * [f"loopgraft_{action}.lua" for action in ACTIONS])
    assert all(script["installed"] and script["current"] for script in done.json["scripts"])


def test_each_script_stands_alone(shell: Shell, config: Path) -> None:
    for daw in ("ardour7", "REAPER"):
        (config / daw).mkdir()
    shell.run("scripts", "install")
    for path in config.rglob("*.lua"):
        text = path.read_text()
        assert "include:" not in text
        assert "require" not in text
        assert text.count("local LOOPGRAFT = ") == 1
        assert text.count("local function quote(text)") == 1


def test_the_installed_script_starts_this_loopgraft(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (config / "ardour7").mkdir()
    assert shell.run("scripts", "install", "ardour").code == 0
    text = (config / "ardour7" / "scripts" / ARDOUR).read_text()
    assert 'local LOOPGRAFT = "loopgraft"\n' not in text
    assert f'local LOOPGRAFT = "{own_command()}"\n' in text
    said = subprocess.run(
        f"{own_command()} --version",
        shell=True,
        env=shell.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.startswith("loopgraft ")


def test_an_older_script_is_out_of_date_and_is_replaced(shell: Shell, config: Path) -> None:
    folder = config / "ardour7" / "scripts"
    folder.mkdir(parents=True)
    (folder / ARDOUR).write_text("-- of last year\n")
    listed = _by_name(shell, "list")
    assert (listed[ARDOUR]["installed"], listed[ARDOUR]["current"]) == (True, False)
    assert not listed["loopgraft_vary.lua"]["installed"]
    shell.run("scripts", "install")
    assert all(script["current"] for script in _by_name(shell, "list").values())
    assert len(list(folder.iterdir())) == len(ACTIONS)


def test_a_script_is_out_of_date_when_what_it_includes_has_changed(
    shell: Shell, config: Path
) -> None:
    (config / "ardour7").mkdir()
    shell.run("scripts", "install")
    path = config / "ardour7" / "scripts" / ARDOUR
    path.write_text(path.read_text().replace("BLOCK_FRAMES = 8192", "BLOCK_FRAMES = 4096"))
    assert not _by_name(shell, "list")[ARDOUR]["current"]


def _by_name(shell: Shell, action: str) -> dict[str, dict[str, Any]]:
    scripts = shell.run("scripts", action, "ardour", "--json").json["scripts"]
    return {script["name"]: script for script in scripts}


def test_a_daw_that_was_never_started_gets_no_folder(shell: Shell, config: Path) -> None:
    done = shell.run("scripts", "install")
    assert done.code == 2
    assert "start it once" in done.errors
    (config / "ardour7").mkdir()
    assert shell.run("scripts", "install", "reaper").code == 2
    assert shell.run("scripts", "install", "cubase").code == 2
    assert list(config.rglob("*.lua")) == []
    assert shell.run("scripts", "list").code == 0


def test_a_folder_name_that_is_no_text_or_has_quotes_reaches_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "ardour7").mkdir()
    odd = os.fsdecode(b'/opt/it\'s "caf\xe9"/python')
    monkeypatch.setattr("sys.executable", odd)
    script = find_scripts()[0]
    line = next(line for line in script.content.split(b"\n") if b"local LOOPGRAFT" in line)
    expected = rb"""'/opt/it'\"'\"'s \"caf""" + b"\xe9" + rb"""\"/python' -P -m plugin_bridge"""
    assert line.strip() == b'local LOOPGRAFT = "' + expected.replace(b"\\'", b"'") + b'"'
