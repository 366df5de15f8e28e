"""`loopgraft devices`: the outputs, which of them lead into a DAW, and how to get one that does."""

from __future__ import annotations

from plugin_bridge.audio_child import list_outputs
from plugin_bridge.command_line.console import Console, one_line
from plugin_bridge.command_line.options import Options
from plugin_bridge.devices import OutputDevice, virtual_advice


def run(_options: Options, console: Console) -> int:
    """List them. Returns an exit code. Raises DeviceProblem without PortAudio."""
    devices = list_outputs()
    advice = virtual_advice(devices)
    for device in devices:
        console.line(_describe(device))
    if not devices:
        console.line("There is no audio output.")
    if advice:
        console.line(f"No virtual device: {advice}")
    console.result(
        {
            "devices": [
                {
                    "name": device.name,
                    "host_api": device.host_api,
                    "channels": device.channels,
                    "sample_rate": device.sample_rate,
                    "is_default": device.is_default,
                    "is_virtual": device.is_virtual,
                }
                for device in devices
            ],
            "virtual_advice": advice or None,
        }
    )
    return 0


def _describe(device: OutputDevice) -> str:
    marks = [
        *(["default"] if device.is_default else []),
        *(["virtual"] if device.is_virtual else []),
    ]
    shown = f"{one_line(device.label):48s} {device.sample_rate} Hz, {device.channels} channels"
    return f"{shown}, {', '.join(marks)}" if marks else shown
