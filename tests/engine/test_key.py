"""Keys: every one is read in every spelling, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadArgument
from engine.key import NOTE_NAMES, Key

KEYS = [Key(root, mode) for root in range(12) for mode in ("major", "minor")]
FLATS = {"Db": 1, "Eb": 3, "Gb": 6, "Ab": 8, "Bb": 10, "Cb": 11, "Fb": 4}
MAJOR_NAMES = ("", " major", " Major", "maj", " maj", "-major", "M", " MAJOR")
MINOR_NAMES = (" minor", "m", "min", " min", " Minor", "-minor", " m", " MINOR")


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_key_reads_its_own_names_back(key: Key) -> None:
    assert Key.parse(key.name) == key
    assert Key.parse(key.file_name) == key
    assert Key.parse(f"  {key.name} ") == key


@pytest.mark.parametrize(("names", "mode"), [(MAJOR_NAMES, "major"), (MINOR_NAMES, "minor")])
def test_every_spelling_of_a_mode_is_read_on_every_note(names: tuple[str, ...], mode: str) -> None:
    roots = {**{name: root for root, name in enumerate(NOTE_NAMES)}, **FLATS}
    for note, root in roots.items():
        for spelling in names:
            key = Key.parse(note + spelling)
            assert (key.root, key.mode) == (root, mode), note + spelling


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("f♯ minor", "F# minor"),
        ("B♭", "A# major"),
        ("c sharp minor", "C# minor"),
        ("C-Sharp-Minor", "C# minor"),
        ("E flat", "D# major"),
        ("bb", "A# major"),
        ("b", "B major"),
        ("E#", "F major"),
        ("B#m", "C minor"),
    ],
)
def test_words_and_signs_for_accidentals_are_read(text: str, name: str) -> None:
    assert Key.parse(text).name == name


@pytest.mark.parametrize(
    "text",
    ["", " ", "H", "H minor", "A minr", "minor", "A m7", "C##", "A minor minor", "4", "ä", "A\0m"],
)
def test_what_is_no_key_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(BadArgument, match="is not a key; give a note from A to G"):
        Key.parse(text)


@pytest.mark.parametrize("root", [-1, 12])
def test_a_root_outside_the_octave_is_refused(root: int) -> None:
    with pytest.raises(BadArgument):
        Key(root, "major")


@given(st.sampled_from(KEYS), st.integers(-1000, 1000))
def test_transposing_there_and_back_changes_nothing(key: Key, semitones: int) -> None:
    assert key.transpose(semitones).transpose(-semitones) == key
    assert key.transpose(semitones + 12) == key.transpose(semitones)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_the_relative_key_has_the_same_seven_notes(key: Key) -> None:
    scales = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
    notes = {(key.root + step) % 12 for step in scales[key.mode]}
    other = key.relative
    assert notes == {(other.root + step) % 12 for step in scales[other.mode]}
    assert other.mode != key.mode
    assert other.relative == key
