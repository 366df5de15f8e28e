"""Put generated audio into a source: bit-exact outside the span, a fade just inside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from engine.audio import FloatArray, FrameSpan
from engine.sample_format import dequantise, quantise
from engine.take_maker import NativeSamples

FADE_SECONDS = 0.02
LEVEL_LIMIT_DB = 3.0
PREDICTION_ORDER = 32
#: How much audio before an edge its linear prediction is fitted on.
PREDICTION_SECONDS = 0.1

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Edges:
    """What meets the span on each side. `old` means that the fade starts from the audio that
    lay in the span; otherwise from a prediction of the audio next to it; `open` means nothing
    is there and no fade is needed."""

    left: str = "old"
    right: str = "old"


def put_into(
    native: NativeSamples,
    span: FrameSpan,
    generated: FloatArray,
    sample_rate: int,
    subtype: str,
    edges: Edges | None = None,
) -> None:
    """Write generated (channels, span.frames) into native (channels, frames), in place.

    Nothing outside the span is touched. At both ends the first 20 ms inside the span fade from
    what was there (or would have gone on there) to what was generated.
    """
    edges = edges or Edges()
    mixed = generated.astype(np.float32, copy=True)
    fade = min(round(FADE_SECONDS * sample_rate), span.frames // 2)
    if fade > 0 and edges.left != "open":
        old = _before_fade(native, span, fade, sample_rate, edges.left)
        mixed[:, :fade] = crossfade(old, mixed[:, :fade])
    if fade > 0 and edges.right != "open":
        old = _after_fade(native, span, fade, sample_rate, edges.right)
        mixed[:, -fade:] = crossfade(old[:, ::-1], mixed[:, -fade:][:, ::-1])[:, ::-1]
    native[:, span.start : span.stop] = quantise(mixed, subtype)


def crossfade(old: FloatArray, new: FloatArray) -> FloatArray:
    """Fade from old to new (channels, frames) at constant power, given how alike they are.

    For gains a, b and correlation r the power is a^2 + b^2 + 2abr (Fink, Holters & Zolzer
    2016); the equal-power pair is divided by its root.
    """
    frames = old.shape[1]
    x = (np.arange(frames, dtype=np.float64) + 0.5) / frames
    fade_out, fade_in = np.cos(0.5 * np.pi * x), np.sin(0.5 * np.pi * x)
    energy = float(np.sqrt(np.square(old).sum() * np.square(new).sum()))
    alike = float((old * new).sum()) / energy if energy > 0 else 0.0
    level = np.sqrt(1.0 + 2.0 * max(0.0, alike) * fade_out * fade_in)
    return (old * (fade_out / level) + new * (fade_in / level)).astype(np.float32)


def _before_fade(
    native: NativeSamples, span: FrameSpan, fade: int, sample_rate: int, kind: str
) -> FloatArray:
    if kind == "old":
        return dequantise(native[:, span.start : span.start + fade])
    reach = max(PREDICTION_ORDER * 4, round(PREDICTION_SECONDS * sample_rate))
    return predict(dequantise(native[:, max(0, span.start - reach) : span.start]), fade)


def _after_fade(
    native: NativeSamples, span: FrameSpan, fade: int, sample_rate: int, kind: str
) -> FloatArray:
    if kind == "old":
        return dequantise(native[:, span.stop - fade : span.stop])
    reach = max(PREDICTION_ORDER * 4, round(PREDICTION_SECONDS * sample_rate))
    following = dequantise(native[:, span.stop : span.stop + reach])
    return predict(following[:, ::-1], fade)[:, ::-1]


def predict(samples: FloatArray, frames: int) -> FloatArray:
    """Continue (channels, n) by linear prediction (autocorrelation method, order 32)."""
    return np.stack([_predict_channel(row.astype(np.float64), frames) for row in samples])


def _predict_channel(row: Float64Array, frames: int) -> FloatArray:
    order = min(PREDICTION_ORDER, len(row) - 1)
    if order < 1 or not np.any(row):
        return np.zeros(frames, dtype=np.float32)
    windowed = row * np.hanning(2 * len(row) + 1)[1 : len(row) + 1]
    correlation = np.correlate(windowed, windowed, "full")[len(row) - 1 : len(row) + order]
    matrix = correlation[np.abs(np.subtract.outer(np.arange(order), np.arange(order)))]
    matrix[np.diag_indices(order)] *= 1.0 + 1e-9
    matrix[np.diag_indices(order)] += 1e-12
    weights = np.linalg.solve(matrix, correlation[1 : order + 1])
    denominator = np.concatenate([[1.0], -weights])
    state = np.array(
        [np.dot(weights[k:], row[-1 : -(order - k) - 1 : -1]) for k in range(order)],
        dtype=np.float64,
    )
    predicted, _ = lfilter([1.0], denominator, np.zeros(frames), zi=state)
    limit = float(np.abs(row).max())
    return np.clip(predicted, -limit, limit).astype(np.float32)


def level_gain(generated: FloatArray, context: FloatArray) -> float:
    """Return the gain that brings generated to the context's level, within +-3 dB.

    A predicted log spectrum is an average, and the average of a spectrum is quieter than the
    sound (MODEL.md); 1.0 when either is silent.
    """
    made, around = _rms(generated), _rms(context)
    if made < 1e-5 or around < 1e-5:
        return 1.0
    limit = 10 ** (LEVEL_LIMIT_DB / 20)
    return float(np.clip(around / made, 1 / limit, limit))


def _rms(samples: FloatArray) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean())) if samples.size else 0.0
