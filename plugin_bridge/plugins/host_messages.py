"""What an app and its plugin host say to each other: frozen, versioned, one JSON line each.

Audio never travels here: it lies in the ring (plugin_ring.py) whose name the host is started with.
"""

from __future__ import annotations

import msgspec

from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.facts import ParameterValue

HOST_PROTOCOL_VERSION = 1
#: Of a host that ended itself because a plugin gave nothing but NaN and infinity.
EXIT_SPOILED = 71


class SetChain(msgspec.Struct, frozen=True, tag=True):
    """Be this chain. files: where each slot's plugin lies, empty: it is not to be loaded.

    names: which plugin of a file with several, empty: the only one. anew: it is another chain, not
    this one changed: what is heard goes over to it without a click, dry in between.
    """

    number: int
    chain: Chain
    files: tuple[str, ...]
    names: tuple[str, ...]
    anew: bool = False


class LoadPreset(msgspec.Struct, frozen=True, tag=True):
    number: int
    slot: int
    path: str


class TakePreset(msgspec.Struct, frozen=True, tag=True):
    """Answer with what belongs into a .vstpreset file."""

    number: int
    slot: int


class ShowEditor(msgspec.Struct, frozen=True, tag=True):
    """Show a plugin's own window, until it is closed there or by CloseEditor."""

    slot: int


class CloseEditor(msgspec.Struct, frozen=True, tag=True):
    pass


class HostPing(msgspec.Struct, frozen=True, tag=True):
    number: int


class EndHost(msgspec.Struct, frozen=True, tag=True):
    pass


class HostReady(msgspec.Struct, frozen=True, tag=True):
    """The first message: what it needs is imported."""

    protocol: int = HOST_PROTOCOL_VERSION


class ChainSet(msgspec.Struct, frozen=True, tag=True):
    """The chain is loaded and set. problems: (slot, sentence) of those that could not be."""

    number: int
    latency_frames: int
    problems: tuple[tuple[int, str], ...] = ()


class SlotSnapshot(msgspec.Struct, frozen=True):
    """One plugin as it is. state: empty where it is too large to keep."""

    state: bytes
    values: dict[str, ParameterValue]


class Snapshot(msgspec.Struct, frozen=True, tag=True):
    """Every plugin as it is, None where none is loaded. number: of the chain that it is of."""

    number: int
    slots: tuple[SlotSnapshot | None, ...]
    latency_frames: int


class PresetTaken(msgspec.Struct, frozen=True, tag=True):
    number: int
    data: bytes


class EditorClosed(msgspec.Struct, frozen=True, tag=True):
    """sentence: why it could not be shown, else empty."""

    slot: int
    sentence: str = ""


class HostPong(msgspec.Struct, frozen=True, tag=True):
    number: int


class HostRefused(msgspec.Struct, frozen=True, tag=True):
    """A message came to nothing. number: of the message, 0 where it had none."""

    number: int
    sentence: str
    details: str = ""


ToHost = SetChain | LoadPreset | TakePreset | ShowEditor | CloseEditor | HostPing | EndHost
FromHost = HostReady | ChainSet | Snapshot | PresetTaken | EditorClosed | HostPong | HostRefused

_TO_HOST: msgspec.json.Decoder[ToHost] = msgspec.json.Decoder(ToHost)
_FROM_HOST: msgspec.json.Decoder[FromHost] = msgspec.json.Decoder(FromHost)


def encode_host(message: ToHost | FromHost) -> bytes:
    """Return the message as one line of JSON, newline included."""
    return msgspec.json.encode(message) + b"\n"


def decode_to_host(line: bytes) -> ToHost:
    """Read one line sent to the host. Raises msgspec.MsgspecError on garbage."""
    return _TO_HOST.decode(line)


def decode_from_host(line: bytes) -> FromHost:
    """Read one line sent by the host. Raises msgspec.MsgspecError on garbage."""
    return _FROM_HOST.decode(line)
