"""Musical time: exact lengths, exact round trips, and limits that are said in one sentence."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadArgument
from engine.tempo import (
    BARS_RANGE,
    BEAT_UNITS,
    BEATS_PER_BAR_RANGE,
    Tempo,
    TimeSignature,
    check_bars,
    loop_frames,
)

MILLI_BPM = st.integers(40_000, 300_000)
BARS = st.integers(*BARS_RANGE)
METRES = st.builds(TimeSignature, st.integers(*BEATS_PER_BAR_RANGE), st.sampled_from(BEAT_UNITS))
SAMPLE_RATES = st.sampled_from((8_000, 22_050, 44_100, 48_000, 96_000, 192_000))


@given(MILLI_BPM, BARS, METRES, SAMPLE_RATES)
def test_loop_length_is_exact_for_every_tempo_bars_and_metre(
    milli_bpm: int, bars: int, signature: TimeSignature, sample_rate: int
) -> None:
    exact = Fraction(bars * signature.beats_per_bar * 60_000 * sample_rate, milli_bpm)
    frames = loop_frames(Tempo.of(milli_bpm / 1000), bars, signature, sample_rate)
    assert abs(frames - exact) <= Fraction(1, 2)
    assert frames == math.floor(exact + Fraction(1, 2))


def test_loop_length_is_exact_at_every_whole_thousandth_near_174_bpm() -> None:
    for milli_bpm in range(173_000, 175_001):
        exact = Fraction(16 * 60_000 * 44_100, milli_bpm)
        assert loop_frames(Tempo.of(f"{milli_bpm / 1000:.3f}"), 4, TimeSignature(), 44_100) == (
            math.floor(exact + Fraction(1, 2))
        )


@given(MILLI_BPM)
def test_a_tempo_is_the_same_as_float_text_and_fraction(milli_bpm: int) -> None:
    tempo = Tempo(Fraction(milli_bpm, 1000))
    assert Tempo.of(milli_bpm / 1000) == tempo
    assert Tempo.of(f"{milli_bpm / 1000:.3f}") == tempo
    assert Tempo.of(tempo.bpm) == tempo
    assert Tempo.of(float(tempo)) == tempo


@given(MILLI_BPM, st.integers(0, 4096), SAMPLE_RATES)
def test_beats_survive_the_way_through_frames_to_within_half_a_frame(
    milli_bpm: int, sixteenths: int, sample_rate: int
) -> None:
    tempo = Tempo.of(milli_bpm / 1000)
    beats = Fraction(sixteenths, 4)
    back = tempo.frames_to_beats(tempo.beats_to_frames(beats, sample_rate), sample_rate)
    half_a_frame = tempo.bpm / 60 / sample_rate / 2
    assert abs(back - beats) <= half_a_frame


@given(MILLI_BPM, st.integers(0, 10**9), SAMPLE_RATES)
def test_frames_survive_the_way_through_beats_exactly(
    milli_bpm: int, frames: int, sample_rate: int
) -> None:
    tempo = Tempo.of(milli_bpm / 1000)
    assert tempo.beats_to_frames(tempo.frames_to_beats(frames, sample_rate), sample_rate) == frames


@pytest.mark.parametrize("bpm", [40, 300, "40", "300.000", 40.0004, 299.9996, Fraction(300)])
def test_tempi_on_the_limits_are_taken(bpm: float | str | Fraction) -> None:
    assert Tempo.of(bpm).bpm in (40, 300)


@pytest.mark.parametrize(
    "bpm",
    [
        39.999,
        300.001,
        0,
        -3,
        9000,
        1e300,
        math.inf,
        math.nan,
        "",
        "fast",
        "12o",
        "120 bpm",
        "1/0",
        # Fraction would compute these to the last of a billion digits.
        "1e999999999",
        "1e-999999999",
        "-1e999999999",
        "9" * 5000,
    ],
)
@pytest.mark.timeout(5)
def test_other_tempi_are_refused_in_one_sentence(bpm: float | str) -> None:
    with pytest.raises(BadArgument) as refusal:
        Tempo.of(bpm)
    assert "tempo" in refusal.value.sentence
    assert "40 to 300 bpm" in refusal.value.sentence


@pytest.mark.parametrize(("beats", "unit"), [(0, 4), (17, 4), (-1, 4), (4, 3), (4, 0), (4, 32)])
def test_other_metres_are_refused(beats: int, unit: int) -> None:
    with pytest.raises(BadArgument):
        TimeSignature(beats, unit)


@pytest.mark.parametrize("bars", [-1, 0, 65, 10**9])
def test_other_numbers_of_bars_are_refused(bars: int) -> None:
    assert [check_bars(b) for b in BARS_RANGE] == list(BARS_RANGE)
    with pytest.raises(BadArgument, match="1 to 64 bars"):
        check_bars(bars)
