"""What was understood of a prompt, and what of it lost to a field, is said."""

from __future__ import annotations

from typing import Any

import pytest

from engine.audio import FrameSpan
from engine.key import Key
from engine.prompt_notes import Conflict, conflicts, remarks, understood
from engine.request import GenerationRequest, SourceReference, Task

SOURCE = SourceReference("/loop.wav", "0" * 64)


def request(prompt: str, **fields: Any) -> GenerationRequest:
    return GenerationRequest(**{"task": Task.GENERATE, "seed": 1, "prompt": prompt, **fields})


@pytest.mark.parametrize(
    ("prompt", "fields", "found"),
    [
        ("drums 90 bpm", {"bpm": 120.0}, [("bpm", "90 bpm", "120 bpm")]),
        ("drums 90 bpm", {"bpm": 90.0}, []),
        ("drums", {"bpm": 120.0, "bars": 4}, []),
        ("pad in Am", {"key": Key.parse("C minor")}, [("key", "A minor", "C minor")]),
        ("pad, 8 bars", {"bars": 4}, [("bars", "8 bars", "4 bars")]),
        ("pad, 1 bar", {"bars": 4}, [("bars", "1 bar", "4 bars")]),
        ("kick, 8 bars", {"one_shot": True}, [("one_shot", "8 bars", "a one-shot")]),
        ("kick loop", {"one_shot": True}, [("one_shot", "a loop", "a one-shot")]),
        ("one-shot kick", {"bars": 4}, [("bars", "a one-shot", "4 bars")]),
        ("riser, 4 s", {"seconds": 2.0}, [("seconds", "4 s", "2 s")]),
        ("one-shot riser, 4 s", {"seconds": 4.0, "one_shot": True}, []),
        ("90 bpm in Am, 8 bars", {"bpm": 100.0, "key": Key.parse("D"), "bars": 2}, [
            ("bpm", "90 bpm", "100 bpm"), ("key", "A minor", "D major"),
            ("bars", "8 bars", "2 bars"),
        ]),
    ],
)  # fmt: skip
def test_fields_win_over_the_prompt_and_it_is_told(
    prompt: str, fields: dict[str, Any], found: list[tuple[str, str, str]]
) -> None:
    assert conflicts(request(prompt, **fields)) == tuple(Conflict(*each) for each in found)


def test_both_prompts_of_a_morph_are_read() -> None:
    morph = request("pad 90 bpm", task=Task.MORPH, to_prompt="lead 140 bpm", bpm=90.0)
    assert conflicts(morph) == (Conflict("bpm", "140 bpm", "90 bpm"),)


def test_a_grafts_length_is_no_conflict_but_its_tempo_is() -> None:
    graft = request(
        "one-shot fill, 140 bpm", task=Task.INPAINT, source=SOURCE, spans=(FrameSpan(0, 9),),
        bpm=120.0,
    )  # fmt: skip
    assert conflicts(graft) == (Conflict("bpm", "140 bpm", "120 bpm"),)
    longer = request("4 bars more", task=Task.CONTINUE, source=SOURCE, bars=2)
    assert conflicts(longer) == (Conflict("bars", "4 bars", "2 bars"),)


@pytest.mark.parametrize(
    ("prompt", "guess", "words"),
    [
        ("dusty lo-fi drums, 84 bpm, 4 bars", None, ("drums", "lo-fi", "84 bpm", "4 bars")),
        ("pad in Bb minor", None, ("pad", "A# minor")),
        ("kick one-shot, 0.5 s", None, ("drums", "a one-shot of 0.5 s")),
        ("growl", "bass", ("bass (guessed from the sense)",)),
        ("rumble", "bass", ("bass (guessed from the sense)",)),
        ("", None, ()),
        ("flurble", None, ()),
    ],
)
def test_what_was_understood_is_said_in_words(
    prompt: str, guess: str | None, words: tuple[str, ...]
) -> None:
    assert understood(prompt, guess) == words


@pytest.mark.parametrize(
    ("prompt", "part"),
    [
        ("druns", "“druns” is read as “drums”"),
        ("Klavier", "“Klavier” is read as “piano”"),
        ("39 bpm", "39 bpm in the prompt is outside 40 to 300 bpm"),
        ("301 bpm", "301 bpm in the prompt is outside 40 to 300 bpm"),
        ("0 bars", "0 bars in the prompt is outside 1 to 64 bars"),
        ("65 bars", "65 bars in the prompt is outside 1 to 64 bars"),
        ("pad in H minor", "“H minor” in the prompt is no key"),
    ],
)
def test_what_is_read_otherwise_or_left_out_is_said(prompt: str, part: str) -> None:
    (sentence,) = remarks(prompt)
    assert part in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize("prompt", ["drums", "120 bpm, 4 bars, Am", "", "h", "😀", "I, minor"])
def test_plain_prompts_need_no_remark(prompt: str) -> None:
    assert remarks(prompt) == ()
