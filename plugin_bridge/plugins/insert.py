"""Where a stream goes through its plugin host: dry audio in, wet audio out, dry where late."""

from __future__ import annotations

import numpy as np

from engine.audio import FloatArray
from plugin_bridge.plugins.plugin_ring import PluginRing
from plugin_bridge.slots import CHANNELS

#: A jump between dry and wet is spread over so many frames, or over the block if it is shorter.
JOIN_FRAMES = 128
#: More at once goes in pieces.
_MOST_FRAMES = 8192
_SILENCE = np.zeros((CHANNELS, 1), np.float32)


class Insert:
    """The stream's end of a ring, for one thread. It waits for nothing.

    What comes out is lookahead_frames late: as long as the plugins keep audio back, and twice the
    longest block that came, so that the host has one block's time for the next. It only grows.
    late: blocks that were dry because the host was late.
    """

    def __init__(self, ring: PluginRing) -> None:
        self.lookahead_frames = 0
        self.late = 0
        self.is_wet = False
        self._has_begun = False
        self._ring = ring
        self._begin = ring.sent
        self._last = np.zeros((CHANNELS, 1), np.float32)

    def process(self, block: FloatArray) -> None:
        """Replace dry audio, float32 (2, frames), by what was sent lookahead_frames ago."""
        for start in range(0, block.shape[1], _MOST_FRAMES):
            self._process(block[:, start : start + _MOST_FRAMES])

    def _process(self, block: FloatArray) -> None:
        frames = block.shape[1]
        needed = self._ring.needed_frames + 2 * frames
        is_jump = needed > self.lookahead_frames
        self.lookahead_frames = max(needed, self.lookahead_frames)
        position = self._ring.send(block) - self.lookahead_frames - frames
        early = min(max(0, self._begin - position), frames)
        block[:, :early] = 0.0  # nothing was sent then
        if early < frames:
            is_jump |= self._fill(position + early, block[:, early:])
            if not self._has_begun:
                self._has_begun = True
                join(block[:, early:], _SILENCE)
        if is_jump:
            join(block, self._last)
        self._last[:] = block[:, -1:]

    def _fill(self, position: int, out: FloatArray) -> bool:
        """Copy wet audio, or dry. Returns whether that changed."""
        was_wet, self.is_wet = self.is_wet, self._ring.read_wet(position, out)
        if not self.is_wet:
            self.late += 1
            self._ring.read_dry(position, out)
        return was_wet != self.is_wet


def join(out: FloatArray, last: FloatArray) -> None:
    """Go on from the sample that was heard last, (2, 1), with no click. out: (2, frames)."""
    frames = min(JOIN_FRAMES, out.shape[1])
    step = last - out[:, :1]
    out[:, :frames] += step * np.linspace(1.0, 0.0, frames + 2, dtype=np.float32)[1:-1]
