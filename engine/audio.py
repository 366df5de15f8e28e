"""Audio values: clips, spans of frames, resampling and fades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import soxr  # pyright: ignore[reportMissingTypeStubs]

from engine.errors import BadArgument

FloatArray = npt.NDArray[np.float32]

MODEL_SAMPLE_RATE = 44_100


@dataclass(frozen=True)
class AudioClip:
    """Float audio beside its rate. samples: float32 (channels, frames), nominal +-1.0."""

    samples: FloatArray
    sample_rate: int

    @property
    def channels(self) -> int:
        return self.samples.shape[0]

    @property
    def frames(self) -> int:
        return self.samples.shape[1]

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


@dataclass(frozen=True, order=True)
class FrameSpan:
    """Audio frames [start, stop)."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise BadArgument(
                f"The span {self.start}-{self.stop} frames is empty or negative; "
                "give a start of at least 0 and an end after it."
            )

    @property
    def frames(self) -> int:
        return self.stop - self.start

    def within(self, frames: int) -> FrameSpan:
        """Return the part inside [0, frames). Raises BadArgument when nothing is left."""
        if self.start >= frames:
            raise BadArgument(
                f"The span starts at frame {self.start}, but the file has {frames} frames; "
                "give a start inside the file."
            )
        return FrameSpan(self.start, min(self.stop, frames))


def merge_spans(spans: tuple[FrameSpan, ...]) -> tuple[FrameSpan, ...]:
    """Return the spans sorted, with touching and overlapping ones joined."""
    merged: list[FrameSpan] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].stop:
            merged[-1] = FrameSpan(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return tuple(merged)


def resample(samples: FloatArray, from_rate: int, to_rate: int) -> FloatArray:
    """Resample (channels, frames) float32 with soxr VHQ; the same array when rates agree."""
    if from_rate == to_rate:
        return samples
    out = cast(
        "npt.NDArray[np.float32]",
        soxr.resample(samples.T, from_rate, to_rate, quality="VHQ"),  # pyright: ignore
    )
    return np.ascontiguousarray(out.T, dtype=np.float32)


def resample_circular(samples: FloatArray, frames: int) -> FloatArray:
    """Stretch one period (channels, n) to (channels, frames) by its Fourier series.

    Exact for a loop: the wrap point is an interior point like any other. Pitch moves by n/frames.
    """
    n = samples.shape[-1]
    if n == frames:
        return samples
    spectrum = np.fft.rfft(samples.astype(np.float64), axis=-1)
    bins = frames // 2 + 1
    resized = np.zeros((*samples.shape[:-1], bins), dtype=np.complex128)
    shared = min(bins, spectrum.shape[-1])
    resized[..., :shared] = spectrum[..., :shared]
    if min(n, frames) % 2 == 0:
        # The Nyquist bin of the shorter period stands for +f and -f together.
        resized[..., shared - 1] *= 0.5 if frames > n else 2.0
    out = np.fft.irfft(resized, frames, axis=-1) * (frames / n)
    return out.astype(np.float32)


def equal_power_fade(frames: int) -> FloatArray:
    """Return a fade-in on the quarter sine: its square and its reverse's square add up to 1."""
    x = (np.arange(frames, dtype=np.float64) + 0.5) / max(1, frames)
    return np.sin(0.5 * np.pi * x).astype(np.float32)
