"""The audio between a stream and its plugin host: two rings in shared memory, and who is how far.

The stream writes dry audio and never waits; the host takes whole blocks of it, and writes what
its plugins make of them to the same positions of the other ring. Positions count frames since
the ring was made and never wrap. Each counter has one writer:

    sent    the stream: dry audio is there up to here
    done    the host: wet audio is there up to here …
    since   … and from here on (what it made of older audio is not in step)
    active, loading    the host: the slot whose plugin runs, is loaded, -1 none; for the autopsy
    latency            the host: frames that its plugins keep back
    needed             the host: by how many frames what it takes must be ahead of what it gives
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

#: Six seconds at 44.1 kHz; a power of two. More than any latency and any device's block.
CAPACITY_FRAMES = 1 << 18
NO_SLOT = -1

_COUNTERS = 8
_SENT, _DONE, _SINCE, _ACTIVE, _LOADING, _LATENCY, _NEEDED = range(7)
_HEADER_BYTES = _COUNTERS * 8
_RING_BYTES = CHANNELS * CAPACITY_FRAMES * 4
_SIZE_BYTES = _HEADER_BYTES + 2 * _RING_BYTES


class PluginRing:
    """One end. Counters are single machine words: read and written whole on every platform.

    A lock that nobody shares is taken between samples and counter, because not every processor
    keeps the order of writes by itself.
    """

    def __init__(self, memory: SharedMemory, *, is_owner: bool) -> None:
        self._memory = memory
        self._is_owner = is_owner
        buffer = memory.buf
        assert buffer is not None  # only None once it is closed
        self._counters = buffer[:_HEADER_BYTES].cast("q")
        shape = (CHANNELS, CAPACITY_FRAMES)
        self._dry = np.ndarray(shape, np.float32, buffer, _HEADER_BYTES)
        self._wet = np.ndarray(shape, np.float32, buffer, _HEADER_BYTES + _RING_BYTES)
        self._order = threading.Lock()

    @classmethod
    def create(cls) -> PluginRing:
        """Make a ring; whoever made it unlinks it by close(). Raises WriteProblem."""
        check_room(_SIZE_BYTES)
        name = f"{BLOCK_PREFIX}-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            memory = SharedMemory(name, create=True, size=_SIZE_BYTES)
        except OSError as error:
            raise WriteProblem(
                "There is no shared memory for plugins; close other programs.", str(error)
            ) from error
        ring = cls(memory, is_owner=True)
        ring._counters[_ACTIVE] = ring._counters[_LOADING] = NO_SLOT
        return ring

    @classmethod
    def attach(cls, name: str) -> PluginRing:
        """Open another process's ring. Raises FileNotFoundError and ValueError."""
        memory = SharedMemory(name=name)
        if memory.size < _SIZE_BYTES:
            size = memory.size
            memory.close()
            raise ValueError(f"ring {name} has {size} bytes, not {_SIZE_BYTES}")
        return cls(memory, is_owner=False)

    def close(self) -> None:
        """Let go of it, and unlink it if this process made it. Nothing may use it meanwhile."""
        self._counters.release()
        del self._dry, self._wet
        self._memory.close()
        if self._is_owner:
            with contextlib.suppress(FileNotFoundError):
                self._memory.unlink()

    @property
    def name(self) -> str:
        return self._memory.name

    # --- the stream's side ------------------------------------------------------------------

    @property
    def sent(self) -> int:
        return self._counters[_SENT]

    def send(self, block: FloatArray) -> int:
        """Append dry audio, (2, frames), and return the position after it."""
        position = self._counters[_SENT]
        write_ring(self._dry, position, block)
        position += block.shape[1]
        self._put_in_order(_SENT, position)
        return position

    def read_dry(self, position: int, out: FloatArray) -> None:
        """Copy dry audio from a position that is not older than the ring."""
        read_ring(self._dry, position, out)

    def read_wet(self, position: int, out: FloatArray) -> bool:
        """Copy wet audio; returns False, and copies nothing, where it is not there."""
        counters = self._counters
        if position + out.shape[1] > counters[_DONE] or position < counters[_SINCE]:
            return False
        read_ring(self._wet, position, out)
        # Only now: a host that began anew meanwhile has written over what was read.
        return position >= counters[_SINCE]

    # --- the host's side --------------------------------------------------------------------

    @property
    def done(self) -> int:
        return self._counters[_DONE]

    def begin(self, position: int, latency_frames: int) -> None:
        """Say that wet audio comes from this position on, and none from before."""
        self._put_in_order(_SINCE, position)
        self._counters[_DONE] = position - latency_frames
        self._counters[_LATENCY] = latency_frames

    def finish(self, position: int, block: FloatArray) -> None:
        """Write wet audio, (2, frames), of a position."""
        write_ring(self._wet, position, block)
        self._put_in_order(_DONE, position + block.shape[1])

    @property
    def latency_frames(self) -> int:
        return self._counters[_LATENCY]

    @property
    def needed_frames(self) -> int:
        return self._counters[_NEEDED]

    @needed_frames.setter
    def needed_frames(self, frames: int) -> None:
        self._counters[_NEEDED] = frames

    @property
    def active(self) -> int:
        return self._counters[_ACTIVE]

    @active.setter
    def active(self, slot: int) -> None:
        self._counters[_ACTIVE] = slot

    @property
    def loading(self) -> int:
        return self._counters[_LOADING]

    @loading.setter
    def loading(self, slot: int) -> None:
        self._counters[_LOADING] = slot

    def _put_in_order(self, counter: int, value: int) -> None:
        """Set a counter after all that was written before it."""
        for _ in range(2):
            with self._order:
                pass
        self._counters[counter] = value
