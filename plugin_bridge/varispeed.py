"""Plays a little faster or slower than it is rendered: two clocks never run alike. Pure.

A windowed sinc between the frames (J. O. Smith, “Digital Audio Resampling”). The speed differs
from 1 by clocks' drift, which nobody hears as pitch: 100 ppm are 0.17 cents.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.audio import FloatArray
from plugin_bridge.slots import CHANNELS

#: Frames on each side of a place that are weighed.
REACH_FRAMES = 16
_PHASES = 512
_KAISER_BETA = 9.0
#: Speeds beyond this are for time-stretching.
SPEED_RANGE = (0.5, 2.0)

Pull = Callable[[FloatArray], None]


class Varispeed:
    """Draws from a renderer at some speed. One thread.

    At speed 1, as long as nothing else was asked for, it passes every frame on as it is, and at
    once. Later it has drawn REACH_FRAMES ahead of what it gives: see `ahead_frames`.
    """

    def __init__(self) -> None:
        self._kernels = _kernels()
        self._kept = np.zeros((CHANNELS, REACH_FRAMES), np.float32)
        self._fraction = 0.0

    @property
    def ahead_frames(self) -> float:
        """Return how many frames were drawn beyond the place that is given next."""
        return self._kept.shape[1] - REACH_FRAMES - self._fraction

    def reset(self) -> None:
        """Forget what was drawn: the next frame that is drawn is the next that is given."""
        self._kept = np.zeros((CHANNELS, REACH_FRAMES), np.float32)
        self._fraction = 0.0

    def read(self, pull: Pull, out: FloatArray, speed: float = 1.0) -> None:
        """Write the next frames into `out`, float32 (2, n). pull: writes the next ones that are
        rendered. speed: of them, per frame of `out`; held within 0.5 to 2."""
        if speed == 1.0 and not self._fraction and self._kept.shape[1] == REACH_FRAMES:
            pull(out)
            self._kept = np.concatenate([self._kept, out], axis=1)[:, -REACH_FRAMES:]
            return
        low, high = SPEED_RANGE
        speed = min(high, max(low, speed))
        places = self._fraction + speed * np.arange(out.shape[1] + 1)
        self._draw(pull, int(places[-1]) + 2 * REACH_FRAMES + 1)
        self._weigh(places[:-1], out)
        done = int(places[-1])
        self._kept = self._kept[:, done:].copy()
        self._fraction = float(places[-1]) - done

    def _draw(self, pull: Pull, wanted: int) -> None:
        """Have so many frames at hand."""
        missing = wanted - self._kept.shape[1]
        if missing > 0:
            fresh = np.empty((CHANNELS, missing), np.float32)
            pull(fresh)
            self._kept = np.concatenate([self._kept, fresh], axis=1)

    def _weigh(self, places: FloatArray, out: FloatArray) -> None:
        """Write what lies at places, counted from the first frame that is not yet given."""
        whole = places.astype(np.int64)
        phase = (places - whole) * _PHASES
        row = phase.astype(np.int64)
        part = (phase - row)[:, None].astype(np.float32)
        weights = self._kernels[row] * (1.0 - part) + self._kernels[row + 1] * part
        windows = np.lib.stride_tricks.sliding_window_view(self._kept, 2 * REACH_FRAMES, axis=1)
        # The frame at place k is kept as k + 16: window k + 1 is -15 .. +16 about it.
        np.einsum("cnt,nt->cn", windows[:, whole + 1], weights, out=out)


def _kernels() -> FloatArray:
    """Return float32 (phases + 1, 32): the weights of the frames about a place, per fraction."""
    fractions = np.arange(_PHASES + 1)[:, None] / _PHASES
    x = np.arange(1 - REACH_FRAMES, REACH_FRAMES + 1)[None] - fractions
    inside = np.clip(1.0 - (x / REACH_FRAMES) ** 2, 0.0, None)
    kernels = np.sinc(x) * np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA)
    return (kernels / kernels.sum(axis=1, keepdims=True)).astype(np.float32)
