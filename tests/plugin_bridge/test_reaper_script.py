"""The REAPER script against a strict stand-in of the calls it uses: REAPER cannot be had here.

The Lua is real (Ardour's own, 5.3), and so are the command line and the engine behind it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.resources import resource_path
from plugin_bridge.daw_scripts import DawScript
from tests.integration.daw_parts import ardour_version
from tests.plugin_bridge.command_runs import ROOT, Shell, new_shell

STAND_IN = ROOT / "tests" / "plugin_bridge" / "reaper_stand_in.lua"
RATE, BPM = 44_100, 120
BAR_FRAMES = 88_200
NEVER = 1e9

pytestmark = pytest.mark.skipif(
    not ardour_version(), reason="needs a Lua, Ardour's own: apt install ardour"
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return new_shell(tmp_path, LOOPGRAFT_MAKER="")


def run_script(shell: Shell, **settings: object) -> list[list[str]]:
    """Run the script as it would be installed; returns the lines of the stand-in's report."""
    source = resource_path("daw_scripts", "reaper", "loopgraft_continue.lua")
    script = DawScript("reaper", source, shell.folder)
    script.install()
    report = shell.folder / "report"
    values: dict[str, object] = {
        "SCRIPT": str(script.target),
        "REPORT": str(report),
        "PROJECT": str(shell.folder),
        "ANSWER": "1,house drums, dry",
        "SELECTED": 1,
        "IS_MIDI": "false",
        "METER": 4,
        "BPM": BPM,
        "POSITION": 4.0,
        "FRAMES": BAR_FRAMES,
        "TEMPO_CHANGES_AT": NEVER,
        **settings,
    }
    is_bare = {"IS_MIDI"}
    lines = [
        f"{name} = {value}"
        if not isinstance(value, str) or name in is_bare
        else f'{name} = "{value}"'
        for name, value in values.items()
    ]
    start = shell.folder / "start.lua"
    start.write_text("\n".join([*lines, f'dofile("{STAND_IN}")', "quit()"]))
    home = shell.folder / "home"
    home.mkdir(exist_ok=True)
    environment = {**shell.environment, "HOME": str(home), "TMPDIR": str(home)}
    said = subprocess.run(
        [f"ardour{ardour_version()}-lua", str(start)],
        cwd=shell.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert report.exists(), said.stdout + said.stderr
    assert not list(home.glob("loopgraft.*")), "the script leaves nothing behind"
    return [line.split("\t") for line in report.read_text().splitlines()]


def test_an_item_is_continued_right_after_it_as_one_step_to_undo(shell: Shell) -> None:
    try:
        undo, kept, added = run_script(shell)
    finally:
        shell.run("serve", "--stop")
    assert undo == ["undo", "Loopgraft: continue item"]
    assert kept[:2] == ["item", "drums"]
    assert added[:2] == ["item", "drums continued"]
    position, seconds, offset = map(float, added[2:5])
    assert (position, seconds, offset) == (6.0, 2.0, 2.0)
    made, rate = soundfile.read(added[5], dtype="float32", always_2d=True)
    assert (rate, made.shape) == (RATE, (2 * BAR_FRAMES, 2))
    frames, channels = np.meshgrid(np.arange(BAR_FRAMES), np.arange(2), indexing="ij")
    expected = (((frames * 7 + channels * 3) % 1000) / 2000 - 0.25).astype(np.float32)
    assert np.array_equal(made[:BAR_FRAMES], expected), "what was sent is what sounded"
    assert np.abs(made[BAR_FRAMES:]).max() > 0.01


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"SELECTED": 0}, "Select one audio item"),
        ({"SELECTED": 2}, "Select one audio item"),
        ({"IS_MIDI": "true"}, "Select one audio item"),
        ({"METER": 3}, "another meter"),
        ({"TEMPO_CHANGES_AT": 5.0}, "tempo changes"),
        ({"ANSWER": "many,drums"}, "whole number of bars"),
        ({"ANSWER": "65,drums"}, "65 bars is outside 1 to 64"),
    ],
)
def test_what_cannot_be_continued_is_said_and_changes_nothing(
    settings: dict[str, object], sentence: str, shell: Shell
) -> None:
    message, kept = run_script(shell, **settings)
    assert message[0] == "message"
    assert sentence in message[1]
    assert kept[1] == "drums"


def test_a_closed_dialog_changes_nothing(shell: Shell) -> None:
    assert [line[0] for line in run_script(shell, ANSWER="")] == ["item"]


def test_a_prompt_is_never_run_by_the_shell(shell: Shell) -> None:
    prompt = "'; touch hacked; ' $(touch hacked) `touch hacked`"
    message, _kept = run_script(shell, ANSWER=f"65,{prompt}")
    assert "65 bars" in message[1]
    assert not (shell.folder / "hacked").exists()
