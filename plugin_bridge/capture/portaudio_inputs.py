"""The inputs that PortAudio knows, as values."""

from __future__ import annotations

from typing import Any

from plugin_bridge.devices import InputDevice


def inputs_of(sd: Any) -> tuple[InputDevice, ...]:
    """Return the inputs. sd: the module sounddevice, which only its own processes import."""
    apis = [str(api["name"]) for api in sd.query_hostapis()]
    return tuple(
        InputDevice(
            str(device["name"]),
            apis[device["hostapi"]],
            int(device["max_input_channels"]),
            round(device["default_samplerate"]),
            device["index"] == sd.default.device[0],
        )
        for device in sd.query_devices()
        if device["max_input_channels"] >= 1
    )
