"""Devices as values: which are virtual, which one a name means, what is missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from engine.errors import AppError, BadArgument

JACK = "JACK Audio Connection Kit"
#: The output that Loopgraft makes itself (virtual_output).
VIRTUAL_NAME = "Loopgraft"
#: PortAudio's name for the server's own ports, the sound card.
_JACK_HARDWARE = "system"
#: Parts of names, in lower case, of devices that lead into another program.
_VIRTUAL_NAMES = (
    "blackhole",
    "cable input",
    "cable output",
    "loopback",
    "loopgraft",
    "monitor of",
    "soundflower",
    "vb-audio",
    "vb-cable",
    "voicemeeter",
)
_SHOWN_DEVICES = 8


class DeviceProblem(AppError):
    """The sound system is missing or does not work."""

    exit_code = 4


class SoundDevice(msgspec.Struct, frozen=True):
    """One output or input, named as PortAudio does. sample_rate: the device's own, in Hz."""

    name: str
    host_api: str
    channels: int
    sample_rate: int
    is_default: bool = False

    @property
    def is_virtual(self) -> bool:
        """Guess by the name whether another program is at its end, not a loudspeaker or a
        microphone."""
        if self.host_api == JACK:
            return self.name != _JACK_HARDWARE
        return any(part in self.name.lower() for part in _VIRTUAL_NAMES)

    @property
    def label(self) -> str:
        """Return a name that no other device has."""
        return f"{self.name} ({self.host_api})"


class OutputDevice(SoundDevice, frozen=True):
    """Something that can be played into."""


class InputDevice(SoundDevice, frozen=True):
    """Something that can be recorded from. A JACK client's are its outputs."""


DeviceT = TypeVar("DeviceT", bound=SoundDevice)


def find_output(devices: Sequence[OutputDevice], name: str) -> OutputDevice:
    """Return the output that a name means: see find_input."""
    return _find(devices, name, "output")


def find_input(devices: Sequence[InputDevice], name: str) -> InputDevice:
    """Return the device of that name or label, or the only one whose label contains it.

    An empty name is the default device. Raises BadArgument when none or several fit, and
    DeviceProblem where there is no input at all.
    """
    return _find(devices, name, "input")


def default_output(devices: Sequence[OutputDevice]) -> OutputDevice:
    """Return the system's default output, else the first. Raises DeviceProblem without any."""
    return _default(devices, "output")


def _find(devices: Sequence[DeviceT], name: str, what: str) -> DeviceT:
    if not name:
        return _default(devices, what)
    for same in (lambda d: d.label == name, lambda d: d.name == name):  # pyright: ignore
        if found := [device for device in devices if same(device)]:
            return found[0]
    found = [device for device in devices if name.lower() in device.label.lower()]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(device.label for device in (found or devices)[:_SHOWN_DEVICES])
    if found:
        raise BadArgument(f"“{name[:80]}” fits several {what}s; choose one of {shown}.")
    if not devices:
        raise DeviceProblem(
            f"There is no {what} called “{name[:80]}”, nor any other; "
            "connect one, or start JACK or PipeWire."
        )
    raise BadArgument(f"There is no {what} called “{name[:80]}”; choose one of {shown}.")


def _default(devices: Sequence[DeviceT], what: str) -> DeviceT:
    for device in devices:
        if device.is_default:
            return device
    if devices:
        return devices[0]
    raise DeviceProblem(
        f"This machine has no audio {what}; connect one, or start JACK or PipeWire."
    )


def virtual_advice(
    devices: Sequence[OutputDevice], platform: str = sys.platform, *, can_make: bool = False
) -> str:
    """Return how to get a device that leads into a DAW, "" where there is one.

    can_make: a server runs on which one can be made.
    """
    if any(device.is_virtual for device in devices):
        return ""
    if platform == "darwin":
        return "install BlackHole (“brew install blackhole-2ch”) and choose it as the DAW's input."
    if platform == "win32":
        return "install VB-Cable (vb-audio.com/Cable) and choose “CABLE Output” as the DAW's input."
    if can_make:
        return "run “loopgraft devices --create”."
    return (
        "start JACK or PipeWire (“sudo apt install pipewire pipewire-jack wireplumber”), "
        "then run “loopgraft devices --create”."
    )


def portaudio_advice(platform: str = sys.platform) -> str:
    """Return the sentence for a machine without PortAudio."""
    command = "brew install portaudio" if platform == "darwin" else "sudo apt install libportaudio2"
    return f"PortAudio is not installed, so nothing can be heard; run “{command}”."
