"""Spans of frames, stretching one period, and fades."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio import (
    AudioClip,
    FrameSpan,
    equal_power_fade,
    merge_spans,
    resample,
    resample_circular,
)
from engine.errors import BadArgument

SPANS = st.builds(
    lambda start, frames: FrameSpan(start, start + frames), st.integers(0, 60), st.integers(1, 20)
)
#: float32 holds 24 bits; a handful of roundings.
ROUNDING = 8 * 2.0**-24


def _periodic(frames: int, partials: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Return a sum of `partials` harmonics of one period, peak at most 1, float32 (2, frames)."""
    generator = np.random.default_rng(seed)
    turns = (np.arange(frames)[None] / frames + shift)[..., None] * np.arange(1, partials + 1)
    levels = generator.uniform(-1, 1, (2, 1, partials)) / max(1, partials)
    phases = generator.uniform(0, 1, (2, 1, partials))
    return (levels * np.sin(2 * np.pi * (turns + phases))).sum(-1).astype(np.float32)


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (5, 5), (6, 5), (-1, 4)])
def test_an_empty_or_negative_span_is_refused(start: int, stop: int) -> None:
    with pytest.raises(BadArgument, match="is empty or negative"):
        FrameSpan(start, stop)


@given(SPANS, st.integers(1, 90))
def test_a_span_is_cut_at_the_end_of_the_file_or_refused(span: FrameSpan, frames: int) -> None:
    if span.start >= frames:
        with pytest.raises(BadArgument, match=f"the file has {frames} frames"):
            span.within(frames)
        return
    inside = span.within(frames)
    assert set(range(inside.start, inside.stop)) == set(range(span.start, span.stop)) & set(
        range(frames)
    )


@given(st.lists(SPANS))
def test_merged_spans_hold_the_same_frames_sorted_and_apart(spans: list[FrameSpan]) -> None:
    merged = merge_spans(tuple(spans))
    frames = [frame for span in merged for frame in range(span.start, span.stop)]
    assert frames == sorted({frame for span in spans for frame in range(span.start, span.stop)})
    assert all(a.stop < b.start for a, b in pairwise(merged))


@settings(max_examples=60)
@given(st.integers(64, 700), st.integers(64, 700), st.integers(0, 2**16))
def test_stretching_a_band_limited_period_is_exact(n: int, frames: int, seed: int) -> None:
    partials = (min(n, frames) - 1) // 2
    stretched = resample_circular(_periodic(n, partials, seed), frames)
    assert np.abs(stretched - _periodic(frames, partials, seed)).max() <= ROUNDING


@settings(max_examples=60)
@given(st.integers(2, 500), st.integers(0, 300), st.integers(0, 2**16))
def test_stretching_up_and_back_gives_every_sample_back(n: int, more: int, seed: int) -> None:
    """White noise: the Nyquist bin of an even period has to survive too."""
    noise = np.random.default_rng(seed).uniform(-1, 1, (2, n)).astype(np.float32)
    back = resample_circular(resample_circular(noise, n + more), n)
    assert np.abs(back - noise).max() <= ROUNDING * np.sqrt(n)


@given(st.integers(-50, 50))
def test_stretching_commutes_with_rotation(steps: int) -> None:
    """60 frames to 90: a turn by 2k frames becomes a turn by 3k."""
    noise = np.random.default_rng(7).uniform(-1, 1, (1, 60)).astype(np.float32)
    turned = resample_circular(np.roll(noise, 2 * steps, axis=1), 90)
    expected = np.roll(resample_circular(noise, 90), 3 * steps, axis=1)
    assert np.abs(turned - expected).max() <= ROUNDING


def test_resampling_to_the_same_rate_changes_nothing() -> None:
    samples = _periodic(300, 20, 3)
    assert resample(samples, 48_000, 48_000) is samples
    assert resample_circular(samples, 300) is samples


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000, 96_000, 192_000])
def test_a_tone_resampled_is_the_tone_at_the_new_rate(rate: int) -> None:
    seconds, hz = 0.25, 440.0
    tone = np.sin(2 * np.pi * hz * np.arange(int(44_100 * seconds)) / 44_100)[None]
    out = resample(tone.astype(np.float32), 44_100, rate)
    assert abs(out.shape[1] - rate * seconds) <= 1
    expected = np.sin(2 * np.pi * hz * np.arange(out.shape[1]) / rate)
    middle = slice(rate // 20, -rate // 20)
    # soxr VHQ: pass-band ripple under -100 dB, float32 in and out.
    assert np.abs(out[0, middle] - expected[middle]).max() <= 1e-5


@pytest.mark.parametrize("frames", [1, 2, 3, 441, 882])
def test_equal_power_fades_add_up_to_constant_power(frames: int) -> None:
    fade = equal_power_fade(frames)
    assert np.abs(fade**2 + fade[::-1] ** 2 - 1).max() <= 4 * 2.0**-24
    assert np.all(np.diff(fade) > 0)


def test_a_clip_says_its_own_sizes() -> None:
    clip = AudioClip(np.zeros((2, 22_050), np.float32), 44_100)
    assert (clip.channels, clip.frames, clip.seconds) == (2, 22_050, 0.5)
