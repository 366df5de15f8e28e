"""Mono mix and Hann-windowed magnitude spectra, block by block: long files stay small."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from engine.audio import FloatArray

Float64Array = npt.NDArray[np.float64]

SILENCE_PEAK = 1e-6
VALUES_PER_BLOCK = 1 << 21


def mono_mix(samples: FloatArray) -> FloatArray:
    """Return the mean of the channels without its offset, loudest value 1; (frames,)."""
    if samples.size == 0:
        return np.zeros(0, dtype=np.float32)
    mono = samples.mean(axis=0, dtype=np.float64)
    mono -= mono.mean()
    peak = float(np.abs(mono).max())
    return (mono / peak if peak >= SILENCE_PEAK else mono * 0.0).astype(np.float32)


def magnitude_blocks(
    mono: FloatArray, starts: npt.NDArray[np.int64], size: int
) -> Iterator[Float64Array]:
    """Yield magnitudes (windows, size // 2 + 1) of the windows that begin at `starts`."""
    views = np.lib.stride_tricks.sliding_window_view(mono, size)
    hann = np.hanning(size).astype(np.float32)
    block = max(1, VALUES_PER_BLOCK // size)
    for first in range(0, len(starts), block):
        spectrum = np.fft.rfft(views[starts[first : first + block]] * hann, axis=-1)
        yield np.abs(spectrum).astype(np.float64)
