"""The real Ardour runs our scripts: what comes back is in its place, undone in one step.

Everything is done from outside, with keys, and proved by what Ardour saved.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from engine.audio import FloatArray
from tests.gui.loop_maker import MAKER_SPEC
from tests.integration.ardour_script import (
    IN_LOOP_RANGE,
    LOOP_RANGE,
    PUNCH_RANGE,
    Placed,
    ScriptedArdour,
)
from tests.integration.daw_parts import Region, ardour_version, samples_of
from tests.integration.desktop_parts import Desktop, desktop, needs_desktop
from tests.plugin_bridge.command_runs import new_shell, wait_for

#: At 120 bpm.
RATE, BAR_FRAMES = 48_000, 96_000
#: What is made anew of the region that is sent, counted from its start.
FIRST, LAST = 30_000, 60_000
SENT = Placed(
    start=10_000,
    frames=BAR_FRAMES,
    position=2 * BAR_FRAMES,
    name='Günter\'s "best" $(touch hacked)',
    lua="piece:set_scale_amplitude(0.5) piece:set_fade_in_length(4800)",
)
#: Lies over the end of the other.
OVER = Placed(start=0, frames=20_000, position=SENT.position + 90_000, name="over")
#: The real engine on a machine that trains another one.
_TAKE_WITHIN_SECONDS = 250.0

pytestmark = [
    needs_desktop("ardour"),
    pytest.mark.skipif(not ardour_version(), reason="needs Ardour 7 or later: apt install ardour"),
]


def noise(channels: int, frames: int) -> FloatArray:
    return np.random.default_rng(3).uniform(-0.3, 0.3, (channels, frames)).astype(np.float32)


def installed_scripts(desk: Desktop, folder: Path) -> list[Path]:
    """Install the scripts as a user does, for an Ardour that has been started before."""
    settings = desk.home / ".config" / f"ardour{ardour_version()}"
    settings.mkdir(parents=True)
    done = new_shell(folder, HOME=str(desk.home)).run("scripts", "install", "ardour", "--json")
    assert done.code == 0, done.errors
    return [Path(script["path"]) for script in done.json["scripts"]]


class Session:
    """An Ardour with our scripts, and what it was before they ran."""

    def __init__(self, desk: Desktop, ardour: ScriptedArdour, takes: Path) -> None:
        self.desk, self.ardour, self._takes = desk, ardour, takes
        self.before = ardour.regions()

    def changed(self) -> list[Region]:
        """Save until the session file tells of other regions."""
        return self._saved(lambda regions: _settings(regions) != _settings(self.before))

    def undo(self) -> list[Region]:
        """Undo one step, and return the regions once they are as many as before."""
        self.ardour.undo()
        return self._saved(lambda regions: _names(regions) == _names(self.before))

    def take(self) -> FloatArray:
        """Return the newest take once there is one."""
        wait_for(lambda: list(self._takes.rglob("*.wav")), "a take", _TAKE_WITHIN_SECONDS)
        return samples_of(max(self._takes.rglob("*.wav"), key=lambda path: path.stat().st_mtime_ns))

    def _saved(self, is_so: Callable[[list[Region]], bool]) -> list[Region]:
        def save() -> bool:
            self.ardour.save()
            return is_so(self.ardour.regions())

        wait_for(save, "what is to be in the session file", _TAKE_WITHIN_SECONDS)
        return self.ardour.regions()


def _settings(regions: list[Region]) -> list[Mapping[str, str]]:
    return [region.settings for region in regions]


def _names(regions: list[Region]) -> list[str]:
    return [region.name for region in regions]


@contextmanager
def session(
    folder: Path,
    audio: FloatArray,
    *placed: Placed,
    rate: int = RATE,
    ranges: Sequence[tuple[int, int]] = (),
    maker: str = "",
) -> Generator[Session]:
    with desktop(folder) as desk:
        desk.environment["LOOPGRAFT_MAKER"] = maker
        scripts = installed_scripts(desk, folder)
        data = folder / "data"
        ardour = ScriptedArdour(desk, scripts, audio, placed, data, rate=rate, ranges=ranges)
        yield Session(desk, ardour, data / "takes")
        assert not list(desk.temporary.glob("loopgraft.*")), "the scripts leave nothing behind"
        assert not (desk.home / "hacked").exists()


@pytest.fixture(scope="module")
def audio() -> FloatArray:
    return noise(1, 120_000)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, audio: FloatArray) -> Generator[Session]:
    """One for several tests, each of which undoes what it did; a quick engine is behind it."""
    start = SENT.position
    ranges = ((start + FIRST, start + LAST), (start - 1, start + FIRST))
    folder = tmp_path_factory.mktemp("ardour")
    with session(folder, audio, SENT, OVER, ranges=ranges, maker=MAKER_SPEC) as one:
        yield one


@pytest.mark.timeout(900)  # a machine that trains leaves little for three takes
def test_with_the_real_engine_a_region_is_continued_inpainted_and_varied(tmp_path: Path) -> None:
    """In stereo at 44.1 kHz: after it, or in its place, and one undo is enough each time."""
    bar, sent_at = 88_200, 2 * 88_200
    sent = noise(2, bar)
    ranges = ((sent_at + FIRST, sent_at + LAST),)
    placed = Placed(0, bar, sent_at)
    with session(tmp_path, sent, placed, rate=44_100, ranges=ranges) as one:
        one.ardour.ask("continue", "Continue Region", "2", "house drums")
        kept, added = one.changed()
        made = one.take()
        assert _settings(one.undo()) == _settings(one.before)
        # What was sent is what lay there, to the bit; what came is what the take has after it.
        assert np.array_equal(made[:, :bar], sent)
        assert np.array_equal(kept.samples, sent)
        assert (added.position, added.frames) == (sent_at + bar, 2 * bar)
        assert np.array_equal(added.samples, made[:, bar:])
        assert np.abs(added.samples).max() > 0.01

        one.ardour.ask("inpaint", "Inpaint Range", "", select=LOOP_RANGE)
        (made,) = one.changed()
        assert (made.position, made.frames) == (sent_at, bar)
        # Ardour fades every region in and out, for 64 frames.
        assert np.array_equal(made.samples[:, 64:FIRST], sent[:, 64:FIRST])
        assert np.array_equal(made.samples[:, LAST:-64], sent[:, LAST:-64])
        assert not np.array_equal(made.samples[:, FIRST:LAST], sent[:, FIRST:LAST])
        assert _settings(one.undo()) == _settings(one.before)

        one.ardour.ask("vary", "Vary Region", "60", "")
        (made,) = one.changed()
        assert (made.position, made.frames) == (sent_at, bar)
        assert np.array_equal(made.samples, one.take())
        assert _settings(one.undo()) == _settings(one.before)
        assert np.array_equal(one.ardour.regions()[0].samples, sent)


def test_a_range_is_made_anew_in_its_region_s_place(opened: Session, audio: FloatArray) -> None:
    opened.ardour.ask("inpaint", "Inpaint Range", "drums", select=LOOP_RANGE)
    made, over = opened.changed()
    raw = audio[:, SENT.start : SENT.start + SENT.frames]

    assert made.name == f"{SENT.name} inpainted"
    assert (made.position, made.frames) == (SENT.position, SENT.frames)
    assert np.array_equal(made.samples, opened.take())
    # Its gain and its fade are in it now, so it sounds the same; nothing of what lies over it is.
    heard, faded = raw * np.float32(0.5), 4800
    assert np.array_equal(made.samples[:, faded:FIRST], heard[:, faded:FIRST])
    assert np.array_equal(made.samples[:, LAST:-64], heard[:, LAST:-64])
    assert (np.abs(made.samples[:, :faded]) <= np.abs(heard[:, :faded])).all()
    assert np.abs(made.samples[:, 0]).max() < 1e-6
    assert not np.array_equal(made.samples[:, FIRST:LAST], heard[:, FIRST:LAST])
    assert float(made.settings["scale-amplitude"]) == 1
    assert made.settings["fade-in-active"] == made.settings["fade-out-active"] == "0"
    assert int(made.settings["layering-index"]) < int(over.settings["layering-index"])

    assert _settings(opened.undo()) == _settings(opened.before)


def test_a_region_is_varied_in_its_place(opened: Session, audio: FloatArray) -> None:
    opened.ardour.ask("vary", "Vary Region", "60", "", select=IN_LOOP_RANGE)
    made, over = opened.changed()
    assert made.name == f"{SENT.name} varied"
    assert (made.position, made.frames) == (SENT.position, SENT.frames)
    assert np.array_equal(made.samples, opened.take())
    assert int(made.settings["layering-index"]) < int(over.settings["layering-index"])
    assert _settings([over]) == _settings(opened.before[1:])
    back = opened.undo()
    assert _settings(back) == _settings(opened.before)
    assert np.array_equal(back[0].samples, audio[:, SENT.start : SENT.start + SENT.frames])


def test_a_region_is_led_into(opened: Session, audio: FloatArray) -> None:
    opened.ardour.ask("intro", "Lead into Region", "1", "house", select=IN_LOOP_RANGE)
    added, *rest = opened.changed()
    made = opened.take()
    raw = audio[:, SENT.start : SENT.start + SENT.frames]
    assert np.array_equal(made[:, BAR_FRAMES:], raw), "what was sent is what lies there"
    assert np.array_equal(added.samples, made[:, :BAR_FRAMES])
    assert (added.position, added.frames) == (SENT.position - BAR_FRAMES, BAR_FRAMES)
    assert float(added.settings["scale-amplitude"]) == 0.5, "it is as loud as the region"
    assert _settings(rest) == _settings(opened.before)
    assert _settings(opened.undo()) == _settings(opened.before)


def test_what_cannot_be_done_is_said_and_changes_nothing(opened: Session) -> None:
    ardour = opened.ardour
    for action in ("continue", "intro", "vary", "inpaint"):
        ardour.run_script(action, select=["Escape"])
        ardour.close_warning()
    ardour.run_script("vary", select=["ctrl+a"])  # two
    ardour.close_warning()
    ardour.run_script("inpaint", select=PUNCH_RANGE)  # a frame too early
    ardour.close_warning()
    ardour.ask("intro", "Lead into Region", "3", "", select=IN_LOOP_RANGE)  # before the song
    ardour.close_warning()
    ardour.ask("vary", "Vary Region", "60", "broken", select=IN_LOOP_RANGE)  # the engine's own
    ardour.close_warning()
    ardour.save()
    assert _settings(ardour.regions()) == _settings(opened.before)
