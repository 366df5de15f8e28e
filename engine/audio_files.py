"""Audio files that a user gives, decoded by a capped child process.

The file is opened here and travels as the child's stdin, so that no name, link or pipe can be
swapped in between; the samples come back in an unnamed temporary file.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import numpy as np

from engine.audio import AudioClip, FrameSpan
from engine.child_process import child_environment, module_command
from engine.display_name import display_name
from engine.errors import BadInputFile, WriteProblem
from engine.file_limits import (
    EXIT_RESULT_NOT_WRITTEN,
    HEAD_BYTES,
    MAX_FILE_BYTES,
    WALL_LIMIT_SECONDS,
)
from engine.input_file import open_regular_file
from engine.sample_format import NATIVE_TYPES, dequantise
from engine.take_maker import NativeSamples

_DETAILS_LIMIT_BYTES = 2000


@dataclass(frozen=True, eq=False)
class SourceAudio:
    """A user's file in its own numbers.

    samples: (channels, frames), read-only; int32 left-justified for PCM, else floats.
    subtype: the one a result is written with, so that nothing of the source is lost.
    sha256: 64 hex digits, of the whole file.
    """

    samples: NativeSamples
    sample_rate: int
    subtype: str
    path: Path
    sha256: str

    @property
    def channels(self) -> int:
        return self.samples.shape[0]

    @property
    def frames(self) -> int:
        return self.samples.shape[1]

    def clip(self, span: FrameSpan | None = None) -> AudioClip:
        """Return the span (default: all of it) as float32. Raises BadArgument outside the file."""
        if span is None:
            return AudioClip(dequantise(self.samples), self.sample_rate)
        inside = span.within(self.frames)
        part = self.samples[:, inside.start : inside.stop]
        return AudioClip(dequantise(part), self.sample_rate)


def read_source(
    path: str | os.PathLike[str], *, wall_limit_seconds: float = WALL_LIMIT_SECONDS
) -> SourceAudio:
    """Read a WAV, AIFF, FLAC, OGG or MP3: at most 30 minutes, 1-8 channels, 8-192 kHz.

    Decodes in a child with limits on memory and time; blocks until it is done. A truncated
    MP3 or OGG is read as far as it goes: their headers do not tell. Raises BadInputFile, and
    WriteProblem when the temporary folder is full.
    """
    with open_regular_file(path) as file, tempfile.TemporaryFile() as result:
        _check_size(path, file)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        _decode_in_child(path, file, result, wall_limit_seconds)
        reply = _read_reply(path, result)
        samples = _read_samples(path, result, reply)
    return SourceAudio(samples, reply.sample_rate, reply.subtype, Path(path), digest)


class _Reply(msgspec.Struct, frozen=True):
    """What the child says: a problem, or what it decoded."""

    problem: str = ""
    details: str = ""
    frames: int = 0
    channels: int = 0
    sample_rate: int = 0
    subtype: str = ""


def _check_size(path: str | os.PathLike[str], file: FileIO) -> None:
    size = os.fstat(file.fileno()).st_size
    if size > MAX_FILE_BYTES:
        raise BadInputFile(
            f"“{display_name(path)}” has {size / 1e9:.1f} GB, more than "
            f"{MAX_FILE_BYTES / 1e9:.1f} GB; cut out the part you need."
        )


def _decode_in_child(
    path: str | os.PathLike[str], file: FileIO, result: BinaryIO, wall_limit_seconds: float
) -> None:
    name = display_name(path)
    with tempfile.TemporaryFile() as log:
        try:
            code = subprocess.run(
                module_command("engine.file_reader"),
                stdin=file,
                stdout=result,
                stderr=log,
                env=child_environment(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1"),
                timeout=wall_limit_seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            raise BadInputFile(
                f"“{name}” was not decoded within {wall_limit_seconds:g} s; export it as WAV."
            ) from None
        if code == 0:
            return
        details = f"exit code {code}: {_tail(log)}"
    if code == EXIT_RESULT_NOT_WRITTEN:
        raise WriteProblem(
            f"“{name}” could not be decoded, the temporary folder "
            f"“{tempfile.gettempdir()}” is full; free some space.",
            details,
        )
    raise BadInputFile(f"“{name}” made its decoder fail; export it as WAV.", details)


def _tail(log: BinaryIO) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _DETAILS_LIMIT_BYTES))
    return log.read().decode("utf-8", "replace")


def _read_reply(path: str | os.PathLike[str], result: BinaryIO) -> _Reply:
    result.seek(0)
    try:
        reply = msgspec.json.decode(result.read(HEAD_BYTES), type=_Reply)
    except msgspec.MsgspecError as error:
        raise _broken_reply(path, str(error)) from error
    if reply.problem:
        raise BadInputFile(f"“{display_name(path)}” {reply.problem}", reply.details)
    return reply


def _read_samples(path: str | os.PathLike[str], result: BinaryIO, reply: _Reply) -> NativeSamples:
    kind = NATIVE_TYPES.get(reply.subtype)
    present = result.seek(0, os.SEEK_END) - HEAD_BYTES
    values = reply.frames * reply.channels
    if kind is None or values < 1 or present != values * np.dtype(kind).itemsize:
        raise _broken_reply(path, f"{reply} with {present} bytes")
    result.seek(HEAD_BYTES)
    interleaved = np.fromfile(result, dtype=kind, count=values)
    samples = np.ascontiguousarray(interleaved.reshape(reply.frames, reply.channels).T)
    samples.flags.writeable = False
    return cast("NativeSamples", samples)


def _broken_reply(path: str | os.PathLike[str], details: str) -> BadInputFile:
    return BadInputFile(f"“{display_name(path)}” made its decoder fail; export it as WAV.", details)
