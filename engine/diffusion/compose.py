"""Put generated audio into a source: bit-exact outside the span, a fade just inside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.audio import FloatArray, FrameSpan
from engine.sample_format import dequantise, quantise
from engine.take_maker import NativeSamples

FADE_SECONDS = 0.02
PREDICTION_ORDER = 32
#: How much audio before an edge its linear prediction is fitted on.
PREDICTION_SECONDS = 0.1
#: What is left unpredicted under -120 dB is rounding: no more of it is fitted.
BURG_FLOOR = 1e-12

Float64Array = npt.NDArray[np.float64]
EdgeKind = Literal["old", "predicted", "open"]


@dataclass(frozen=True)
class Edges:
    """What meets the span on each side. `old` means that the fade starts from the audio that
    lay in the span; `predicted`, from a prediction of the audio next to it (across the wrap at
    the first and the last frame); `open` means nothing is there and no fade is needed."""

    left: EdgeKind = "old"
    right: EdgeKind = "old"


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
    what was there (or would have gone on there) to what was generated. A span past the last
    frame goes on at the first.
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
    made = quantise(mixed, subtype)
    before_wrap = min(span.frames, native.shape[1] - span.start)
    native[:, span.start : span.start + before_wrap] = made[:, :before_wrap]
    native[:, : span.frames - before_wrap] = made[:, before_wrap:]


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
        return dequantise(_around(native, span.start, span.start + fade))
    reach = _prediction_reach(native, span, sample_rate)
    start = span.start or native.shape[1]
    return predict(dequantise(native[:, max(0, start - reach) : start]), fade)


def _after_fade(
    native: NativeSamples, span: FrameSpan, fade: int, sample_rate: int, kind: str
) -> FloatArray:
    if kind == "old":
        return dequantise(_around(native, span.stop - fade, span.stop))
    reach = _prediction_reach(native, span, sample_rate)
    stop = span.stop % native.shape[1]
    following = dequantise(native[:, stop : stop + reach])
    return predict(following[:, ::-1], fade)[:, ::-1]


def _prediction_reach(native: NativeSamples, span: FrameSpan, sample_rate: int) -> int:
    """Return how many frames beside the span to predict from; never those inside it."""
    reach = max(PREDICTION_ORDER * 4, round(PREDICTION_SECONDS * sample_rate))
    return min(reach, native.shape[1] - span.frames)


def _around(native: NativeSamples, start: int, stop: int) -> NativeSamples:
    return native.take(np.arange(start, stop), axis=1, mode="wrap")


def predict(samples: FloatArray, frames: int) -> FloatArray:
    """Continue (channels, n) by linear prediction of order 32; never louder than it was."""
    return np.stack([_predict_channel(row.astype(np.float64), frames) for row in samples])


def _predict_channel(row: Float64Array, frames: int) -> FloatArray:
    from scipy.signal import lfilter  # slow to import, and a take made from text needs none

    error_filter = _burg(row, min(PREDICTION_ORDER, len(row) - 1))
    order = len(error_filter) - 1
    if order < 1:
        return np.zeros(frames, dtype=np.float32)
    weights = -error_filter[1:]
    state = np.array(
        [np.dot(weights[k:], row[-1 : -(order - k) - 1 : -1]) for k in range(order)],
        dtype=np.float64,
    )
    predicted, _ = lfilter([1.0], error_filter, np.zeros(frames), zi=state)
    limit = float(np.abs(row).max())
    return np.clip(predicted, -limit, limit).astype(np.float32)


def _burg(row: Float64Array, order: int) -> Float64Array:
    """Return the prediction error filter, 1 first (Burg 1975), the end of the row counting most.

    Always stable, and unlike the autocorrelation method it lets a steady tone ring on.
    """
    error_filter = np.ones(1)
    weight = np.hanning(2 * len(row) + 1)[1 : len(row) + 1]
    ahead, behind = row[1:], row[:-1]
    floor = BURG_FLOOR * float(np.dot(row, row))
    for _ in range(order):
        weighted = weight[-len(ahead) :]
        energy = float(np.dot(weighted, ahead * ahead + behind * behind))
        if energy <= floor:
            break
        reflection = -2.0 * float(np.dot(weighted, ahead * behind)) / energy
        padded = np.append(error_filter, 0.0)
        error_filter = padded + reflection * padded[::-1]
        ahead, behind = (ahead + reflection * behind)[1:], (behind + reflection * ahead)[:-1]
    return error_filter
