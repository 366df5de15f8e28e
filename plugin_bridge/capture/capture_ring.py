"""What was captured last, in shared memory: the app owns it, the listening process writes it.

It outlives the process that writes: whatever happens to a sound system, what was captured stays.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from multiprocessing.shared_memory import SharedMemory

import numpy as np

from engine.audio import FloatArray
from engine.errors import WriteProblem
from plugin_bridge.audio_blocks import BLOCK_PREFIX, check_room
from plugin_bridge.ring_frames import read_ring, write_ring
from plugin_bridge.slots import CHANNELS

#: 32 bars of 4/4 at 40 bpm are 192 s; the rest is what is written while something is cut out.
KEPT_SECONDS = 200
#: 134 MB: at high sample rates less is kept, 174 s at 96 kHz.
_MOST_FRAMES = 1 << 24
#: What a writer may be writing over at this moment.
_MARGIN_FRAMES = 1 << 16
_HEADER_BYTES = 64


def ring_frames(sample_rate: int) -> int:
    """Return how many frames are kept at a rate."""
    return min(_MOST_FRAMES, KEPT_SECONDS * sample_rate)


class CaptureRing:
    """One end. The counter is one machine word, written after the samples: see PluginRing."""

    def __init__(self, memory: SharedMemory, frames: int, *, is_owner: bool) -> None:
        self.frames = frames
        self._memory = memory
        self._is_owner = is_owner
        buffer = memory.buf
        assert buffer is not None  # only None once it is closed
        self._counter = buffer[:8].cast("q")
        self._samples = np.ndarray((CHANNELS, frames), np.float32, buffer, _HEADER_BYTES)
        self._order = threading.Lock()

    @classmethod
    def create(cls, sample_rate: int) -> CaptureRing:
        """Make a ring; whoever made it unlinks it by close(). Raises WriteProblem."""
        frames = ring_frames(sample_rate)
        size = _HEADER_BYTES + CHANNELS * frames * 4
        check_room(size)
        name = f"{BLOCK_PREFIX}-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            memory = SharedMemory(name, create=True, size=size)
        except OSError as error:
            raise WriteProblem(
                f"There is no shared memory for {size / 1e6:.0f} MB of recording; "
                "close other programs.",
                str(error),
            ) from error
        return cls(memory, frames, is_owner=True)

    @classmethod
    def attach(cls, name: str, frames: int) -> CaptureRing:
        """Open another process's ring. Raises FileNotFoundError and ValueError."""
        memory = SharedMemory(name=name)
        if frames <= _MARGIN_FRAMES or memory.size < _HEADER_BYTES + CHANNELS * frames * 4:
            size = memory.size
            memory.close()
            raise ValueError(f"ring {name} has {size} bytes, too few for {frames} frames")
        return cls(memory, frames, is_owner=False)

    def close(self) -> None:
        """Let go of it, and unlink it if this process made it. Nothing may use it meanwhile."""
        self._counter.release()
        del self._samples
        self._memory.close()
        if self._is_owner:
            with contextlib.suppress(FileNotFoundError):
                self._memory.unlink()

    @property
    def name(self) -> str:
        return self._memory.name

    @property
    def written(self) -> int:
        """Return how many frames were ever written."""
        return self._counter[0]

    @property
    def oldest(self) -> int:
        """Return the first frame that is safe to be read."""
        return max(0, self.written - self.frames + _MARGIN_FRAMES)

    def write(self, block: FloatArray) -> None:
        """Append a block, float32 (2, frames), shorter than the margin. The writer's side."""
        position = self._counter[0]
        write_ring(self._samples, position, block)
        for _ in range(2):  # the samples before the counter, on every processor
            with self._order:
                pass
        self._counter[0] = position + block.shape[1]

    def read(self, start: int, frames: int) -> FloatArray | None:
        """Return a copy of frames, float32 (2, frames), None where they are not kept (any more)."""
        if start < self.oldest or start + frames > self.written:
            return None
        out = np.empty((CHANNELS, frames), np.float32)
        read_ring(self._samples, start, out)
        # Only now: they may have been written over while they were read.
        return out if start >= self.oldest else None
