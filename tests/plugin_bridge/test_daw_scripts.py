"""The DAW scripts: each put where its DAW looks, with the command that starts this Loopgraft."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from plugin_bridge.daw_scripts import find_scripts, own_command
from tests.plugin_bridge.command_runs import Shell, new_shell

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
    assert all(script["installed"] and script["current"] for script in done.json["scripts"])


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
    (script,) = shell.run("scripts", "list", "ardour", "--json").json["scripts"]
    assert (script["installed"], script["current"]) == (True, False)
    shell.run("scripts", "install")
    (script,) = shell.run("scripts", "list", "ardour", "--json").json["scripts"]
    assert script["current"]
    assert [path.name for path in folder.iterdir()] == [ARDOUR]


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
    (script,) = find_scripts()
    line = next(line for line in script.content.split(b"\n") if b"local LOOPGRAFT" in line)
    expected = rb"""'/opt/it'\"'\"'s \"caf""" + b"\xe9" + rb"""\"/python' -P -m plugin_bridge"""
    assert line.strip() == b'local LOOPGRAFT = "' + expected.replace(b"\\'", b"'") + b'"'
