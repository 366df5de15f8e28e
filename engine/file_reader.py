"""The child that decodes a file nobody trusts: `python -m engine.file_reader`.

stdin is the file; stdout is a regular file that gets one JSON line, padded to HEAD_BYTES, and
then the interleaved samples. Imports numpy and soundfile only, to start fast, and holds one
block of audio at a time, so that its memory limit can be small.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import soundfile  # pyright: ignore[reportMissingTypeStubs]

from engine.file_header import Refused, check_header, check_seconds
from engine.file_limits import (
    CHANNELS_RANGE,
    CPU_LIMIT_SECONDS,
    DECODED_LIMIT_BYTES,
    EXIT_RESULT_NOT_WRITTEN,
    HEAD_BYTES,
    MEMORY_LIMIT_BYTES,
    PEAK_LIMIT,
    SAMPLE_RATE_RANGE,
)

_BLOCK_FRAMES = 65_536
#: libsndfile's subtype -> the numbers it is read in, and the subtype its results are written in.
_SUBTYPES = {
    "PCM_S8": ("int32", "PCM_16"),
    "PCM_U8": ("int32", "PCM_16"),
    "PCM_16": ("int32", "PCM_16"),
    "PCM_24": ("int32", "PCM_24"),
    "PCM_32": ("int32", "PCM_32"),
    "FLOAT": ("float32", "FLOAT"),
    "DOUBLE": ("float64", "DOUBLE"),
}
_LOSSY = ("VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")
_BYTES = {"int32": 4, "float32": 4, "float64": 8}
_PACKED_BYTES = {"PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4,
                 "DOUBLE": 8}  # fmt: skip


def main() -> int:
    """Decode stdin to stdout, under limits; 0 also when the file is refused."""
    _limit_resources()
    source, result = sys.stdin.buffer, sys.stdout.buffer
    try:
        result.seek(HEAD_BYTES)
        reply = _reply(source, result)
        result.seek(0)
        result.write(json.dumps(reply).encode().ljust(HEAD_BYTES - 1) + b"\n")
        result.flush()
    except OSError as error:
        sys.stderr.write(repr(error))
        return EXIT_RESULT_NOT_WRITTEN
    return 0


def _reply(source: BinaryIO, result: BinaryIO) -> dict[str, int | str]:
    try:
        check_header(source, os.fstat(source.fileno()).st_size)
        source.seek(0)
        with soundfile.SoundFile(source) as sound:
            return _decode(sound, os.fstat(source.fileno()).st_size, result)
    except Refused as refused:
        return {"problem": str(refused)}
    except soundfile.SoundFileError as error:
        return {
            "problem": "is cut short, damaged or not audio that Loopgraft reads; export it as WAV.",
            "details": str(error)[:500],
        }


def _decode(sound: soundfile.SoundFile, file_bytes: int, result: BinaryIO) -> dict[str, int | str]:
    lossy = sound.subtype in _LOSSY
    numbers, subtype = ("float32", "FLOAT") if lossy else _SUBTYPES.get(sound.subtype, ("", ""))
    if not numbers:
        raise Refused(
            f"is coded as {sound.subtype}, which is not read; export it as 16- or 24-bit PCM."
        )
    _check_claims(sound, numbers, file_bytes)
    frames = 0
    for block in _blocks(sound, numbers):
        if numbers != "int32":
            _check_values(block, frames, sound.samplerate)
        result.write(block.data)
        frames += len(block)
    if frames == 0 or (frames < sound.frames and not lossy):
        raise Refused(
            f"is cut short: its header promises {sound.frames:,} frames and {frames:,} are there; "
            "export or copy it again."
        )
    return {
        "frames": frames,
        "channels": sound.channels,
        "sample_rate": sound.samplerate,
        "numbers": numbers,
        "subtype": subtype,
    }


def _check_claims(sound: soundfile.SoundFile, numbers: str, file_bytes: int) -> None:
    """Check what the header says before a frame is read."""
    low, high = SAMPLE_RATE_RANGE
    if not low <= sound.samplerate <= high:
        raise Refused(
            f"has a sample rate of {sound.samplerate} Hz, outside {low} to {high} Hz; resample it."
        )
    low, high = CHANNELS_RANGE
    if not low <= sound.channels <= high:
        raise Refused(
            f"has {sound.channels} channels, outside {low} to {high}; export it as stereo."
        )
    if sound.frames < 1:
        raise Refused("has 0 frames, at least 1 is needed; export it again.")
    check_seconds(sound.frames / sound.samplerate)
    values = sound.frames * sound.channels
    if values * _BYTES[numbers] > DECODED_LIMIT_BYTES:
        raise Refused(
            f"holds {values * _BYTES[numbers] / 1e9:.1f} GB of audio, more than "
            f"{DECODED_LIMIT_BYTES / 1e9:.1f} GB; cut out the part you need."
        )
    if sound.format != "FLAC" and values * _PACKED_BYTES.get(sound.subtype, 0) > file_bytes:
        raise Refused(
            f"is cut short: its header promises {sound.frames:,} frames, more than its "
            f"{file_bytes:,} bytes can hold; export or copy it again."
        )


def _blocks(
    sound: soundfile.SoundFile, numbers: str
) -> Iterator[npt.NDArray[np.int32 | np.float32 | np.float64]]:
    while True:
        block = cast(
            "npt.NDArray[Any]",
            sound.read(_BLOCK_FRAMES, dtype=cast("Any", numbers), always_2d=True),
        )
        if len(block) == 0:
            return
        yield np.ascontiguousarray(block)


def _check_values(block: npt.NDArray[Any], first_frame: int, sample_rate: int) -> None:
    bad = ~np.isfinite(block).all(axis=1)
    if bad.any():
        at = (first_frame + int(bad.argmax())) / sample_rate
        raise Refused(
            f"holds values that are no numbers (NaN or infinity) at {at:.3f} s; export it again."
        )
    peak = float(np.abs(block).max())
    if peak > PEAK_LIMIT:
        raise Refused(
            f"has a peak of {peak:.3g}, above {PEAK_LIMIT:g} (full scale is 1.0); lower its level."
        )


def _limit_resources() -> None:
    """Cap memory, CPU time and the size of the result, where the system can (not Windows)."""
    if sys.platform == "win32":
        return
    import resource

    used = 0
    if sys.platform == "linux":
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 (pathlib is one more import)
            used = int(file.read().split()[0]) * resource.getpagesize()
        # What the interpreter and its libraries have mapped already does not count.
        _lower(resource.RLIMIT_AS, used + MEMORY_LIMIT_BYTES)
    _lower(resource.RLIMIT_CPU, CPU_LIMIT_SECONDS)
    _lower(resource.RLIMIT_FSIZE, DECODED_LIMIT_BYTES + HEAD_BYTES)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, limit: int) -> None:
    import resource

    _, hard = resource.getrlimit(kind)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    sys.exit(main())
