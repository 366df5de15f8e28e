"""Compositing: nothing outside the span changes, and no edge clicks."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio import FrameSpan
from engine.diffusion.channels import fit_channels, to_stereo
from engine.diffusion.compose import (
    FADE_SECONDS,
    Edges,
    crossfade,
    predict,
    put_into,
)
from engine.sample_format import NATIVE_TYPES, dequantise, quantise

RATE = 8_000
FRAMES = 1_200
FADE = round(FADE_SECONDS * RATE)
KINDS = st.sampled_from(["old", "predicted", "open"])


def _noise(channels: int, frames: int, seed: int, level: float = 0.5) -> np.ndarray:
    return (np.random.default_rng(seed).uniform(-level, level, (channels, frames))).astype(
        np.float32
    )


def _sine(hz: float, first: int, frames: int, rate: int, level: float = 0.5) -> np.ndarray:
    turns = hz * np.arange(first, first + frames) / rate
    return (level * np.sin(2 * np.pi * turns)).astype(np.float32)[None]


@settings(max_examples=150)
@given(
    start=st.integers(0, FRAMES - 1),
    frames=st.integers(1, FRAMES),
    channels=st.sampled_from([1, 2, 6]),
    subtype=st.sampled_from(list(NATIVE_TYPES)),
    edges=st.builds(Edges, KINDS, KINDS),
)
def test_nothing_outside_the_span_changes(
    start: int, frames: int, channels: int, subtype: str, edges: Edges
) -> None:
    """Spans that run past the last frame go on at the first."""
    native = quantise(_noise(channels, FRAMES, 1), subtype)
    if native.dtype == np.int32:
        native[:, ::7] |= 0x55  # bits that no float32 and no subtype holds
    before = native.copy()
    span = FrameSpan(start, start + frames)
    put_into(native, span, _noise(channels, frames, 2), RATE, subtype, edges)
    inside = np.arange(start, start + frames) % FRAMES
    outside = np.setdiff1d(np.arange(FRAMES), inside)
    assert native.dtype == before.dtype
    assert np.array_equal(native[:, outside], before[:, outside])
    assert frames < 8 or not np.array_equal(native[:, inside], before[:, inside])


@pytest.mark.parametrize("subtype", list(NATIVE_TYPES))
@pytest.mark.parametrize("kinds", ["old", "predicted", "open"])
def test_beyond_the_fades_the_span_is_what_was_generated(subtype: str, kinds: str) -> None:
    native = quantise(_noise(2, FRAMES, 1), subtype)
    made = _noise(2, 600, 2)
    put_into(native, FrameSpan(300, 900), made, RATE, subtype, Edges(kinds, kinds))
    fade = 0 if kinds == "open" else FADE
    inner = slice(fade, 600 - fade)
    assert np.array_equal(native[:, 300:900][:, inner], quantise(made, subtype)[:, inner])


def test_a_span_across_the_end_is_composited_like_any_other() -> None:
    """The same circle turned: an interior span and one over the wrap."""
    source, made, by = _noise(2, 4_000, 1), _noise(2, 500, 2), 2_200
    for kinds in ("old", "predicted"):
        inner, wrapped = source.copy(), np.roll(source, by, axis=1)
        put_into(inner, FrameSpan(1_500, 2_000), made, RATE, "FLOAT", Edges(kinds, kinds))
        put_into(wrapped, FrameSpan(3_700, 4_200), made, RATE, "FLOAT", Edges(kinds, kinds))
        apart = np.abs(np.roll(inner, by, axis=1) - wrapped).max()
        assert apart <= 8 * 2.0**-24, kinds  # sums in another order


def test_a_prediction_at_the_ends_comes_from_across_the_wrap() -> None:
    """Audio added behind a loop meets the loop's start as if that came next."""
    tone = _sine(200.0, 10, FRAMES, RATE)  # 30 whole cycles, the wrap at a crest
    for span in (FrameSpan(600, FRAMES), FrameSpan(0, 600)):
        native = tone.copy()
        native[:, span.start : span.stop] = 0
        put_into(native, span, np.zeros((1, 600), np.float32), RATE, "FLOAT",
                 Edges("predicted", "predicted"))  # fmt: skip
        steepest = np.abs(np.diff(tone)).max()
        assert np.abs(np.diff(native, append=native[:, :1])).max() <= 1.1 * steepest


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("kinds", ["old", "predicted"])
def test_a_coherent_sine_is_continued_without_a_jump(rate: int, kinds: str) -> None:
    """The second difference of A sin(wn) is at most A w^2; a jump of -60 dB would stand out."""
    hz, frames = 220.0, rate // 2
    native = _sine(hz, 0, frames, rate)
    span = FrameSpan(frames // 4, frames // 2)
    put_into(native, span, _sine(hz, span.start, span.frames, rate), rate, "FLOAT",
             Edges(kinds, kinds))  # fmt: skip
    smooth = 0.5 * (2 * np.pi * hz / rate) ** 2
    assert np.abs(np.diff(native, n=2)).max() <= smooth + 10 ** (-60 / 20)
    assert np.abs(native - _sine(hz, 0, frames, rate)).max() <= 10 ** (-40 / 20)


@pytest.mark.parametrize("kinds", ["old", "predicted"])
def test_unlike_audio_fades_without_a_click(kinds: str) -> None:
    """From one sine to a quite different one: never a steeper step than either has, plus the
    fade's own slope."""
    rate, native = 44_100, _sine(300.0, 0, 22_050, 44_100)
    span = FrameSpan(5_000, 15_000)
    put_into(native, span, _sine(517.0, 99, span.frames, rate), rate, "FLOAT", Edges(kinds, kinds))
    steepest = 0.5 * 2 * np.pi * 517 / rate
    fade_slope = 2 * 0.5 * np.pi / 2 / (FADE_SECONDS * rate)
    assert np.abs(np.diff(native)).max() <= np.sqrt(2) * steepest + fade_slope


@pytest.mark.parametrize(("rate", "hz"), [(8_000, 100.0), (44_100, 110.0), (44_100, 3_000.0),
                                          (192_000, 440.0)])  # fmt: skip
def test_a_sine_is_predicted(rate: int, hz: float) -> None:
    """To -30 dB of its level at the far end of the fade."""
    history = _sine(hz, 0, rate // 10, rate)
    ahead = predict(history, round(FADE_SECONDS * rate))
    expected = _sine(hz, rate // 10, ahead.shape[1], rate)
    assert np.abs(ahead - expected).max() <= 0.5 * 10 ** (-30 / 20)


@pytest.mark.parametrize("frames", [0, 1, 2, 5, 40])
def test_predictions_from_little_or_nothing_are_finite_and_bounded(frames: int) -> None:
    for history in (_noise(2, frames, 1), np.zeros((2, frames), np.float32)):
        ahead = predict(history, 100)
        assert ahead.shape == (2, 100)
        assert np.isfinite(ahead).all()
        assert np.abs(ahead).max() <= np.abs(history).max(initial=0.0)


@settings(max_examples=30)
@given(st.integers(1, 400), st.integers(0, 99))
def test_predictions_never_exceed_the_audio_they_come_from(frames: int, seed: int) -> None:
    history = np.cumsum(_noise(1, frames, seed, 0.02), axis=1)
    ahead = predict(history, 300)
    assert np.isfinite(ahead).all()
    assert np.abs(ahead).max() <= np.abs(history).max() * (1 + 2.0**-23)


def test_prediction_at_192_khz_takes_milliseconds() -> None:
    """19,200 frames of history: a full autocorrelation is 370 million products."""
    history = _noise(6, 19_200, 1)
    begun = time.process_time()
    predict(history, 3_840)
    assert time.process_time() - begun < 0.25


def test_a_fade_between_equal_audio_is_that_audio() -> None:
    same = _noise(2, 500, 1)
    assert np.abs(crossfade(same, same) - same).max() <= 4 * 2.0**-24


def test_a_fade_between_unlike_audio_has_constant_power() -> None:
    """Independent noise, many channels, 10 parts of the fade: each within 1 dB of the rest."""
    mixed = crossfade(_noise(400, 500, 1), _noise(400, 500, 2))
    power = np.square(mixed.reshape(400, 10, 50), dtype=np.float64).mean(axis=(0, 2))
    assert np.abs(10 * np.log10(power / (0.25 / 3))).max() <= 0.3


def test_a_fade_begins_at_the_old_and_ends_at_the_new() -> None:
    old, new = _noise(2, 2000, 1), _noise(2, 2000, 2)
    mixed = crossfade(old, new)
    edge = 0.5 * np.pi * 0.5 / 2000  # the other's share in the outermost frame
    assert np.abs(mixed[:, 0] - old[:, 0]).max() <= edge
    assert np.abs(mixed[:, -1] - new[:, -1]).max() <= edge


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
def test_channels_come_back_at_their_own_levels(channels: int) -> None:
    """Even channels left, odd ones right; where all of a side are alike, it is a round trip."""
    sides = _noise(2, 400, 1)
    source = sides[np.arange(channels) % 2]
    back = fit_channels(to_stereo(source), source, channels)
    assert back.shape == source.shape
    assert np.abs(back - source).max() <= 4 * 2.0**-24


def test_a_silent_channel_stays_silent() -> None:
    source = _noise(6, 400, 1)
    source[3] = 0
    made = fit_channels(_noise(2, 400, 2), source, 6)
    assert not made[3].any()
    assert all(made[c].any() for c in (0, 1, 2, 4, 5))


def test_native_samples_are_read_as_the_nearest_float32() -> None:
    native = np.random.default_rng(1).integers(-(2**31), 2**31, (2, 5000)).astype(np.int32)
    native[0, :4] = [-(2**31), 2**31 - 1, 1, -1]
    assert np.array_equal(dequantise(native), (native.astype(np.float64) / 2**31).astype("f4"))
