"""Where sounds begin: a multi-band onset envelope and its reading on a grid of steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import (  # pyright: ignore[reportMissingTypeStubs]
    gaussian_filter1d,  # pyright: ignore[reportUnknownVariableType]
    uniform_filter1d,  # pyright: ignore[reportUnknownVariableType]
)

from engine.analysis.spectra import Float64Array, magnitude_blocks, mono_mix
from engine.audio import AudioClip, FloatArray

ENVELOPE_RATE_HZ = 200.0
WINDOW_SECONDS = 0.023
#: Edges of the four wide bands: kick and bass, body of snares and chords, crack, cymbals.
WIDE_BANDS_HZ = (25.0, 160.0, 900.0, 5000.0, 24_000.0)
NARROW_BANDS_PER_OCTAVE = 3
#: Log compression: full scale (the loudest bin) is 60 dB above the knee.
COMPRESSION = 1000.0
SMOOTHING_SECONDS = 0.008
DRIFT_SECONDS = 0.6
#: The envelope's peak comes this long before the sound, whose window it enters early (measured).
LEAD_SECONDS = 0.005


@dataclass(frozen=True)
class OnsetEnvelope:
    """Onset strength. bands: float64 (4, hops), low to high, >= 0; hop i is at i / rate_hz."""

    bands: Float64Array
    rate_hz: float

    @property
    def hops(self) -> int:
        return self.bands.shape[-1]

    @property
    def total(self) -> Float64Array:
        """Return the sum over the bands, (hops,)."""
        return self.bands.sum(axis=0)


def onset_envelope(clip: AudioClip, *, circular: bool = False) -> OnsetEnvelope:
    """Return the log-compressed spectral flux in four bands, about 200 values a second.

    Mono mix inside. circular: the clip is one period of a loop, else silence surrounds it.
    """
    hops = max(1, round(clip.seconds * ENVELOPE_RATE_HZ))
    rate_hz = hops / max(clip.seconds, 1e-9)
    mono = mono_mix(clip.samples)
    if mono.size == 0 or not mono.any():
        return OnsetEnvelope(np.zeros((len(WIDE_BANDS_HZ) - 1, hops)), rate_hz)
    # A whole number of hops per clip, so that a loop's envelope closes exactly too.
    centres = np.arange(hops) * mono.size // hops
    loudness = _compressed_bands(mono, clip.sample_rate, centres, circular)
    previous = np.roll(loudness, 1, axis=0)
    if not circular:
        previous[0] = 0.0
    flux = np.maximum(loudness - previous, 0.0)
    bands = _widen(flux, clip.sample_rate)
    edge = "wrap" if circular else "constant"
    smooth = gaussian_filter1d(bands, SMOOTHING_SECONDS * rate_hz, axis=-1, mode=edge)
    return OnsetEnvelope(np.asarray(smooth, dtype=np.float64), rate_hz)


def onset_pattern(clip: AudioClip, bars: int, steps_per_bar: int = 16) -> Float64Array:
    """Return the onset strength on each step of a loop of `bars` bars, largest value 1.

    Shape (bars * steps_per_bar,); each step is the strongest moment within half a step of it.
    """
    envelope = onset_envelope(clip, circular=True).total
    steps = bars * steps_per_bar
    if envelope.size == 0 or steps < 1:
        return np.zeros(max(0, steps))
    step_of_hop = np.round(np.arange(envelope.size) * steps / envelope.size).astype(np.int64)
    pattern = np.zeros(steps)
    np.maximum.at(pattern, step_of_hop % steps, envelope)
    return pattern / max(float(pattern.max()), 1e-12)


def without_drift(envelope: OnsetEnvelope) -> Float64Array:
    """Return (4, hops) with each band's average over 0.6 s taken away."""
    width = max(3, round(DRIFT_SECONDS * envelope.rate_hz))
    return envelope.bands - uniform_filter1d(envelope.bands, width, axis=-1, mode="nearest")


def _window_frames(sample_rate: int) -> int:
    return 1 << max(4, round(np.log2(WINDOW_SECONDS * sample_rate)))


def _compressed_bands(
    mono: FloatArray, sample_rate: int, centres: npt.NDArray[np.int64], circular: bool
) -> Float64Array:
    """Return log magnitudes (hops, narrow bands) of windows around each centre frame."""
    size = _window_frames(sample_rate)
    if circular:
        padded = np.resize(np.roll(mono, size // 2), mono.size + size)
    else:
        padded = np.pad(mono, size // 2)
    starts = np.round(_narrow_edges(sample_rate) * size / sample_rate).astype(np.int64)
    blocks = magnitude_blocks(padded, centres, size)
    sums = [np.add.reduceat(block[:, : starts[-1]], starts[:-1], axis=-1) for block in blocks]
    bands = np.concatenate(sums) / np.sqrt(np.diff(starts))
    return np.log1p(COMPRESSION * bands / max(float(bands.max()), 1e-12))


def _narrow_edges(sample_rate: int) -> Float64Array:
    """Return band edges in Hz, a third of an octave apart but never under one bin."""
    top = min(WIDE_BANDS_HZ[-1], 0.5 * sample_rate)
    bin_hz = sample_rate / _window_frames(sample_rate)
    count = int(np.log2(top / WIDE_BANDS_HZ[0]) * NARROW_BANDS_PER_OCTAVE) + 1
    edges = top * 2.0 ** (-np.arange(count)[::-1] / NARROW_BANDS_PER_OCTAVE)
    bins = np.unique(np.maximum(1, np.round(edges / bin_hz)))
    return bins * bin_hz


def _widen(flux: Float64Array, sample_rate: int) -> Float64Array:
    """Return the mean flux of the narrow bands inside each wide band, (4, hops)."""
    edges = _narrow_edges(sample_rate)
    centres = np.sqrt(edges[:-1] * edges[1:])
    wide = np.searchsorted(WIDE_BANDS_HZ, centres) - 1
    wide = np.clip(wide, 0, len(WIDE_BANDS_HZ) - 2)
    out = np.zeros((len(WIDE_BANDS_HZ) - 1, flux.shape[0]))
    for band in range(out.shape[0]):
        if np.any(wide == band):
            out[band] = flux[:, wide == band].mean(axis=-1)
    return out
