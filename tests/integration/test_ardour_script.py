"""The real Ardour runs our script: what it sends is continued, right after it, undone in one step.

Everything is done from outside, with keys, and proved by what Ardour saved.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.audio import FloatArray
from tests.integration.ardour_script import ScriptedArdour
from tests.integration.daw_parts import Region, ardour_version, samples_of
from tests.integration.desktop_parts import Desktop, desktop, needs_desktop
from tests.plugin_bridge.command_runs import new_shell, wait_for

#: At 120 bpm and 44.1 kHz.
BAR_FRAMES = 88_200
SENT_AT = 2 * BAR_FRAMES
#: The real engine on a machine that trains another one.
_TAKE_WITHIN_SECONDS = 150.0

pytestmark = [
    needs_desktop("ardour"),
    pytest.mark.skipif(not ardour_version(), reason="needs Ardour 7 or later: apt install ardour"),
]


def noise(frames: int) -> FloatArray:
    return np.random.default_rng(3).uniform(-0.3, 0.3, (2, frames)).astype(np.float32)


def installed_script(desk: Desktop, folder: Path) -> Path:
    """Install the script as a user does, for an Ardour that has been started before."""
    settings = desk.home / ".config" / f"ardour{ardour_version()}"
    settings.mkdir(parents=True)
    done = new_shell(folder, HOME=str(desk.home)).run("scripts", "install", "ardour", "--json")
    assert done.code == 0, done.errors
    (script,) = done.json["scripts"]
    return Path(script["path"])


def saved_regions(ardour: ScriptedArdour, count: int) -> list[Region]:
    """Save until so many regions are in the session file."""

    def save() -> bool:
        ardour.save()
        return len(ardour.regions()) == count

    wait_for(save, f"a session with {count} regions")
    return ardour.regions()


def test_a_region_is_continued_right_after_it_and_one_undo_takes_that_off(tmp_path: Path) -> None:
    sent = noise(BAR_FRAMES)
    with desktop(tmp_path) as desk:
        data = tmp_path / "data"
        script = installed_script(desk, tmp_path)
        ardour = ScriptedArdour(desk, script, sent, SENT_AT, data)
        (before,) = ardour.regions()
        assert (before.position, before.frames) == (SENT_AT, BAR_FRAMES)

        ardour.ask(2, "house drums")
        wait_for(lambda: list((data / "takes").rglob("*.wav")), "a take", _TAKE_WITHIN_SECONDS)
        kept, added = saved_regions(ardour, 2)
        (take,) = (data / "takes").rglob("*.wav")
        made = samples_of(take)

        ardour.undo()
        (left,) = saved_regions(ardour, 1)
        assert not list(desk.temporary.glob("loopgraft.*")), "the script leaves nothing behind"

    # What was sent is what lay there, to the bit; what came is what the take has after it.
    assert np.array_equal(made[:, :BAR_FRAMES], sent)
    assert np.array_equal(kept.samples, sent)
    assert (kept.position, kept.frames) == (SENT_AT, BAR_FRAMES)
    assert (added.position, added.frames) == (SENT_AT + BAR_FRAMES, 2 * BAR_FRAMES)
    assert np.array_equal(added.samples, made[:, BAR_FRAMES:])
    assert np.abs(added.samples).max() > 0.01
    assert (left.position, left.frames) == (SENT_AT, BAR_FRAMES)


def test_without_a_region_the_script_says_so_and_does_nothing(tmp_path: Path) -> None:
    with desktop(tmp_path) as desk:
        script = installed_script(desk, tmp_path)
        ardour = ScriptedArdour(desk, script, noise(BAR_FRAMES), SENT_AT, tmp_path / "data")
        ardour.run_script(select="Escape")
        ardour.close_warning()
        assert len(saved_regions(ardour, 1)) == 1
    assert not (tmp_path / "data" / "takes").exists()
