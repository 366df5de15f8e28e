"""Ardour with a region on its track and a script of ours on a key."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import soundfile

from engine.audio import FloatArray
from tests.integration.daw_parts import Ardour, ardour_version
from tests.integration.desktop_parts import Desktop, Window
from tests.plugin_bridge.command_runs import ROOT, wait_for

#: Titles of the script's windows.
_WARNING, _DIALOG = "^Loopgraft$", "^Continue Region$"
_KEY, _SYSTEM_SETTINGS = "F9", Path("/etc")
#: What Ardour's own script manager saves of a script: its text, and its factory as byte code,
#: without the names of what is outside it.
_SESSION = """
local session = create_session("{folder}", "{name}", 44100)
assert(session, "no session")
local last, normal = ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal
session:new_audio_track(2, 2, nil, 1, "Gen", last, normal, true)
local track = session:route_by_name("Gen"):to_track()
local itt = ARDOUR.InterThreadInfo()
local region = track:bounce_range(0, {frames}, itt, track:main_outs(), false, "{region}")
track:playlist():add_region(region, Temporal.timepos_t({position}), 1, false)
session:save_state("")
close_session()

local file = assert(io.open("{script}"))
local text = file:read("a")
file:close()
assert(load("local ardour = function () end " .. text))()
local saved = io.open("{saved}", "wb")
saved:write("scripts = {{}} scripts[1] = {{}} scripts[1].n = 'Loopgraft' scripts[1].a = {{}} ",
  "scripts[1].s = ", string.format("%q", text), " scripts[1].f = ",
  string.format("%q", string.dump(factory, true)))
saved:close()
quit()
"""


class ScriptedArdour(Ardour):
    """A session at 120 bpm with one stereo region, and a script that F9 runs.

    audio: (2, frames) at 44.1 kHz. position: of the region, in frames. data: Loopgraft's folder.
    """

    def __init__(
        self, desk: Desktop, script: Path, audio: FloatArray, position: int, data: Path
    ) -> None:
        self._script, self._audio, self._position = script, audio, position
        desk.environment.update(LOOPGRAFT_DATA=str(data), PYTHONPATH=str(ROOT))
        super().__init__(desk)
        # Its window is there before it hears keys.
        session = self._folder / f"{self._name}.ardour"
        before = session.stat().st_mtime_ns

        def has_saved() -> bool:
            self.save()
            return session.exists() and session.stat().st_mtime_ns != before

        wait_for(has_saved, "an Ardour that hears keys")

    def run_script(self, select: str = "ctrl+a") -> None:
        """Select by a key, by default all there is, and run the script."""
        self.window.press(select)
        self.window.press(_KEY)

    def ask(self, bars: int, prompt: str) -> None:
        """Run the script on the region, and fill in its dialog."""
        self._dialog().focus()
        self._desk.write(str(bars))
        self._desk.keys("Tab")
        self._desk.write(prompt)
        self._desk.keys("Tab", "Tab", "Return")

    def _dialog(self) -> Window:
        """Run the script until it asks: a region that is not drawn yet cannot be selected."""
        while True:
            self.run_script()
            wait_for(lambda: self._desk.windows(f"{_WARNING}|{_DIALOG}"), "the script's window")
            if dialogs := self._desk.windows(_DIALOG):
                return dialogs[0]
            self.close_warning()

    def close_warning(self) -> None:
        """Close the script's message once it is there."""
        self._desk.window(_WARNING).press("Return")
        wait_for(lambda: not self._desk.windows(_WARNING), "a closed message")

    def undo(self) -> None:
        self.window.press("ctrl+z")

    @property
    def _saved_script(self) -> Path:
        return self._desk.folder / "saved-script"

    def _session_lua(self) -> str:
        return _SESSION.format(
            folder=self._folder,
            name=self._name,
            frames=self._audio.shape[1],
            position=self._position,
            region="sent",
            script=self._script,
            saved=self._saved_script,
        )

    def _make_session(self) -> None:
        super()._make_session()
        # What was bounced is silent: nothing plays without a window.
        audio = self._folder / "interchange" / self._name / "audiofiles"
        sides = sorted(audio.glob("sent*.wav"))
        assert len(sides) == 2, sides
        for side, samples in zip(sides, self._audio, strict=True):
            with soundfile.SoundFile(side, "r+") as file:
                assert file.frames == len(samples)
                file.write(samples)

    def _write_settings(self) -> None:
        super()._write_settings()
        version = ardour_version()
        folder = self._desk.home / ".config" / f"ardour{version}"
        saved = base64.b64encode(self._saved_script.read_bytes()).decode()
        (folder / "ui_scripts").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<UIScripts>'
            f'<ActionScript lua="Lua 5.3">{saved}</ActionScript><ActionHooks/></UIScripts>'
        )
        keys = (_SYSTEM_SETTINGS / f"ardour{version}" / "ardour.keys").read_text()
        ours = f'<Press>\n   <Binding key="{_KEY}" action="LuaAction/script-1"/>'
        keys = re.sub(rf' *<Binding key="{_KEY}" [^>]*>\n', "", keys)
        (folder / "ardour.keys").write_text(keys.replace("<Press>", ours, 1))
