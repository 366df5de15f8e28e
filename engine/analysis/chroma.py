"""Pitch-class energy from spectral peaks, whatever the tuning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.analysis.spectra import Float64Array, magnitude_blocks, mono_mix
from engine.audio import AudioClip

LOWEST_HZ, BASS_TOP_HZ, HIGHEST_HZ = 32.0, 180.0, 2200.0
#: Long enough to tell semitones apart at 55 Hz.
WINDOW_SECONDS = 0.37
HOPS_PER_WINDOW = 4
#: Peaks 45 dB under the loudest of their window, or 75 dB under the clip's, are no notes.
PEAK_FLOOR = 10.0 ** (-45.0 / 20.0)
QUIET_WINDOW = 10.0 ** (-30.0 / 20.0)
TUNED_ABOVE_HZ = 100.0
#: A Hann peak's energy over that of its top bin.
HANN_SPREAD = 1.5

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Chroma:
    """Pitch-class levels, C first. full, bass (up to 180 Hz): float64 (windows, 12).

    peaky: the share of the energy that lies in spectral peaks, 0 to 1.
    tuning_cents: how far the notes lie from 440 Hz tuning, -50 to 50.
    """

    full: Float64Array
    bass: Float64Array
    peaky: float
    tuning_cents: float


@dataclass(frozen=True)
class _Peaks:
    """One row per peak. pitch: semitones above C0 at 440 Hz tuning; level: linear."""

    window: IntArray
    pitch: Float64Array
    level: Float64Array


def measure_chroma(clip: AudioClip, level_power: float) -> Chroma:
    """Fold the spectral peaks from 32 to 2200 Hz into pitch classes, each as level^power.

    2 gives energy; less than 1 lets quiet notes speak.
    """
    spectrum, bin_hz = _spectrum(clip)
    if spectrum.size == 0 or float(spectrum.max()) <= 0.0:
        return Chroma(np.zeros((0, 12)), np.zeros((0, 12)), 0.0, 0.0)
    peaks = _find_peaks(spectrum, bin_hz)
    tuning = _tuning(peaks)
    low = peaks.pitch < _pitch(np.float64(BASS_TOP_HZ))
    bass = _Peaks(peaks.window[low], peaks.pitch[low], peaks.level[low])
    windows = spectrum.shape[0]
    energy = float((spectrum[:, int(LOWEST_HZ / bin_hz) :] ** 2).sum())
    peaky = HANN_SPREAD * float((peaks.level**2).sum()) / max(energy, 1e-20)
    return Chroma(
        _fold(peaks, windows, tuning, level_power),
        _fold(bass, windows, tuning, level_power),
        min(1.0, peaky),
        100.0 * tuning,
    )


def _pitch(hz: Float64Array | np.float64) -> Float64Array:
    return 12.0 * np.log2(hz / 440.0) + 57.0


def _fold(peaks: _Peaks, windows: int, tuning: float, level_power: float) -> Float64Array:
    """Add each peak to its pitch class, less the further it lies off the note."""
    pitch = peaks.pitch - tuning
    nearest = np.round(pitch)
    weight = np.cos(np.pi * (pitch - nearest)) ** 2
    out = np.zeros((windows, 12))
    classes = nearest.astype(np.int64) % 12
    np.add.at(out, (peaks.window, classes), peaks.level**level_power * weight)
    return out


def _tuning(peaks: _Peaks) -> float:
    """Return the common offset from 440 Hz tuning in semitones, -0.5 to 0.5."""
    clear = peaks.pitch > _pitch(np.float64(TUNED_ABOVE_HZ))
    turn = complex(np.sum(peaks.level[clear] * np.exp(2j * np.pi * peaks.pitch[clear])))
    return float(np.angle(turn) / (2.0 * np.pi)) if abs(turn) > 0.0 else 0.0


def _spectrum(clip: AudioClip) -> tuple[Float64Array, float]:
    """Return magnitudes (windows, bins up to 2200 Hz) and the width of a bin in Hz."""
    mono = mono_mix(clip.samples)
    size = 1 << max(5, round(np.log2(WINDOW_SECONDS * clip.sample_rate)))
    bin_hz = clip.sample_rate / size
    top = min(size // 2, int(HIGHEST_HZ / bin_hz)) + 1
    if mono.size == 0:
        return np.zeros((0, top)), bin_hz
    padded = np.pad(mono, size // 2)
    starts = np.arange(0, mono.size + 1, size // HOPS_PER_WINDOW, dtype=np.int64)
    blocks = magnitude_blocks(padded, starts, size)
    return np.concatenate([block[:, :top] for block in blocks]), bin_hz


def _find_peaks(spectrum: Float64Array, bin_hz: float) -> _Peaks:
    """Find local maxima and place them between bins by a parabola through the log levels."""
    low = max(1, int(LOWEST_HZ / bin_hz))
    middle, left, right = spectrum[:, low:-1], spectrum[:, low - 1 : -2], spectrum[:, low + 1 :]
    loudest = np.maximum(spectrum.max(axis=1, keepdims=True), QUIET_WINDOW * spectrum.max())
    is_peak = (middle > left) & (middle >= right) & (middle > PEAK_FLOOR * loudest)
    window, at = np.nonzero(is_peak)
    here, before, after = (
        np.log(np.maximum(part[window, at], 1e-20)) for part in (middle, left, right)
    )
    bend = np.minimum(before - 2.0 * here + after, -1e-9)
    shift = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    level = np.exp(here - 0.25 * (before - after) * shift)
    return _Peaks(window, _pitch((at + low + shift) * bin_hz), level)
