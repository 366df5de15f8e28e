"""Groove and adherence: what goes with the bars around it scores above what does not."""

from __future__ import annotations

import numpy as np
import pytest

from engine.analysis.adherence import BarGrid, measure_adherence
from engine.analysis.groove import bar_patterns, groove_likeness
from engine.audio import AudioClip, FrameSpan
from engine.key import Key

RATE, BAR = 22_050, 44_100
GRID = BarGrid(float(BAR), 0, 4)
THIRD = (FrameSpan(2 * BAR, 3 * BAR),)
USUAL = (0, 4, 6, 10, 12)


def _bar(steps: tuple[int, ...], hz: float = 220.0, level: float = 0.5) -> np.ndarray:
    """Return a bar with a plucked note on each of these sixteenths."""
    position = np.arange(BAR)
    bar = np.zeros(BAR)
    for step in steps:
        since = position - step * BAR // 16
        note = np.exp(-since / 2_000.0) * np.sin(2 * np.pi * hz * since / RATE)
        bar += np.where(since >= 0, note, 0.0)
    return level * bar


def _clip(third: np.ndarray) -> AudioClip:
    usual = _bar(USUAL)
    samples = np.concatenate([usual, usual, third, usual]).astype(np.float32)
    return AudioClip(np.stack([samples, samples]), RATE)


def test_a_bars_pattern_is_where_it_is_struck() -> None:
    clip = _clip(_bar((0, 3, 8)))
    rows = bar_patterns(clip, [0, BAR, 2 * BAR, 3 * BAR], BAR, 4)
    assert rows.shape == (4, 16)
    assert set(np.argsort(rows[0])[-5:]) == set(USUAL)
    assert set(np.argsort(rows[2])[-3:]) == {0, 3, 8}
    alike, unlike = groove_likeness(rows[0], rows[1]), groove_likeness(rows[1], rows[2])
    assert alike is not None
    assert unlike is not None
    assert alike > 0.95 > 0.6 > unlike


def test_there_is_no_groove_in_silence() -> None:
    assert groove_likeness(np.zeros(16), np.arange(16.0)) is None


def test_each_fault_costs_adherence() -> None:
    good = measure_adherence(_clip(_bar(USUAL)), THIRD, GRID)
    assert good is not None
    assert good > 0.95
    faults = (_bar((1, 3, 7, 9, 15)), _bar(USUAL, hz=233.08), _bar(USUAL, level=0.1), np.zeros(BAR))
    for fault in faults:
        worse = measure_adherence(_clip(fault), THIRD, GRID, Key(9, "minor"))
        assert worse is not None
        assert worse < good - 0.1


@pytest.mark.parametrize("spans", [(FrameSpan(0, 4 * BAR),), ()])
def test_where_nothing_is_kept_or_made_there_is_nothing_to_adhere_to(
    spans: tuple[FrameSpan, ...],
) -> None:
    assert measure_adherence(_clip(_bar(USUAL)), spans, GRID) is None


def test_without_a_tempo_level_and_key_still_count() -> None:
    grid = BarGrid(None, 0, 4)
    loud = measure_adherence(_clip(_bar(USUAL)), THIRD, grid)
    quiet = measure_adherence(_clip(_bar(USUAL, level=0.1)), THIRD, grid)
    assert loud is not None
    assert quiet is not None
    assert loud > quiet
