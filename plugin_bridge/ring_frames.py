"""Audio in a ring: positions count on for ever, places come round."""

from __future__ import annotations

from engine.audio import FloatArray


def write_ring(ring: FloatArray, position: int, block: FloatArray) -> None:
    """Copy a block, (channels, frames), into a ring, (channels, capacity), at a position."""
    frames, capacity = block.shape[1], ring.shape[1]
    start = position % capacity
    first = min(frames, capacity - start)
    ring[:, start : start + first] = block[:, :first]
    if first < frames:
        ring[:, : frames - first] = block[:, first:]


def read_ring(ring: FloatArray, position: int, out: FloatArray) -> None:
    """Copy (channels, frames) out of a ring, from a position on."""
    frames, capacity = out.shape[1], ring.shape[1]
    start = position % capacity
    first = min(frames, capacity - start)
    out[:, :first] = ring[:, start : start + first]
    if first < frames:
        out[:, first:] = ring[:, : frames - first]
