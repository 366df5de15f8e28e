"""When audio is stretched anew: for a tempo that stays, and no other."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.sync.tempo_watch import SETTLED_SECONDS, TempoWatch

OWN = Fraction(120)


def ratios(watch: TempoWatch, bpm: float, start: float, seconds: float = 1.0) -> list[Fraction]:
    """Return what is told while a tempo is seen ten times a second."""
    times = (start + step / 10 for step in range(round(seconds * 10)))
    return [ratio for now in times if (ratio := watch.ratio_for(bpm, OWN, now)) is not None]


@given(st.floats(45, 330))
def test_a_tempo_that_stays_is_told_once_and_its_own_not_at_all(bpm: float) -> None:
    told = ratios(TempoWatch(), bpm, 10.0)
    if abs(120 / bpm - 1) <= 4e-4:
        assert told == []
    elif abs(120 / bpm - 1) > 6e-4:
        assert [float(ratio) for ratio in told] == [pytest.approx(120 / bpm, abs=1e-6)]


def test_a_tempo_that_is_turned_is_waited_for() -> None:
    watch = TempoWatch()
    told = [watch.ratio_for(120.0 + step, OWN, 10.0 + step / 10) for step in range(1, 30)]
    assert told == [None] * 29
    assert ratios(watch, 149.0, 13.0) == [Fraction(round(120 / 149 * 10**6), 10**6)]


def test_its_own_tempo_again_is_its_own_length() -> None:
    watch = TempoWatch()
    assert len(ratios(watch, 100.0, 1.0)) == 1
    assert ratios(watch, 120.0, 3.0 + SETTLED_SECONDS) == [1]


def test_without_a_tempo_of_its_own_and_far_from_it_nothing_is_stretched() -> None:
    assert TempoWatch().ratio_for(100.0, None, 5.0) is None
    assert ratios(TempoWatch(), 20.0, 1.0) == []
