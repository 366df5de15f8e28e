"""Notes as a person types them, a sixteenth each, to MIDI messages at their seconds.

    c3 . e3:60 [g3 b3] ~ c#4~~ ...

A note is a letter from a to g, # or b where it is sharp or flat, and an octave; c4 is middle C
(MIDI 60). Several in brackets sound at once. A colon and a number after it are its velocity. Each
~ holds it for one more sixteenth, at once or on its own; each . is a sixteenth of rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.display_name import display_text
from engine.errors import BadArgument
from engine.tempo import BARS_RANGE, COMMON_TIME, Tempo
from plugin_bridge.plugins.midi_file import Note

STEPS_PER_BEAT = 4
STEPS_PER_BAR = STEPS_PER_BEAT * COMMON_TIME.beats_per_bar
MOST_STEPS = STEPS_PER_BAR * BARS_RANGE[1]
VELOCITY = 100
_VELOCITY_RANGE, _PITCH_RANGE = (1, 127), (0, 127)
_NOTE_ON, _NOTE_OFF = 0x90, 0x80

_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SHIFTS = {"": 0, "#": 1, "b": -1}
_PITCH = re.compile(r"([a-g])([#b]?)(-?[0-9]+)", re.IGNORECASE)
#: A chord may hold spaces; whatever else stands between two of them is one token.
_TOKEN = re.compile(r"\[[^\[\]]*\][^\s\[\]]*|\S+")
_SOUND = re.compile(r"(\[[^\[\]]*\]|[^:~\[\]]+)(?::([^:~]*))?(~*)")
_ADVICE = "give notes such as c3 or f#4:90, chords such as [c3 e3 g3], “.” and “~”"


@dataclass(frozen=True)
class Sound:
    """Notes that begin and end together. start, steps: sixteenths. pitches: MIDI, 0 to 127."""

    start: int
    steps: int
    pitches: tuple[int, ...]
    velocity: int = VELOCITY

    @property
    def stop(self) -> int:
        return self.start + self.steps


@dataclass(frozen=True)
class Pattern:
    """Sounds in the order of their beginnings, none of which overlap, and the length of it all."""

    sounds: tuple[Sound, ...]
    steps: int

    @property
    def least_bars(self) -> int:
        """Return how many whole bars it needs."""
        return -(-self.steps // STEPS_PER_BAR)


def read_pattern(text: str) -> Pattern:
    """Read a pattern. Raises BadArgument that names the first bad token and its place."""
    sounds: list[Sound] = []
    steps = 0
    for place, match in enumerate(_TOKEN.finditer(text), start=1):
        token = match.group()
        try:
            steps = _take(token, steps, sounds)
        except BadArgument as error:
            where = f"“{display_text(token)}”, token {place} of the pattern"
            raise BadArgument(f"{where}: {error.sentence}") from None
        if steps > MOST_STEPS:
            raise BadArgument(
                f"The pattern has more than {MOST_STEPS} sixteenths, which are "
                f"{BARS_RANGE[1]} bars; make it shorter."
            )
    if not sounds:
        raise BadArgument(f"The pattern “{display_text(text)}” has no notes; {_ADVICE}.")
    return Pattern(tuple(sounds), steps)


def repeated(pattern: Pattern, bars: int) -> tuple[Sound, ...]:
    """Return the sounds of so many bars: the pattern again and again, cut off at their end.

    Raises BadArgument where it does not fit once.
    """
    stop = bars * STEPS_PER_BAR
    if pattern.steps > stop:
        raise BadArgument(
            f"The pattern has {pattern.steps} sixteenths, but {bars} bars have {stop}; "
            f"give --bars {pattern.least_bars}, or a shorter pattern."
        )
    moved = (
        replace(sound, start=sound.start + begin)
        for begin in range(0, stop, pattern.steps)
        for sound in pattern.sounds
    )
    return tuple(
        replace(sound, steps=min(sound.steps, stop - sound.start))
        for sound in moved
        if sound.start < stop
    )


def messages(sounds: Sequence[Sound], tempo: Tempo) -> list[Note]:
    """Return MIDI messages at their seconds; a note ends before the next one begins."""
    return [(data, _seconds(step, tempo)) for step, _, data in sorted(_events(sounds))]


def _events(sounds: Sequence[Sound]) -> Iterator[tuple[int, int, bytes]]:
    """Yield sixteenth, order within it, message."""
    for sound in sounds:
        for pitch in sound.pitches:
            yield sound.start, 1, bytes([_NOTE_ON, pitch, sound.velocity])
            yield sound.stop, 0, bytes([_NOTE_OFF, pitch, 0])


def _seconds(step: int, tempo: Tempo) -> float:
    return float(step * 60 / (STEPS_PER_BEAT * tempo.bpm))


def _take(token: str, steps: int, sounds: list[Sound]) -> int:
    """Add what a token says to the sounds and return the steps after it. Raises BadArgument."""
    if not token.strip("."):
        return steps + len(token)
    if not token.strip("~"):
        if not sounds or sounds[-1].stop != steps:
            raise BadArgument("there is no note before it that it could hold; put it after one.")
        sounds[-1] = replace(sounds[-1], steps=sounds[-1].steps + len(token))
        return steps + len(token)
    sound = _sound(token, steps)
    sounds.append(sound)
    return sound.stop


def _sound(token: str, start: int) -> Sound:
    match = _SOUND.fullmatch(token)
    if match is None:
        raise BadArgument(f"it is none of what a pattern is made of; {_ADVICE}.")
    what, velocity, ties = match.groups()
    names = what[1:-1].split() if what.startswith("[") else [what]
    if not names:
        raise BadArgument("a chord without notes is nothing to play; write “.” for a rest.")
    pitches = tuple(dict.fromkeys(map(_pitch, names)))
    return Sound(start, 1 + len(ties), pitches, VELOCITY if velocity is None else _force(velocity))


def _pitch(name: str) -> int:
    match = _PITCH.fullmatch(name)
    if match is None:
        raise BadArgument(f"“{display_text(name)}” is no note; {_ADVICE}.")
    letter, accidental, octave = match.groups()
    low, high = _PITCH_RANGE
    # More digits than any octave has are far outside it.
    pitch = 12 * (int(octave[:4]) + 1) + _STEPS[letter.lower()] + _SHIFTS[accidental.lower()]
    if not low <= pitch <= high:
        raise BadArgument(f"“{display_text(name)}” is outside c-1 to g9.")
    return pitch


def _force(text: str) -> int:
    low, high = _VELOCITY_RANGE
    if not (text.isascii() and text.isdecimal() and low <= int(text[:4]) <= high):
        raise BadArgument(f"a velocity of “{display_text(text)}” is outside {low} to {high}.")
    return int(text)
