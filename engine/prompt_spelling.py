"""Bring a prompt into plain English words: signs, other languages, misspellings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from engine.prompt_foreign import FOREIGN_WORDS, LONGEST_FOREIGN_PHRASE, SIGN_WORDS
from engine.prompt_phrases import mended_word

_CHARACTERS = str.maketrans(
    {
        "♯": "#",
        "♭": "b",
        "’": "'",
        "‘": "'",
        "–": "-",
        "—": "-",
        "×": "x",
        "\r": "\n",
        "_": " ",
        "œ": "oe",
        "ß": "ss",
    }
)
_BLANKS = re.compile(r"[^\S\n]+")
_ACCENTS = re.compile("[\u0300-\u036f]")
_SIGNS = re.compile("|".join(sorted(map(re.escape, SIGN_WORDS), key=len, reverse=True)))
_WORD = re.compile(r"[^\W\d_]+")
_SOLFEGE = {"do": "C", "re": "D", "mi": "E", "fa": "F", "sol": "G", "la": "A", "si": "B"}
_SOLFEGE_KEY = re.compile(
    r"\b(?P<note>do|re|mi|fa|sol|la|si)(?P<shift> ?#| sostenido| diese| bemol)? "
    r"(?P<mode>menor|mayor|mineur|majeur)\b",
    re.IGNORECASE,
)
#: German names of notes: H is B, -is sharp, -es flat.
_GERMAN_KEY = re.compile(
    r"\b(?P<note>[cdefgah])(?P<shift>is|es|s)?[ -]?(?P<mode>moll|dur)\b", re.IGNORECASE
)


class Reading(NamedTuple):
    """A prompt in plain words. changes: what was written and what it was read as."""

    text: str
    changes: tuple[tuple[str, str], ...]


@lru_cache(maxsize=256)
def read_text(text: str) -> Reading:
    """Return the prompt with known foreign words, signs and misspellings replaced.

    Time is linear in the length; never raises. What is not known stays as it is.
    """
    plain = _BLANKS.sub(" ", _without_accents(text).translate(_CHARACTERS))
    changes: dict[str, str] = {}

    def sign(match: re.Match[str]) -> str:
        changes[match.group()] = SIGN_WORDS[match.group()]
        return f" {SIGN_WORDS[match.group()]} "

    plain = _BLANKS.sub(" ", _SIGNS.sub(sign, plain))
    plain = _GERMAN_KEY.sub(_from_german, _SOLFEGE_KEY.sub(_from_solfege, plain))
    return Reading(_in_english(plain, changes).strip(" "), tuple(changes.items()))


def _without_accents(text: str) -> str:
    """Compose odd forms ("３", "ｂｐｍ") and drop accents, but those of Japanese."""
    whole = unicodedata.normalize("NFKD", text.replace("½", " 1/2 "))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", whole))


def _from_solfege(match: re.Match[str]) -> str:
    shift = (match["shift"] or "").strip().lower()
    sign = {"": "", "#": "#", "sostenido": "#", "diese": "#", "bemol": "b"}[shift]
    mode = "minor" if match["mode"].lower() in ("menor", "mineur") else "major"
    return f"{_SOLFEGE[match['note'].lower()]}{sign} {mode}"


def _from_german(match: re.Match[str]) -> str:
    note, shift = match["note"].upper(), (match["shift"] or "").lower()
    sign = {"": "", "is": "#", "es": "b", "s": "b"}[shift]
    mode = "minor" if match["mode"].lower() == "moll" else "major"
    return f"{'B' if note == 'H' else note}{sign} {mode}"


def _in_english(text: str, changes: dict[str, str]) -> str:
    words = list(_WORD.finditer(text))
    parts: list[str] = []
    done = index = 0
    while index < len(words):
        count, english = _reading_of(text, words[index : index + LONGEST_FOREIGN_PHRASE])
        if english is not None:
            start, stop = words[index].start(), words[index + count - 1].end()
            changes[text[start:stop]] = english
            parts += (text[done:start], english)
            done = stop
        index += count
    return "".join((*parts, text[done:]))


def _reading_of(text: str, words: Sequence[re.Match[str]]) -> tuple[int, str | None]:
    """Return how many words are read as what; (1, None) where the first stays as it is."""
    for count in range(len(words), 0, -1):
        phrase = text[words[0].start() : words[count - 1].end()].lower()
        if phrase in FOREIGN_WORDS:
            return count, FOREIGN_WORDS[phrase]
    return 1, mended_word(words[0].group().lower())
