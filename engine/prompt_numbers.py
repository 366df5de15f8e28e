"""Find tempo, key, length and metre in a prompt: what is written as a number or a note."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from engine.key import Key, Mode
from engine.request import SECONDS_RANGE
from engine.tempo import BARS_RANGE, BEATS_PER_BAR_RANGE, BPM_RANGE

_NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fourteen": 14, "sixteen": 16,
    "twenty": 20, "twenty four": 24, "thirty": 30, "thirty two": 32, "sixty four": 64,
    "single": 1, "half a": 0.5,
}  # fmt: skip

#: A number that does not start inside another one.
_NUMBER = r"(?<![0-9/])(?<![0-9][.,])(?:[0-9]{1,6}(?:[.,][0-9]{1,3})?|(?<![0-9])\.[0-9]{1,3})"
_WORDS = "|".join(sorted((word.replace(" ", "[ -]") for word in _NUMBER_WORDS), key=len)[::-1])
_COUNT = rf"(?P<number>{_NUMBER}|\b(?:{_WORDS})(?=[ -]))"
_UNIT_AHEAD = (
    r"(?! ?-?(?:%|k?hz|k\b|db|lufs|ms\b|s\b|secs?\b|seconds?|min\b|minutes?|bars?\b|beats?\b"
    r"|measures?|steps?\b|takes?\b|st\b|nd\b|rd\b|th\b|am\b|pm\b|o'clock|percent|cents?\b"
    r"|semitones?|octaves?|degrees?|bits?\b|notes?\b|[x:/][0-9]?|[.,]?[0-9]))"
)
_BPM_UNIT = r"(?:bpm|bmp|b\.p\.m|beats?[ -](?:per|a)[ -]min(?:ute)?|beats?/min)"
_TEMPOS = (
    re.compile(
        rf"(?:(?P<low>{_NUMBER}) ?(?:-|to) ?)?(?P<number>{_NUMBER}) ?[-_]?{_BPM_UNIT}",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b(?:tempo|bpm)(?: (?:of|at|is|around|about))? ?[:=@_-]? ?(?P<number>{_NUMBER})"
        rf"{_UNIT_AHEAD}",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?:\bat (?:around |about )?|@ ?|~ ?)(?P<number>{_NUMBER}){_UNIT_AHEAD}(?![a-z])",
        re.IGNORECASE,
    ),
)

_BARS = (
    re.compile(rf"{_COUNT}[ -]?(?:bars?|measures?)\b", re.IGNORECASE),
    re.compile(rf"\b(?:bars|measures) ?[:=] ?(?P<number>{_NUMBER})\b", re.IGNORECASE),
)

_SECOND_UNIT = r"(?P<unit>ms|msecs?|milliseconds?|s|secs?|seconds?|minutes?)\b"
_SECONDS = re.compile(rf"{_COUNT}(?P<gap>[ -]?){_SECOND_UNIT}", re.IGNORECASE)
_DECADE = re.compile(r"(?:1[89]|20)?[5-9]0")
_PARAMETER = r"(?:attack|decay|release|reverb|delay|tail|fade|echo|sustain|swell|pre-?delay)"
_PARAMETER_BEHIND = re.compile(
    rf"(?:^|[ ,-]){_PARAMETER}(?: time)?(?: of| is|:|=)? ?$", re.IGNORECASE
)
_PARAMETER_AHEAD = re.compile(
    rf"[ -](?:long |of |plate |hall |room |tape |fade )?{_PARAMETER}", re.IGNORECASE
)

_METRE = re.compile(
    r"(?<![0-9/.,])(?P<number>[2-9]|1[0-6])/(?:4|8)(?![0-9/])"
    r"(?! ?(?:of|notes?|delay|echo|triplets?|swing|inch|full|speed)\b)",
    re.IGNORECASE,
)
_WALTZ = re.compile(r"\bwaltz", re.IGNORECASE)

_NATURALS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SHARPS = ("#", "sharp")
_MINOR_MODES = ("minor", "min", "moll", "dorian", "phrygian", "aeolian", "locrian")
_MAJOR_MODES = ("major", "maj", "dur", "ionian", "lydian", "mixolydian")
_NOTE = r"(?<![\w#])(?P<note>[A-Ga-g])(?P<accidental> ?#|b|[ -]?(?:[Ss]harp|SHARP|[Ff]lat|FLAT))?"
_NOTE_END = r"(?![\w#'’&+/]|-[A-Za-z])"
#: What follows when "a" is the article and "minor" or "major" an adjective.
_ARTICLE_AHEAD = re.compile(
    r" (?:key|change|tweak|difference|chord|scale|feel|mood|vibe|progression|variation|twist|detail"
    r"|touch|problem|tone|tonality|third|role|drop|impact|build|influence|shift|fan|label|hit"
    r"|sound|step|part|upgrade|issue|fix|edit|adjustment|improvement|one|triad|seventh|mode)",
    re.IGNORECASE,
)
_NAMED_KEY = re.compile(
    rf"{_NOTE}[ -]?(?:(?:natural|harmonic|melodic) )?"
    rf"(?P<mode>{'|'.join((*_MINOR_MODES, *_MAJOR_MODES))})[79]?\b",
    re.IGNORECASE,
)
_NO_KEY = re.compile(r"(?<![\w'’#])[hHJ-Z](?: ?#|b)?[ -](?:minor|major|min|maj)\b")
_MOST_REFUSED = 4
_KEY_CUE = r"(?P<cue>\b(?:in|key(?: of)?|key ?[:=]|tuned to|root(?: note)?)\s?)"
_SHORT_MINOR = re.compile(rf"{_KEY_CUE}?{_NOTE}(?P<mode>[mM])[79]?{_NOTE_END}", re.IGNORECASE)
_BARE_NOTE = re.compile(rf"{_KEY_CUE}?{_NOTE}{_NOTE_END}", re.IGNORECASE)
_VERB_AHEAD = re.compile(r" (?:I|not)\b")
_TIME_OF_DAY = re.compile(r"(?:^|[^0-9])(?:1[0-2]|[1-9])(?::[0-9]{2})? ?$")
_SENTENCE_START = re.compile(r"(?:^|[.!?] )$")
_KEY_PLACE = re.compile(r"(?:^|[,;:] ?|\b(?:in|of|key) )$", re.IGNORECASE)
_TEXT_GOES_ON = re.compile(r" ?[A-Za-z]")
_TONAL_WORD_AHEAD = re.compile(r" (?:at|and|with|[0-9])", re.IGNORECASE)


class Found(NamedTuple):
    """A value and the place in the text where it is said."""

    value: float
    start: int


class FoundKey(NamedTuple):
    key: Key
    start: int


def find_bpm(text: str) -> Found | None:
    """Find the first tempo within 40 to 300 bpm."""
    low, high = BPM_RANGE
    return _first(found for found in _tempos(text) if low <= found.value <= high)


def find_bars(text: str) -> Found | None:
    """Find the first whole number of bars within 1 to 64."""
    low, high = BARS_RANGE
    found = (_number(match) for pattern in _BARS for match in pattern.finditer(text))
    return _first(one for one in found if low <= one.value <= high and one.value % 1 == 0)


def find_seconds(text: str) -> Found | None:
    """Find the first length in seconds; the times of reverbs and envelopes are no lengths."""
    low, high = SECONDS_RANGE
    found = (_seconds(match) for match in _SECONDS.finditer(text) if _is_length(text, match))
    return _first(one for one in found if low <= one.value <= high)


def find_beats_per_bar(text: str) -> int | None:
    """Find the metre: "3/4", "7/8", "waltz"."""
    low, high = BEATS_PER_BAR_RANGE
    found = [_number(match) for match in _METRE.finditer(text)]
    found += [Found(3, match.start()) for match in _WALTZ.finditer(text)]
    first = _first(one for one in found if low <= one.value <= high)
    return None if first is None else int(first.value)


def find_key(text: str) -> FoundKey | None:
    """Find the first key: "A minor", "F#m", "in Bb", "key of D". text: in its own case."""
    found = (*_named_keys(text), *_short_keys(text), *_bare_notes(text))
    return min(found, key=lambda one: one.start, default=None)


def find_refused(text: str) -> tuple[str, ...]:
    """Return a sentence on each tempo, length or key that no request can have."""
    found: list[str] = []
    for what, values, limits in (
        ("bpm", (_number(match) for match in _TEMPOS[0].finditer(text)), BPM_RANGE),
        ("bars", (_number(match) for match in _BARS[0].finditer(text)), BARS_RANGE),
    ):
        low, high = limits
        found += [
            f"{one.value:g} {what} in the prompt is outside {low} to {high} {what} and is left out."
            for one in values
            if not low <= one.value <= high
        ]
    found += [
        f"“{match.group()}” in the prompt is no key and is left out; notes go from A to G."
        for match in _NO_KEY.finditer(text)
    ]
    return tuple(dict.fromkeys(found))[:_MOST_REFUSED]


def as_bpm(text: str) -> float | None:
    """Read a number that stands alone as a tempo of 60 to 200 bpm, if it can be one."""
    return float(text) if re.fullmatch(r"[0-9]{2,3}", text) and 60 <= int(text) <= 200 else None


def _first(found: Iterator[Found]) -> Found | None:
    return min(found, key=lambda one: one.start, default=None)


def _value(text: str) -> float:
    word = _NUMBER_WORDS.get(text.lower().replace("-", " "))
    return float(text.replace(",", ".")) if word is None else float(word)


def _number(match: re.Match[str]) -> Found:
    return Found(_value(match["number"]), match.start("number"))


def _tempos(text: str) -> Iterator[Found]:
    low, high = BPM_RANGE
    for pattern in _TEMPOS:
        for match in pattern.finditer(text):
            start = match.groupdict().get("low")
            if start is not None and low <= _value(start) <= high:
                yield Found(_value(start), match.start())
            else:
                yield _number(match)


def _seconds(match: re.Match[str]) -> Found:
    unit = match["unit"].lower()
    scale = 0.001 if unit.startswith("m") and not unit.startswith("min") else 1
    scale = 60 if unit.startswith("min") else scale
    return Found(_value(match["number"]) * scale, match.start("number"))


def _is_length(text: str, match: re.Match[str]) -> bool:
    is_decade = match["unit"] in "sS" and not match["gap"] and _DECADE.fullmatch(match["number"])
    behind = text[max(0, match.start() - 20) : match.start()]
    is_parameter = _PARAMETER_BEHIND.search(behind) or _PARAMETER_AHEAD.match(text, match.end())
    return not is_decade and not is_parameter


def _key(match: re.Match[str], mode: Mode, start: int | None = None) -> FoundKey:
    accidental = (match["accidental"] or "").strip(" -").lower()
    shift = 0 if not accidental else 1 if accidental in _SHARPS else -1
    root = (_NATURALS[match["note"].lower()] + shift) % 12
    return FoundKey(Key(root, mode), match.start("note") if start is None else start)


def _named_keys(text: str) -> Iterator[FoundKey]:
    for match in _NAMED_KEY.finditer(text):
        if not _is_article(text, match):
            mode: Literal["minor", "major"] = (
                "minor" if match["mode"].lower() in _MINOR_MODES else "major"
            )
            yield _key(match, mode)


def _is_article(text: str, match: re.Match[str]) -> bool:
    """Tell whether "a minor" is an article and an adjective: "a minor change"."""
    if match["note"] not in "aA" or match["accidental"]:
        return False
    before = _before(text, match.start())
    if match["note"] == "a" and match["mode"] in ("min", "maj"):
        return _KEY_PLACE.search(before) is None  # "wait a min"
    is_name = match["note"] == "A" and not _SENTENCE_START.search(before)
    return not is_name and _ARTICLE_AHEAD.match(text, match.end()) is not None


def _before(text: str, place: int) -> str:
    return text[max(0, place - 6) : place]


def _short_keys(text: str) -> Iterator[FoundKey]:
    """Yield "Am", "F#m", "Bbm"; without a cue or a sharp the case must be that."""
    shouts = text.isupper()
    for match in _SHORT_MINOR.finditer(text):
        if _is_short_key(text, match):
            yield _key(match, "major" if match["mode"] == "M" and not shouts else "minor")


def _is_short_key(text: str, match: re.Match[str]) -> bool:
    note, accidental = match["note"], match["accidental"] or ""
    if accidental.endswith("#"):
        return True
    if match["mode"] == "M":  # FM, AM radio
        return bool(match["cue"] or accidental) and text.isupper()
    if match["cue"]:
        return True
    if accidental:
        return accidental == "b" and (note.isupper() or note in "eabg")
    return note.isupper() and not (note == "A" and _is_no_a_minor(text, match))


def _is_no_a_minor(text: str, match: re.Match[str]) -> bool:
    """Tell whether "Am" is the verb or a time: "I Am", "Am I", "3 Am"."""
    before = _before(text, match.start("note"))
    is_verb = before.lower().endswith(("i ", "i'")) or _VERB_AHEAD.match(text, match.end())
    return bool(is_verb or _TIME_OF_DAY.search(before))


def _bare_notes(text: str) -> Iterator[FoundKey]:
    """Yield notes without a mode: "in D", "key of F#", "Bb"; they stand for the major key."""
    for match in _BARE_NOTE.finditer(text):
        if _is_bare_key(text, match):
            yield _key(match, "major")


def _is_bare_key(text: str, match: re.Match[str]) -> bool:
    note, accidental, cue = match["note"], match["accidental"] or "", (match["cue"] or "").lower()
    if not cue:
        flat_is_safe = accidental == "b" and note in "BEA"
        before = _before(text, match.start()).rstrip()
        return accidental.endswith("#") or (flat_is_safe and not before[-1:].isdigit())
    goes_on = _TEXT_GOES_ON.match(text, match.end()) is not None
    goes_on = goes_on and _TONAL_WORD_AHEAD.match(text, match.end()) is None
    if note in "aA" and not accidental:
        return not goes_on and (note == "A" or cue.startswith("key"))
    return note.isupper() or accidental.endswith("#") or (cue.startswith("key") and not goes_on)
