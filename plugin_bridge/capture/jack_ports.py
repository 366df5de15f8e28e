"""Which JACK outputs a name means, and how old what comes out of them is."""

from __future__ import annotations

import ctypes
import ctypes.util
import fnmatch
from collections.abc import Sequence
from typing import Any

from plugin_bridge.devices import DeviceProblem

_CAPTURE_LATENCY = 0  # jack/types.h: JackCaptureLatency
_MAIN_OUT = "master"
_SHOWN_PORTS = 8
SIDES = 2


class _Range(ctypes.Structure):
    _fields_ = (("min", ctypes.c_uint32), ("max", ctypes.c_uint32))


def is_port_pattern(name: str) -> bool:
    """Return whether a name speaks of ports: “client:port”, or with * or ?."""
    return ":" in name or "*" in name or "?" in name


def matching_ports(ports: Sequence[str], name: str) -> tuple[str, ...]:
    """Return one or two ports (left, right) that are meant. Raises DeviceProblem without any.

    name: a port, a client, a pattern with * and ?, or a part of a name. Of a client with more than
    two ports it is its master's, else the first two.
    """
    found = [port for port in ports if port == name]
    found = found or [port for port in ports if port.rpartition(":")[0] == name]
    found = found or [port for port in ports if fnmatch.fnmatchcase(port, name)]
    found = found or [port for port in ports if name.lower() in port.lower()]
    if not found:
        shown = ", ".join(ports[:_SHOWN_PORTS]) or "none"
        raise DeviceProblem(f"JACK has no output called “{name[:80]}”; there are: {shown}.")
    if len(found) > SIDES:
        found = [port for port in found if _MAIN_OUT in port.lower()] or found
    return tuple(found[:SIDES])


def capture_latency_frames(client: Any, names: Sequence[str]) -> int:
    """Return how late sound comes out of these ports: a sound card's, as JACK reports it.

    0 for programs: what they play in a cycle of the transport is of that cycle, whatever the
    inputs are late that they themselves hear.
    """
    physical = {port.name for port in client.get_ports(is_physical=True, is_output=True)}
    cards = [client.get_port_by_name(name) for name in names if name in physical]
    return max((_latency(port) for port in cards), default=0)


def _latency(port: Any) -> int:
    import jack

    library = ctypes.util.find_library("jack")
    if library is None:
        return 0
    told = _Range()
    ask = ctypes.CDLL(library).jack_port_get_latency_range
    ask.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Range))
    ask.restype = None
    # The package has no call for it; its handle is the library's own.
    handle = int(jack._ffi.cast("uintptr_t", port._ptr))  # pyright: ignore
    ask(handle, _CAPTURE_LATENCY, ctypes.byref(told))
    return int(told.max)
