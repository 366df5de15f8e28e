"""What an audio file claims to be, checked before a decoder sees it.

libsndfile is only opened on WAV, AIFF, FLAC, OGG and MP3, and in WAV and AIFF only on plain PCM
and float: its ADPCM code is the subject of CVE-2026-37555. Imports nothing but the standard
library and its neighbours, because the file reader's child starts with it.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from engine.file_limits import MAX_SECONDS
from engine.riff import Chunk, walk_chunks

_READS = "Loopgraft reads WAV, AIFF, FLAC, OGG and MP3"
_TAG_EXTENSIBLE = 0xFFFE
_PLAIN_TAGS = (0x0001, 0x0003)  # integer PCM, IEEE float
_TAG_NAMES = {
    0x0002: "MS ADPCM",
    0x0006: "A-law",
    0x0007: "mu-law",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0055: "MP3 in WAV",
}
_PLAIN_AIFC = (
    b"NONE", b"twos", b"sowt", b"raw ", b"in24", b"in32", b"42ni", b"23ni",
    b"fl32", b"FL32", b"fl64", b"FL64",
)  # fmt: skip


class Refused(Exception):
    """The rest of a sentence that begins with the file's name."""


def check_header(file: BinaryIO, file_bytes: int) -> None:
    """Check the container, its codec and the size it claims. Raises Refused."""
    head = _at(file, 0, 12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        _check_wav(file, file_bytes)
    elif head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        _check_aiff(file, file_bytes, compressed=head[8:] == b"AIFC")
    elif head[:3] == b"ID3":
        _check_behind_id3(file)
    elif head[:4] not in (b"fLaC", b"OggS") and not _is_mpeg(head):
        raise Refused(f"is not an audio file; {_READS}.")


def check_seconds(seconds: float) -> None:
    """Raise Refused above 30 minutes."""
    if seconds > MAX_SECONDS:
        raise Refused(
            f"says it lasts {_spoken(seconds)}, more than {MAX_SECONDS // 60} minutes; "
            "cut out the part you need."
        )


def _spoken(seconds: float) -> str:
    if seconds < 3 * 3600:
        return f"{seconds / 60:.1f} minutes"
    if seconds < 10_000 * 3600:
        return f"{seconds / 3600:.1f} hours"
    return "more than a year"


def _check_wav(file: BinaryIO, file_bytes: int) -> None:
    layouts: list[bytes] = []
    for chunk in walk_chunks(file):
        if chunk.id == b"fmt ":
            layouts.append(_at(file, chunk.offset, min(chunk.size, 40)))
        if chunk.id == b"data":
            if len(layouts) != 1 or len(layouts[0]) < 16:
                raise Refused("is a WAV with a damaged header; export it again.")
            _check_wav_codec(layouts[0])
            byte_rate = struct.unpack_from("<I", layouts[0], 8)[0]
            _check_audio_bytes(chunk, file_bytes, byte_rate)
            return
    raise Refused("is a WAV without audio in it, or cut short; export or copy it again.")


def _check_wav_codec(layout: bytes) -> None:
    tag = struct.unpack_from("<H", layout)[0]
    if tag == _TAG_EXTENSIBLE and len(layout) >= 26:
        tag = struct.unpack_from("<H", layout, 24)[0]
    if tag not in _PLAIN_TAGS:
        codec = _TAG_NAMES.get(tag, f"codec 0x{tag:04X}")
        raise Refused(
            f"is a compressed WAV ({codec}); only PCM and float are read, export it as 16- or "
            "24-bit PCM."
        )


def _check_aiff(file: BinaryIO, file_bytes: int, *, compressed: bool) -> None:
    for chunk in walk_chunks(file, big_endian=True):
        if chunk.id == b"COMM" and compressed:
            codec = _at(file, chunk.offset, min(chunk.size, 22))[18:22]
            if codec not in _PLAIN_AIFC:
                raise Refused(
                    f"is a compressed AIFF ({codec!r:.12}); only PCM and float are read, export "
                    "it as 16- or 24-bit PCM."
                )
        if chunk.id == b"SSND":
            _check_audio_bytes(chunk, file_bytes, 0)
            return
    raise Refused("is an AIFF without audio in it, or cut short; export or copy it again.")


def _check_audio_bytes(chunk: Chunk, file_bytes: int, byte_rate: int) -> None:
    """byte_rate 0: unknown. The length comes first: a 10-hour header is not a copy cut short."""
    if byte_rate:
        check_seconds(chunk.size / byte_rate)
    present = max(0, file_bytes - chunk.offset)
    if chunk.size > present:
        raise Refused(
            f"is cut short: its header promises {chunk.size:,} bytes of audio and {present:,} are "
            "there; export or copy it again."
        )


def _check_behind_id3(file: BinaryIO) -> None:
    """Look behind an ID3 tag, as libsndfile does: anything could hide there."""
    size = _at(file, 6, 4)
    if len(size) < 4:
        raise Refused(f"is not an audio file; {_READS}.")
    start = 10 + sum(
        (byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True)
    )
    behind = _at(file, start, 4)
    if behind != b"fLaC" and not _is_mpeg(behind):
        raise Refused(f"holds no MP3 audio behind its ID3 tag; {_READS}.")


def _is_mpeg(head: bytes) -> bool:
    """MPEG audio sync, layers I-III (the two layer bits are not 00)."""
    return len(head) >= 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0


def _at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)
