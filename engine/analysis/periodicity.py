"""How onsets repeat: autocorrelation of the onset envelope, and the tempi it speaks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.analysis.onsets import OnsetEnvelope, without_drift
from engine.analysis.spectra import Float64Array

#: A tempo's comb: the multiples of its beat at which the onsets should repeat.
COMB_BEATS = np.array([1, 2, 3, 4, 6, 8, 12, 16], dtype=np.float64)
#: A lag is trusted while this share of the audio still overlaps itself.
LEAST_OVERLAP = 0.25
COARSE_STEP = 0.0025
FINE_STEP, FINE_REACH = 0.0005, 0.015
PEAKS_KEPT = 8
#: Other readings of the same pulse.
RATIOS = (1.0, 0.5, 2.0, 2 / 3, 1.5, 0.75, 4 / 3)
SAME_TEMPO = 0.008


@dataclass(frozen=True)
class Periodicity:
    """Normalised autocorrelation. correlation: (5, lags): the four bands, then their sum."""

    correlation: Float64Array
    rate_hz: float

    def at(self, lag_seconds: Float64Array) -> Float64Array:
        """Return (5, ...) at any lags, between hops by a straight line, 0 where unknown."""
        lags = lag_seconds * self.rate_hz
        hops = np.arange(self.correlation.shape[-1], dtype=np.float64)
        rows: list[Float64Array] = [
            np.interp(lags, hops, row, right=0.0) for row in self.correlation
        ]
        return np.stack(rows)

    def comb(self, bpm: Float64Array) -> Float64Array:
        """Return how well each tempo's beat explains the repetition, about -1 to 1."""
        lags = 60.0 / bpm[..., None] * COMB_BEATS
        known = lags * self.rate_hz <= (1.0 - LEAST_OVERLAP) * self.correlation.shape[-1]
        return (self.at(lags)[-1] * known).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)


def periodicity(envelope: OnsetEnvelope) -> Periodicity:
    """Correlate an envelope of plain (not circular) audio with itself at every lag."""
    bands = without_drift(envelope)
    x = np.concatenate((bands, bands.sum(axis=0, keepdims=True)))
    n = x.shape[-1]
    products = np.fft.irfft(np.abs(np.fft.rfft(x, 2 * n)) ** 2, 2 * n)[:, :n]
    # Energy of the two overlapping parts, so that long lags count as much as short ones.
    energy = np.pad(np.cumsum(x * x, axis=-1), ((0, 0), (1, 0)))
    whole = energy[:, -1:]
    head, tail = energy[:, :0:-1], whole - energy[:, :-1]
    return Periodicity(
        products / np.maximum(np.sqrt(head * np.maximum(tail, 0.0)), 0.1 * whole + 1e-12),
        envelope.rate_hz,
    )


def candidate_tempi(found: Periodicity, bpm_range: tuple[float, float]) -> Float64Array:
    """Return the tempi the comb speaks for, refined, with their halves, doubles and thirds."""
    low, high = bpm_range
    grid = np.exp(np.arange(np.log(low * 0.985), np.log(high * 1.015), COARSE_STEP))
    comb = found.comb(grid)
    inner = comb[1:-1]
    peaks = 1 + np.flatnonzero((inner > comb[:-2]) & (inner >= comb[2:]))
    best = grid[peaks[np.argsort(-comb[peaks])[:PEAKS_KEPT]]]
    readings = np.concatenate([best * ratio for ratio in RATIOS])
    readings = readings[(readings > low * 0.99) & (readings < high * 1.01)]
    refined = refine(found, readings)
    return _distinct(refined[(refined > low * 0.995) & (refined < high * 1.005)])


def refine(found: Periodicity, bpm: Float64Array) -> Float64Array:
    """Move each tempo to the top of its comb within 1.5 %, far finer than one hop.

    The long lags do it: 16 beats are 8 s at 120 bpm, where one 5 ms hop is 0.06 %.
    """
    offsets = np.arange(-FINE_REACH, FINE_REACH + FINE_STEP / 2, FINE_STEP)
    comb = found.comb(bpm[:, None] * (1.0 + offsets))
    top = np.clip(comb.argmax(axis=1), 1, offsets.size - 2)
    rows = np.arange(bpm.size)
    before, here, after = (comb[rows, top + k] for k in (-1, 0, 1))
    bend = np.minimum(before - 2.0 * here + after, -1e-9)
    shift = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    return bpm * (1.0 + offsets[top] + shift * FINE_STEP)


def _distinct(bpm: Float64Array) -> Float64Array:
    kept: list[float] = []
    for value in bpm:
        if all(abs(value / other - 1.0) > SAME_TEMPO for other in kept):
            kept.append(float(value))
    return np.array(kept)
