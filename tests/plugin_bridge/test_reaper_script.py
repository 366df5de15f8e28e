"""The REAPER scripts against a strict stand-in of the calls it uses: REAPER cannot be had here.

The Lua is real (Ardour's own, 5.3), and so is the command line; behind one test is the real
engine, behind the others a quick one.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Generator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from engine.audio import FloatArray
from engine.resources import resource_path
from plugin_bridge.daw_scripts import DawScript
from tests.gui.loop_maker import MAKER_SPEC
from tests.integration.daw_parts import ardour_version
from tests.plugin_bridge.command_runs import ROOT, Shell, new_shell, wait_for

STAND_IN = ROOT / "tests" / "plugin_bridge" / "reaper_stand_in.lua"
BPM = 120
NEVER = 1e9
ESCAPE, CLOSED = 27, -1

pytestmark = pytest.mark.skipif(
    not ardour_version(), reason="needs a Lua, Ardour's own: apt install ardour"
)


@pytest.fixture(scope="module")
def quick_engine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shell]:
    """One for several tests: its start is what takes time."""
    engine = new_shell(tmp_path_factory.mktemp("quick"), LOOPGRAFT_MAKER=MAKER_SPEC)
    yield engine
    engine.run("serve", "--stop")


@pytest.fixture
def shell(tmp_path: Path, quick_engine: Shell) -> Shell:
    folder = tmp_path / 'it\'s "my" project ü'
    folder.mkdir()
    return Shell(folder, quick_engine.environment)


def lua_text(value: object) -> str:
    """Return a value as Lua writes it."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def run_script(shell: Shell, action: str = "continue", **settings: object) -> list[list[str]]:
    """Run a script as it would be installed; returns the lines of the stand-in's report."""
    source = resource_path("daw_scripts", "reaper", f"loopgraft_{action}.lua")
    script = DawScript("reaper", source, shell.folder)
    script.install()
    report = shell.folder / "report"
    values: dict[str, object] = {
        "SCRIPT": str(script.target),
        "REPORT": str(report),
        "PROJECT": str(shell.folder),
        "ANSWER": "1,house drums, dry",
        "NAME": "drums",
        "SELECTED": 1,
        "SELECTED_FROM": 0.0,
        "SELECTED_TO": 0.0,
        "IS_MIDI": False,
        "IS_LEFT_ALONE": True,
        "METER": 4,
        "BPM": BPM,
        "POSITION": 4.0,
        "RATE": 44_100,
        "CHANNELS": 2,
        "FRAMES": 88_200,
        "OFFSET": 0.0,
        "PLAY_RATE": 1.0,
        "LOCKED": 0.0,
        "STRETCH_MARKERS": 0,
        "TEMPO_CHANGES_AT": NEVER,
        "KEY": 0,
        "LOOKS_BEFORE_KEY": 0,
        **settings,
    }
    lines = [f"{name} = {lua_text(value)}" for name, value in values.items()]
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
        timeout=240,
        check=False,
    )
    assert report.exists(), said.stdout + said.stderr
    assert not list(home.glob("loopgraft.*")), "the script leaves nothing behind"
    return [line.split("\t") for line in report.read_text().splitlines()]


def sounded(first: int, frames: int, channels: int) -> FloatArray:
    """Return what the stand-in's item sounds like (frames, channels) from a frame of its file."""
    at, channel = np.meshgrid(np.arange(first, first + frames), np.arange(channels), indexing="ij")
    return (((at * 7 + channel * 3) % 1000) / 2000 - 0.25).astype(np.float32)


def read(path: str) -> tuple[FloatArray, int]:
    """Return a file's samples (frames, channels) and its rate."""
    return soundfile.read(path, dtype="float32", always_2d=True)


def test_an_item_is_continued_right_after_it_as_one_step_to_undo(tmp_path: Path) -> None:
    shell = new_shell(tmp_path, LOOPGRAFT_MAKER="")
    try:
        undo, kept, added = run_script(shell)
    finally:
        shell.run("serve", "--stop")
    assert undo == ["undo", "Loopgraft: continue item"]
    assert kept[:2] == ["item", "drums"]
    assert added[:2] == ["item", "drums continued"]
    position, seconds, offset = map(float, added[2:5])
    assert (position, seconds, offset) == (6.0, 2.0, 2.0)
    assert added[6] == kept[6], "it is as loud as the item"
    made, rate = read(added[5])
    assert (rate, made.shape) == (44_100, (2 * 88_200, 2))
    assert np.array_equal(made[:88_200], sounded(0, 88_200, 2)), "what was sent is what sounded"
    assert np.abs(made[88_200:]).max() > 0.01


def test_an_item_is_led_into_right_before_it(shell: Shell) -> None:
    undo, kept, added = run_script(shell, "intro")
    assert undo == ["undo", "Loopgraft: lead into item"]
    assert (float(kept[2]), float(kept[3])) == (4.0, 2.0)
    assert [float(value) for value in added[2:5]] == [2.0, 2.0, 0.0]
    made, _rate = read(added[5])
    assert np.array_equal(made[88_200:], sounded(0, 88_200, 2))


def test_selected_time_is_made_anew_and_the_rest_of_the_item_is_identical(shell: Shell) -> None:
    """A mono item at 48 kHz from the middle of its file; a shell could trip over its names."""
    rate, frames, offset = 48_000, 100_000, 12_000
    settings = {"RATE": rate, "CHANNELS": 1, "FRAMES": frames, "OFFSET": offset / rate}
    name = 'Günter\'s "best" 50 %'
    undo, item = run_script(
        shell,
        "inpaint",
        **settings,
        NAME=name,
        ANSWER="a $(touch hacked), dry",
        SELECTED_FROM=4.5,
        SELECTED_TO=5.5,
    )
    assert undo == ["undo", "Loopgraft: inpaint time selection"]
    assert item[:2] == ["item", f"{name} inpainted"]
    assert [float(value) for value in item[2:5]] == [4.0, round(frames / rate, 9), 0.0]
    made, made_rate = read(item[5])
    sent = sounded(offset, frames, 1)
    assert (made_rate, made.shape) == (rate, sent.shape)
    assert np.array_equal(made[: rate // 2], sent[: rate // 2])
    assert np.array_equal(made[rate * 3 // 2 :], sent[rate * 3 // 2 :])
    assert not np.array_equal(made[rate // 2 : rate * 3 // 2], sent[rate // 2 : rate * 3 // 2])
    assert Path(item[5]).parent == shell.folder, "the file stays in the project's folder"
    assert not (shell.folder / "hacked").exists()


def test_an_item_is_varied_in_its_place(shell: Shell) -> None:
    undo, item = run_script(shell, "vary", ANSWER="60,")
    assert undo == ["undo", "Loopgraft: vary item"]
    assert [float(value) for value in item[2:5]] == [4.0, 2.0, 0.0]
    assert item[1] == "drums varied"
    assert float(item[6]) == 0.125, "its volume stays"
    made, _rate = read(item[5])
    assert made.shape == (88_200, 2)
    assert not np.array_equal(made, sounded(0, 88_200, 2))


def test_an_item_that_changed_meanwhile_stays_as_it_is(shell: Shell) -> None:
    message, item = run_script(shell, "vary", ANSWER="60,", FRAMES=10_000, IS_LEFT_ALONE=False)
    made = message[1].removeprefix("The item has changed; what was made is in ")
    assert read(made)[0].shape == (10_000, 2)
    assert item[1] == "drums"


@pytest.mark.parametrize("key", [ESCAPE, CLOSED])
def test_what_is_cancelled_changes_nothing_and_is_not_made(key: int, shell: Shell) -> None:
    (item,) = run_script(shell, "vary", ANSWER="60,slow", KEY=key, LOOKS_BEFORE_KEY=1)
    assert item[1] == "drums"
    wait_for(lambda: not _processes_in(shell.folder), "the command's end")
    assert shell.wavs() == []


def _processes_in(folder: Path) -> list[int]:
    found: list[int] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(str(folder) in word for word in process.cmdline()):
                found.append(process.pid)
    return found


@pytest.mark.parametrize(
    ("action", "settings", "sentence"),
    [
        ("continue", {"SELECTED": 0}, "Select one audio item"),
        ("continue", {"SELECTED": 2}, "Select one audio item"),
        ("continue", {"IS_MIDI": True}, "Select one audio item"),
        ("continue", {"METER": 3}, "another meter"),
        ("continue", {"TEMPO_CHANGES_AT": 5.0}, "tempo changes"),
        ("continue", {"ANSWER": "many,drums"}, "whole number of bars"),
        ("continue", {"ANSWER": "65,drums"}, "65 bars is outside 1 to 64"),
        ("intro", {"ANSWER": "3,drums"}, "no room for 3 bars before"),
        ("vary", {"SELECTED": 0}, "Select one audio item"),
        ("vary", {"ANSWER": "0.5,"}, "whole number, 1 to 100"),
        ("vary", {"ANSWER": "101,"}, "1.01"),
        ("vary", {"PLAY_RATE": 1.5}, "glue it first"),
        ("vary", {"STRETCH_MARKERS": 2}, "glue it first"),
        ("vary", {"LOCKED": 1.0}, "unlock it first"),
        ("inpaint", {}, "Select the time to make anew"),
        ("inpaint", {"SELECTED": 0}, "Select one audio item"),
        ("inpaint", {"SELECTED_FROM": 3.9, "SELECTED_TO": 5.0}, "out of the item"),
        ("inpaint", {"SELECTED_FROM": 5.0, "SELECTED_TO": 6.1}, "out of the item"),
        ("inpaint", {"SELECTED_FROM": 7.0, "SELECTED_TO": 8.0}, "out of the item"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    action: str, settings: dict[str, object], sentence: str, shell: Shell
) -> None:
    message, kept = run_script(shell, action, **settings)
    assert message[0] == "message"
    assert sentence in message[1]
    assert kept[1] == "drums"


def test_an_item_shorter_than_a_beat_off_the_bar_is_varied(shell: Shell) -> None:
    _undo, item = run_script(shell, "vary", ANSWER="50,", FRAMES=4_000, POSITION=4.6)
    assert item[1] == "drums varied"
    assert read(item[5])[0].shape == (4_000, 2)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("/nowhere/loopgraft", "run “loopgraft scripts install” again"),
        ("kill -9 $$ #", "Loopgraft ended before it was done"),
        ("true", "did not say what it made"),
    ],
)
def test_a_loopgraft_that_is_not_what_it_was_is_said_in_one_sentence(
    command: str, sentence: str, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugin_bridge.daw_scripts.own_command", lambda: f"sh -c '{command}'")
    message, kept = run_script(shell)
    assert sentence in message[1]
    assert kept[1] == "drums"


@pytest.mark.parametrize("action", ["continue", "intro", "vary"])
def test_a_closed_dialog_changes_nothing(action: str, shell: Shell) -> None:
    assert [line[0] for line in run_script(shell, action, ANSWER="")] == ["item"]


def test_a_prompt_is_never_run_by_the_shell(shell: Shell) -> None:
    prompt = "'; touch hacked; ' $(touch hacked) `touch hacked`"
    message, _kept = run_script(shell, ANSWER=f"65,{prompt}")
    assert "65 bars" in message[1]
    assert not (shell.folder / "hacked").exists()
