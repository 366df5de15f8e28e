"""What was understood of a prompt, in words: its facts, what they lost to, what was no word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.key import Key
from engine.prompt import PromptFields, parse_prompt
from engine.prompt_numbers import find_refused
from engine.prompt_spelling import read_text
from engine.request import GRAFTING_TASKS, GenerationRequest

_SHOWN_WORD = 24
_SHOWN_CHANGES = 4


@dataclass(frozen=True)
class Conflict:
    """A fact of the prompt that lost to a field of the request. field: as the request names it.

    said, used: in words, such as "90 bpm" and "120 bpm".
    """

    field: str
    said: str
    used: str


def conflicts(request: GenerationRequest) -> tuple[Conflict, ...]:
    """Return where the prompts of a complete request say something else than its fields."""
    found: dict[Conflict, None] = {}
    for prompt in (request.prompt, request.to_prompt):
        found.update(dict.fromkeys(_conflicts(request, parse_prompt(prompt))))
    return tuple(found)


def _conflicts(request: GenerationRequest, said: PromptFields) -> Iterator[Conflict]:
    if said.bpm and request.bpm and abs(said.bpm - request.bpm) > 1e-3:
        yield Conflict("bpm", _bpm(said.bpm), _bpm(request.bpm))
    if said.key and request.key and said.key != request.key:
        yield Conflict("key", said.key.name, request.key.name)
    if request.one_shot and (said.bars or said.one_shot is False):
        yield Conflict("one_shot", _length(said), "a one-shot")
    elif request.bars and (said.one_shot or said.seconds or said.bars not in (None, request.bars)):
        yield from _bars_conflict(request, said)
    elif request.seconds and (said.bars or said.seconds not in (None, request.seconds)):
        yield Conflict("seconds", _length(said), _seconds(request.seconds))


def _bars_conflict(request: GenerationRequest, said: PromptFields) -> Iterator[Conflict]:
    """A graft has its own length; only one that is added in bars can be another one."""
    if request.task not in GRAFTING_TASKS or said.bars:
        yield Conflict("bars", _length(said), _bars(request.bars or 0))


def understood(prompt: str, guessed_family: str | None = None) -> tuple[str, ...]:
    """Return the facts that a prompt says, in words; a family that was only guessed says so."""
    said = parse_prompt(prompt)
    family = f"{guessed_family} (guessed from the sense)" if guessed_family else said.family
    key = _key_in_words(said.key)
    length = "" if _says_no_length(said) else _length(said)
    tempo = "" if said.bpm is None else _bpm(said.bpm)
    return tuple(word for word in (family, said.style, key, tempo, length) if word)


def remarks(prompt: str) -> tuple[str, ...]:
    """Return a sentence on each word that was read as another one, or could not be used."""
    reading = read_text(prompt)
    changes = [
        f"“{_shortened(written)}” is read as “{word}”."
        for written, word in reading.changes[:_SHOWN_CHANGES]
        if written.lower() != word
    ]
    return (*changes, *find_refused(reading.text))


def _shortened(word: str) -> str:
    return word if len(word) <= _SHOWN_WORD else f"{word[:_SHOWN_WORD]}…"


def _says_no_length(said: PromptFields) -> bool:
    return said.bars is None and said.seconds is None and said.one_shot is None


def _length(said: PromptFields) -> str:
    if said.bars:
        return _bars(said.bars)
    what = "a loop" if said.one_shot is False else "a one-shot" if said.one_shot else ""
    seconds = _seconds(said.seconds) if said.seconds else ""
    return " of ".join(word for word in (what, seconds) if word)


def _bpm(bpm: float) -> str:
    return f"{bpm:g} bpm"


def _bars(bars: int) -> str:
    return f"{bars} bar{'' if bars == 1 else 's'}"


def _seconds(seconds: float) -> str:
    return f"{seconds:g} s"


def _key_in_words(key: Key | None) -> str:
    return "" if key is None else key.name
