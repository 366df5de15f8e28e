"""Find the phrases of the vocabulary in a prompt: longest match, typos, negations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from engine.prompt_words import (
    MISSPELLINGS,
    NEGATION_ENDERS,
    NEGATORS,
    SENSES,
    Sense,
)
from engine.real_words import is_real_word

#: A breaker ends a phrase: ", ; . : ! ? ( ) [ ] { } | /", a line's end, or a dash between blanks.
_TOKEN = re.compile(
    r"\bw/o\b|n['’]t\b|(?:808|909|303|707)(?=[a-z]{3})|[^\W_]+?(?=n['’]t\b)|[^\W_]+|[&+]"
    r"|[,;.:!?()\[\]{}|/\n]|(?<=\s)[-–—](?=\s)",
    re.IGNORECASE,
)
_JOINERS = {"&": "and", "+": "and", "plus": "and"}
_LONGEST_WORD = 24
#: Short words have many neighbours: below the second number only a lost, doubled or swapped
#: letter is forgiven, from it on a wrong one too; and never in a real word.
_SHORTEST_CORRECTED = 4
_SHORTEST_SUBSTITUTED = 5
_REACH_OF_NO = 2


class Token(NamedTuple):
    """A lower-case word or a breaker, and where it starts in the text."""

    text: str
    start: int
    is_breaker: bool


class Mention(NamedTuple):
    """A phrase found. first, stop: its tokens, [first, stop)."""

    sense: Sense
    first: int
    stop: int
    is_negated: bool


def tokenize(text: str) -> list[Token]:
    """Split into lower-case words and breakers. Hyphens inside words only part them."""
    return [_token(match) for match in _TOKEN.finditer(text)]


def _token(match: re.Match[str]) -> Token:
    text = match.group().lower()
    if text.startswith(("n't", "n’t")):
        text = "not"
    is_word = text[0].isalnum() or text in _JOINERS
    return Token(_JOINERS.get(text, text), match.start(), not is_word)


def find_mentions(tokens: Sequence[Token]) -> list[Mention]:
    """Find phrases from left to right, the longest at each place; mark what is negated."""
    words = [token.text if token.is_breaker else known_word(token.text) for token in tokens]
    mentions: list[Mention] = []
    negation = _Negation()
    index = 0
    while index < len(words):
        sense, count = _longest_match(words, index)
        if sense is None:
            negation.read(tokens[index])
        else:
            mentions.append(Mention(sense, index, index + count, negation.is_on))
            negation.read_mention(words[index + count : index + count + 1])
        index += count
    return mentions


def _longest_match(words: Sequence[str], index: int) -> tuple[Sense | None, int]:
    """Return the sense and token count of the longest phrase at `index`, or (None, 1)."""
    for count in range(min(_most_words(words[index]), len(words) - index), 0, -1):
        sense = SENSES.get(" ".join(words[index : index + count]))
        if sense is not None:
            return sense, count
    return None, 1


class _Negation:
    """Whether a "no" still reaches the word that comes next."""

    def __init__(self) -> None:
        self._reach = -1
        self._was_on = False

    @property
    def is_on(self) -> bool:
        return self._reach >= 0

    def read(self, token: Token) -> None:
        """Take in a word that is no phrase."""
        if token.text in NEGATORS:
            self._reach = _REACH_OF_NO
        elif token.is_breaker or token.text in NEGATION_ENDERS:
            self._reach = -1
        elif token.text not in ("or", "nor", "and"):
            self._reach -= 1

    def read_mention(self, next_word: Sequence[str]) -> None:
        """Take in a phrase; a "no" passes over "or", and over "and" to the very next word."""
        reach = {"or": _REACH_OF_NO, "nor": _REACH_OF_NO, "and": 0}
        self._reach = reach.get(next_word[0], -1) if self.is_on and next_word else -1


@cache
def _phrase_lengths() -> dict[str, int]:
    """Map each phrase's first word to the most words that a phrase with it has."""
    lengths: dict[str, int] = {}
    for phrase in SENSES:
        words = phrase.split()
        lengths[words[0]] = max(len(words), lengths.get(words[0], 0))
    return lengths


def _most_words(first: str) -> int:
    return _phrase_lengths().get(first, 0)


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(word for phrase in SENSES for word in phrase.split())


@lru_cache(maxsize=4096)
def known_word(word: str) -> str:
    """Return the vocabulary's form of a word (singular, typo mended), else the word."""
    vocabulary = _vocabulary()
    if word in vocabulary or word in NEGATORS or word in NEGATION_ENDERS:
        return word
    for form in _singulars(word):
        if form in vocabulary:
            return form
    return mended_word(word) or word


def mended_word(word: str) -> str | None:
    """Return the vocabulary's word that a lower-case word with one wrong letter stands for."""
    if word in MISSPELLINGS:
        return MISSPELLINGS[word]
    if not word.isalpha() or not _SHORTEST_CORRECTED <= len(word) <= _LONGEST_WORD:
        return None
    if word in _vocabulary() or any(form in _vocabulary() for form in _singulars(word)):
        return None
    found = _mended(word) or next(filter(None, map(_mended, _singulars(word))), None)
    return None if found is None or is_real_word(word) else found


def _singulars(word: str) -> Iterator[str]:
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
        if word.endswith("ies"):
            yield word[:-3] + "y"
        elif word.endswith("es"):
            yield word[:-2]


def _mended(word: str) -> str | None:
    """Return the vocabulary's word at a distance of one edit, if there is one."""
    if len(word) < _SHORTEST_CORRECTED:
        return None
    near = _spellings_with_a_letter_less()
    candidates = {
        known for form in (word, *_letter_less(word)) for known in near.get(form, ())
    }  # fmt: skip
    return min((known for known in candidates if _is_one_edit(word, known)), default=None)


@cache
def _spellings_with_a_letter_less() -> dict[str, tuple[str, ...]]:
    """Map each correctable word, whole and with one letter left out, to the words it may be."""
    near: dict[str, tuple[str, ...]] = {}
    for known in sorted(_vocabulary()):
        if len(known) >= _SHORTEST_CORRECTED and known.isalpha():
            for form in {known, *_letter_less(known)}:
                near[form] = (*near.get(form, ()), known)
    return near


def _letter_less(word: str) -> set[str]:
    return {word[:place] + word[place + 1 :] for place in range(len(word))}


def _is_one_edit(word: str, known: str) -> bool:
    """Tell whether one lost, doubled, swapped or (in long words) wrong letter parts them."""
    if len(word) != len(known):
        return word[0] == known[0]
    places = [place for place, pair in enumerate(zip(word, known, strict=True)) if len({*pair}) > 1]
    if len(places) == 1:
        return len(known) >= _SHORTEST_SUBSTITUTED and word[0] == known[0]
    first, last = places[0], places[-1]
    swapped = word[first] == known[last] and word[last] == known[first]
    return len(places) == 2 and last == first + 1 and swapped
