"""The transport on a virtual clock: where the music is, was and will be."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadArgument
from engine.tempo import TimeSignature
from plugin_bridge.sync.internal import InternalClock
from plugin_bridge.sync.transport import Transport, phase_error_seconds

bpms = st.floats(20, 999)
beats = st.floats(-1e5, 1e5)
times = st.floats(0, 1e6)
meters = st.builds(TimeSignature, st.integers(1, 16))
#: A beat after a million seconds: what a float64 of that size rounds to, some steps on.
CLOSE = 1e-6


def transports(is_playing: bool = True) -> st.SearchStrategy[Transport]:
    return st.builds(
        Transport, st.just("internal"), st.just(is_playing), bpms, beats, times, meters
    )


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@given(transports(), st.floats(-600, 600))
def test_a_beat_and_its_time_belong_together(transport: Transport, later: float) -> None:
    seconds = transport.at_seconds + later
    beat = transport.beat_at(seconds)
    assert transport.seconds_of(beat) == pytest.approx(seconds, abs=CLOSE)
    assert transport.at(seconds).beat_at(seconds + 7.0) == pytest.approx(
        transport.beat_at(seconds + 7.0), abs=CLOSE
    )


@given(transports(), st.floats(-600, 600))
def test_the_next_bar_is_a_bar_line_less_than_a_bar_ahead(
    transport: Transport, later: float
) -> None:
    seconds = transport.at_seconds + later
    bar = transport.next_bar_seconds(seconds)
    assert bar is not None
    per_bar = transport.signature.beats_per_bar
    assert math.remainder(transport.beat_at(bar), per_bar) == pytest.approx(0, abs=CLOSE)
    assert -CLOSE <= bar - seconds < per_bar * 60 / transport.bpm + CLOSE


@given(transports(), st.integers(-1000, 1000))
def test_a_bar_line_that_was_computed_is_its_own_next_bar(transport: Transport, bar: int) -> None:
    line = transport.seconds_of(bar * transport.signature.beats_per_bar)
    assert line is not None
    again = transport.next_bar_seconds(line)
    assert again == pytest.approx(line, abs=CLOSE)


@given(transports(is_playing=False), st.floats(-600, 600))
def test_what_stands_stays(transport: Transport, later: float) -> None:
    assert transport.beat_at(transport.at_seconds + later) == transport.beat
    assert transport.seconds_of(transport.beat + 1) is None


@given(transports(), st.floats(-0.2, 0.2), st.integers(-20, 20))
def test_the_phase_error_is_how_late_someone_is(
    transport: Transport, late: float, bars: int
) -> None:
    at = transport.at_seconds + 3.0
    beat = transport.beat_at(at - late)
    assert phase_error_seconds(transport, beat, at) == pytest.approx(late, abs=CLOSE)
    period = 64.0
    elsewhere = beat + bars * period
    folded = phase_error_seconds(transport, elsewhere, at, period)
    half = period / 2 * 60 / transport.bpm
    assert abs(folded) <= half + CLOSE
    assert math.remainder(folded - late, 2 * half) == pytest.approx(0, abs=CLOSE)


def test_bars_and_beats_are_counted_from_1() -> None:
    transport = Transport("internal", True, 120.0, 9.5, 5.0, TimeSignature(3))
    assert transport.bar_and_beat(5.0) == (4, 1.5)
    assert transport.bar_and_beat(0.0) == (0, 3.5)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 100),
            st.one_of(
                st.tuples(st.just("bpm"), bpms),
                st.tuples(st.just("locate"), beats),
                st.just(("play", 0.0)),
                st.just(("stop", 0.0)),
            ),
        ),
        max_size=20,
    )
)
def test_the_internal_clock_is_the_sum_of_what_was_played(
    steps: list[tuple[float, tuple[str, float]]],
) -> None:
    clock = Clock()
    source = InternalClock(90.0, now=clock)
    beat, bpm, is_playing = 0.0, 90.0, False
    for seconds, (what, value) in steps:
        clock.seconds += seconds
        beat += seconds * bpm / 60 if is_playing else 0.0
        match what:
            case "bpm":
                source.set_bpm(value)
                bpm = value
            case "locate":
                source.locate(value)
                beat = value
            case "play":
                source.play()
                is_playing = True
            case _:
                source.stop()
                is_playing = False
    seen = source.transport()
    assert seen.beat_at(clock.seconds) == pytest.approx(beat, abs=CLOSE)
    assert (seen.bpm, seen.is_playing) == (bpm, is_playing)


@pytest.mark.parametrize("bpm", [0.0, -1.0, math.nan, math.inf, 1000.1])
def test_a_tempo_that_nobody_plays_is_refused(bpm: float) -> None:
    with pytest.raises(BadArgument, match="outside 1 to 1000 bpm"):
        InternalClock(bpm)
    with pytest.raises(BadArgument, match="outside 1 to 1000 bpm"):
        InternalClock().set_bpm(bpm)
