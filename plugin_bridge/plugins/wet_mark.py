"""What a rendered file says of itself, so that a batch knows what is done: a digest of its making.

It tells nothing else: neither names nor folders, and it does not change how the file sounds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.errors import BadInputFile
from engine.wav_file import read_chunks
from plugin_bridge.plugins.chain import Chain, encode_chain

MARK_CHUNK_ID = b"LGwt"
_MARK_VERSION = 1


def mark_of(source: str, chain: Chain, *how: str) -> str:
    """Return 64 hex digits that are the same only for the same making.

    source: what names the dry audio, to the bit. how: all else that the result depends on.
    """
    parts = (_MARK_VERSION, source, encode_chain(chain), how)
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def mark_chunk(mark: str) -> tuple[bytes, bytes]:
    """Return the chunk that a file bears."""
    return MARK_CHUNK_ID, mark.encode()


def read_mark(path: Path) -> str:
    """Return a file's mark, "" where it bears none or cannot be read."""
    try:
        chunks = dict(read_chunks(path))
    except BadInputFile:  # somebody else's file
        return ""
    return chunks.get(MARK_CHUNK_ID, b"").decode("ascii", "replace")


def marks_in(folder: Path) -> Iterator[str]:
    """Yield the marks of a folder's files."""
    for path in sorted(folder.glob("*.wav")) if folder.is_dir() else ():
        if mark := read_mark(path):
            yield mark
