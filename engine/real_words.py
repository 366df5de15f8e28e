"""Which words are English words: no spelling mistake, however near to one of ours."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import msgspec

from engine.prompt_words import REAL_WORDS
from engine.resources import resource_path


class _Model(msgspec.Struct):
    vocab: dict[str, int]


class _Tokenizer(msgspec.Struct):
    model: _Model


_ENDINGS = ("s", "es", "ed", "ing", "er", "ers", "est", "y", "ly", "ish", "ful", "less")


@cache
def _words() -> frozenset[str]:
    """The whole words among the text model's 30,522 pieces: the commonest of English."""
    path = resource_path("models", "text", "tokenizer.json")
    try:
        pieces = msgspec.json.decode(path.read_bytes(), type=_Tokenizer).model.vocab
    except (OSError, msgspec.MsgspecError):
        return REAL_WORDS  # the engine tells of a damaged file; reading a prompt goes on
    return REAL_WORDS | {piece for piece in pieces if piece.isalpha() and len(piece) > 2}


def is_real_word(word: str) -> bool:
    """Tell whether a lower-case word, or what it is inflected from, is common English."""
    return any(form in _words() for form in _stems(word))


def _stems(word: str) -> Iterator[str]:
    yield word
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if 3 <= len(stem) < len(word) and not word.endswith("ss"):
            yield stem
            yield f"{stem}e"
            if stem[-1] == stem[-2]:
                yield stem[:-1]
