"""An output that leads into the DAW, made where the system lets a program make one.

On PipeWire it is a sink, whose monitor the DAW records; on JACK a client that passes on what it
gets. Both stay until they are removed: a DAW's connections to them outlive the app.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil

from engine.child_process import child_environment, module_command
from plugin_bridge.devices import VIRTUAL_NAME, DeviceProblem, virtual_advice
from plugin_bridge.jack_relay import READY, SIDES
from plugin_bridge.sound_server import running_server

_RELAY = "plugin_bridge.jack_relay"
_ASK_SECONDS = 5.0
_APPEAR_SECONDS = 5.0
_POLL_SECONDS = 0.05
_SINK = (
    f"{{ factory.name=support.null-audio-sink node.name={VIRTUAL_NAME} "
    f"node.description={VIRTUAL_NAME} media.class=Audio/Sink object.linger=true "
    "audio.position=[FL FR] monitor.channel-volumes=false }"
)


@dataclass(frozen=True)
class VirtualOutput:
    """name: as the outputs list it. ports: what the DAW records, left and right."""

    name: str
    ports: tuple[str, str]

    @property
    def sentence(self) -> str:
        left, right = self.ports
        return f"Play into “{self.name}”, and connect {left} and {right} to a track in the DAW."


def create_virtual_output() -> VirtualOutput:
    """Make it, or find it there. Blocks up to some seconds. Raises DeviceProblem."""
    match running_server():
        case "pipewire" if shutil.which("pw-cli"):
            return _create_sink()
        case "jack":
            return _start_relay()
        case _:
            raise DeviceProblem(f"No virtual output can be made here: {virtual_advice(())}")


def remove_virtual_output() -> bool:
    """Take it away. Returns whether there was one. Raises DeviceProblem."""
    if running_server() == "pipewire":
        sinks = _sinks()
        for sink in sinks:
            _ask("pw-cli", "destroy", str(sink))
        return bool(sinks)
    relays = _relays()
    for relay in relays:
        relay.terminate()
    _gone, alive = psutil.wait_procs(relays, timeout=_ASK_SECONDS)
    for stubborn in alive:
        stubborn.kill()
    return bool(relays)


def _create_sink() -> VirtualOutput:
    if not _sinks():
        _ask("pw-cli", "create-node", "adapter", _SINK)
    deadline = time.monotonic() + _APPEAR_SECONDS
    while not _sinks():
        if time.monotonic() > deadline:
            raise DeviceProblem(
                "PipeWire did not make the output; look whether WirePlumber runs, and try again."
            )
        time.sleep(_POLL_SECONDS)
    return VirtualOutput(VIRTUAL_NAME, (f"{VIRTUAL_NAME}:monitor_FL", f"{VIRTUAL_NAME}:monitor_FR"))


def _sinks() -> list[int]:
    """Return the ids of our sinks."""
    try:
        objects = json.loads(_ask("pw-dump"))
        return [
            int(found["id"])
            for found in objects
            if found.get("type") == "PipeWire:Interface:Node"
            and found["info"]["props"].get("node.name") == VIRTUAL_NAME
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise DeviceProblem("PipeWire answered what cannot be read; restart it.") from error


def _ask(*words: str) -> str:
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceProblem("PipeWire does not answer; restart it.", str(error)) from error
    except OSError as error:
        raise DeviceProblem(
            "PipeWire's tools are missing; run “sudo apt install pipewire-bin”.", str(error)
        ) from error
    return done.stdout


def _start_relay() -> VirtualOutput:
    if not _relays():
        process = subprocess.Popen(
            module_command(_RELAY, _jack_name()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            start_new_session=True,
            text=True,
        )
        assert process.stdout is not None  # it is PIPE
        with process.stdout as said:
            answer = said.readline().strip()
        if answer != READY:
            raise DeviceProblem(answer or "JACK did not take the output; try again.")
    return VirtualOutput(
        VIRTUAL_NAME, (f"{VIRTUAL_NAME}:out_{SIDES[0]}", f"{VIRTUAL_NAME}:out_{SIDES[1]}")
    )


def _relays() -> list[psutil.Process]:
    """Return the running relays of this user on this server."""
    tail = ["-m", _RELAY, _jack_name()]
    mine = psutil.Process().username()
    return [
        process
        for process in psutil.process_iter(["cmdline", "username", "status"])
        if (process.info["cmdline"] or [])[-3:] == tail
        and process.info["username"] == mine
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def _jack_name() -> str:
    return os.environ.get("JACK_DEFAULT_SERVER", "")


def can_be_made() -> bool:
    """Return whether create_virtual_output is worth a try here."""
    return sys.platform not in ("win32", "darwin") and running_server() != ""
