"""What an app is told of its playback."""

from __future__ import annotations

from dataclasses import dataclass

from plugin_bridge.audio_messages import (
    DeviceGone,
    DeviceList,
    DeviceOpened,
    Refused,
    SyncStatus,
)


@dataclass(frozen=True)
class Playback:
    """Where playback is, about 30 times a second. frame: on the timeline, the next to be rendered
    in the slot that is heard. peaks: left and right since the last one, linear. under_runs: audible
    gaps since the start of the app."""

    frame: int
    slot_id: str | None
    is_playing: bool
    peaks: tuple[float, float]
    under_runs: int


@dataclass(frozen=True)
class SlotReady:
    """The slot can be heard at once from now on."""

    slot_id: str


@dataclass(frozen=True)
class SlotsStretched:
    """All slots are heard at the transport's tempo from now on, at their own pitch. ratio: of their
    length to their own."""

    ratio: float


@dataclass(frozen=True)
class SlotFailed:
    """The slot cannot be played."""

    slot_id: str
    sentence: str
    details: str = ""


@dataclass(frozen=True)
class AudioRestarting:
    """The audio process ended unasked or was ended; another one goes on in `in_seconds`."""

    reason: str
    exit_code: int | None
    stderr_tail: tuple[str, ...]
    in_seconds: float


@dataclass(frozen=True)
class AudioGaveUp:
    """There is no audio process, and none is started until play() or set_device()."""

    sentence: str
    details: str


@dataclass(frozen=True)
class VirtualOutputMade:
    """There is an output that leads into the DAW. sentence: what to do with it."""

    name: str
    sentence: str


@dataclass(frozen=True)
class VirtualOutputRefused:
    """None can be made here. sentence: what to install instead."""

    sentence: str
    details: str = ""


AudioEvent = (
    Playback
    | SlotReady
    | SlotsStretched
    | SlotFailed
    | DeviceOpened
    | DeviceGone
    | DeviceList
    | Refused
    | VirtualOutputMade
    | VirtualOutputRefused
    | SyncStatus
    | AudioRestarting
    | AudioGaveUp
)
