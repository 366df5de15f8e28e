"""Min/max pyramid: draws audio of any length at any zoom without reading all of it."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.audio import FloatArray
from engine.errors import BadInputFile

BASE_BLOCK = 16
FACTOR = 8

_MAGIC = b"LGPK"
_VERSION = 1
_HEADER = struct.Struct("<4sHHQHH")
_CHECKSUM = struct.Struct("<I")
_DAMAGED = "The stored waveform overview is damaged; it will be drawn again from the audio."

Edges = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PeakPyramid:
    """Lowest and highest value of every block of 16, 128, 1024 ... frames.

    levels: float32 (2, channels, blocks), minima first, finest level first.
    """

    frames: int
    channels: int
    levels: tuple[FloatArray, ...]

    def columns(
        self, start: int, stop: int, count: int, samples: FloatArray | None = None
    ) -> FloatArray:
        """Return (2, channels, count): the extremes of `count` equal parts of [start, stop).

        Exact with `samples`, the audio itself; without, each part is widened to whole blocks
        of 16 frames, so that no peak is missed. A part is never narrower than one frame.
        Raises ValueError when the span leaves [0, frames) or is empty.
        """
        if not 0 <= start < stop <= self.frames or count < 1:
            raise ValueError(
                f"span [{start}, {stop}) in {count} columns: expected at least one column "
                f"inside [0, {self.frames}) frames"
            )
        edges = start + np.arange(count + 1, dtype=np.int64) * (stop - start) // count
        lows, highs = edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)
        if samples is None:
            return self._whole_blocks(lows // BASE_BLOCK, -(-highs // BASE_BLOCK))
        out = self._whole_blocks(-(-lows // BASE_BLOCK), highs // BASE_BLOCK)
        # The ragged ends, shorter than a block, come from the audio.
        inner_low = np.minimum(-(-lows // BASE_BLOCK) * BASE_BLOCK, highs)
        inner_high = np.maximum(highs // BASE_BLOCK * BASE_BLOCK, inner_low)
        pair = np.broadcast_to(samples, (2, *samples.shape))
        return _merge(out, _gather(pair, lows, inner_low), _gather(pair, inner_high, highs))

    def _whole_blocks(self, lows: Edges, highs: Edges) -> FloatArray:
        """Return the extremes of blocks [low, high) of the finest level, climbing the levels."""
        out = _empty(self.channels, lows.size)
        for level in self.levels[:-1]:
            inner_low = np.minimum(-(-lows // FACTOR) * FACTOR, highs)
            inner_high = np.maximum(highs // FACTOR * FACTOR, inner_low)
            out = _merge(out, _gather(level, lows, inner_low), _gather(level, inner_high, highs))
            lows, highs = -(-inner_low // FACTOR), inner_high // FACTOR
        return _merge(out, _gather(self.levels[-1], lows, highs))


def build_peaks(samples: FloatArray) -> PeakPyramid:
    """Build the pyramid of float32 (channels, frames)."""
    channels, frames = samples.shape
    levels = [_coarser(np.broadcast_to(samples, (2, channels, frames)), BASE_BLOCK)]
    while levels[-1].shape[-1] > FACTOR:
        levels.append(_coarser(levels[-1], FACTOR))
    return PeakPyramid(frames, channels, tuple(levels))


def encode_peaks(pyramid: PeakPyramid) -> bytes:
    """Return the pyramid as bytes: a header, the levels as little-endian float32, a CRC-32."""
    header = _HEADER.pack(_MAGIC, _VERSION, pyramid.channels, pyramid.frames, BASE_BLOCK, FACTOR)
    body = header + b"".join(level.astype("<f4").tobytes() for level in pyramid.levels)
    return body + _CHECKSUM.pack(zlib.crc32(body))


def decode_peaks(data: bytes) -> PeakPyramid:
    """Read `encode_peaks`' bytes. Raises BadInputFile when they are damaged or of another make."""
    body, checksum = data[: -_CHECKSUM.size], data[-_CHECKSUM.size :]
    if len(body) < _HEADER.size or _CHECKSUM.pack(zlib.crc32(body)) != checksum:
        raise BadInputFile(_DAMAGED, f"{len(data)} bytes without a right checksum")
    magic, version, channels, frames, base, factor = _HEADER.unpack_from(body)
    if (magic, version, base, factor) != (_MAGIC, _VERSION, BASE_BLOCK, FACTOR):
        raise BadInputFile(_DAMAGED, f"header {magic!r} {version} {base} {factor}")
    counts = _block_counts(frames)
    if len(body) - _HEADER.size != 8 * channels * sum(counts):
        raise BadInputFile(_DAMAGED, f"{len(data)} bytes for {channels} x {frames} frames")
    levels: list[FloatArray] = []
    at = _HEADER.size
    for count in counts:
        values = np.frombuffer(body, "<f4", 2 * channels * count, at)
        levels.append(values.astype(np.float32).reshape(2, channels, count))
        at += values.nbytes
    return PeakPyramid(frames, channels, tuple(levels))


def _block_counts(frames: int) -> list[int]:
    counts = [-(-frames // BASE_BLOCK)]
    while counts[-1] > FACTOR:
        counts.append(-(-counts[-1] // FACTOR))
    return counts


def _coarser(pair: FloatArray, factor: int) -> FloatArray:
    """Return the extremes of each group of `factor` values; the last group may be shorter."""
    if pair.shape[-1] == 0:
        return pair.copy()
    starts = np.arange(0, pair.shape[-1], factor, dtype=np.int64)
    lows = np.minimum.reduceat(pair[0], starts, axis=-1)
    return np.stack((lows, np.maximum.reduceat(pair[1], starts, axis=-1)))


def _gather(pair: FloatArray, lows: Edges, highs: Edges) -> FloatArray:
    """Return the extremes of [low, high) per column; +inf / -inf where that is empty."""
    out = _empty(pair.shape[1], lows.size)
    low, high = out
    widest = int(np.max(highs - lows, initial=0))
    for step in range(widest):
        at = lows + step
        used = np.flatnonzero(at < np.minimum(highs, pair.shape[-1]))
        low[:, used] = np.minimum(low[:, used], pair[0][:, at[used]])
        high[:, used] = np.maximum(high[:, used], pair[1][:, at[used]])
    return out


def _merge(first: FloatArray, *others: FloatArray) -> FloatArray:
    for other in others:
        np.minimum(first[0], other[0], out=first[0])
        np.maximum(first[1], other[1], out=first[1])
    return first


def _empty(channels: int, count: int) -> FloatArray:
    out = np.empty((2, channels, count), dtype=np.float32)
    out[0], out[1] = np.inf, -np.inf
    return out
