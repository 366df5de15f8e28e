"""The waveform overview never misses a peak and never invents one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio import FloatArray
from engine.errors import BadInputFile
from engine.peaks import build_peaks, decode_peaks, encode_peaks


def noise(channels: int, frames: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((channels, frames)).astype(np.float32)


def plain_columns(samples: FloatArray, start: int, stop: int, count: int) -> FloatArray:
    edges = [start + i * (stop - start) // count for i in range(count + 1)]
    parts = [samples[:, a : max(b, a + 1)] for a, b in pairwise(edges)]
    lows = np.stack([part.min(axis=1) for part in parts], axis=-1)
    return np.stack((lows, np.stack([part.max(axis=1) for part in parts], axis=-1)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_columns_are_the_exact_extremes_at_any_zoom(data: st.DataObject) -> None:
    frames = data.draw(st.integers(1, 6_000))
    samples = noise(data.draw(st.integers(1, 3)), frames, data.draw(st.integers(0, 9)))
    start = data.draw(st.integers(0, frames - 1))
    stop = data.draw(st.integers(start + 1, frames))
    count = data.draw(st.integers(1, 300))
    found = build_peaks(samples).columns(start, stop, count, samples)
    assert np.array_equal(found, plain_columns(samples, start, stop, count))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6_000), st.integers(1, 300))
def test_without_the_audio_columns_hold_at_least_the_extremes(frames: int, count: int) -> None:
    samples = noise(2, frames, 0)
    low, high = build_peaks(samples).columns(0, frames, count)
    exact_low, exact_high = plain_columns(samples, 0, frames, count)
    assert np.all(low <= exact_low)
    assert np.all(high >= exact_high)
    assert low.min() == samples.min()
    assert high.max() == samples.max()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3), st.integers(0, 6_000))
def test_bytes_come_back_as_the_same_pyramid(channels: int, frames: int) -> None:
    pyramid = build_peaks(noise(channels, frames, 1))
    back = decode_peaks(encode_peaks(pyramid))
    assert (back.frames, back.channels) == (frames, channels)
    assert len(back.levels) == len(pyramid.levels)
    assert all(np.array_equal(a, b) for a, b in zip(back.levels, pyramid.levels, strict=True))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_bytes_are_refused(data: st.DataObject) -> None:
    good = bytearray(encode_peaks(build_peaks(noise(2, 500, 2))))
    good[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadInputFile):
        decode_peaks(bytes(good))


@pytest.mark.parametrize("kept", [0, 5, 20, 100])
def test_truncated_bytes_are_refused(kept: int) -> None:
    with pytest.raises(BadInputFile):
        decode_peaks(encode_peaks(build_peaks(noise(1, 2_000, 3)))[:kept])


@pytest.mark.parametrize(
    ("start", "stop", "count"), [(0, 0, 5), (-1, 4, 5), (0, 101, 5), (0, 9, 0)]
)
def test_a_span_outside_the_audio_is_refused(start: int, stop: int, count: int) -> None:
    with pytest.raises(ValueError, match="span"):
        build_peaks(noise(1, 100, 4)).columns(start, stop, count)
