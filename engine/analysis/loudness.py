"""Integrated loudness (ITU-R BS.1770-4)."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
from pyloudnorm import IIRfilter  # pyright: ignore[reportMissingTypeStubs]

from engine.audio import AudioClip

BLOCK_SECONDS = 0.4
BLOCK_OVERLAP = 0.75
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0


def measure_loudness(clip: AudioClip) -> float | None:
    """Return the integrated loudness in LUFS, or None when no block rises above -70 LUFS.

    Audio shorter than one 0.4 s gating block is measured as one block of its own length,
    ungated. Every channel counts with weight 1: the layout of more than two is not known.
    """
    if clip.frames == 0 or clip.channels == 0:
        return None
    power = _block_power(_k_weighted(clip), clip.sample_rate)
    power = power[_lufs(power) >= ABSOLUTE_GATE_LUFS]
    if power.size == 0:
        return None
    relative_gate = _lufs(power.mean()) + RELATIVE_GATE_LU
    return float(_lufs(power[_lufs(power) > relative_gate].mean()))


def _k_weighted(clip: AudioClip) -> npt.NDArray[np.float64]:
    shelf = IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, clip.sample_rate, "high_shelf")
    high_pass = IIRfilter(0.0, 0.5, 38.0, clip.sample_rate, "high_pass")
    out = clip.samples.astype(np.float64)
    for stage in (shelf, high_pass):
        out = cast("npt.NDArray[np.float64]", stage.apply_filter(out))  # pyright: ignore
    return out


def _block_power(weighted: npt.NDArray[np.float64], rate: int) -> npt.NDArray[np.float64]:
    """Return the mean square of each gating block, summed over the channels."""
    frames = weighted.shape[-1]
    energy = np.concatenate(([0.0], np.cumsum(np.sum(weighted * weighted, axis=0))))
    block = min(frames, round(BLOCK_SECONDS * rate))
    hop = BLOCK_SECONDS * (1.0 - BLOCK_OVERLAP) * rate
    starts = np.round(np.arange(1 + int((frames - block) / hop)) * hop).astype(np.int64)
    starts = np.minimum(starts, frames - block)
    return (energy[starts + block] - energy[starts]) / block


def _lufs(power: npt.NDArray[np.float64] | np.float64) -> npt.NDArray[np.float64]:
    return -0.691 + 10.0 * np.log10(np.maximum(power, 1e-30))
