"""Ardour with regions on its track and scripts of ours on keys."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from engine.audio import FloatArray
from tests.integration.daw_parts import SUPERCLOCK, Ardour, ardour_version
from tests.integration.desktop_parts import Desktop, Window
from tests.plugin_bridge.command_runs import ROOT, wait_for

_WARNING, _KEYS = "^Loopgraft$", ("F5", "F6", "F7", "F9")
#: What selects a range has no key by default.
_RANGE_KEYS = {"F8": "Editor/select-loop-range", "F4": "Editor/select-punch-range"}
_SYSTEM_SETTINGS = Path("/etc")
#: Bounces a region per track. What Ardour's own script manager saves of a script: its text, and
#: its factory as byte code, without the names of what is outside it.
_SESSION = """
local session = create_session("{folder}", "{name}", {rate})
assert(session, "no session")
local last, normal = ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal
session:new_audio_track({channels}, 2, nil, 1, "Gen", last, normal, true)
local track = session:route_by_name("Gen"):to_track()
local itt = ARDOUR.InterThreadInfo()
local region = track:bounce_range(0, {frames}, itt, track:main_outs(), false, "sent")
local function place(start, frames, position, name)
  local piece = ARDOUR.RegionFactory.clone_region(region, true, true)
  piece:set_initial_position(Temporal.timepos_t(0))
  piece:cut_front(Temporal.timepos_t(start), 0)
  piece:set_length(Temporal.timecnt_t(frames), 0)
  piece:set_name(name)
  track:playlist():add_region(piece, Temporal.timepos_t(position), 1, false)
  return piece:to_audioregion()
end
{regions}
session:save_state("")
close_session()

local saved = io.open("{saved}", "wb")
saved:write("scripts = {{}}")
for number, script in ipairs({{ {scripts} }}) do
  local file = assert(io.open(script))
  local text = file:read("a")
  file:close()
  assert(load("local ardour = function () end " .. text))()
  local slot = "scripts[" .. number .. "]"
  saved:write(" ", slot, " = {{}} ", slot, ".n = 'Loopgraft' ", slot, ".a = {{}} ", slot, ".s = ",
    string.format("%q", text), " ", slot, ".f = ", string.format("%q", string.dump(factory, true)))
end
saved:close()
io.open("{folder}.made", "w"):close()
quit()
"""


#: Keys that select the loop range, the punch range, or what the loop range touches; nothing else.
LOOP_RANGE, PUNCH_RANGE, IN_LOOP_RANGE = ("Escape", "F8"), ("Escape", "F4"), ("Escape", "ctrl+l")


@dataclass(frozen=True)
class Placed:
    """A piece of the session's audio on the timeline, all in frames. lua: changes `piece`."""

    start: int
    frames: int
    position: int
    name: str = "sent"
    lua: str = ""

    def lua_line(self) -> str:
        """Return the line that places it."""
        name = self.name.replace("\\", "\\\\").replace('"', '\\"')
        place = f'place({self.start}, {self.frames}, {self.position}, "{name}")'
        return f"do local piece = {place} {self.lua} end"


class ScriptedArdour(Ardour):
    """A session at 120 bpm with regions, and scripts on keys.

    audio: (channels, frames). placed: what of it lies where. ranges: for looping and for punching,
    in frames of the song. data: Loopgraft's folder.
    """

    def __init__(
        self,
        desk: Desktop,
        scripts: Sequence[Path],
        audio: FloatArray,
        placed: Sequence[Placed],
        data: Path,
        *,
        rate: int = 44_100,
        ranges: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._scripts, self._audio, self._placed = scripts, audio, placed
        self._ranges = ranges
        desk.environment.update(LOOPGRAFT_DATA=str(data), PYTHONPATH=str(ROOT))
        super().__init__(desk, rate=rate)
        # Its window is there before it hears keys.
        session = self._folder / f"{self._name}.ardour"
        before = session.stat().st_mtime_ns

        def has_saved() -> bool:
            self.save()
            return session.exists() and session.stat().st_mtime_ns != before

        wait_for(has_saved, "an Ardour that hears keys")

    def run_script(self, action: str, select: Sequence[str] = ("ctrl+a",)) -> None:
        """Select by keys, by default all there is, and run a script: "continue", "vary", …"""
        (number,) = [n for n, path in enumerate(self._scripts) if path.stem.endswith(action)]
        self.window.press(*select)
        self.window.press(_KEYS[number])

    def ask(
        self, action: str, title: str, *values: str, select: Sequence[str] = ("ctrl+a",)
    ) -> None:
        """Run a script, and fill in its dialog."""
        self._dialog(action, title, select).focus()
        for value in values:
            self._desk.write(value)
            self._desk.keys("Tab")
        self._desk.keys("Tab", "Return")

    def _dialog(self, action: str, title: str, select: Sequence[str]) -> Window:
        """Run the script until it asks: a region that is not drawn yet cannot be selected."""
        while True:
            self.run_script(action, select)
            # Looked for once: a window may hide for a moment.
            window = self._desk.window(f"{_WARNING}|^{title}$")
            if window.title == title:
                return window
            self.close_warning()

    def close_warning(self) -> None:
        """Close the script's message once it is there."""
        self._desk.window(_WARNING).press("Return")
        wait_for(lambda: not self._desk.windows(_WARNING), "a closed message")

    def undo(self) -> None:
        self.window.press("ctrl+z")

    @property
    def _saved_scripts(self) -> Path:
        return self._desk.folder / "saved-scripts"

    def _session_lua(self) -> str:
        return _SESSION.format(
            folder=self._folder,
            name=self._name,
            rate=self._rate,
            channels=self._audio.shape[0],
            frames=self._audio.shape[1],
            regions="\n".join(placed.lua_line() for placed in self._placed),
            scripts=", ".join(f'"{script}"' for script in self._scripts),
            saved=self._saved_scripts,
        )

    def _make_session(self) -> None:
        super()._make_session()
        # What was bounced is silent: nothing plays without a window.
        audio = self._folder / "interchange" / self._name / "audiofiles"
        sides = sorted(audio.glob("sent*.wav"))
        assert len(sides) == len(self._audio), sides
        for side, samples in zip(sides, self._audio, strict=True):
            with soundfile.SoundFile(side, "r+") as file:
                assert file.frames == len(samples)
                file.write(samples)
        self._write_ranges()

    def _write_ranges(self) -> None:
        session = self._folder / f"{self._name}.ardour"
        tree = ET.parse(session)
        locations = tree.getroot().find("Locations")
        assert locations is not None
        for number, (span, use) in enumerate(zip(self._ranges, ("Loop", "Punch"), strict=False)):
            start, stop = (f"a{frame * SUPERCLOCK // self._rate}" for frame in span)
            marks = {"name": use, "start": start, "end": stop, "flags": f"IsAuto{use}"}
            rest = {"id": str(999_000 + number), "locked": "0", "timestamp": "0", "cue": "0"}
            ET.SubElement(locations, "Location", marks | rest)
        tree.write(session, encoding="UTF-8", xml_declaration=True)

    def _write_settings(self) -> None:
        super()._write_settings()
        version = ardour_version()
        folder = self._desk.home / ".config" / f"ardour{version}"
        saved = base64.b64encode(self._saved_scripts.read_bytes()).decode()
        (folder / "ui_scripts").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<UIScripts>'
            f'<ActionScript lua="Lua 5.3">{saved}</ActionScript><ActionHooks/></UIScripts>'
        )
        bound = dict(_RANGE_KEYS)
        for number, _ in enumerate(self._scripts, start=1):
            bound[_KEYS[number - 1]] = f"LuaAction/script-{number}"
        keys = (_SYSTEM_SETTINGS / f"ardour{version}" / "ardour.keys").read_text()
        for key, action in bound.items():
            keys = re.sub(rf' *<Binding key="{key}" [^>]*>\n', "", keys)
            ours = f'<Press>\n   <Binding key="{key}" action="{action}"/>'
            keys = keys.replace("<Press>", ours, 1)
        (folder / "ardour.keys").write_text(keys)
