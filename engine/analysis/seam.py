"""Seam score: is a join the hardest event in the audio?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.linalg import (  # pyright: ignore[reportMissingTypeStubs]
    solve_toeplitz,  # pyright: ignore[reportUnknownVariableType]
)

from engine.analysis.spectra import Float64Array
from engine.audio import MODEL_SAMPLE_RATE, FloatArray

PREDICTOR_ORDER = 32
JOIN_REACH_FRAMES = 48  # at 44.1 kHz
SILENCE_PEAK = 1e-7
MAX_SCORE = 1000.0
# -100 dB of white noise keeps the normal equations solvable for pure tones.
NOISE_FLOOR = 1e-10


def seam_score(
    samples: FloatArray,
    sample_rate: int,
    join_frame: int,
    *,
    circular: bool,
    other_joins: Sequence[int] = (),
) -> float:
    """Return how hard the join is beside the hardest event elsewhere; <= 1 is inaudible.

    The peak of the order-32 linear-prediction residual within 48 frames (at 44.1 kHz) of the
    join over its largest value elsewhere, worst channel, 0 to 1000. samples: (channels, frames).
    circular: the audio repeats, and frame 0 is its wrap. other_joins are left out of
    "elsewhere", so that two bad joins cannot excuse each other. 0.0 for silence and for audio
    too short to hold anything but the join.
    """
    everywhere = (join_frame, *other_joins)
    return seam_scores(samples, sample_rate, everywhere, circular=circular)[0]


def seam_scores(
    samples: FloatArray, sample_rate: int, joins: Sequence[int], *, circular: bool
) -> tuple[float, ...]:
    """Return `seam_score` for each join, with all of them left out of "elsewhere"."""
    frames = samples.shape[-1]
    if not joins or frames == 0 or samples.shape[0] == 0:
        return tuple(0.0 for _ in joins)
    reach = max(1, round(JOIN_REACH_FRAMES * sample_rate / MODEL_SAMPLE_RATE))
    masks: list[npt.NDArray[np.bool_]] = [_near(join, reach, frames, circular) for join in joins]
    elsewhere = ~np.logical_or.reduce(masks)
    if not circular:
        # The predictor has no past there: the file's first frames are no event.
        elsewhere[:PREDICTOR_ORDER] = False
        masks = [mask & (np.arange(frames) >= PREDICTOR_ORDER) for mask in masks]
    residuals = [_residual(channel, circular) for channel in samples]
    return tuple(max(_ratio(r, mask, elsewhere) for r in residuals) for mask in masks)


def _near(join: int, reach: int, frames: int, circular: bool) -> npt.NDArray[np.bool_]:
    mask = np.zeros(frames, dtype=np.bool_)
    around = np.arange(join - reach, join + reach + 1)
    mask[around % frames if circular else around[(around >= 0) & (around < frames)]] = True
    return mask


def _ratio(
    residual: Float64Array, near: npt.NDArray[np.bool_], elsewhere: npt.NDArray[np.bool_]
) -> float:
    if not elsewhere.any() or not near.any():
        return 0.0
    here, there = float(residual[near].max()), float(residual[elsewhere].max())
    return min(MAX_SCORE, here / max(there, here / MAX_SCORE)) if here > 0 else 0.0


def _residual(channel: FloatArray, circular: bool) -> Float64Array:
    """Return |what order-32 linear prediction could not foresee| per frame."""
    x = channel.astype(np.float64)
    peak = float(np.abs(x).max())
    if peak < SILENCE_PEAK:
        return np.zeros_like(x)
    past = np.resize(x[::-1], PREDICTOR_ORDER)[::-1] if circular else np.zeros(PREDICTOR_ORDER)
    padded = np.concatenate((past, x)) / peak
    whitener = np.concatenate(([1.0], -_predictor(padded)))
    out = np.convolve(padded, whitener)[PREDICTOR_ORDER : PREDICTOR_ORDER + x.size]
    return np.abs(out)


def _predictor(padded: Float64Array) -> Float64Array:
    """Solve the autocorrelation normal equations; the first ORDER frames are only the past."""
    x = padded[PREDICTOR_ORDER:]
    correlation = np.array(
        [x @ padded[PREDICTOR_ORDER - k : padded.size - k] for k in range(PREDICTOR_ORDER + 1)]
    )
    correlation[0] *= 1.0 + NOISE_FLOOR
    return np.asarray(solve_toeplitz(correlation[:-1], correlation[1:]), dtype=np.float64)
