"""`loopgraft devices`: outputs and inputs, which lead into a DAW, and one that is made to."""

from __future__ import annotations

from plugin_bridge.audio_child import list_devices
from plugin_bridge.command_line.console import Console, JsonValue, one_line
from plugin_bridge.command_line.options import Options
from plugin_bridge.devices import SoundDevice, virtual_advice
from plugin_bridge.virtual_output import (
    can_be_made,
    create_virtual_output,
    remove_virtual_output,
)


def run(options: Options, console: Console) -> int:
    """Make or remove the virtual output, then list all. Returns an exit code.

    Raises DeviceProblem without PortAudio, or where none can be made.
    """
    made = create_virtual_output() if options.create else None
    if made is not None:
        console.line(made.sentence)
    if options.remove:
        was_there = remove_virtual_output()
        console.line("The virtual output is gone." if was_there else "There was no virtual output.")
    found = list_devices()
    devices = found.devices
    advice = virtual_advice(devices, can_make=can_be_made())
    for device in devices:
        console.line(_describe(device))
    if not devices:
        console.line("There is no audio output.")
    console.line("Inputs, of JACK each program's outputs:" if found.inputs else "No audio input.")
    for device in found.inputs:
        console.line(_describe(device))
    if advice:
        console.line(f"No virtual device: {advice}")
    console.result(
        {
            "devices": [_facts(device) for device in devices],
            "inputs": [_facts(device) for device in found.inputs],
            "virtual_advice": advice or None,
            "created": None if made is None else {"name": made.name, "ports": list(made.ports)},
        }
    )
    return 0


def _facts(device: SoundDevice) -> dict[str, JsonValue]:
    return {
        "name": device.name,
        "host_api": device.host_api,
        "channels": device.channels,
        "sample_rate": device.sample_rate,
        "is_default": device.is_default,
        "is_virtual": device.is_virtual,
    }


def _describe(device: SoundDevice) -> str:
    marks = [
        *(["default"] if device.is_default else []),
        *(["virtual"] if device.is_virtual else []),
    ]
    shown = f"{one_line(device.label):48s} {device.sample_rate} Hz, {device.channels} channels"
    return f"{shown}, {', '.join(marks)}" if marks else shown
