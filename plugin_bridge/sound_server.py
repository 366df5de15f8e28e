"""Which sound server of Linux this user's programs meet on, and how a program of ours joins it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import psutil

SoundServer = Literal["jack", "pipewire", ""]

_JACK_PROGRAMS = ("jackd", "jackdbus")
_PIPEWIRE_SOCKET = "pipewire-0"


def running_server() -> SoundServer:
    """Return the server that a DAW is likely on: JACK before PipeWire, "" where there is neither.

    Windows and macOS have neither: their virtual devices are drivers.
    """
    if sys.platform in ("win32", "darwin"):
        return ""
    if "JACK_DEFAULT_SERVER" in os.environ or _runs_jack():
        return "jack"
    return "pipewire" if _pipewire_socket().exists() else ""


def joined(command: Sequence[str]) -> list[str]:
    """Return the command so that PortAudio and JACK-Client find PipeWire where it is the server.

    PortAudio as Debian builds it knows no PipeWire, but PipeWire speaks JACK.
    """
    if not _pipewire_socket().exists() or shutil.which("pw-jack") is None:
        return list(command)
    return ["pw-jack", *command] if running_server() == "pipewire" else list(command)


def _pipewire_socket() -> Path:
    folder = os.environ.get("PIPEWIRE_RUNTIME_DIR") or os.environ.get("XDG_RUNTIME_DIR")
    if not folder and sys.platform != "win32":
        folder = f"/run/user/{os.getuid()}"
    return Path(folder or os.devnull) / _PIPEWIRE_SOCKET


def _runs_jack() -> bool:
    mine = psutil.Process().username()
    return any(
        process.info["name"] in _JACK_PROGRAMS and process.info["username"] == mine
        for process in psutil.process_iter(["name", "username"])
    )
