"""What key is heard, named from the asked one."""

from __future__ import annotations

import pytest

from engine.key import Key
from engine.training.evaluation.keys_heard import ANSWERS, answer

A_MINOR = Key.parse("A minor")


@pytest.mark.parametrize(
    ("heard", "name"),
    [
        ("A minor", "asked"),
        ("C major", "relative"),
        ("A major", "parallel"),
        ("E minor", "fifth above"),
        ("G major", "fifth above"),
        ("D minor", "fifth below"),
        ("F major", "fifth below"),
        ("Bb minor", "other"),
        ("B minor", "other"),
    ],
)
def test_a_heard_key_is_named_by_its_place_on_the_circle_of_fifths(heard: str, name: str) -> None:
    assert answer(A_MINOR, Key.parse(heard)) == name
    assert name in ANSWERS


def test_major_keys_are_named_alike() -> None:
    c_major = Key.parse("C major")
    assert answer(c_major, Key.parse("A minor")) == "relative"
    assert answer(c_major, Key.parse("C minor")) == "parallel"
    assert answer(c_major, Key.parse("E minor")) == "fifth above"
    assert answer(c_major, Key.parse("F major")) == "fifth below"


def test_no_key_is_named_too() -> None:
    assert answer(A_MINOR, None) == "none"
