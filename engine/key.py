"""Musical keys: parse, name, transpose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from engine.errors import BadArgument

Mode = Literal["major", "minor"]

#: Semitones of the scale above its root.
SCALE_STEPS: dict[Mode, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
}
NOTE_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_NATURALS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
_KEY = re.compile(
    r"^\s*([A-Ga-g])\s*[- ]?(#|♯|b|♭|(?i:sharp|flat))?\s*[- ]?((?i:major|minor|maj|min)|m|M|)\s*$",
)


@dataclass(frozen=True)
class Key:
    """A root (0-11, C = 0) and a mode."""

    root: int
    mode: Mode

    def __post_init__(self) -> None:
        if not 0 <= self.root <= 11:
            raise BadArgument(f"A root of {self.root} is outside 0 (C) to 11 (B).")

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read "A minor", "Am", "F# major", "Bb". Raises BadArgument on anything else."""
        match = _KEY.match(text)
        if match is None:
            raise BadArgument(
                f"“{text}” is not a key; give a note from A to G with major or minor, "
                "such as “A minor” or “F# major”."
            )
        note, accidental, mode = match.groups()
        root = (_NATURALS[note.lower()] + _ACCIDENTALS[(accidental or "").lower()]) % 12
        is_minor = mode == "m" or mode.lower().startswith("min")
        return cls(root, "minor" if is_minor else "major")

    @property
    def name(self) -> str:
        return f"{NOTE_NAMES[self.root]} {self.mode}"

    @property
    def file_name(self) -> str:
        """Return the short name used in file names: Cmin, F#maj."""
        return f"{NOTE_NAMES[self.root]}{self.mode[:3]}"

    @property
    def relative(self) -> Key:
        """Return the key with the same notes in the other mode."""
        if self.mode == "minor":
            return Key((self.root + 3) % 12, "major")
        return Key((self.root + 9) % 12, "minor")

    def transpose(self, semitones: int) -> Key:
        return Key((self.root + semitones) % 12, self.mode)
