"""Samples in shared memory: the app makes a block and unlinks it, the audio process copies it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np

from engine.audio import AudioClip, FloatArray, resample
from engine.errors import WriteProblem
from plugin_bridge.slots import CHANNELS

#: Blocks of one app are called so, then its process id; macOS takes 31 bytes in all.
BLOCK_PREFIX = "loopgraft"
_LINUX_FOLDER = Path("/dev/shm")
#: Left free, so that other programs' shared memory goes on working.
_SPARE_BYTES = 2**20


def stereo_at(clip: AudioClip, sample_rate: int) -> FloatArray:
    """Return float32 (2, frames) at a rate: mono on both sides, of more channels the first two."""
    samples = clip.samples[:CHANNELS].astype(np.float32, copy=False)
    samples = resample(samples, clip.sample_rate, sample_rate)
    return np.broadcast_to(samples, (CHANNELS, samples.shape[1]))


class SampleBlock:
    """A block that this process owns. `close()` unlinks it; should this process be killed, the
    tracker that multiprocessing keeps beside it does."""

    def __init__(self, samples: FloatArray) -> None:
        """Copy float32 (2, frames) into a new block. Raises WriteProblem when it does not fit."""
        check_room(samples.nbytes)
        try:
            self._memory = SharedMemory(_new_name(), create=True, size=samples.nbytes)
        except OSError as error:
            raise _no_room(samples.nbytes, str(error)) from error
        self.frames = samples.shape[1]
        view = np.ndarray(samples.shape, np.float32, self._memory.buf)
        view[:] = samples

    @property
    def name(self) -> str:
        return self._memory.name

    @property
    def memory(self) -> memoryview:
        """Return its bytes, until it is closed."""
        assert self._memory.buf is not None  # only after close()
        return self._memory.buf

    def close(self) -> None:
        """Unlink it. Again is no fault."""
        self._memory.close()
        with contextlib.suppress(FileNotFoundError):
            self._memory.unlink()


def copy_block(name: str, frames: int) -> FloatArray:
    """Return a copy of another process's block, float32 (2, frames).

    Raises FileNotFoundError when it is gone, ValueError when it is shorter than it should be.
    """
    memory = SharedMemory(name=name)
    try:
        wanted = CHANNELS * frames * np.dtype(np.float32).itemsize
        if frames < 1 or memory.size < wanted:
            raise ValueError(f"block {name} has {memory.size} bytes, not {wanted}")
        return np.ndarray((CHANNELS, frames), np.float32, memory.buf).copy()
    finally:
        memory.close()


def write_block(name: str, samples: FloatArray) -> None:
    """Fill another process's block with float32 (2, frames).

    Raises FileNotFoundError when it is gone, ValueError when it is too short.
    """
    memory = SharedMemory(name=name)
    try:
        if memory.size < samples.nbytes:
            raise ValueError(f"block {name} has {memory.size} bytes, not {samples.nbytes}")
        np.ndarray(samples.shape, np.float32, memory.buf)[:] = samples
    finally:
        memory.close()


def leave_blocks_to_their_owner() -> None:
    """Keep this process's resource tracker off the blocks that it only reads.

    Python before 3.13 has no `track=False`: the reader's tracker would unlink the owner's blocks
    at the reader's end, and complain (python/cpython#82300).
    """
    resource_tracker.register = _ignore
    resource_tracker.unregister = _ignore


def _new_name() -> str:
    return f"{BLOCK_PREFIX}-{os.getpid()}-{secrets.token_hex(4)}"


def _ignore(name: str, rtype: str) -> None:
    pass


def check_room(size_bytes: int) -> None:
    """Writing past what a full tmpfs has would end this process by SIGBUS."""
    if _LINUX_FOLDER.is_dir():
        free = shutil.disk_usage(_LINUX_FOLDER).free
        if free < size_bytes + _SPARE_BYTES:
            raise _no_room(size_bytes, f"{free} bytes free in {_LINUX_FOLDER}")


def _no_room(size_bytes: int, details: str) -> WriteProblem:
    return WriteProblem(
        f"There is no shared memory for {size_bytes / 1e6:.0f} MB of audio; "
        "close other programs or use a shorter file.",
        details,
    )
