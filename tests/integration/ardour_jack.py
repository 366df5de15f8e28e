"""Ardour on PipeWire's JACK, as its timebase master. What was tried and why: REAL_PARTS.md.

It is told by keys. A session that is synced to JACK leads it, and its click says where its beats
are.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from engine.audio import FloatArray
from tests.integration.daw_parts import (
    ARDOUR_SESSION,
    DAW_PLACE,
    SUPERCLOCK,
    ardour_version,
    samples_of,
)
from tests.integration.desktop_parts import Desktop, Window
from tests.plugin_bridge.command_runs import ROOT, wait_for

RATE, PERIOD_FRAMES = 44_100, 1024
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
_OSC, _OSC_PORT = "Open Sound Control (OSC)", 3819


def what_ardour_on_jack_lacks() -> str:
    """Return what is missing as a reason to skip, "" when nothing."""
    wanted = {"pipewire": "pipewire", "wireplumber": "wireplumber", "pw-jack": "pipewire-jack"}
    missing = [package for program, package in wanted.items() if shutil.which(program) is None]
    missing += [] if ardour_version() else ["ardour"]
    return f"needs Ardour on PipeWire: apt install {' '.join(missing)}" if missing else ""


class ArdourOnJack:
    """A session of one stereo track, at 120 bpm, and at another tempo from a bar on."""

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

    def silence(self) -> None:
        """Keep all that Ardour itself plays out of the sink."""
        for bus in ("Master", "Click"):
            for side, port in (("FL", "1"), ("FR", "2")):
                out = f"ardour:{bus}/audio_out {port}"
                self.desk.ask("pw-link", "--disconnect", out, f"loopgraft:playback_{side}")

    def toggle_playing(self) -> None:
        self.window.press("space")

    def go_to_start(self) -> None:
        self.window.press("Home")

    def ask_osc(self, path: str, *numbers: int) -> None:
        """Tell it something by Open Sound Control, as a control surface does."""
        words = [path.encode(), b"," + b"i" * len(numbers)]
        padded = b"".join(word + bytes(4 - len(word) % 4) for word in words)
        message = padded + struct.pack(f">{len(numbers)}i", *numbers)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as surface:
            surface.sendto(message, ("127.0.0.1", _OSC_PORT))

    def recorded_files(self) -> list[Path]:
        """Return the files of the track's recordings, left before right."""
        folder = self._folder / "interchange" / "proof" / "audiofiles"
        return sorted(folder.glob("*Gen-1*.wav"))

    def start_recording(self) -> None:
        """Arm the track and roll; return when frames come to the disk."""
        for strip in (1, 2):  # the other is the master, which cannot be armed
            self.ask_osc("/strip/recenable", strip, 1)
        self.ask_osc("/rec_enable_toggle")
        wait_for(lambda: self.window.title.startswith("*"), "an armed track")
        self.toggle_playing()
        wait_for(lambda: self._recorded_bytes() > RATE, "frames on the disk")

    def stop_recording(self) -> FloatArray:
        """Stop, and return what was recorded: float32 (2, frames)."""
        self.toggle_playing()
        sizes = [0, -1]

        def is_written() -> bool:
            sizes[:] = [self._recorded_bytes(), sizes[0]]
            time.sleep(0.5)
            return sizes[0] == sizes[1]

        wait_for(is_written, "the recording")
        return np.concatenate([samples_of(path) for path in self.recorded_files()])

    def _recorded_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.recorded_files())

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
        script.write_text(ARDOUR_SESSION.format(folder=self._folder, name="proof", rate=RATE))
        made = self.desk.start(f"ardour{ardour_version()}-lua", str(script), HOME=str(home))
        assert made.wait(60) == 0, f"no session; {self.desk.logs} tells why"
        session = self._folder / "proof.ardour"
        beats = 4 * (from_bar - 1)
        tempo = (
            f'<Tempo npm="{second_bpm:g}" enpm="{second_bpm:g}" note-type="4" '
            f'type="Tempo::Constant" active="1" locked-to-meter="0" continuing="0" '
            f'sclock="{beats * SUPERCLOCK // 2}" quarters="{beats}:0" bbt="{from_bar}|1|0" '
            'omega="0"/>'
        )
        text = session.read_text()
        assert "</Tempos>" in text
        text = text.replace("</Tempos>", f"{tempo}</Tempos>")
        text = text.replace('"external-sync" value="0"', '"external-sync" value="1"')
        session.write_text(text.replace(f'{_OSC}" active="0"', f'{_OSC}" active="1"'))

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
