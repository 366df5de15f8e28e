"""The window among real programs: takes dragged into DAWs, files dragged in from a file manager.

Everything is done from outside, with a pointer and keys, and proved by what the other program
saved.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio import FloatArray
from engine.display_name import display_name
from tests.integration.daw_parts import (
    DAW_PLACE,
    Ardour,
    Audacity,
    FileManager,
    Region,
    ardour_version,
    audacity_samples,
    samples_of,
)
from tests.integration.desktop_parts import desktop, needs_desktop
from tests.integration.move_source import TITLE
from tests.integration.window_parts import AppWindow, app_window
from tests.plugin_bridge.command_runs import ROOT, wait_for

RATE = 44_100
#: Ardour's track, and the empty place under it, as shares of its window.
ON_THE_TRACK, UNDER_THE_TRACKS = (0.45, 0.47), (0.55, 0.75)


def write_noise(path: Path, seconds: float, subtype: str = "PCM_24") -> FloatArray:
    """Write stereo noise whose sides differ, and return its samples as they are in the file."""
    noise = np.random.default_rng(5).uniform(-0.5, 0.5, (round(seconds * RATE), 2))
    soundfile.write(path, noise, RATE, subtype=subtype)
    return samples_of(path)


def make_a_take(app: AppWindow) -> None:
    """Ask for one bar with the real engine, and wait for it."""
    app.fill("spin box", "Bars", "1")
    app.fill("spin box", "Takes", "1")
    app.fill("text", "Prompt", "punchy house drums, 124 bpm")
    app.press("Return")
    app.wait_for_sound()


def exported(app: AppWindow) -> list[Path]:
    return sorted((app.data / "exports").glob("*.wav"))


def saved_regions(ardour: Ardour, count: int) -> list[Region]:
    """Save, as often as it takes until so many regions are in the session file."""

    def save() -> bool:
        ardour.save()
        return len(ardour.regions()) >= count

    wait_for(save, f"a session with {count} regions")
    return ardour.regions()


@needs_desktop("ardour")
@pytest.mark.skipif(not ardour_version(), reason="needs Ardour 7 or later: apt install ardour")
def test_a_take_lands_on_ardours_timeline_sample_for_sample(tmp_path: Path) -> None:
    with desktop(tmp_path) as desk, app_window(desk) as app:
        make_a_take(app)
        ardour = Ardour(desk)
        assert not exported(app), "the first drag is to begin before there is a file"
        desk.drag(app.handle.at(0.2, 0.5), ardour.window.box.at(*ON_THE_TRACK))
        saved_regions(ardour, 1)
        desk.drag(app.handle.at(0.2, 0.5), ardour.window.box.at(*UNDER_THE_TRACKS))
        regions = saved_regions(ardour, 2)
        (take,) = exported(app)
    expected = samples_of(take)
    assert expected.shape == (2, round(4 * 60 / 124 * RATE))
    assert np.abs(expected).max() > 0.01
    assert len({region.position for region in regions}) == 2
    for region in regions:
        assert region.name.startswith(take.stem)
        assert region.frames == expected.shape[1]
        assert np.array_equal(region.samples, expected)


@needs_desktop("audacity")
def test_a_sound_lands_in_audacity_sample_for_sample(tmp_path: Path) -> None:
    sound = tmp_path / "Own noise.wav"
    expected = write_noise(sound, 8.0)
    with desktop(tmp_path) as desk, app_window(desk, sound) as app:
        audacity = Audacity(desk)
        app.wait_for_sound("Own noise")
        desk.drag(app.handle.at(0.2, 0.5), audacity.window.box.at(0.5, 0.5))
        project = audacity.save("Own noise")
        assert np.array_equal(audacity_samples(project), expected)


@needs_desktop("pcmanfm")
@pytest.mark.parametrize(
    "name", [b"H\xc3\xb6hle 100% #1.wav", b"caf\xe9.wav"], ids=["utf-8", "not"]
)
def test_a_file_comes_in_from_a_file_manager_and_goes_out_again(
    name: bytes, tmp_path: Path
) -> None:
    inbox, outbox = tmp_path / "inbox", tmp_path / "outbox"
    inbox.mkdir()
    outbox.mkdir()
    sound, copy = inbox / os.fsdecode(name), outbox / os.fsdecode(name)
    write_noise(tmp_path / "noise.wav", 2.0)
    (tmp_path / "noise.wav").rename(sound)
    original = sound.read_bytes()
    with desktop(tmp_path) as desk, app_window(desk) as app:
        source = FileManager(desk, inbox, DAW_PLACE)
        target = FileManager(desk, outbox, (DAW_PLACE[0] + 700, DAW_PLACE[1]))
        desk.drag(source.first_icon, app.box.at(0.6, 0.4))
        app.wait_for_sound(display_name(sound).removesuffix(".wav"))
        desk.drag(app.handle.at(0.2, 0.5), target.window.box.at(0.5, 0.6))
        wait_for(lambda: copy.is_file() and copy.stat().st_size == len(original), "the copy")
    assert copy.read_bytes() == original
    assert sound.read_bytes() == original


@needs_desktop("pcmanfm")
def test_a_file_that_falls_on_the_prompt_is_opened(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    write_noise(inbox / "noise.wav", 2.0)
    with desktop(tmp_path) as desk, app_window(desk) as app:
        source = FileManager(desk, inbox, DAW_PLACE)
        desk.drag(source.first_icon, app.box_of("text", "Prompt").at(0.5, 0.5))
        app.wait_for_sound("noise")


@needs_desktop()
def test_a_source_that_would_move_its_file_keeps_it(tmp_path: Path) -> None:
    sound = tmp_path / "noise.wav"
    write_noise(sound, 2.0)
    with desktop(tmp_path) as desk, app_window(desk) as app:
        lender = desk.start(
            *(sys.executable, "-P", "-m", "tests.integration.move_source", str(sound)),
            PYTHONPATH=str(ROOT),
            QT_QPA_PLATFORM="xcb",
        )
        window = desk.window(TITLE)
        window.place(*DAW_PLACE)
        desk.drag(window.box.at(0.3, 0.5), app.box.at(0.6, 0.4))
        wait_for(lambda: "Action" in desk.said(lender), "an answer")
        assert "CopyAction" in desk.said(lender)
        assert sound.is_file()
        app.wait_for_sound("noise")
