"""Captions: distinct, true, and as loose as what people type."""

from __future__ import annotations

import numpy as np

from engine.training.captions import FAMILY_WORDS, INSTRUMENT_WORDS, captions_for, misspelt
from engine.training.synth.facts import ItemFacts

BASS = ItemFacts(
    "loop", "bass", ("reese bass",), "drum and bass", 174.0, 4, 4, 9, "minor", "minor",
    ("dark", "dirty"), 0.0,
)  # fmt: skip
SHOT = ItemFacts("one_shot", "fx", ("laser",), None, None, None, 4, None, None, None, (), 0.0)


def many(facts: ItemFacts) -> list[str]:
    return [
        text for seed in range(100) for text in captions_for(facts, np.random.default_rng(seed))
    ]


def test_four_captions_differ() -> None:
    for facts in (BASS, SHOT):
        for seed in range(30):
            captions = captions_for(facts, np.random.default_rng(seed), seconds=0.5)
            assert len({text.lower() for text in captions}) == 4
            assert all(text.strip() == text and text for text in captions)


def test_the_sound_is_nearly_always_named() -> None:
    words = (*FAMILY_WORDS["bass"], *INSTRUMENT_WORDS["reese bass"])
    texts = many(BASS)
    named = sum(any(word.lower() in text.lower() for word in words) for text in texts)
    assert named > 0.9 * len(texts)


def test_tempo_and_key_are_told_about_half_of_the_time() -> None:
    texts = many(BASS)
    tempo = sum("174" in text for text in texts) / len(texts)
    key = sum(" A " in f" {text} " or " Am" in f" {text}" for text in texts) / len(texts)
    assert 0.35 < tempo < 0.65
    assert 0.35 < key < 0.65


def test_no_caption_tells_another_tempo() -> None:
    for text in many(BASS):
        numbers = [word for word in text.lower().replace("bpm", " ").split() if word.isdigit()]
        assert set(numbers) <= {"174", "4"}


def test_a_typo_changes_one_word() -> None:
    rng = np.random.default_rng(3)
    assert misspelt("dark reese 174bpm", rng) != "dark reese 174bpm"
    assert misspelt("a b c", rng) == "a b c"
