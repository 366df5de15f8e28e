"""The ear: it learns what it is taught, hears crops alike, and is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from engine.models.graft.codec import LATENT_CHANNELS
from engine.taxonomy import FAMILIES
from engine.training.evaluation.by_ear import confusion_table
from engine.training.evaluation.ear import (
    EMBEDDING,
    EarNetwork,
    Lesson,
    ear_for,
    lesson_of,
    train_ear,
)


def lesson(seed: int, count: int) -> Lesson:
    """Return latents in which each family lies in a channel of its own."""
    rng = np.random.default_rng(seed)
    families = rng.integers(len(FAMILIES), size=count)
    latents: list[np.ndarray] = []
    for family in families:
        sound = rng.standard_normal((int(rng.integers(20, 60)), LATENT_CHANNELS))
        sound[:, 3 * family] += 4
        latents.append(sound.astype(np.float16))
    return Lesson(latents, families)


def test_the_ear_hears_what_it_was_taught_in_sounds_of_any_length() -> None:
    ear = train_ear(lesson(0, 200), steps=50, batch=16)
    unheard = lesson(1, 100)
    heard = ear.hear(unheard.latents)
    assert heard.embeddings.shape == (100, EMBEDDING)
    assert (heard.families == unheard.families).mean() > 0.9


def test_the_same_lesson_makes_the_same_ear() -> None:
    sounds = lesson(1, 4).latents
    first, again = (train_ear(lesson(0, 40), steps=3, batch=8).hear(sounds) for _ in range(2))
    assert np.allclose(first.embeddings, again.embeddings, atol=1e-4)


def test_a_trained_ear_is_read_again(tmp_path: Path) -> None:
    network = EarNetwork()
    save_file(network.state_dict(), tmp_path / "ear.safetensors")
    sounds = lesson(2, 5).latents
    kept = ear_for(tmp_path).hear(sounds).embeddings
    assert np.array_equal(kept, ear_for(tmp_path).hear(sounds).embeddings)


def test_without_shards_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="make some with"):
        lesson_of(tmp_path)


def test_the_confusions_stand_in_their_rows() -> None:
    true, heard = np.array([0, 0, 2]), np.array([0, 2, 2])
    lines = confusion_table(true, heard).splitlines()
    assert lines[2].split("|")[2:5] == [" 1 ", "  ", " 1 "]
    assert lines[4].split("|")[2:5] == ["  ", "  ", " 1 "]
