"""What an app and its audio process say to each other: frozen, versioned, one JSON line each.

Frames here are at the stream's rate. Audio never travels here: it lies in a shared-memory block
that the app makes, and unlinks when it is told that the samples were taken.
"""

from __future__ import annotations

from fractions import Fraction

import msgspec

from engine.errors import BadArgument
from engine.tempo import TimeSignature
from plugin_bridge.devices import InputDevice, OutputDevice
from plugin_bridge.slots import At, Grid, LoopRange
from plugin_bridge.sync.sources import SyncRequest
from plugin_bridge.sync.transport import SourceName, Transport

AUDIO_PROTOCOL_VERSION = 1
#: Of an audio process that ended itself because the sound system never let go of a stream, as
#: JACK does not once its server is gone. Another process can go on at once.
EXIT_STUCK = 70


class PutSlot(msgspec.Struct, frozen=True, tag=True):
    """Add or replace a slot. block: float32 (2, frames) at `sample_rate`, by its system name.

    is_kept_back: not before UseKept.
    """

    number: int
    slot_id: str
    block: str
    frames: int
    sample_rate: int
    start: int
    gain: float
    is_kept_back: bool = False


class UseKept(msgspec.Struct, frozen=True, tag=True):
    """Go on, at the same beat, in the slots that were kept back, on their grid and loop."""

    grid: SetGrid
    loop: SetLoop


class DropSlot(msgspec.Struct, frozen=True, tag=True):
    slot_id: str


class SetGain(msgspec.Struct, frozen=True, tag=True):
    slot_id: str
    gain: float


class ChooseSlot(msgspec.Struct, frozen=True, tag=True):
    """slot_id None: silence."""

    slot_id: str | None
    at: At = "now"


class Play(msgspec.Struct, frozen=True, tag=True):
    """frame None: from where it stands."""

    frame: int | None = None


class Stop(msgspec.Struct, frozen=True, tag=True):
    pass


class Seek(msgspec.Struct, frozen=True, tag=True):
    frame: int


class SetLoop(msgspec.Struct, frozen=True, tag=True):
    """span: [start, stop), None: each slot's whole."""

    on: bool
    span: tuple[int, int] | None = None

    @property
    def chosen(self) -> LoopRange | None:
        """Return the range. Raises BadArgument when it is empty."""
        return None if self.span is None else LoopRange(*self.span)


class SetGrid(msgspec.Struct, frozen=True, tag=True):
    """Exact frames as fractions: [numerator, denominator]. frames_per_bar None: no grid."""

    frames_per_bar: tuple[int, int] | None
    downbeat: tuple[int, int] = (0, 1)
    beats_per_bar: int = 4

    @classmethod
    def of(cls, grid: Grid | None) -> SetGrid:
        if grid is None:
            return cls(None)
        return cls(
            grid.frames_per_bar.as_integer_ratio(),
            grid.downbeat.as_integer_ratio(),
            grid.beats_per_bar,
        )

    @property
    def grid(self) -> Grid | None:
        """Return the grid. Raises BadArgument for a bar of no length."""
        if self.frames_per_bar is None:
            return None
        if not (self.frames_per_bar[1] and self.downbeat[1]):
            raise BadArgument("A grid with a denominator of 0 is none; give at least 1.")
        return Grid(Fraction(*self.frames_per_bar), Fraction(*self.downbeat), self.beats_per_bar)


class SetDevice(msgspec.Struct, frozen=True, tag=True):
    """name: as find_output takes it, empty: the system's default."""

    name: str


class SetInsert(msgspec.Struct, frozen=True, tag=True):
    """Play through a plugin host. ring: the name of its PluginRing, empty: through none."""

    ring: str


class SetSync(msgspec.Struct, frozen=True, tag=True):
    """Follow a transport, or lead it. source None: nobody's. bpm: where nobody else tells one."""

    source: SourceName | None
    bpm: float = 120.0
    beats_per_bar: int = 4
    leads: bool = False

    @classmethod
    def of(cls, request: SyncRequest | None) -> SetSync:
        if request is None:
            return cls(None)
        return cls(request.source, request.bpm, request.signature.beats_per_bar, request.leads)

    @property
    def request(self) -> SyncRequest | None:
        """Return what is asked for. Raises BadArgument for a meter that there is not."""
        if self.source is None:
            return None
        return SyncRequest(self.source, self.bpm, TimeSignature(self.beats_per_bar), self.leads)


class AudioPing(msgspec.Struct, frozen=True, tag=True):
    number: int


class EndAudio(msgspec.Struct, frozen=True, tag=True):
    pass


class DeviceOpened(msgspec.Struct, frozen=True, tag=True):
    """A device plays from now on. latency_seconds: what it reports, 0 where that is no sense.

    sentence: what differs from what was asked for, else empty. A sample_rate other than before
    means that the process has no slots and no transport any more.
    """

    name: str
    host_api: str
    sample_rate: int
    latency_seconds: float
    sentence: str = ""
    protocol: int = AUDIO_PROTOCOL_VERSION


class DeviceGone(msgspec.Struct, frozen=True, tag=True):
    """There is no device: the transport goes on silently, at this rate, until there is one."""

    sentence: str
    sample_rate: int
    protocol: int = AUDIO_PROTOCOL_VERSION


class SlotTaken(msgspec.Struct, frozen=True, tag=True):
    """The samples of the PutSlot of that number were copied, or refused (sentence)."""

    number: int
    sentence: str = ""


class Status(msgspec.Struct, frozen=True, tag=True):
    """About 30 a second. frame: the next to be rendered, in the chosen slot, at `sample_rate`.

    commands: how many of ChooseSlot, Play, Stop and Seek it knows of. peaks: left and right since
    the last one. under_runs: told by the device; late: gaps longer than its buffer that were not.
    """

    sample_rate: int
    frame: int
    slot_id: str | None
    is_playing: bool
    commands: int
    peaks: tuple[float, float]
    under_runs: int
    late: int


class SyncStatus(msgspec.Struct, frozen=True, tag=True):
    """Where the transport is that is followed, about 10 a second and at every change.

    error_ms: how late (positive) what is heard is against it, None while nothing sounds. sentence:
    why there is no transport now; it is looked for again. at_seconds: when it is at `beat`, on this
    machine's monotonic clock.
    """

    source: SourceName
    is_playing: bool
    bpm: float
    beat: float
    beats_per_bar: int
    error_ms: float | None = None
    sentence: str = ""
    at_seconds: float = 0.0

    @property
    def transport(self) -> Transport:
        """Return it as a transport. Raises BadArgument for one that there cannot be."""
        signature = TimeSignature(self.beats_per_bar)
        return Transport(
            self.source, self.is_playing, self.bpm, self.beat, self.at_seconds, signature
        )


class Refused(msgspec.Struct, frozen=True, tag=True):
    """A line that made no sense or a command that failed."""

    sentence: str
    details: str = ""


class DeviceList(msgspec.Struct, frozen=True, tag=True):
    """The only message of a process that was started with `--list`. sentence: why it is empty."""

    devices: tuple[OutputDevice, ...]
    sentence: str = ""
    inputs: tuple[InputDevice, ...] = ()


class AudioPong(msgspec.Struct, frozen=True, tag=True):
    number: int


ToAudio = (
    PutSlot
    | UseKept
    | DropSlot
    | SetGain
    | ChooseSlot
    | Play
    | Stop
    | Seek
    | SetLoop
    | SetGrid
    | SetDevice
    | SetInsert
    | SetSync
    | AudioPing
    | EndAudio
)
FromAudio = (
    DeviceOpened | DeviceGone | SlotTaken | Status | SyncStatus | Refused | DeviceList | AudioPong
)

_TO_AUDIO: msgspec.json.Decoder[ToAudio] = msgspec.json.Decoder(ToAudio)
_FROM_AUDIO: msgspec.json.Decoder[FromAudio] = msgspec.json.Decoder(FromAudio)


def encode_audio(message: ToAudio | FromAudio) -> bytes:
    """Return the message as one line of JSON, newline included."""
    return msgspec.json.encode(message) + b"\n"


def decode_to_audio(line: bytes) -> ToAudio:
    """Read one line sent to the audio process. Raises msgspec.MsgspecError on garbage."""
    return _TO_AUDIO.decode(line)


def decode_from_audio(line: bytes) -> FromAudio:
    """Read one line sent by the audio process. Raises msgspec.MsgspecError on garbage."""
    return _FROM_AUDIO.decode(line)
