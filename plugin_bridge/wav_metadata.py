"""What DAWs read beside the samples: acid, smpl and LIST/INFO chunks, to bytes and back.

acid: the layout that libsndfile, Audacity 4 and Reaper agree on; smpl and INFO: Microsoft's
"Multimedia Data Standards Update" (1994). The recipe chunk is the engine's (engine.wav_file).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from engine.riff import pack_chunk

MIDDLE_C = 60

_ONE_SHOT, _ROOT_SET, _STRETCH, _ACIDIZER = 0x01, 0x02, 0x04, 0x10
_ACID_LAYOUT = "<IHHfIHHf"
_ACID_CONSTANT = 0x8000
_SMPL_LAYOUT = "<9I"
_LOOP_LAYOUT = "<6I"
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class AcidChunk:
    """Tempo facts for DAWs that stretch. root_note: MIDI 60 (C) to 71 (B), None: no key.

    A one-shot is played as it is; everything else is `beats` long and may be stretched.
    tempo_bpm counts notes of `beat_unit`, as engine.tempo does.
    """

    ID: ClassVar[bytes] = b"acid"

    one_shot: bool
    root_note: int | None
    beats: int
    beat_unit: int
    beats_per_bar: int
    tempo_bpm: float

    def __post_init__(self) -> None:
        if self.root_note is not None and not 60 <= self.root_note <= 71:
            raise ValueError(f"a root note of {self.root_note} is outside MIDI 60 to 71")

    def encode(self) -> bytes:
        """Return the 24 bytes of the payload."""
        flags = _ONE_SHOT if self.one_shot else _STRETCH
        if self.root_note is not None:
            flags |= _ROOT_SET | _ACIDIZER
        return struct.pack(
            _ACID_LAYOUT,
            flags,
            MIDDLE_C if self.root_note is None else self.root_note,
            _ACID_CONSTANT,
            0.0,
            self.beats,
            self.beat_unit,
            self.beats_per_bar,
            self.tempo_bpm,
        )

    @classmethod
    def decode(cls, payload: bytes) -> AcidChunk:
        """Read a payload, also another program's. Raises ValueError when it is too short.

        Roots outside one octave above middle C are moved into it.
        """
        _need(payload, struct.calcsize(_ACID_LAYOUT), "acid")
        flags, root, _, _, beats, unit, per_bar, tempo = struct.unpack_from(_ACID_LAYOUT, payload)
        return cls(
            one_shot=bool(flags & _ONE_SHOT),
            root_note=MIDDLE_C + root % 12 if flags & _ROOT_SET else None,
            beats=beats,
            beat_unit=unit,
            beats_per_bar=per_bar,
            tempo_bpm=tempo,
        )


@dataclass(frozen=True)
class SamplerLoop:
    """Frames [start, stop) that repeat for ever."""

    start: int
    stop: int


@dataclass(frozen=True)
class SmplChunk:
    """What samplers need: which key plays the sample as recorded, and where it loops."""

    ID: ClassVar[bytes] = b"smpl"

    sample_rate: int
    unity_note: int
    loops: tuple[SamplerLoop, ...] = ()

    def encode(self) -> bytes:
        period = round(_NANOSECONDS / self.sample_rate)
        head = struct.pack(_SMPL_LAYOUT, 0, 0, period, self.unity_note, 0, 0, 0, len(self.loops), 0)
        # The end of a loop is its last frame, inclusive; play count 0 is for ever.
        return head + b"".join(
            struct.pack(_LOOP_LAYOUT, number, 0, loop.start, loop.stop - 1, 0, 0)
            for number, loop in enumerate(self.loops)
        )

    @classmethod
    def decode(cls, payload: bytes) -> SmplChunk:
        """Read a payload. Raises ValueError when it is too short or a loop ends before it starts.

        The period is in whole nanoseconds, so rates above 31,622 Hz come back rounded; the rate
        in `fmt` is the exact one.
        """
        _need(payload, struct.calcsize(_SMPL_LAYOUT), "smpl")
        _, _, period, unity, _, _, _, count, _ = struct.unpack_from(_SMPL_LAYOUT, payload)
        start = struct.calcsize(_SMPL_LAYOUT)
        size = struct.calcsize(_LOOP_LAYOUT)
        _need(payload, start + count * size, "smpl")
        loops = tuple(_read_loop(payload, start + number * size) for number in range(count))
        return cls(round(_NANOSECONDS / period) if period else 0, unity, loops)


@dataclass(frozen=True)
class InfoChunk:
    """LIST/INFO: texts that file browsers show. UTF-8, on one line; empty ones are left out."""

    ID: ClassVar[bytes] = b"LIST"

    title: str = ""
    comment: str = ""
    software: str = "Loopgraft"

    def encode(self) -> bytes:
        return b"INFO" + b"".join(
            pack_chunk(key, value.encode("utf-8", "replace") + b"\0")
            for key, value in self._fields()
            if value
        )

    def _fields(self) -> tuple[tuple[bytes, str], ...]:
        texts = ((b"INAM", self.title), (b"ICMT", self.comment), (b"ISFT", self.software))
        return tuple((key, " ".join(text.replace("\0", " ").split())) for key, text in texts)

    @classmethod
    def decode(cls, payload: bytes) -> InfoChunk:
        """Read a payload. Raises ValueError when it is no INFO list or cut short."""
        if payload[:4] != b"INFO":
            raise ValueError(f"a LIST of type {payload[:4]!r} is not INFO")
        found: dict[bytes, str] = {}
        position = 4
        while position + 8 <= len(payload):
            key, size = struct.unpack_from("<4sI", payload, position)
            _need(payload, position + 8 + size, "INFO")
            text = payload[position + 8 : position + 8 + size].split(b"\0", 1)[0]
            found[key] = text.decode("utf-8", "replace")
            position += 8 + size + size % 2
        return cls(found.get(b"INAM", ""), found.get(b"ICMT", ""), found.get(b"ISFT", ""))


def _read_loop(payload: bytes, offset: int) -> SamplerLoop:
    _, _, start, last, _, _ = struct.unpack_from(_LOOP_LAYOUT, payload, offset)
    if last < start:
        raise ValueError(f"a loop from frame {start} to {last} ends before it starts")
    return SamplerLoop(start, last + 1)


def _need(payload: bytes, size: int, what: str) -> None:
    if len(payload) < size:
        raise ValueError(f"a {what} chunk of {len(payload)} bytes is shorter than {size}")
