"""What a child that scans, plays or sets one plugin is given, and leaves behind."""

from __future__ import annotations

import msgspec

from plugin_bridge.plugins.chain import ChainSlot
from plugin_bridge.plugins.facts import ParameterValue, PluginFacts

#: Plugins write a lot to stderr, some of them without end.
OUTPUT_LIMIT_BYTES = 256 << 20
REPLY_LIMIT_BYTES = 16 << 20


class ScanReply(msgspec.Struct, frozen=True):
    """What the child wrote once it came to its end. problem: a sentence, empty if there is none."""

    plugins: tuple[PluginFacts, ...] = ()
    problem: str = ""
    details: str = ""


class PlayJob(msgspec.Struct, frozen=True):
    """What a playing child reads: an instrument with its settings, and notes at their seconds.

    It writes float32 (2, frames) and nothing else.
    """

    file: str
    name: str
    slot: ChainSlot
    notes: tuple[tuple[bytes, float], ...]
    seconds: float
    sample_rate: int


class PresetJob(msgspec.Struct, frozen=True):
    """What a child reads that sets one plugin. path: a .vstpreset file between the slot's state
    and its parameters, empty: none."""

    file: str
    name: str
    slot: ChainSlot
    path: str = ""


class PresetReply(msgspec.Struct, frozen=True):
    """The plugin as it is then. preset: what belongs into a .vstpreset file, empty where there is
    no such thing. problem: a sentence, empty if there is none."""

    state: bytes = b""
    preset: bytes = b""
    values: dict[str, ParameterValue] = {}
    problem: str = ""
    details: str = ""
