"""Pitch-class energy from spectral peaks, whatever the tuning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft

from engine.analysis.onsets import Float64Array, mono_mix
from engine.audio import AudioClip

LOWEST_HZ, BASS_TOP_HZ, HIGHEST_HZ = 32.0, 180.0, 2200.0
WINDOW_SECONDS = 0.37
HOPS_PER_WINDOW = 4
#: Peaks this far under the loudest of their window are not heard as notes.
PEAK_FLOOR = 10.0 ** (-45.0 / 20.0)
#: A peak may be the n-th harmonic of a lower note: pitch class offset and share.
HARMONIC_SHARES = ((1, 1.0), (3, 0.25), (5, 0.12))


@dataclass(frozen=True)
class Chroma:
    """Pitch-class energy, C first. full, bass: (windows, 12); peaky: share of energy in peaks."""

    full: Float64Array
    bass: Float64Array
    peaky: float
    tuning_cents: float


@dataclass(frozen=True)
class _Peaks:
    """Spectral peaks: window index, pitch in semitones above C0 (440 Hz tuning), magnitude."""

    window: Float64Array
    pitch: Float64Array
    level: Float64Array


def measure_chroma(clip: AudioClip, power: float = 0.6) -> Chroma:
    spectrum, bin_hz = _spectrum(clip)
    if spectrum.size == 0 or float(spectrum.max()) <= 0.0:
        return Chroma(np.zeros((0, 12)), np.zeros((0, 12)), 0.0, 0.0)
    peaks = _find_peaks(spectrum, bin_hz)
    energy = float((spectrum[:, int(LOWEST_HZ / bin_hz) : int(HIGHEST_HZ / bin_hz) + 1] ** 2).sum())
    # A Hann peak's energy is 1.5 times its top bin's.
    peaky = min(1.0, 1.5 * float((peaks.level**2).sum()) / max(energy, 1e-20))
    tuning = _tuning(peaks)
    level = peaks.level**power
    n = spectrum.shape[0]
    pitch = peaks.pitch - tuning
    full = np.zeros((n, 12))
    for harmonic, share in HARMONIC_SHARES:
        _fold(full, peaks.window, pitch - 12.0 * np.log2(harmonic), level * share)
    bass = np.zeros((n, 12))
    low = peaks.pitch < _pitch(BASS_TOP_HZ)
    _fold(bass, peaks.window[low], pitch[low], level[low])
    return Chroma(full, bass, peaky, 100.0 * tuning)


def _pitch(hz: Float64Array | float) -> Float64Array:
    return 12.0 * np.log2(np.asarray(hz) / 440.0) + 57.0


def _fold(out: Float64Array, window: Float64Array, pitch: Float64Array, level: Float64Array) -> None:
    """Add each level to its nearest pitch class, less the further it is off the note."""
    nearest = np.round(pitch)
    weight = np.cos(np.pi * (pitch - nearest)) ** 2
    np.add.at(out, (window, nearest.astype(np.int64) % 12), level * weight)


def _tuning(peaks: _Peaks) -> float:
    """Return the offset from 440 Hz tuning in semitones, -0.5 to 0.5."""
    if peaks.pitch.size == 0:
        return 0.0
    clear = peaks.pitch > _pitch(100.0)
    turn = np.sum(peaks.level[clear] * np.exp(2j * np.pi * peaks.pitch[clear]))
    return float(np.angle(turn) / (2.0 * np.pi)) if abs(turn) > 0.0 else 0.0


def _spectrum(clip: AudioClip) -> tuple[Float64Array, float]:
    mono = mono_mix(clip.samples)
    size = 1 << max(5, round(np.log2(WINDOW_SECONDS * clip.sample_rate)))
    hop = size // HOPS_PER_WINDOW
    if mono.size == 0:
        return np.zeros((0, size // 2 + 1)), clip.sample_rate / size
    padded = np.pad(mono, (size // 2, size // 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    spectrum = np.abs(rfft(windows * np.hanning(size).astype(np.float32), axis=-1))
    top = int(HIGHEST_HZ * size / clip.sample_rate) + 3
    return spectrum[:, :top].astype(np.float64), clip.sample_rate / size


def _find_peaks(spectrum: Float64Array, bin_hz: float) -> _Peaks:
    low = max(1, int(LOWEST_HZ / bin_hz))
    middle, left, right = spectrum[:, low:-1], spectrum[:, low - 1 : -2], spectrum[:, low + 1 :]
    floor = PEAK_FLOOR * np.maximum(spectrum.max(axis=1, keepdims=True), 0.03 * spectrum.max())
    window, at = np.nonzero((middle > left) & (middle >= right) & (middle > floor))
    m, a, b = (np.log(np.maximum(x[window, at], 1e-20)) for x in (middle, left, right))
    shift = 0.5 * (a - b) / np.minimum(a - 2 * m + b, -1e-9)
    level = np.exp(m - 0.25 * (a - b) * shift)
    return _Peaks(window, _pitch((at + low + np.clip(shift, -0.5, 0.5)) * bin_hz), level)
