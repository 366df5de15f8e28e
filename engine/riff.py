"""The chunks of RIFF (WAV) and IFF (AIFF) files: where they lie, as far as can be trusted."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

HEADER_BYTES = 12
MAX_CHUNKS = 256


class Chunk(NamedTuple):
    """Payload position and the size that its header claims, which may reach past the file."""

    id: bytes
    offset: int
    size: int


def walk_chunks(file: BinaryIO, *, big_endian: bool = False) -> Iterator[Chunk]:
    """Yield the chunks after the 12-byte file header, at most 256, until they leave the file."""
    layout = ">4sI" if big_endian else "<4sI"
    position = HEADER_BYTES
    for _ in range(MAX_CHUNKS):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return
        chunk_id, size = struct.unpack(layout, head)
        yield Chunk(chunk_id, position + 8, size)
        position += 8 + size + size % 2


def pack_chunk(chunk_id: bytes, payload: bytes) -> bytes:
    """Return one RIFF chunk, padded to an even size."""
    if len(chunk_id) != 4:
        raise ValueError(f"a chunk id has 4 bytes, not {chunk_id!r}")
    return struct.pack("<4sI", chunk_id, len(payload)) + payload + b"\0" * (len(payload) % 2)
