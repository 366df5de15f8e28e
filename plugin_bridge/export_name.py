"""Names for exported files: `slug_120bpm_Cmin_ab12.wav`.

Importers read the tempo out of a name: some look for `120bpm`, some take any number that stands
alone. So exactly one number stands alone, and none before a "bpm" but the tempo. Only
`A-Z a-z 0-9 _ - #`, because `.` and spaces end names for some importers.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from itertools import count
from pathlib import PurePath

from engine.request import Task
from engine.take import TakeFacts

_SLUG_LIMIT_CHARACTERS = 40
_TEMPO_TEXT = re.compile(r"\d+(?:[.,]\d+)?[\s_-]*bpm|bpm[\s:=_-]*\d+(?:[.,]\d+)?", re.IGNORECASE)
_TOKEN = re.compile(r"[a-z0-9]+")
#: Four hex digits that start with a letter and hold no three-digit number.
_CODE = re.compile(r"[a-f](?!\d{3})[0-9a-f]{3}")
#: How our exports end, and the library's files.
_OWN_ENDING = re.compile(
    r"(?:_\d+bpm)?(?:_[A-G]#?(?:maj|min))?_(?:[a-f][0-9a-f]{3}(?:-[a-z]+)?|[0-9a-f]{16})$"
)


def export_stem(facts: TakeFacts) -> str:
    """Return the file name without its ending; the same for the same take."""
    parts = [_slug(facts)]
    if facts.tempo_bpm is not None and not facts.request.one_shot:
        # Whole bpm, halves up: `.` is no letter of a name and `92-5bpm` reads as 5. An importer
        # that knows only the name still finds the right number of beats; the acid chunk is exact.
        parts.append(f"{math.floor(facts.tempo_bpm + 0.5)}bpm")
    if facts.key is not None:
        parts.append(facts.key.file_name)
    parts.append(_code(facts.request.digest))
    return "_".join(parts)


def numbered(stem: str) -> Iterator[str]:
    """Yield the stem, then stem-b, stem-c, … stem-z, stem-ba, …: letters, because a number would
    stand alone."""
    yield stem
    for index in count(1):
        yield f"{stem}-{_letters(index)}"


def title(facts: TakeFacts) -> str:
    """Return what the take is called in words: its prompt; a graft keeps its source's name, with
    what was grafted behind it."""
    request = facts.request
    if request.task is Task.MORPH:
        return f"{request.prompt} to {request.to_prompt}"
    if request.source is None:
        return request.prompt
    name = _OWN_ENDING.sub("", PurePath(request.source.name).stem)
    added = slug(request.prompt)
    return name if not added or added in slug(name) else f"{name} · {request.prompt}"


def _slug(facts: TakeFacts) -> str:
    fallback = "one-shot" if facts.request.one_shot else "loop"
    return slug(title(facts)) or fallback


def slug(text: str) -> str:
    """Return `text` as lower-case words joined by hyphens, at most 40 characters, or ""."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = [_without_bpm(word) for word in _TOKEN.findall(_TEMPO_TEXT.sub(" ", ascii_text))]
    short = "-".join(_glue_numbers([word for word in words if word]))[:_SLUG_LIMIT_CHARACTERS]
    whole = short.strip("-")
    # A cut can bare a number again: "808kick" cut after 808.
    return re.sub(r"(?:^|-)\d+$", "", whole)


def _without_bpm(word: str) -> str:
    while "bpm" in word:
        word = word.replace("bpm", "")
    return word


def _glue_numbers(words: list[str]) -> list[str]:
    """Join each number to its neighbour: 808 kick -> 808kick, take 2 -> take2; alone -> n808."""
    glued: list[str] = []
    number = ""
    for word in words:
        if word.isdigit():
            number += word
        else:
            glued.append(number + word)
            number = ""
    if number:
        glued.append((glued.pop() if glued else "n") + number)
    return glued


def _code(digest: str) -> str:
    match = _CODE.search(digest)
    return match.group() if match else f"a{digest[:1]}a{digest[1:2]}"


def _letters(index: int) -> str:
    text = ""
    while True:
        text = chr(ord("a") + index % 26) + text
        index //= 26
        if index == 0:
            return text
