"""The bars of a recording, in a chunk of our own: a transport told them, nobody must guess."""

from __future__ import annotations

import os

import msgspec

from engine.errors import BadInputFile
from engine.tempo import BEAT_UNITS
from engine.wav_file import read_chunks

GRID_CHUNK_ID = b"LGgd"


class GridFacts(msgspec.Struct, frozen=True):
    """Where bars lie: bpm in the meter's own beats; the first downbeat's frame."""

    bpm: float
    downbeat_frame: int = 0
    beats_per_bar: int = 4
    beat_unit: int = 4
    is_loop: bool = False

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


def read_grid(path: str | os.PathLike[str], frames: int) -> GridFacts | None:
    """Return the grid that a file of so many frames carries, None without one that makes sense."""
    try:
        chunks = dict(read_chunks(path))
        grid = msgspec.json.decode(chunks[GRID_CHUNK_ID], type=GridFacts)
    except (KeyError, BadInputFile, msgspec.MsgspecError):
        return None
    is_sense = 1.0 <= grid.bpm <= 1000.0 and 0 <= grid.downbeat_frame < frames
    is_meter = 1 <= grid.beats_per_bar <= 16 and grid.beat_unit in BEAT_UNITS
    return grid if is_sense and is_meter else None
