"""Linear processing of loops in the frequency domain: circular by construction."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Audio = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

SAMPLE_RATE = 44100


@lru_cache(maxsize=16)
def frequencies(frames: int) -> Audio:
    """Bin frequencies in Hz of a real transform over `frames`."""
    return np.fft.rfftfreq(frames, 1.0 / SAMPLE_RATE).astype(np.float32)


def forward(audio: Audio) -> Spectrum:
    """Transform along the last axis."""
    return np.fft.rfft(audio).astype(np.complex64, copy=False)


def inverse(spectrum: Spectrum, frames: int) -> Audio:
    """Transform back to `frames` along the last axis."""
    return np.fft.irfft(spectrum, frames).astype(np.float32, copy=False)


def lowpass(freqs: Audio, cutoff_hz: float, q: float = 0.707) -> Spectrum:
    """Second-order low-pass response (causal phase). q: 0.5 soft .. 8 resonant."""
    ratio = freqs / np.float32(cutoff_hz)
    return (1.0 / (1.0 - ratio * ratio + 1j * ratio / np.float32(q))).astype(np.complex64)


def highpass(freqs: Audio, cutoff_hz: float, q: float = 0.707) -> Spectrum:
    """Second-order high-pass response (causal phase)."""
    ratio = freqs / np.float32(cutoff_hz)
    square = ratio * ratio
    return (-square / (1.0 - square + 1j * ratio / np.float32(q))).astype(np.complex64)


def bandpass(freqs: Audio, center_hz: float, q: float) -> Spectrum:
    """Second-order band-pass response with unit gain at its centre."""
    ratio = freqs / np.float32(center_hz)
    lean = 1j * ratio / np.float32(q)
    return (lean / (1.0 - ratio * ratio + lean)).astype(np.complex64)


def fast_frames(frames: int) -> int:
    """Round up to a length that transforms fast (2^n or 3 * 2^n)."""
    power = 1 << max(4, (frames - 1).bit_length())
    return power * 3 // 4 if power * 3 // 4 >= frames else power


def shaped_noise(frames: int, low_hz: float, high_hz: float, rng: Generator) -> Audio:
    """Noise between two frequencies (12 dB/octave at each edge), RMS near 1."""
    size = fast_frames(frames)
    freqs = frequencies(size)
    white = forward(rng.standard_normal(size, dtype=np.float32))
    response = highpass(freqs, max(10.0, low_hz)) * lowpass(freqs, min(21000.0, high_hz))
    noise = inverse((white * response).astype(np.complex64), size)[:frames]
    return noise / np.float32(np.sqrt(np.mean(noise * noise)) + 1e-9)


def fold(signal: Audio, frames: int) -> Audio:
    """Wrap a signal (channels, any) into `frames`, adding what reaches past the end."""
    turns = -(-signal.shape[-1] // frames)
    padded = np.zeros((*signal.shape[:-1], turns * frames), np.float32)
    padded[..., : signal.shape[-1]] = signal
    return padded.reshape(*signal.shape[:-1], turns, frames).sum(axis=-2)


def add_wrapped(target: Audio, signal: Audio, start: int) -> None:
    """Add a signal into a circular buffer at frame `start`, in place. Last axis is time."""
    frames = target.shape[-1]
    if signal.shape[-1] > frames:
        signal = fold(signal, frames)
    start %= frames
    head = min(signal.shape[-1], frames - start)
    target[..., start : start + head] += signal[..., :head]
    if head < signal.shape[-1]:
        target[..., : signal.shape[-1] - head] += signal[..., head:]
