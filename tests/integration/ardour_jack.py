"""Ardour on PipeWire's JACK, as its timebase master. What was tried and why: REAL_PARTS.md.

It is told by keys. A session that is synced to JACK leads it, and its click says where its beats
are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.daw_parts import DAW_PLACE, ardour_version
from tests.integration.desktop_parts import Desktop, Window
from tests.plugin_bridge.command_runs import ROOT, wait_for

RATE, PERIOD_FRAMES = 44_100, 1024
#: Ardour's time: as divisible as can be, per second.
_SUPERCLOCK = 282_240_000
#: A good start is followed by a good run; one in eight is none.
_STARTS = 3
_START_SECONDS = 30.0
_SETTINGS = {"clock.force-rate": RATE, "clock.force-quantum": PERIOD_FRAMES}
_SINK = (
    "{ factory.name=support.null-audio-sink node.name=loopgraft media.class=Audio/Sink "
    "object.linger=true audio.position=[FL FR] audio.rate=44100 monitor.channel-volumes=false }"
)
_CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour>
  <Config>
    <Option name="try-autostart-engine" value="1"/>
    <Option name="discover-plugins-on-start" value="0"/>
    <Option name="clicking" value="1"/>
  </Config>
  <TransportMasters current="JACK">
    <TransportMaster type="Engine" name="JACK" collect="1" removeable="0"
      allowed-transport-requests=""/>
  </TransportMasters>
  <Extra><AudioMIDISetup><EngineStates>
    <State backend="JACK" driver="" device="" input-device="" output-device=""
      sample-rate="44100" buffer-size="1024" n-periods="0" input-latency="0" output-latency="0"
      input-channels="0" output-channels="0" active="1" use-buffered-io="0" midi-option="" lru="0"/>
  </EngineStates></AudioMIDISetup></Extra>
</Ardour>
"""
_SESSION = """
local session = create_session("{folder}", "proof", 44100)
assert(session, "no session")
session:save_state("")
close_session()
quit()
"""


def what_ardour_on_jack_lacks() -> str:
    """Return what is missing as a reason to skip, "" when nothing."""
    wanted = {"pipewire": "pipewire", "wireplumber": "wireplumber", "pw-jack": "pipewire-jack"}
    missing = [package for program, package in wanted.items() if shutil.which(program) is None]
    missing += [] if ardour_version() else ["ardour"]
    return f"needs Ardour on PipeWire: apt install {' '.join(missing)}" if missing else ""


class ArdourOnJack:
    """A session at 120 bpm, and at another tempo from a bar on."""

    def __init__(self, desk: Desktop, second_bpm: float, from_bar: int) -> None:
        self.desk = desk
        self._folder = desk.folder / "proof"
        self._start_audio()
        self._make_session(second_bpm, from_bar)
        self._write_settings()
        self.window = self._start()

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of programs that are to be on the same server."""
        return {**os.environ, **self.desk.environment}

    def link(self, source: str, target: str) -> None:
        wait_for(lambda: self.desk.ask("pw-link", source, target).returncode == 0, target)

    def toggle_playing(self) -> None:
        self.window.press("space")

    def go_to_start(self) -> None:
        self.window.press("Home")

    def _start_audio(self) -> None:
        desk = self.desk
        desk.start("pipewire")
        desk.start("wireplumber")
        for key, value in _SETTINGS.items():
            command = ("pw-metadata", "-n", "settings", "0", key, str(value))
            wait_for(lambda command=command: "set" in desk.ask(*command).stdout, key)

        def is_there() -> bool:
            if "loopgraft:playback" in desk.ask("pw-link", "-i").stdout:
                return True
            desk.ask("pw-cli", "create-node", "adapter", _SINK)
            return False

        wait_for(is_there, "a sink")

    def _make_session(self, second_bpm: float, from_bar: int) -> None:
        script = self.desk.folder / "session.lua"
        home = self.desk.folder / "lua-home"  # with another's settings it crashes
        home.mkdir()
        script.write_text(_SESSION.format(folder=self._folder))
        made = self.desk.start(f"ardour{ardour_version()}-lua", str(script), HOME=str(home))
        assert made.wait(60) == 0, f"no session; {self.desk.logs} tells why"
        session = self._folder / "proof.ardour"
        beats = 4 * (from_bar - 1)
        tempo = (
            f'<Tempo npm="{second_bpm:g}" enpm="{second_bpm:g}" note-type="4" '
            f'type="Tempo::Constant" active="1" locked-to-meter="0" continuing="0" '
            f'sclock="{beats * _SUPERCLOCK // 2}" quarters="{beats}:0" bbt="{from_bar}|1|0" '
            'omega="0"/>'
        )
        text = session.read_text()
        assert "</Tempos>" in text
        text = text.replace("</Tempos>", f"{tempo}</Tempos>")
        session.write_text(text.replace('"external-sync" value="0"', '"external-sync" value="1"'))

    def _write_settings(self) -> None:
        folder = self.desk.home / ".config" / f"ardour{ardour_version()}"
        folder.mkdir(parents=True)
        (folder / f".a{ardour_version()}").touch()  # or it asks first-run questions
        (folder / "instant.xml").write_text("<instant><no-memory-warning/></instant>")
        (folder / "config").write_text(_CONFIG)

    def _start(self) -> Window:
        for _ in range(_STARTS):
            words = ("pw-jack", "ardour", "--no-splash", "--no-announcements", str(self._folder))
            process = self.desk.start(*words)
            found: list[Window] = []

            def is_decided(
                process: subprocess.Popen[bytes] = process, found: list[Window] = found
            ) -> bool:
                found.extend(self.desk.windows("^proof - Ardour$"))
                has_ports = "ardour:Click" in self.desk.ask("pw-link", "-o").stdout
                return process.poll() is not None or (bool(found) and has_ports)

            wait_for(is_decided, "Ardour, or its end")
            if process.poll() is None:
                found[-1].place(*DAW_PLACE)
                return found[-1]
        raise AssertionError(f"Ardour did not start; {self.desk.logs} tells why")


@contextmanager
def on_jack(ardour: ArdourOnJack, *words: str) -> Generator[subprocess.Popen[str]]:
    """Run one of our modules on PipeWire's JACK; a test that fails does not leave it behind."""
    process = subprocess.Popen(
        ["pw-jack", sys.executable, "-m", *words],
        cwd=ROOT,
        env={**ardour.environment, "LOOPGRAFT_DATA": str(ardour.desk.folder / "data")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def witness_file(folder: Path) -> Path:
    return folder / "witness.npz"
