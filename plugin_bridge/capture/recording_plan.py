"""What is written of a recording, said to the child that writes it."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from engine.key import Key


class RecordingPlan(msgspec.Struct, frozen=True):
    """What is to be written. out: a folder, or a new file ending in .wav.

    name: what was recorded. bpm: exact, as a fraction, None where nobody told a tempo. beats: how
    many the whole is, 0 where it is none.
    """

    out: bytes
    name: str
    sample_rate: int
    subtype: str = "FLOAT"
    bpm: tuple[int, int] | None = None
    beats: int = 0
    beats_per_bar: int = 4
    beat_unit: int = 4
    comment: str = ""

    @property
    def tempo_bpm(self) -> float | None:
        return None if self.bpm is None else float(Fraction(*self.bpm))


class Written(msgspec.Struct, frozen=True, tag=True):
    """A recording is on the disk. key: as measured, None: not measurable."""

    path: bytes
    key: Key | None


class WriteOrder(msgspec.Struct, frozen=True):
    """Write a SampleBlock of so many frames by a plan."""

    plan: RecordingPlan
    block: str
    frames: int


class Refusal(msgspec.Struct, frozen=True, tag=True):
    """Nothing was written."""

    sentence: str
    details: str = ""


WriteReply = Written | Refusal
