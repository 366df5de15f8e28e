"""WAV files written whole: fmt, data, then further chunks; and their chunks read back.

Written here and not by libsndfile, which stamps float files with the time (PEAK chunk): the same
take gives the same bytes.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import BinaryIO, cast

import numpy as np

from engine.atomic_file import write_atomically
from engine.display_name import display_name
from engine.errors import BadInputFile, WriteProblem
from engine.input_file import open_regular_file
from engine.riff import HEADER_BYTES, pack_chunk, walk_chunks
from engine.sample_format import NATIVE_TYPES, PCM_BITS, check_subtype
from engine.take import TakeFacts, decode_take, encode_take
from engine.take_maker import NativeSamples

RECIPE_CHUNK_ID = b"LGrc"
MAX_CHUNK_BYTES = 4 * 1024 * 1024
_MAX_CHUNKS_BYTES = 16 * 1024 * 1024
_RIFF_LIMIT_BYTES = 2**32 - 1

_TAG_PCM, _TAG_FLOAT, _TAG_EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_FLOAT_BITS = {"FLOAT": 32, "DOUBLE": 64}


def write_wav(
    path: str | os.PathLike[str],
    samples: NativeSamples,
    sample_rate: int,
    subtype: str,
    chunks: Sequence[tuple[bytes, bytes]] = (),
    *,
    overwrite: bool = False,
) -> None:
    """Write a WAV atomically. samples: (channels, frames), native numbers of `subtype`.

    Raises FileExists when `path` is taken and not to be overwritten, WriteProblem, ValueError.
    """
    data = encode_wav(samples, sample_rate, subtype, chunks)
    write_atomically(path, (data,), overwrite=overwrite)


def encode_wav(
    samples: NativeSamples,
    sample_rate: int,
    subtype: str,
    chunks: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """Return the bytes of a WAV; the same bytes for the same arguments."""
    channels, frames = samples.shape
    head = _format_chunk(channels, sample_rate, subtype)
    if subtype in _FLOAT_BITS:  # everything but integer PCM needs a fact chunk
        head += pack_chunk(b"fact", struct.pack("<I", frames))
    extra = b"".join(pack_chunk(*chunk) for chunk in chunks)
    data_bytes = channels * frames * _bits(subtype) // 8
    riff_bytes = 4 + len(head) + 8 + data_bytes + data_bytes % 2 + len(extra)
    if riff_bytes > _RIFF_LIMIT_BYTES:
        raise WriteProblem(
            f"The result would have {riff_bytes / 1e9:.1f} GB, more than the 4.2 GB that a WAV "
            "can hold; make it shorter."
        )
    riff = struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE")
    data = _pack_samples(samples, subtype)
    return b"".join(
        (
            riff,
            head,
            struct.pack("<4sI", b"data", data_bytes),
            data,
            b"\0" * (data_bytes % 2),
            extra,
        )
    )


def read_chunks(path: str | os.PathLike[str]) -> list[tuple[bytes, bytes]]:
    """Return id and payload of every chunk but the audio, in the file's order.

    Empty for anything but RIFF/WAVE. Chunks above 4 MiB or cut short are left out, and all of
    them end at 16 MiB. Raises BadInputFile when the file cannot be opened or read.
    """
    with open_regular_file(path) as file:
        try:
            return _read_chunks(file)
        except OSError as error:
            raise BadInputFile(
                f"“{display_name(path)}” could not be read to its end; check its disk.",
                repr(error),
            ) from error


def recipe_chunk(facts: TakeFacts) -> tuple[bytes, bytes]:
    """Return the chunk that makes a take out of a WAV."""
    return RECIPE_CHUNK_ID, encode_take(facts)


def read_recipe(path: str | os.PathLike[str]) -> TakeFacts | None:
    """Return the facts a WAV carries, None when it carries none.

    Raises BadInputFile when the file cannot be read or its recipe is damaged or newer.
    """
    for chunk_id, payload in read_chunks(path):
        if chunk_id == RECIPE_CHUNK_ID:
            return _decode_recipe(path, payload)
    return None


def _decode_recipe(path: str | os.PathLike[str], payload: bytes) -> TakeFacts:
    try:
        return decode_take(payload)
    except (BadInputFile, RecursionError) as error:  # recursion: JSON nested thousands deep
        reason = error.sentence if isinstance(error, BadInputFile) else "It is nested too deeply."
        raise BadInputFile(f"“{display_name(path)}”: {reason}", repr(error)) from error


def _read_chunks(file: BinaryIO) -> list[tuple[bytes, bytes]]:
    head = file.read(HEADER_BYTES)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return []
    found: list[tuple[bytes, bytes]] = []
    bytes_left = _MAX_CHUNKS_BYTES
    for chunk in walk_chunks(file):
        if chunk.id == b"data" or chunk.size > min(MAX_CHUNK_BYTES, bytes_left):
            continue
        file.seek(chunk.offset)
        payload = file.read(chunk.size)
        if len(payload) == chunk.size:
            found.append((chunk.id, payload))
            bytes_left -= chunk.size
    return found


def _bits(subtype: str) -> int:
    return PCM_BITS.get(subtype) or _FLOAT_BITS[check_subtype(subtype)]


def _format_chunk(channels: int, sample_rate: int, subtype: str) -> bytes:
    """Plain PCM and float tags up to two channels, which every reader knows; extensible above.

    The channel mask is 0 (no speakers named), because a layout is never guessed here.
    """
    bits = _bits(subtype)
    tag = _TAG_PCM if subtype in PCM_BITS else _TAG_FLOAT
    block = channels * bits // 8
    if not (1 <= channels <= 64 and 0 < sample_rate < 2**32 // block):
        raise ValueError(f"{channels} channels at {sample_rate} Hz do not fit a WAV")
    shape = struct.pack("<HIIHH", channels, sample_rate, sample_rate * block, block, bits)
    if channels > 2:
        tail = struct.pack("<HHIH", 22, bits, 0, tag) + _GUID_TAIL
        return pack_chunk(b"fmt ", struct.pack("<H", _TAG_EXTENSIBLE) + shape + tail)
    tail = b"" if tag == _TAG_PCM else struct.pack("<H", 0)
    return pack_chunk(b"fmt ", struct.pack("<H", tag) + shape + tail)


def _pack_samples(samples: NativeSamples, subtype: str) -> bytes:
    if samples.dtype != NATIVE_TYPES[subtype]:
        raise ValueError(f"{subtype} is written from {NATIVE_TYPES[subtype]}, not {samples.dtype}")
    interleaved = np.ascontiguousarray(samples.T)
    if subtype == "FLOAT":
        return interleaved.astype("<f4", copy=False).tobytes()
    if subtype == "DOUBLE":
        return interleaved.astype("<f8", copy=False).tobytes()
    return _pack_pcm(cast("np.ndarray[tuple[int, int], np.dtype[np.int32]]", interleaved), subtype)


def _pack_pcm(interleaved: np.ndarray[tuple[int, int], np.dtype[np.int32]], subtype: str) -> bytes:
    bits = PCM_BITS[subtype]
    if bits < 32 and np.any(interleaved & ((1 << (32 - bits)) - 1)):
        raise ValueError(f"the samples have more than {bits} bits; quantise them to {subtype}")
    if bits == 16:
        return (interleaved >> 16).astype("<i2").tobytes()
    little = interleaved.astype("<i4", copy=False)
    if bits == 32:
        return little.tobytes()
    return little.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
