"""Bring what was generated to the level of what is around it, band by band.

A predicted log spectrum is an average, and the average of a log spectrum is quieter than the
sound (MODEL.md), most where the model is least sure: bass and cymbals by more than the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.audio import FloatArray

Float64Array = npt.NDArray[np.float64]

#: Edges of the bands: octaves. What is under the first belongs to the first.
BAND_EDGES_HZ = (90.0, 180.0, 355.0, 710.0, 1400.0, 2800.0, 5600.0, 11200.0)
BANDS = len(BAND_EDGES_HZ) + 1
#: How far a band may be moved, and how far all of them together where words ask for a sound of
#: its own.
BAND_LIMIT_DB = 12.0
WHOLE_LIMIT_DB = 6.0
#: Under -100 dB there is nothing to raise and nothing to follow.
SILENT_POWER = 1e-10
EDGE_SECONDS = 0.005
PEAK_LIMIT = 0.999
#: How long before and after a peak the limiter holds the level down.
LIMITER_SECONDS = 0.003
#: How much harder the limiter is driven to make up for what it takes.
DRIVE_LIMIT_DB = 6.0
DRIVES = 3


def band_gains(
    made: FloatArray, pieces: Sequence[FloatArray], sample_rate: int, *, as_a_whole: bool = False
) -> Float64Array:
    """Return the gain of each band that brings made (channels, n) among the pieces: (BANDS,).

    pieces: kept audio, each like the made part in length and place. A band between the quietest
    and the loudest piece stays as it is: between loud bars and a breakdown anything may come.
    as_a_whole: one gain for all bands, within 6 dB, so that a sound of its own keeps its colour.
    """
    if not pieces:
        return np.ones(BANDS)
    power = _band_powers(made, sample_rate)
    around = np.stack([_band_powers(piece, sample_rate) for piece in pieces])
    if as_a_whole:
        power, around = power.sum(keepdims=True), around.sum(axis=1, keepdims=True)
    lowest = np.sqrt(around.min(axis=0) * around.mean(axis=0))
    wanted = np.clip(power, lowest, around.max(axis=0))
    limit = 10 ** ((WHOLE_LIMIT_DB if as_a_whole else BAND_LIMIT_DB) / 20)
    gains = np.clip(np.sqrt(wanted / np.maximum(power, SILENT_POWER)), 1 / limit, limit)
    return np.broadcast_to(np.where(power < SILENT_POWER, 1.0, gains), (BANDS,)).copy()


def equalised(samples: FloatArray, gains: Float64Array, sample_rate: int) -> FloatArray:
    """Apply the gains of the bands to (channels, frames), one into the other, without delay."""
    if np.ptp(gains) < 1e-9:
        return samples * np.float32(gains[0])
    spectrum = np.fft.rfft(samples, axis=1)
    hertz = np.maximum(np.fft.rfftfreq(samples.shape[1], 1 / sample_rate), 1.0)
    edges = np.array(BAND_EDGES_HZ)
    centres = np.concatenate(([edges[0] / 2**0.5], edges * 2**0.5))
    curve = np.exp(np.interp(np.log(hertz), np.log(centres), np.log(gains)))
    return np.fft.irfft(spectrum * curve, samples.shape[1], axis=1).astype(np.float32)


def limited(samples: FloatArray, sample_rate: int) -> FloatArray:
    """Bring (channels, frames) under full scale and keep its level: peaks go, loudness stays.

    Recovered phases make higher peaks than the mix had that a limiter had seen; turning all of
    it down for one of them would leave a hole in the music.
    """
    if float(np.abs(samples).max(initial=0.0)) <= PEAK_LIMIT:
        return samples
    wanted, drive = _rms(samples), 1.0
    most = 10 ** (DRIVE_LIMIT_DB / 20)
    out = _without_peaks(samples, sample_rate)
    for _ in range(DRIVES):
        drive = min(most, drive * wanted / max(_rms(out), 1e-9))
        out = _without_peaks(samples * np.float32(drive), sample_rate)
    return out


def _without_peaks(samples: FloatArray, sample_rate: int) -> FloatArray:
    """Turn down what stands over full scale, ahead of it and after it, all channels alike."""
    from scipy.ndimage import (  # slow to import  # pyright: ignore[reportMissingTypeStubs]
        convolve1d,  # pyright: ignore[reportUnknownVariableType]
        maximum_filter1d,  # pyright: ignore[reportUnknownVariableType]
    )

    reach = max(1, round(LIMITER_SECONDS * sample_rate))
    over = np.maximum(np.abs(samples).max(axis=0).astype(np.float64) / PEAK_LIMIT, 1.0)
    held = 1.0 / maximum_filter1d(over, 2 * reach + 1)
    window = np.hanning(2 * reach + 3)[1:-1]
    gain = convolve1d(held, window / window.sum(), mode="nearest")
    return (samples * np.minimum(gain, 1.0 / over)).astype(np.float32)


def _rms(samples: FloatArray) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean()))


def _band_powers(samples: FloatArray, sample_rate: int) -> Float64Array:
    """Return the mean square in each band, all channels together."""
    frames = samples.shape[1]
    if frames == 0:
        return np.zeros(BANDS)
    edge = min(round(EDGE_SECONDS * sample_rate), frames // 2)
    faded = samples.astype(np.float64)
    if edge:
        ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
        faded[:, :edge] *= ramp
        faded[:, frames - edge :] *= ramp[::-1]
    power = np.square(np.abs(np.fft.rfft(faded, axis=1))).mean(axis=0)
    hertz = np.fft.rfftfreq(frames, 1 / sample_rate)
    band = np.searchsorted(BAND_EDGES_HZ, hertz, side="right")
    return np.bincount(band, power, BANDS)[:BANDS] * 2 / frames**2
