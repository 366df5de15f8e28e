"""Scales, progressions and voicings. Every fifth progression is held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from engine.key import Mode
from engine.training.synth.split import choose, pick

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}

#: Scale degrees (0 = tonic) per chord; they start on the tonic so that the key is plain.
PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "major": (
        (0, 4, 5, 3),
        (0, 3, 4, 0),
        (0, 5, 3, 4),
        (0, 3),
        (0, 2, 3, 4),
        (0, 1, 4, 0),
        (0, 3, 0, 4),
        (0, 5, 1, 4),
        (0, 2, 5, 3),
        (0, 4, 3, 4),
        (0, 4),
        (0, 0, 3, 4),
        (0, 3, 5, 4),
        (0, 5),
        (0, 1, 3, 0),
    ),
    "minor": (
        (0, 5, 2, 6),
        (0, 3, 4, 0),
        (0, 6, 5, 6),
        (0, 5, 3, 4),
        (0, 2, 6, 5),
        (0, 3),
        (0, 5),
        (0, 6, 0, 5),
        (0, 0, 5, 6),
        (0, 3, 5, 4),
        (0, 3, 6, 2),
        (0, 6),
        (0, 0, 3, 0),
        (0, 5, 6, 0),
        (0, 4, 5, 3),
    ),
    "dorian": ((0, 3), (0, 3, 0, 3), (0, 6, 3, 0), (0, 1, 0, 3), (0, 2, 3, 0)),
    "phrygian": ((0, 1), (0, 1, 0, 6), (0, 0, 1, 0), (0, 1, 2, 1), (0, 6, 1, 0)),
}

#: style -> weights of triads, sevenths, ninths, sus2, fifths
CHORD_WEIGHTS: dict[str, tuple[float, ...]] = {
    "house": (3, 4, 2, 0.3, 0.2),
    "techno": (5, 2, 1, 0.5, 1),
    "trap": (6, 2, 0.6, 0.5, 0.6),
    "boom-bap": (2, 5, 3, 0.2, 0),
    "lo-fi": (1, 5, 5, 0.3, 0),
    "drum and bass": (4, 3, 2, 0.6, 0.4),
    "dubstep": (5, 1, 0.6, 0.6, 1),
    "ambient": (3, 3, 3, 2, 0.6),
    "synthwave": (6, 1, 0.6, 1, 0.6),
    "funk": (1, 5, 4, 0.2, 0),
    "afrobeat": (4, 3, 1.5, 0.3, 0),
    "reggaeton": (6, 2, 0.5, 0.3, 0),
    "cinematic": (6, 1, 0.6, 1.2, 1),
}
CHORD_STACKS: tuple[tuple[int, ...], ...] = (
    (0, 2, 4),
    (0, 2, 4, 6),
    (0, 2, 4, 6, 8),
    (0, 1, 4),
    (0, 4, 7),
)


@dataclass(frozen=True)
class Chord:
    """One chord of the loop. degree: 0..6; notes: scale steps above the tonic."""

    beat: float
    beats: float
    degree: int
    stack: tuple[int, ...]


@dataclass(frozen=True)
class Harmony:
    """Key and chords of a loop. root: 0..11."""

    root: int
    scale: str
    chords: tuple[Chord, ...]

    @property
    def mode(self) -> Mode:
        """major or minor (dorian and phrygian count as minor)."""
        return "major" if self.scale == "major" else "minor"

    def midi(self, step: int, octave: int) -> int:
        """MIDI note of a scale step; octave 4 holds middle C."""
        turns, degree = divmod(step, 7)
        return 12 * (octave + 1 + turns) + self.root + SCALES[self.scale][degree]

    def at(self, beat: float) -> Chord:
        """Chord that sounds at a beat."""
        for chord in self.chords:
            if chord.beat <= beat + 1e-6 < chord.beat + chord.beats:
                return chord
        return self.chords[0]


def draw_key(style: str, rng: Generator) -> tuple[int, str]:
    """Draw root and scale."""
    major = 0.5 if style in ("house", "funk", "afrobeat", "lo-fi", "ambient") else 0.36
    weights = (major, 0.96 - major, 0.06, 0.035)
    scale = choose(("major", "minor", "dorian", "phrygian"), rng, weights)
    return int(rng.integers(12)), scale


def draw_harmony(
    style: str, key: tuple[int, str], bars: int, beats_per_bar: int, split: str, rng: Generator
) -> Harmony:
    """Draw a progression in a key: root and scale."""
    root, scale = key
    degrees = pick(PROGRESSIONS[scale], split, rng)
    each = chord_beats(bars, beats_per_bar, rng)
    stack = choose(CHORD_STACKS, rng, CHORD_WEIGHTS[style])
    if rng.random() < 0.1:
        degrees = (0,)
    count = max(1, round(bars * beats_per_bar / each))
    chords: list[Chord] = []
    for index in range(count):
        degree = degrees[index % len(degrees)]
        chords.append(Chord(index * each, each, degree, safe_stack(stack, degree, scale)))
    return Harmony(root, scale, tuple(chords))


#: How often listeners hear each semitone above the tonic (Krumhansl and Kessler 1982).
KEY_PROFILES: dict[str, tuple[float, ...]] = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}


def key_fit(weights: NDArray[np.float64], harmony: Harmony) -> float:
    """How much better the key explains pitch-class weights (12) than any other key does.

    The relative key does not count as another. Above 0 the key is plain.
    """
    relative = (harmony.root + (3 if harmony.mode == "minor" else 9)) % 12
    other = "major" if harmony.mode == "minor" else "minor"
    own, rest = -1.0, -1.0
    for mode, profile in KEY_PROFILES.items():
        for root in range(12):
            fit = float(np.corrcoef(np.roll(profile, root), weights + 1e-6)[0, 1])
            if (root, mode) in ((harmony.root, harmony.mode), (relative, other)):
                own = max(own, fit - (0.0 if root == harmony.root else 0.08))
            else:
                rest = max(rest, fit)
    return own - rest


def safe_stack(stack: tuple[int, ...], degree: int, scale: str) -> tuple[int, ...]:
    """Keep ninths off degrees where they would be a flat ninth."""
    steps = SCALES[scale]
    ninth = (steps[(degree + 1) % 7] - steps[degree]) % 12
    if ninth == 1:
        return tuple(step for step in stack if step not in (1, 8)) + ((2,) if 1 in stack else ())
    return stack


def chord_beats(bars: int, beats_per_bar: int, rng: Generator) -> float:
    """Length of a chord in beats."""
    if bars == 1:
        return beats_per_bar * choose((1.0, 0.5), rng, (0.65, 0.35))
    if bars == 2:
        return beats_per_bar * choose((1.0, 0.5, 2.0), rng, (0.62, 0.28, 0.1))
    return beats_per_bar * choose((1.0, 0.5, 2.0), rng, (0.72, 0.12, 0.16))


def voicing(harmony: Harmony, chord: Chord, center: int) -> tuple[int, ...]:
    """Voice a chord within an octave or so round a MIDI note; the tonic's lies root first."""
    notes = [harmony.midi(chord.degree + step, 4) for step in chord.stack]
    if chord.degree == 0:
        shift = 12 * round((center - 4 - notes[0]) / 12)
        return tuple(sorted(note + shift for note in notes))
    placed = [note + 12 * round((center - note) / 12) for note in notes]
    return tuple(sorted(set(placed)))
