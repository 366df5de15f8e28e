"""Note writing: bass lines, comping, melodies with call and response, arpeggios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from engine.training.synth.harmony import Chord, Harmony, voicing
from engine.training.synth.split import choose, pick


@dataclass(frozen=True)
class Note:
    """One note. beat, beats: position and length; velocity: 0..1."""

    beat: float
    beats: float
    midi: int
    velocity: float


#: Sixteen steps: r root, o octave, 5 fifth, 3 third, 7 seventh, a approach, - hold, . rest.
BASS_LINES: dict[str, tuple[str, ...]] = {
    "house": (
        "..r-..r-..r-..r-",
        "r--.r-.o-.r-..5.",
        "r-.r..o-.r-.r.o.",
        "..r...r...r..or.",
        "r..r..r...r.o.5.",
    ),
    "techno": (
        ".rrr.rrr.rrr.rrr",
        "r.r.r.r.r.r.r.r.",
        "..r...r...r...r.",
        "rr.rr.rr.rr.r.o.",
        ".r.rr.r..r.rr.o.",
    ),
    "trap": (
        "r-----r--r------",
        "r---------r--o--",
        "r--r------r-----",
        "r------.r-.r-.a-",
        "r--r---5--r--o--",
    ),
    "boom-bap": (
        "r--.r-..r-.5-.a.",
        "r-.r..5-r-..o-.a",
        "r---..r-5-..r-..",
        "r-..3-5-r...7-a.",
        "r-r...5-.r-.o.a.",
    ),
    "lo-fi": (
        "r-----5-r---..a.",
        "r---..r-5---....",
        "r------.r--5--a.",
        "r--r--..5---3-a.",
        "r---5-..r-o-..a.",
    ),
    "drum and bass": (
        "r---------r-----",
        "r-----r---r--o--",
        "r-.r-.r-.r-.r-o-",
        "r-------5---r---",
        "r--r--o-.r--5-a-",
    ),
    "dubstep": (
        "r-------r-------",
        "r---r---r-r-r---",
        "r-----r-----r---",
        "r-r-..r---r-..o-",
        "r---..r-r---5-r-",
    ),
    "ambient": (
        "r---------------",
        "r-------r-------",
        "r-----------5---",
        "r-------5-------",
        "r-----o---------",
    ),
    "synthwave": (
        "r.r.r.r.r.r.r.r.",
        "rrrrrrrrrrrrrrrr",
        "r.rrr.rrr.rrr.rr",
        "r.o.r.o.r.o.r.o.",
        "r.rro.r.r.rro.5.",
    ),
    "funk": (
        "r..o.r..r.5.7.o.",
        "r.r..o.7..r.5.a.",
        "r...r.o..7.5r..a",
        "r-..o.r.5-.r.7oa",
        "r..r.o.r.7.o5..a",
    ),
    "afrobeat": (
        "r..r..5...o.r.5.",
        "r-.r-.r-..5-3-5-",
        "r.r.5.r...r.7.5.",
        "r--r--o--5--r-5-",
        "r..5..r.o..5..a.",
    ),
    "reggaeton": (
        "r--r--r-r--r--r-",
        "r-----r-r-----5-",
        "r--r..r-o--r..5-",
        "r-..r-..r-..r-a-",
        "r--5--r-r--5--o-",
    ),
    "cinematic": (
        "r---------------",
        "r-------r-------",
        "r.r.r.r.r.r.r.r.",
        "r--r--r-r--r--r-",
        "r-----r-----r-5-",
    ),
}

#: Chord rhythms: x strike, - hold, . rest.
SUSTAINED = (
    "x---------------",
    "x-------x-------",
    "x-----------x---",
    "x-----x---------",
    "x---x-----------",
)
COMPING = (
    "x---x---x---x---",
    "..x...x...x...x.",
    "x--x--x-x--x--x-",
    "x-----x---x-----",
    "x-..x-..x-.x-.x.",
    "..x-..x-..x-..x-",
    "x..x..x...x.x...",
    "x-------..x-x---",
    ".x-..x-..x-.x-..",
    "x..x....x..x..x.",
    "x.......x..x....",
    "x-x...x-x...x-..",
    "x---..x---..x-x-",
    "x.x.x.x.x.x.x.x.",
    "x-.x-.x-..x-.x-.",
)
STABS = (
    "x.....x...x.....",
    "..x...x...x...x.",
    "x..x..x.........",
    "x..x..x...x.x...",
    "x.x....x..x.....",
    "x.........x..x..",
    "..x..x....x..x..",
    "x...x.....x.....",
    "x-..........x-..",
    ".x..x..x.x..x...",
)
#: Melody rhythms, one bar each.
MELODIES = (
    "x---x-x-x---x---",
    "x-..x-x-..x-x---",
    "x--x--x-x-------",
    "x-x-x---x-x-x---",
    "x---..x-x-.x--x-",
    "x.x.x-..x.x.x-..",
    "x-----x-x---x-x-",
    "..x-x-x-x---....",
    "x--x--x--x--x-x-",
    "x-x---x-x..x-x--",
    "x.xx.xx.x.xx.xx.",
    "x-------x-x-x---",
    "x..x..x..x..x.x.",
    "x-xxx-x-x-xxx-x-",
    "x--x-x--x-x--x-.",
)
ARP_SHAPES = ("up", "down", "updown", "random", "converge", "played")
ARP_PULSES = (
    "xxxxxxxxxxxxxxxx",
    "x.x.x.x.x.x.x.x.",
    "x.xxx.xxx.xxx.xx",
    "xx.xx.xx.xx.xx.x",
    "xxx.xxx.xxx.xxx.",
)


def spans(marks: str, steps: int, per_bar: int) -> list[tuple[int, int, str]]:
    """Read (step, length in steps, mark) off a pattern that repeats every bar."""
    line = [marks[(step % per_bar) % len(marks)] for step in range(steps)]
    found: list[tuple[int, int, str]] = []
    for step, mark in enumerate(line):
        if mark in ".-":
            continue
        length = 1
        while step + length < steps and line[step + length] == "-":
            length += 1
        found.append((step, length, mark))
    return found


def accent(step: int, rng: Generator) -> float:
    """Velocity by metre with some play."""
    strength = 0.95 if step % 4 == 0 else 0.85 if step % 2 == 0 else 0.74
    return strength * float(rng.uniform(0.88, 1.05))


def with_third(marks: str, rng: Generator) -> str:
    """Turn a late root of a bass line into a third now and then: it tells major from minor."""
    roots = [index for index, mark in enumerate(marks) if mark in "ro5" and index % 16 > 3]
    if not roots or rng.random() < 0.45:
        return marks
    index = choose(roots, rng)
    return f"{marks[:index]}3{marks[index + 1 :]}"


def pitch_weights(notes: list[Note]) -> NDArray[np.float64]:
    """Weigh the twelve pitch classes by length and velocity."""
    weights = np.zeros(12)
    for note in notes:
        weights[note.midi % 12] += min(note.beats, 1.5) * note.velocity
    return weights


def bass_step(mark: str, chord: Chord, following: Chord) -> int:
    """Scale step that a bass mark means over a chord."""
    if mark == "a":
        return following.degree + (1 if following.degree <= chord.degree else -1)
    return chord.degree + {"r": 0, "o": 7, "5": 4, "3": 2, "7": 6}.get(mark, 0)


def bass_line(
    harmony: Harmony, style: str, split: str, steps: int, per_bar: int, rng: Generator
) -> list[Note]:
    """Write a bass line that follows the chords."""
    marks = with_third(pick(BASS_LINES[style], split, rng), rng)
    lowest = int(rng.integers(26, 33))
    notes: list[Note] = []
    for step, length, mark in spans(marks, steps, per_bar):
        chord = harmony.at(step / 4)
        following = harmony.at((chord.beat + chord.beats) % (steps / 4))
        midi = harmony.midi(bass_step(mark, chord, following), 1)
        base = harmony.midi(chord.degree, 1)
        shift = 12 * -(-(lowest - base) // 12)
        length = min(length, max(1, round((chord.beat + chord.beats) * 4) - step))
        gate = length * (0.62 if length == 1 and rng.random() < 0.5 else 0.93)
        notes.append(Note(step / 4, gate / 4, midi + shift, accent(step, rng)))
    return notes


def chord_part(
    harmony: Harmony, marks: str, steps: int, per_bar: int, center: int, rng: Generator
) -> list[Note]:
    """Play the chords in a rhythm; strikes also fall where the chord changes."""
    strum = choose((0.0, 0.0, 0.02), rng)
    low_root = rng.random() < 0.5
    notes: list[Note] = []
    for step, length, _ in spans(marks, steps, per_bar):
        chord = harmony.at(step / 4)
        length = min(length, max(1, round((chord.beat + chord.beats) * 4) - step))
        level = accent(step, rng)
        voices = voicing(harmony, chord, center)
        if low_root and length > 1:
            voices = (harmony.midi(chord.degree, 2 if center < 66 else 3), *voices)
        for index, midi in enumerate(voices):
            notes.append(Note(step / 4 + index * strum, length * 0.23, midi, level))
    return notes


def held_chords(harmony: Harmony, center: int) -> list[tuple[Chord, tuple[int, ...]]]:
    """Voice every chord for a pad, its root doubled below."""
    voiced: list[tuple[Chord, tuple[int, ...]]] = []
    for chord in harmony.chords:
        bottom = harmony.midi(chord.degree, 2)
        voiced.append((chord, (bottom, *voicing(harmony, chord, center))))
    return voiced


def next_step(current: int, chord: Chord, strong: bool, rng: Generator) -> int:
    """Move a melody: a chord tone on strong steps, a small step otherwise."""
    if not strong:
        return max(-2, min(10, current + choose((-2, -1, 0, 1, 2), rng, (1, 3, 1.2, 3, 1))))
    tones = [chord.degree + tone + turn for tone in chord.stack[:3] for turn in (-7, 0, 7)]
    near = sorted(tones, key=lambda tone: abs(tone - current))[:3]
    return max(-2, min(11, choose(near, rng, (3, 2, 1))))


def melody(
    harmony: Harmony, split: str, steps: int, per_bar: int, octave: int, rng: Generator
) -> list[Note]:
    """Write a motif of a bar and answer it: even bars call, odd bars reply and come home."""
    call, reply = pick(MELODIES, split, rng), pick(MELODIES, split, rng)
    if rng.random() < 0.6:
        reply = call[: per_bar // 2] + reply[per_bar // 2 :]
    steps_played: dict[int, int] = {}
    notes: list[Note] = []
    bars = steps // per_bar
    for bar in range(bars):
        current = 0
        marks = call if bar % 2 == 0 else reply
        for step, length, _ in spans(marks, per_bar, per_bar):
            chord = harmony.at(bar * per_bar / 4 + step / 4)
            fresh = 0 if not notes else next_step(current, chord, step % 4 == 0, rng)
            motif = steps_played.get(step, fresh)
            current = motif if bar % 2 == 0 and step % 4 != 0 else fresh
            steps_played.setdefault(step, current)
            notes.append(
                Note(
                    bar * per_bar / 4 + step / 4,
                    length * 0.235,
                    harmony.midi(current, octave),
                    accent(step, rng),
                )
            )
    return come_home(notes, harmony, octave)


def come_home(notes: list[Note], harmony: Harmony, octave: int) -> list[Note]:
    """End the melody on a tone of the tonic triad if its last chord allows."""
    last = notes[-1]
    chord = harmony.at(last.beat)
    home = harmony.midi(chord.degree if chord.degree < 4 else chord.degree - 7, octave)
    return [*notes[:-1], Note(last.beat, last.beats, home, last.velocity)]


def arp_order(tones: list[int], shape: str, rng: Generator) -> list[int]:
    """Order the tones of an arpeggio."""
    if shape == "down":
        return tones[::-1]
    if shape == "updown":
        return tones + tones[-2:0:-1]
    if shape == "random":
        return [tones[int(index)] for index in rng.permutation(len(tones))]
    if shape == "converge":
        return [
            tones[index // 2 if index % 2 == 0 else -1 - index // 2] for index in range(len(tones))
        ]
    return tones


def arpeggio(
    harmony: Harmony, split: str, steps: int, per_bar: int, density: float, rng: Generator
) -> list[Note]:
    """Run through the chords."""
    pulse = pick(ARP_PULSES, split, rng)
    if density < 0.3:
        pulse = ARP_PULSES[1] if split == "train" else pulse
    shape, octaves = choose(ARP_SHAPES, rng), choose((1, 2, 3), rng, (0.35, 0.5, 0.15))
    gate = choose((0.12, 0.18, 0.24, 0.45), rng)
    center = int(rng.integers(58, 70))
    notes: list[Note] = []
    orders: dict[int, list[int]] = {}
    index = 0
    for step, _, _ in spans(pulse, steps, per_bar):
        chord = harmony.at(step / 4)
        if chord.degree not in orders:
            base = list(voicing(harmony, chord, center))
            tones = [tone + 12 * turn for turn in range(octaves) for tone in base]
            orders[chord.degree] = arp_order(tones, shape, rng)
        if abs(chord.beat * 4 - step) < 0.5:
            index = 0
        order = orders[chord.degree]
        notes.append(Note(step / 4, gate, order[index % len(order)], accent(step, rng)))
        index += 1
    return notes
