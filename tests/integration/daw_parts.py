"""Two DAWs and a file manager, set up so that no first-run question stands in the way.

What was tried and why: design/REAL_PARTS.md. Ardour runs on its own dummy engine: a drop needs no
sound, so no audio server is needed either.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sqlite3
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from engine.audio import FloatArray
from tests.integration.desktop_parts import Desktop, Window
from tests.integration.hand import Point
from tests.plugin_bridge.command_runs import wait_for

#: Under the app's window.
DAW_PLACE = (0, 800)
#: Ardour's time: as divisible as can be, per second.
SUPERCLOCK = 282_240_000
_FLOAT_BLOCK = 0x0004000F

_ARDOUR_CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour>
  <Config>
    <Option name="hide-dummy-backend" value="0"/>
    <Option name="try-autostart-engine" value="1"/>
    <Option name="discover-plugins-on-start" value="0"/>
  </Config>
  <Extra><AudioMIDISetup><EngineStates>
    <State backend="None (Dummy)" driver="Normal Speed" device="Silence" input-device=""
      output-device="" sample-rate="{rate}" buffer-size="1024" n-periods="0" input-latency="0"
      output-latency="0" input-channels="0" output-channels="0" active="1" use-buffered-io="0"
      midi-option="No MIDI I/O" lru="0"/>
  </EngineStates></AudioMIDISetup></Extra>
</Ardour>
"""
ARDOUR_SESSION = """
local session = create_session("{folder}", "{name}", {rate})
assert(session, "no session")
local last, normal = ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal
session:new_audio_track(2, 2, nil, 1, "Gen", last, normal, true)
session:save_state("")
close_session()
io.open("{folder}.made", "w"):close()
quit()
"""
# A version of the future: an older one brings the welcome dialog back.
_AUDACITY_CONFIG = """PrefsVersion=1.1.1r1
[Version]
Major=99
[GUI]
ShowSplashScreen=0
[Warnings]
FirstProjectSave=0
[Locale]
Language=en
"""
_PCMANFM_CONFIG = """[ui]
side_pane_mode=hidden;places
view_mode=icon
win_width=640
win_height=360
"""
#: Under the menu and the tool bar; icons are 48 px in size.
_FIRST_ICON = (52, 96)


@dataclass(frozen=True)
class Region:
    """A piece of audio on a timeline. frames, position: counted at the session's rate.

    settings: all that the session file says of it itself.
    """

    name: str
    frames: Fraction
    position: Fraction
    samples: FloatArray
    settings: Mapping[str, str]


def samples_of(path: Path) -> FloatArray:
    """Return a file's samples as every DAW reads them: float32 (channels, frames)."""
    samples, _rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.T


@cache
def ardour_version() -> str:
    """Return Ardour's major version, "" where it is not installed with its session tools."""
    found = [shutil.which(f"ardour{number}-lua") for number in range(9, 6, -1)]
    names = [Path(path).name for path in found if path]
    return names[0].removeprefix("ardour").removesuffix("-lua") if names else ""


class Ardour:
    """Ardour with a session of one stereo track. rate: of the session, in Hz."""

    def __init__(self, desk: Desktop, name: str = "proof", rate: int = 44_100) -> None:
        self._desk = desk
        self._rate = rate
        self._folder = desk.folder / name
        self._name = name
        self._make_session()
        self._write_settings()
        desk.start("ardour", "--no-splash", "--no-announcements", str(self._folder))
        self.window: Window = desk.window(f"^{name} - Ardour$")
        self.window.place(*DAW_PLACE)

    def save(self) -> None:
        """Save by key."""
        self.window.press("ctrl+s")

    def regions(self) -> list[Region]:
        """Return what lies on the timelines of the session file."""
        try:
            root = ET.parse(self._folder / f"{self._name}.ardour").getroot()
        except (FileNotFoundError, ET.ParseError):  # it is being written
            return []
        files = {source.get("id"): source.get("name", "") for source in root.iter("Source")}
        found = root.findall("Playlists/Playlist/Region")
        return sorted((self._region(region, files) for region in found), key=lambda r: r.position)

    def _region(self, region: ET.Element, files: dict[str | None, str]) -> Region:
        audio = self._folder / "interchange" / self._name / "audiofiles"
        channels = [files[region.get(f"source-{n}")] for n in range(int(region.get("channels", 0)))]
        sides = [samples_of(audio / channel) for channel in channels]
        times = region.get("start", "") + region.get("length", "")
        start, frames, position = (
            Fraction(int(time) * self._rate, SUPERCLOCK) for time in re.findall(r"a(\d+)", times)
        )
        samples = np.concatenate(sides)[:, int(start) : int(start + frames)]
        return Region(region.get("name", ""), frames, position, samples, dict(region.attrib))

    def _session_lua(self) -> str:
        return ARDOUR_SESSION.format(folder=self._folder, name=self._name, rate=self._rate)

    def _make_session(self) -> None:
        script = self._desk.folder / "session.lua"
        home = self._desk.folder / "lua-home"  # with another's settings it crashes
        home.mkdir()
        script.write_text(self._session_lua())
        made = self._desk.start(f"ardour{ardour_version()}-lua", str(script), HOME=str(home))
        made.wait(60)
        # Not by its exit code: it was seen to crash at its very end.
        is_made = Path(f"{self._folder}.made").exists()
        assert is_made, f"no session; {self._desk.logs} tells why"

    def _write_settings(self) -> None:
        folder = self._desk.home / ".config" / f"ardour{ardour_version()}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f".a{ardour_version()}").touch()  # or it asks first-run questions
        (folder / "instant.xml").write_text("<instant><no-memory-warning/></instant>")
        (folder / "config").write_text(_ARDOUR_CONFIG.format(rate=self._rate))


class Audacity:
    """Audacity with an empty project."""

    def __init__(self, desk: Desktop) -> None:
        self._desk = desk
        folder = desk.home / ".config" / "audacity"
        folder.mkdir(parents=True)
        (folder / "audacity.cfg").write_text(_AUDACITY_CONFIG)
        desk.start("audacity")
        self.window: Window = desk.window("^Audacity$")
        self.window.place(*DAW_PLACE)

    def save(self, name: str) -> Path:
        """Save the project by keys once a file of that name is in it; return the project's file.

        Audacity calls a new project after the first file that is in it.
        """
        wait_for(lambda: self.window.title == name, f"“{name}” in Audacity")
        self.window.press("ctrl+s")
        self._desk.window("^Save Project")
        wait_for(self._confirm, "a saved project")
        project = self._desk.home / f"{name}.aup3"
        wait_for(lambda: _rows(project, "SELECT id FROM project"), "a project in that file")
        return project

    def _confirm(self) -> bool:
        for dialog in self._desk.windows("^Save Project"):
            dialog.press("Return")
        return any(self._desk.home.glob("*.aup3")) and not self._desk.windows("^Save Project")


def audacity_samples(project: Path) -> FloatArray:
    """Return the samples of a project that holds one stereo clip (2, frames).

    Audacity stores each channel in blocks of a megabyte, left and right by turns.
    """
    rows = _rows(project, "SELECT sampleformat, samples FROM sampleblocks ORDER BY blockid")
    blocks = [(number, np.frombuffer(data, "<f4")) for number, data in rows]
    assert {number for number, _ in blocks} == {_FLOAT_BLOCK}
    return np.stack([np.concatenate([data for _, data in blocks[side::2]]) for side in range(2)])


def _rows(project: Path, question: str) -> list[tuple[Any, ...]]:
    """Ask a copy of a project, for Audacity locks its own; none where that is half written."""
    with tempfile.TemporaryDirectory() as folder:
        for path in project.parent.glob(f"{project.name}*"):
            shutil.copy(path, folder)
        try:
            with contextlib.closing(sqlite3.connect(Path(folder) / project.name)) as copy:
                return copy.execute(question).fetchall()
        except sqlite3.DatabaseError:
            return []


class FileManager:
    """pcmanfm on one folder. It is one process, whatever the number of its windows."""

    def __init__(self, desk: Desktop, folder: Path, place: tuple[int, int]) -> None:
        self.folder = folder
        settings = desk.home / ".config" / "pcmanfm" / "default"
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "pcmanfm.conf").write_text(_PCMANFM_CONFIG)
        desk.start("pcmanfm", "--no-desktop", "--new-win", str(folder))
        self.window: Window = desk.window(f"^{folder.name}$")
        self.window.place(*place)

    @property
    def first_icon(self) -> Point:
        """Where the first file lies."""
        box = self.window.box
        return Point(box.x + _FIRST_ICON[0], box.y + _FIRST_ICON[1])
