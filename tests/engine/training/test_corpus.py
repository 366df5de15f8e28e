"""The corpus: exact lengths, determinism, seamless wraps, true facts, disjoint splits."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from engine import taxonomy
from engine.training.corpus import SAMPLE_RATE, CorpusItem, make_item
from engine.training.synth.drum_grids import FILLS, GRIDS
from engine.training.synth.phrases import BASS_LINES
from engine.training.synth.spectral import add_wrapped
from engine.training.synth.split import cell_index, draw_cell, in_split, pick

SEEDS = range(32)


@lru_cache(maxsize=1)
def sample() -> tuple[CorpusItem, ...]:
    return tuple(make_item(seed, "held_out" if seed % 4 == 3 else "train") for seed in SEEDS)


def test_loop_length_is_exact() -> None:
    timed = [item for item in sample() if item.facts.kind == "loop" and item.facts.bpm]
    assert len(timed) > 15
    for item in timed:
        facts = item.facts
        assert facts.bars in (1, 2, 4, 8)
        assert facts.bpm is not None
        assert 60 <= facts.bpm <= 181
        beats = facts.bars * facts.beats_per_bar
        assert item.audio.shape == (2, round(beats * 60 / facts.bpm * SAMPLE_RATE))
        assert item.audio.shape[1] <= 11.9 * SAMPLE_RATE


def test_audio_is_finite_audible_and_below_the_ceiling() -> None:
    for item in sample():
        assert item.audio.dtype == np.float32
        assert np.isfinite(item.audio).all()
        assert np.abs(item.audio).max() <= 0.9501
        assert np.sqrt(np.mean(item.audio**2)) > 0.02


def test_one_shots_last_0_2_to_4_seconds_and_end_in_silence() -> None:
    families = ("drums", "bass", "keys", "pad", "pluck", "lead", "stab", "fx")
    for seed, family in enumerate(families):
        item = make_item(seed, family=family, kind="one_shot")
        assert 0.19 * SAMPLE_RATE <= item.audio.shape[1] <= 4.0 * SAMPLE_RATE
        assert np.abs(item.audio[:, -8:]).max() < 0.02
        assert item.facts.bpm is None
        assert (item.facts.root is None) == (family in ("drums", "fx"))


@pytest.mark.parametrize("family", ["drums", "mix", "fx", "pad"])
def test_same_arguments_give_the_same_audio(family: str) -> None:
    first, second = (make_item(7, family=family) for _ in range(2))
    assert np.array_equal(first.audio, second.audio)
    assert (first.facts, first.captions) == (second.facts, second.captions)
    assert first.facts != make_item(8, family=family).facts


@pytest.mark.parametrize("family", [name for name in taxonomy.FAMILIES])
def test_the_wrap_is_no_larger_a_step_than_the_loop_has_elsewhere(family: str) -> None:
    for seed in range(2):
        audio = make_item(seed + 50, family=family, kind="loop").audio
        steps = np.abs(np.diff(audio, axis=1)).max()
        assert np.abs(audio[:, 0] - audio[:, -1]).max() <= steps


def test_a_tail_past_the_end_sounds_at_the_start() -> None:
    buffer = np.zeros((2, 100), np.float32)
    add_wrapped(buffer, np.ones((2, 30), np.float32), 90)
    assert buffer[0, :20].sum() == 20
    assert buffer[0, 20:90].sum() == 0
    assert buffer[0, 90:].sum() == 10


def test_facts_use_the_words_of_the_taxonomy() -> None:
    names = {name for table in taxonomy.INSTRUMENTS.values() for name in table} | {"drums"}
    for item in sample():
        facts = item.facts
        assert facts.family in taxonomy.FAMILIES
        assert facts.style is None or facts.style in taxonomy.STYLES
        assert set(facts.moods) <= set(taxonomy.MOODS)
        assert set(facts.instruments) <= names
        assert (facts.root is not None) == (facts.family in taxonomy.TONAL_FAMILIES)


def test_no_table_entry_and_no_cell_is_in_both_splits() -> None:
    for index in range(50):
        assert in_split(index, "train") != in_split(index, "held_out")
    rng = np.random.default_rng(1)
    cells = {
        split: {cell_index(draw_cell(split, "kit-808", rng), "kit-808") for _ in range(300)}
        for split in ("train", "held_out")
    }
    assert not cells["train"] & cells["held_out"]
    drawn = {pick(tuple(range(10)), "held_out", rng) for _ in range(40)}
    assert drawn == {4, 9}


def test_every_style_has_grids_and_bass_lines_of_whole_bars() -> None:
    assert set(GRIDS) == set(taxonomy.STYLES) == set(BASS_LINES)
    for grids in GRIDS.values():
        percussion = tuple(grid for _, grid in grids.perc)
        tables = (grids.kick, grids.back, grids.hat, grids.open, percussion)
        assert all(len(table) == 5 for table in tables)
        assert all(len(grid) in (16, 32) for table in tables for grid in table)
    assert all(len(line) == 16 for table in BASS_LINES.values() for line in table)
    assert all(len(marks) == 8 for fill in FILLS for _, marks in fill)


def test_unknown_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="family"):
        make_item(0, family="kazoo")
    with pytest.raises(ValueError, match="split"):
        make_item(0, "validation")
    with pytest.raises(ValueError, match="one-shots"):
        make_item(0, family="mix", kind="one_shot")
