"""What a plugin host's owner is told."""

from __future__ import annotations

from dataclasses import dataclass

from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.host_messages import EditorClosed, HostRefused, PresetTaken


@dataclass(frozen=True)
class ChainReady:
    """The chain is heard from now on. latency_frames: what its plugins keep back.

    problems: (slot, sentence) of those that are passed by or not as they should be.
    """

    chain: Chain
    latency_frames: int
    problems: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class ChainSnapshot:
    """The chain with every plugin's present settings: what it is restarted with."""

    chain: Chain


@dataclass(frozen=True)
class HostRestarting:
    """The host was lost; the stream is dry meanwhile. plugin_id: whose fault it was, else empty.

    exit_code: negative: the signal. stderr_tail: its last lines, for the log.
    """

    reason: str
    plugin_id: str
    exit_code: int | None
    stderr_tail: tuple[str, ...]


@dataclass(frozen=True)
class PluginQuarantined:
    """A plugin crashed too often; the chain goes on without it."""

    plugin_id: str
    sentence: str


@dataclass(frozen=True)
class HostGaveUp:
    """The host died again and again for no plugin's fault; set a chain to try once more."""

    sentence: str
    details: str


HostEvent = (
    ChainReady
    | ChainSnapshot
    | HostRestarting
    | PluginQuarantined
    | HostGaveUp
    | EditorClosed
    | HostRefused
    | PresetTaken
)
