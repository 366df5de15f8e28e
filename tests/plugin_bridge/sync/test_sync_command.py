"""`loopgraft sync`, and what `stream --sync` refuses, as a user meets them."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.plugin_bridge.command_runs import Shell, new_shell, write_clicks


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return new_shell(tmp_path, JACK_DEFAULT_SERVER="loopgraft-none")


def interrupted(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the first line of progress, interrupt, and return stdout and stderr."""
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    return out, first + errors


def test_the_internal_clock_is_shown_until_ctrl_c(shell: Shell) -> None:
    out, errors = interrupted(shell.start("sync", "internal", "--bpm", "97.5", "--json"))
    told = json.loads(out)
    assert (told["source"], told["bpm"], told["playing"]) == ("internal", 97.5, True)
    assert errors.startswith("internal: bar 1, beat 1.0")
    assert "97.50 bpm, playing" in errors


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [
        (["sync", "jack"], "No JACK server is running", 4),
        (["sync", "tape"], "tape", 2),
        (["sync", "internal", "--bpm", "2000"], "40 to 300 bpm", 2),
        (["stream", "loop.wav", "--sync", "jack", "--once"], "leave out --once", 2),
        (["stream", "loop.wav", "--lead"], "give --sync", 2),
        (["stream", ".", "--sync", "link"], "give one file", 2),
    ],
)
def test_what_cannot_be_is_one_sentence(
    shell: Shell, words: list[str], says: str, code: int
) -> None:
    for name in ("loop.wav", "more.wav"):
        write_clicks(shell.folder / name, bars=1)
    ended = shell.run(*words)
    assert ended.code == code
    assert says in ended.errors
    assert len(ended.errors.splitlines()) == 1
