"""Opens a transport by its name. What a source needs is imported when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import BadArgument
from engine.tempo import COMMON_TIME, TimeSignature
from plugin_bridge.sync.internal import InternalClock
from plugin_bridge.sync.transport import SOURCES, SourceName, TransportSource


@dataclass(frozen=True)
class SyncRequest:
    """Which transport is wanted. bpm, signature: where nobody else tells them. leads: others are to
    follow, as far as the source knows leading; they are started by `play`."""

    source: SourceName
    bpm: float = 120.0
    signature: TimeSignature = COMMON_TIME
    leads: bool = False


def open_source(request: SyncRequest) -> TransportSource:
    """Start a source. Raises SyncProblem where its library, server or port is missing, or where it
    is to lead and another does."""
    match request.source:
        case "internal":
            return InternalClock(request.bpm, request.signature, is_playing=True)
        case "link":
            from plugin_bridge.sync.link import LinkClock

            return LinkClock(request.bpm, request.signature, leads=request.leads)
        case "jack":
            from plugin_bridge.sync.jack import JackTransport

            return JackTransport(request.bpm, request.signature, leads=request.leads)
        case "midi":
            from plugin_bridge.sync.midi_clock import MidiClock

            return MidiClock(request.bpm, request.signature, leads=request.leads)
        case _:
            raise BadArgument(
                f"“{request.source}” is no transport; choose one of {', '.join(SOURCES)}."
            )
