"""Read a prompt's exact facts: tempo, key, length, metre, family and style."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from engine.key import Key
from engine.prompt_numbers import (
    as_bpm,
    find_bars,
    find_beats_per_bar,
    find_bpm,
    find_key,
    find_seconds,
)
from engine.prompt_phrases import Mention, Token, find_mentions, tokenize
from engine.prompt_spelling import read_text
from engine.request import GenerationRequest
from engine.tempo import COMMON_TIME

#: Words that leave two instruments one compound: "bell-like lead", "808-style kick".
_COMPOUND_WORDS = frozenset(("style", "styled", "type", "like", "ish", "driven", "led", "based"))
#: Words before an instrument that is only the surroundings: "a pad to go under the drums".
_CONTEXT_WORDS = frozenset(
    ("over", "under", "for", "behind", "beneath", "above", "against", "like", "between", "after")
)
_UNITS = frozenset(
    ("hz", "khz", "k", "db", "ms", "s", "sec", "seconds", "beats", "steps", "bit", "cents")
)
_ADDING_WORDS = frozenset(("with", "plus", "featuring"))
_CONTEXT_REACH = 3
_LINK_REACH = 4


@dataclass(frozen=True)
class PromptFields:
    """What a prompt says in so many words; None = not said.

    Never both `bars` and `seconds`, nor `bars` and `one_shot`: the first one said wins.
    one_shot: False = a loop is asked for. family, style: of engine.taxonomy.
    family_is_weak: the family's word only describes, as "rumble" and "chords" do.
    """

    bpm: float | None = None
    key: Key | None = None
    bars: int | None = None
    seconds: float | None = None
    one_shot: bool | None = None
    family: str | None = None
    style: str | None = None
    beats_per_bar: int | None = None
    family_is_weak: bool = False


def parse_prompt(text: str) -> PromptFields:
    """Read the fields of a prompt in time linear in its length; never raises."""
    text = read_text(text).text
    tokens = tokenize(text)
    mentions = find_mentions(tokens)
    said = [mention for mention in mentions if not mention.is_negated]
    bpm, key = find_bpm(text), find_key(text)
    family = _family(tokens, said)
    weak = [one.sense.is_weak for one in said if one.sense.family is not None]
    return PromptFields(
        bpm=_implied_bpm(tokens, said) if bpm is None else bpm.value,
        key=None if key is None else key.key,
        family=family,
        family_is_weak=family is not None and all(weak),
        style=_style(tokens, said),
        beats_per_bar=find_beats_per_bar(text),
        **_length(text, tokens, said)._asdict(),
    )


def resolve_fields(request: GenerationRequest) -> PromptFields:
    """Read the request's prompt; what the request itself says wins."""
    said = parse_prompt(request.prompt)
    if request.bars is not None:
        said = replace(said, bars=request.bars, seconds=None, one_shot=False)
    if request.seconds is not None:
        said = replace(said, seconds=request.seconds, bars=None)
    if request.one_shot:
        said = replace(said, one_shot=True, bars=None)
    metre = request.signature.beats_per_bar
    return replace(
        said,
        bpm=said.bpm if request.bpm is None else request.bpm,
        key=said.key if request.key is None else request.key,
        beats_per_bar=said.beats_per_bar if request.signature == COMMON_TIME else metre,
    )


class _Group(NamedTuple):
    """Mentions that name one thing together: "organ bass". The last one is what it is."""

    opening: Mention
    head: Mention


def _groups(tokens: Sequence[Token], mentions: Iterable[Mention]) -> list[_Group]:
    groups: list[_Group] = []
    for mention in mentions:
        between = tokens[groups[-1].head.stop : mention.first] if groups else ()
        if groups and all(token.text in _COMPOUND_WORDS for token in between):
            groups[-1] = groups[-1]._replace(head=mention)
        else:
            groups.append(_Group(mention, mention))
    return groups


def _family(tokens: Sequence[Token], said: Sequence[Mention]) -> str | None:
    """Return the family of the first thing named, or "mix" for several at once."""
    named = [mention for mention in said if mention.sense.family is not None]
    groups = _groups(tokens, (mention for mention in named if not mention.sense.is_weak))
    groups = [one for one in groups if not _comes_after(tokens, one, _CONTEXT_WORDS)] or groups
    if not groups:
        return named[0].sense.family if named else None
    families = {group.head.sense.family for group in groups}
    if len(families) >= 3 or _are_linked(tokens, groups):
        return "mix"
    between = tokens[named[0].stop : groups[0].opening.first]
    if named[0].sense.is_weak and any(token.text in _ADDING_WORDS for token in between):
        return named[0].sense.family  # "chords with vinyl crackle"
    return groups[0].head.sense.family


def _comes_after(tokens: Sequence[Token], group: _Group, words: frozenset[str]) -> bool:
    """Tell whether one of `words` stands close before the group, in the same phrase."""
    first = group.opening.first
    for token in reversed(tokens[max(0, first - _CONTEXT_REACH) : first]):
        if token.is_breaker:
            return False
        if token.text in words:
            return True
    return False


def _are_linked(tokens: Sequence[Token], groups: Sequence[_Group]) -> bool:
    """Tell whether the first two things are joined: "kick and bass"."""
    if len(groups) < 2 or groups[0].head.sense.family == groups[1].head.sense.family:
        return False
    between = tokens[groups[0].head.stop : groups[1].opening.first]
    is_phrase = len(between) <= _LINK_REACH and not any(token.is_breaker for token in between)
    return is_phrase and any(token.text == "and" for token in between)


def _style(tokens: Sequence[Token], said: Sequence[Mention]) -> str | None:
    named = [mention for mention in said if mention.sense.style is not None]
    strong = (one for one in named if not one.sense.is_weak and one.sense.family is None)
    groups = _groups(tokens, strong)
    if groups:
        return groups[0].head.sense.style
    return named[0].sense.style if named else None


class _Length(NamedTuple):
    bars: int | None
    seconds: float | None
    one_shot: bool | None


def _length(text: str, tokens: Sequence[Token], said: Sequence[Mention]) -> _Length:
    """Return the length; bars rule out seconds and one-shots, and whichever is first stays."""
    bars, seconds = find_bars(text), find_seconds(text)
    shape = _shape(tokens, said)
    one_shot = None if shape is None else shape.sense.one_shot
    rivals = [math.inf if seconds is None else seconds.start]
    if shape is not None and one_shot:
        rivals.append(tokens[shape.first].start)
    if bars is not None and bars.start < min(rivals):
        return _Length(int(bars.value), None, False if one_shot is False else None)
    return _Length(None, None if seconds is None else seconds.value, one_shot)


def _shape(tokens: Sequence[Token], said: Sequence[Mention]) -> Mention | None:
    """Return the first mention of a one-shot or a loop; "hit" counts after an instrument."""
    named = [mention for mention in said if mention.sense.one_shot is not None]
    strong = (mention for mention in named if not mention.sense.is_weak)
    after_instrument = {mention.stop for mention in said if mention.sense.family is not None}
    weak = (mention for mention in named if mention.first in after_instrument)
    return next(strong, None) or next(weak, None)


def _implied_bpm(tokens: Sequence[Token], said: Sequence[Mention]) -> float | None:
    """Return a bare number that can only be a tempo: "techno 128", "bassline 128", ", 128,"."""
    styles = [mention for mention in said if mention.sense.style is not None]
    beside = {mention.stop for mention in styles} | {mention.first - 1 for mention in styles}
    after = {mention.stop for mention in said}
    for index, token in enumerate(tokens):
        bpm = as_bpm(token.text)
        is_placed = index in beside or (
            _ends_phrase(tokens, index) and (index in after or _opens_phrase(tokens, index))
        )
        if bpm is not None and is_placed and not _has_unit(tokens, index):
            return bpm
    return None


def _has_unit(tokens: Sequence[Token], index: int) -> bool:
    return any(token.text in _UNITS for token in tokens[index + 1 : index + 2])


def _opens_phrase(tokens: Sequence[Token], index: int) -> bool:
    return index == 0 or _parts_phrases(tokens[index - 1])


def _ends_phrase(tokens: Sequence[Token], index: int) -> bool:
    return index == len(tokens) - 1 or _parts_phrases(tokens[index + 1])


def _parts_phrases(token: Token) -> bool:
    return token.is_breaker and token.text not in "./"
