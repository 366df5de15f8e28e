"""The guess of a family: free phrases that name none get the one that a producer expects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import ModelProblem
from engine.family_guess import GUESS_FILE, FamilyGuess, load_guess, save_guess
from engine.prompt import PromptFields, parse_prompt
from engine.prompt_spelling import read_text
from engine.taxonomy import FAMILIES
from engine.text_encoder import TextEncoder
from engine.training.family_phrases import family_texts
from tests.engine.free_phrases import FREE_PHRASES, NO_FAMILY

#: Measured: 0.79 right and 0.07 wrong; the words alone gave 0.44 and 0.12.
LEAST_RIGHT, MOST_WRONG = 0.75, 0.1


@pytest.fixture(scope="module")
def families() -> dict[str, str | None]:
    """What each phrase is completed to."""
    text, guess = TextEncoder(), load_guess()
    phrases = [phrase for phrase, _ in FREE_PHRASES] + list(NO_FAMILY)
    pooled = text.encode([read_text(phrase).text.lower() for phrase in phrases]).pooled
    return {
        phrase: guess.completed(parse_prompt(phrase), vector).family
        for phrase, vector in zip(phrases, pooled, strict=True)
    }


def test_free_phrases_get_the_family_that_a_producer_expects(
    families: dict[str, str | None],
) -> None:
    found = [(families[phrase], wanted) for phrase, wanted in FREE_PHRASES]
    assert len(found) >= 60
    right = np.mean([family == wanted for family, wanted in found])
    wrong = np.mean([family not in (None, wanted) for family, wanted in found])
    assert right >= LEAST_RIGHT
    assert wrong <= MOST_WRONG
    by_words = np.mean([parse_prompt(phrase).family == wanted for phrase, wanted in FREE_PHRASES])
    assert right >= by_words + 0.3


def test_no_family_is_guessed_where_nothing_is_named(families: dict[str, str | None]) -> None:
    assert [phrase for phrase in NO_FAMILY if families[phrase] is not None] == []


def test_the_measured_phrases_are_not_the_ones_it_is_fitted_to() -> None:
    fitted = {text for text, _ in family_texts()}
    assert not fitted & {phrase for phrase, _ in FREE_PHRASES}
    assert not fitted & set(NO_FAMILY) - {"128", "dark", "hello", "4 bars"}


def _sure_of(family: str) -> FamilyGuess:
    bias = np.zeros(len(FAMILIES) + 1, np.float32)
    bias[FAMILIES.index(family)] = 10.0
    return FamilyGuess(np.zeros((384, len(bias)), np.float32), bias)


def test_a_word_that_names_a_family_is_never_overruled() -> None:
    pooled, guess = np.zeros(384, np.float32), _sure_of("drums")
    assert guess.completed(PromptFields(family="pad"), pooled).family == "pad"
    weak = PromptFields(family="pad", family_is_weak=True)
    assert guess.completed(weak, pooled).family == "drums"
    assert guess.completed(PromptFields(), pooled).family == "drums"


def test_a_damaged_or_missing_guess_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / GUESS_FILE
    with pytest.raises(ModelProblem, match="missing or damaged"):
        load_guess(path)
    path.write_bytes(b"no tensors")
    with pytest.raises(ModelProblem, match="missing or damaged"):
        load_guess(path)
    save_guess(FamilyGuess(np.zeros((3, 2), np.float32), np.zeros(2, np.float32)), path)
    with pytest.raises(ModelProblem, match="another version"):
        load_guess(path)
