"""Another tempo at the same pitch: every beat where it belongs, and the loop still closed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from engine.audio import FloatArray
from engine.errors import BadArgument
from plugin_bridge.stretch import Bend
from plugin_bridge.stretch_client import StretchClient, StretchProblem
from plugin_bridge.sync.phase_lock import LIMIT_SECONDS
from tests.plugin_bridge.audio_scenarios import shared_blocks

RATE = 44_100
BPM = 112
BEAT = Fraction(60 * RATE, BPM)
BEATS = 8


def bursts() -> FloatArray:
    """Return two bars with a burst of noise on each beat."""
    rng = np.random.default_rng(7)
    samples = np.zeros((2, round(BEATS * BEAT)), np.float32)
    burst = rng.standard_normal(2000) * np.exp(-np.arange(2000) / 300) / 3
    for beat in range(BEATS):
        samples[:, round(beat * BEAT) : round(beat * BEAT) + 2000] += burst.astype(np.float32)
    return samples


def stretched(samples: FloatArray, *ratios: Fraction) -> list[FloatArray]:
    client = StretchClient()
    results: list[FloatArray] = []
    try:
        for ratio in ratios:
            block = client.stretch(samples, RATE, Bend(ratio, BEAT))
            view = np.ndarray((2, block.frames), np.float32, block.memory)
            results.append(view.copy())
            del view
            block.close()
    finally:
        client.close()
    assert shared_blocks() == set()
    return results


def found(samples: FloatArray, burst: FloatArray, near: int, reach: int = 600) -> int:
    """Return how many frames late a burst is."""
    around = samples[(near + np.arange(-reach, burst.size + reach)) % samples.size]
    return int(np.argmax(np.correlate(around, burst))) - reach


def test_every_beat_is_within_2_ms_of_its_place_and_the_length_is_exact() -> None:
    samples = bursts()
    ratios = [Fraction(9, 10), Fraction(112, 100)]
    for ratio, out in zip(ratios, stretched(samples, *ratios), strict=True):
        assert out.shape == (2, round(samples.shape[1] * ratio))
        places = [round(beat * BEAT * ratio) for beat in range(BEATS)]
        late = [found(out[0], samples[0, :1200], place) for place in places]
        assert max(map(abs, late)) < LIMIT_SECONDS * RATE, (ratio, late)


def test_the_pitch_stays_and_the_loop_closes_without_a_click() -> None:
    frames = round(BEATS * BEAT)
    hertz = 200 * RATE / frames  # whole periods
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(frames) / RATE)
    (out,) = stretched(np.stack([wave, wave]).astype(np.float32), Fraction(9, 10))
    again = np.concatenate([out[0], out[0]])
    spectrum = np.abs(np.fft.rfft(again * np.hanning(again.size)))
    assert np.argmax(spectrum) * RATE / again.size == pytest.approx(hertz, rel=0.005)
    bend = np.abs(np.diff(again.astype(np.float64), n=2))
    allowed = 0.5 * (2 * np.pi * hertz / RATE) ** 2
    assert bend.max() < allowed + 10 ** (-60 / 20)


def test_a_process_that_ends_is_told_and_the_next_order_has_a_new_one() -> None:
    client = StretchClient()
    try:
        with pytest.raises(StretchProblem) as caught:
            client.stretch(bursts(), 0, Bend(Fraction(1), BEAT))
        assert "stretched to the new tempo" in caught.value.sentence
        client.stretch(bursts()[:, :RATE], RATE, Bend(Fraction(1), BEAT)).close()
    finally:
        client.close()


def test_a_tempo_far_away_is_refused() -> None:
    with pytest.raises(BadArgument, match=r"0\.33 to 3 times"):
        Bend(Fraction(4), BEAT)
