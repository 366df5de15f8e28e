"""What a canvas keeps, and the same place of its other bars."""

from __future__ import annotations

import numpy as np
import pytest

from engine.audio import FrameSpan
from engine.diffusion.canvas import Canvas
from engine.diffusion.surroundings import Surroundings, Window
from engine.key import Key

RATE, BAR = 8_000, 1_000


def _around(canvas: Canvas, *spans: FrameSpan, bar: float | None = BAR) -> Surroundings:
    """A canvas of which each frame holds its own number."""
    numbers = (canvas.start + np.arange(canvas.frames)).astype(np.float32)
    return Surroundings(np.stack([numbers, numbers]), canvas, spans, bar, RATE)


def test_a_span_across_the_wrap_leaves_the_middle_kept() -> None:
    around = _around(Canvas(0, 4 * BAR, closes=True), FrameSpan(3_900, 4_100))
    assert np.flatnonzero(around.kept).tolist() == list(range(100, 3_900))


def test_a_canvas_that_begins_before_the_result_counts_from_its_own_start() -> None:
    around = _around(Canvas(-500, 2_000, closes=False), FrameSpan(0, 1_000))
    assert np.flatnonzero(~around.kept).tolist() == list(range(500, 1_500))


@pytest.mark.parametrize("closes", [True, False])
def test_the_same_place_of_each_other_bar_is_found(closes: bool) -> None:
    around = _around(Canvas(0, 4 * BAR, closes=closes), FrameSpan(2_250, 2_500))
    found = sorted(int(piece[0, 0]) for piece in around.same_places(FrameSpan(2_250, 2_500)))
    assert found == [250, 1_250, 3_250]
    assert all(p.shape == (2, 250) for p in around.same_places(FrameSpan(2_250, 2_500)))


def test_longer_spans_are_held_against_whole_bars() -> None:
    span = FrameSpan(1_500, 3_500)
    pieces = _around(Canvas(0, 4 * BAR, closes=True), span).same_places(span)
    assert [(int(piece[0, 0]), piece.shape[1]) for piece in pieces] == [(3_500, BAR), (500, BAR)]
    assert [piece[0, 500:].min() for piece in pieces] == [0.0, 1_000.0]


def test_without_a_tempo_or_another_bar_there_is_no_same_place() -> None:
    span = FrameSpan(0, 500)
    assert not _around(Canvas(0, 2_000, closes=True), span, bar=None).same_places(span)
    alone = _around(Canvas(0, BAR, closes=True), span)
    assert not alone.same_places(span)
    assert alone.all_kept()[0].shape == (2, 500)


def test_the_key_of_what_is_kept_is_heard() -> None:
    """Four bars of an A minor chord, the hole full of E flat: only the kept part counts."""
    position = np.arange(8 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * hz * position) for hz in (110.0, 220.0, 261.63, 329.63, 440.0))
    other = sum(np.sin(2 * np.pi * hz * position) for hz in (155.56, 195.998, 233.08, 311.13))
    heard = (0.1 * np.asarray(chord)).astype(np.float32)
    heard[: 5 * RATE] = 0.3 * np.asarray(other)[: 5 * RATE]
    canvas = Canvas(0, heard.size, closes=True)
    around = Surroundings(heard[None], canvas, (FrameSpan(0, 5 * RATE),), None, RATE)
    assert around.key(of_old_too=False) == Key(9, "minor")
    assert around.key(of_old_too=True) != Key(9, "minor")
    noise = np.random.default_rng(0).standard_normal((1, 8 * RATE)).astype(np.float32)
    assert Surroundings(noise, canvas, (), None, RATE).key(of_old_too=True) is None


@pytest.mark.parametrize("closes", [True, False])
def test_a_hole_is_like_the_bar_nearest_to_it(closes: bool) -> None:
    numbers = np.arange(4 * BAR, dtype=np.float32)
    window = Window(np.stack([numbers, numbers]), (FrameSpan(BAR, 2 * BAR + 500),), 2.0, closes)
    like = window.likeness(2.0 * BAR)
    assert np.array_equal(like[0, :BAR], numbers[:BAR])
    assert np.array_equal(like[0, BAR : 2 * BAR], numbers[:BAR])
    assert np.array_equal(like[0, 2 * BAR : 2 * BAR + 500], numbers[3 * BAR : 3 * BAR + 500])
    assert not window.likeness(None)[0, BAR : 2 * BAR + 500].any()


def test_a_continuation_is_like_the_last_bars_again_and_again() -> None:
    numbers = np.arange(5 * BAR, dtype=np.float32)
    window = Window(np.stack([numbers, numbers]), (FrameSpan(2 * BAR, 5 * BAR),), 1.0, False)
    like = window.likeness(float(BAR))[0]
    assert np.array_equal(like[2 * BAR : 4 * BAR], np.tile(numbers[BAR : 2 * BAR], 2)[: 2 * BAR])
    assert np.array_equal(like[4 * BAR :], numbers[BAR : 2 * BAR])
