"""Drum loops and chord progressions made in code, for the tests of the measurements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from engine.audio import AudioClip
from engine.key import Key

Signal = npt.NDArray[np.float64]

#: Sixteenths of one bar per drum: kick, snare, hat.
GRIDS: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    "four on the floor": ((0, 4, 8, 12), (4, 12), (2, 6, 10, 14)),
    "backbeat": ((0, 8, 10), (4, 12), (0, 2, 4, 6, 8, 10, 12, 14)),
    "breakbeat": ((0, 2, 10, 11), (4, 7, 9, 12, 15), (0, 2, 4, 6, 8, 10, 12, 14)),
    "busy house": ((0, 4, 8, 12), (4, 12), tuple(range(16))),
    "two step": ((0, 10), (4, 12), (0, 2, 4, 6, 8, 10, 12, 14)),
}

CHORDS = {"major": (0, 7, 9, 5), "minor": (0, 8, 3, 10)}  # I V vi IV, i VI III VII
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}


@dataclass(frozen=True)
class DrumLoop:
    """What a synthetic drum loop is made of. swing: 0 straight, 1/3 triplet."""

    grid: str
    bpm: float
    bars: int = 2
    swing: float = 0.0
    sample_rate: int = 44_100
    seed: int = 0

    def render(self) -> AudioClip:
        """Return the loop, tails wrapped round, exactly `bars` long."""
        rng = np.random.default_rng(self.seed)
        rate = self.sample_rate
        frames = round(self.bars * 240 / self.bpm * rate)
        out = np.zeros(frames)
        sounds = (_kick(rng, rate), _snare(rng, rate), _hat(rng, rate))
        for sound, gain, steps in zip(sounds, (1.0, 0.8, 0.35), GRIDS[self.grid], strict=True):
            for step in [bar * 16 + s for bar in range(self.bars) for s in steps]:
                late = self.swing * (step % 2) + rng.normal(0.0, 0.01)
                at = round((step + late) * 15 / self.bpm * rate)
                _add_round(out, sound * gain * rng.uniform(0.75, 1.0), at)
        pair = np.stack((out, np.roll(out, 7) * 0.9))
        return AudioClip((0.7 * pair / np.abs(pair).max()).astype(np.float32), rate)


def _add_round(out: Signal, sound: Signal, at: int) -> None:
    np.add.at(out, (at + np.arange(sound.size)) % out.size, sound)


def _decay(rate: int, seconds: float) -> Signal:
    return np.exp(-np.arange(round(6 * seconds * rate)) / (seconds * rate))


def _kick(rng: np.random.Generator, rate: int) -> Signal:
    envelope = _decay(rate, rng.uniform(0.05, 0.12))
    t = np.arange(envelope.size) / rate
    return np.sin(2 * np.pi * (rng.uniform(45, 60) * t + 5 * (1 - np.exp(-t * 40)))) * envelope


def _snare(rng: np.random.Generator, rate: int) -> Signal:
    envelope = _decay(rate, rng.uniform(0.04, 0.1))
    t = np.arange(envelope.size) / rate
    noise = rng.standard_normal(envelope.size)
    return (0.5 * np.sin(2 * np.pi * rng.uniform(160, 230) * t) + 0.5 * noise) * envelope


def _hat(rng: np.random.Generator, rate: int) -> Signal:
    envelope = _decay(rate, rng.uniform(0.01, 0.03))
    return lfilter([1.0, -0.95], [1.0], rng.standard_normal(envelope.size)) * envelope


def chord_loop(
    key: Key, *, cents: float = 0.0, sample_rate: int = 44_100, seed: int = 0
) -> AudioClip:
    """Return four chords of the key over their roots, with a scale melody; `cents` off 440 Hz."""
    rng = np.random.default_rng(seed)
    seconds = 0.8
    bars: list[Signal] = []
    for root in CHORDS[key.mode]:
        degree = SCALES[key.mode].index(root)
        scale = [SCALES[key.mode][(degree + i) % 7] for i in (0, 2, 4)]
        notes = [36 + key.root + root, *(60 + (key.root + note) % 12 for note in scale)]
        chord = sum((_tone(n, seconds, cents, sample_rate, rng) for n in notes), np.zeros(1))
        melody = 72 + (key.root + int(rng.choice(scale))) % 12
        bars.append(chord + 0.5 * _tone(melody, seconds, cents, sample_rate, rng))
    out = np.concatenate(bars)
    return AudioClip((0.5 * out / np.abs(out).max()).astype(np.float32)[None], sample_rate)


def _tone(midi: int, seconds: float, cents: float, rate: int, rng: np.random.Generator) -> Signal:
    t = np.arange(round(seconds * rate)) / rate
    hz = 440.0 * 2 ** ((midi - 69 + cents / 100) / 12)
    harmonics = [h for h in range(1, 9) if h * hz < 0.45 * rate]
    partials = [np.sin(2 * np.pi * hz * h * t + rng.uniform(0, 6.28)) / h for h in harmonics]
    fade = np.minimum(1.0, np.minimum(t, seconds - t) * 100)
    return np.sum(partials, axis=0) * fade * np.exp(-t / 0.6)


def periodic_synth(seed: int, *, decay: bool = True) -> AudioClip:
    """Return 2 s whose partials all close exactly; with `decay`, plucked eight times."""
    frames, sample_rate = 88_200, 44_100
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / frames
    out = np.zeros(frames)
    base = int(rng.integers(100, 400))
    for h in range(1, 12):
        out += np.sin(2 * np.pi * (base * h * t + rng.random())) / h
    if decay:
        out *= np.exp(-((t * 8 + rng.random()) % 1.0) * 6)
    return AudioClip((0.5 * out / np.abs(out).max()).astype(np.float32)[None], sample_rate)
