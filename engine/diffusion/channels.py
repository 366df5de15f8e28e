"""Between a source's channels and the stereo that the model hears."""

from __future__ import annotations

import numpy as np

from engine.audio import FloatArray

SILENCE = 1e-6
MOST_GAIN = 2.0


def to_stereo(samples: FloatArray) -> FloatArray:
    """Mix (channels, frames) to (2, frames): mono doubled; beyond two, even channels left and
    odd ones right, averaged."""
    if samples.shape[0] == 1:
        return np.repeat(samples, 2, axis=0)
    if samples.shape[0] == 2:
        return samples
    return np.stack([samples[0::2].mean(axis=0), samples[1::2].mean(axis=0)])


def fit_channels(stereo: FloatArray, source: FloatArray, channels: int) -> FloatArray:
    """Spread made stereo (2, n) over the source's channels.

    Mono takes the mid. Beyond two, each channel takes its side at the level that it has in the
    source beside that side's mix, so that a silent channel stays silent.
    """
    if channels == 1:
        return stereo.mean(axis=0, keepdims=True)
    if channels == 2:
        return stereo
    around = np.sqrt(np.square(to_stereo(source), dtype=np.float64).mean(axis=1))
    own = np.sqrt(np.square(source, dtype=np.float64).mean(axis=1))
    sides = np.arange(channels) % 2
    gains = np.clip(own / np.maximum(around[sides], SILENCE), 0.0, MOST_GAIN)
    gains[own < SILENCE] = 0.0
    return (stereo[sides] * gains[:, None]).astype(np.float32)
