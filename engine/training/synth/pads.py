"""Pads: whole chords as line spectra, one inverse transform each (after PADsynth)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from engine.training.synth.character import Character
from engine.training.synth.spectral import SAMPLE_RATE, Audio, inverse
from engine.training.synth.split import draw_cell, glide, lerp
from engine.training.synth.tonal import midi_hz

#: Period of a chord's table; 0.17 Hz between lines.
PAD_FRAMES = 1 << 18
TIMBRES = ("supersaw pad", "choir pad", "string pad", "warm pad", "glass pad", "drone")
#: Formants in Hz of ah, oh, oo, eh.
FORMANTS = ((700, 1150, 2700), (450, 800, 2600), (320, 750, 2300), (550, 1800, 2500))


@dataclass(frozen=True)
class PadPatch:
    """A pad. spread: detune in cents; times in seconds."""

    name: str
    spread_cents: float
    lines: int
    cutoff_hz: float
    opening_octaves: float
    attack: float
    release: float
    vowel: int
    tilt: float
    width: float


def draw_pad(name: str, split: str, character: Character, rng: Generator) -> PadPatch:
    """Draw a pad's parameters from the split's cells and the character."""
    spread, motion, tilt = draw_cell(split, f"pad-{name}", rng)
    return PadPatch(
        name=name,
        spread_cents=lerp(4.0, 11.0, spread) * (1.6 if name == "supersaw pad" else 1.0),
        lines={"supersaw pad": 7, "string pad": 9, "choir pad": 9}.get(name, 3),
        cutoff_hz=glide(450.0, 9000.0, character.brightness)
        * {"warm pad": 0.45, "drone": 0.4, "glass pad": 1.6}.get(name, 1.0),
        opening_octaves=lerp(0.6, 2.6, motion),
        attack=glide(0.03, 0.7, 1.0 - character.punch),
        release=glide(0.15, 1.2, character.space),
        vowel=int(rng.integers(len(FORMANTS))),
        tilt=tilt,
        width=character.width,
    )


def levels_of(patch: PadPatch, hz: Audio, orders: Audio) -> Audio:
    """Levels of the harmonics of one note."""
    if patch.name == "glass pad":
        keep = np.isin(orders, (1, 2, 4, 7, 10, 13)).astype(np.float32)
        return (keep / orders ** np.float32(lerp(0.5, 1.0, patch.tilt))).astype(
            np.float32, copy=False
        )
    if patch.name == "choir pad":
        shape = np.zeros_like(hz)
        for index, center in enumerate(FORMANTS[patch.vowel]):
            width = 90.0 + 60.0 * index
            shape += np.exp(-(((hz - center) / (2.2 * width)) ** 2)) * (0.8**index)
        return ((shape + 0.04) / orders**0.5).astype(np.float32, copy=False)
    if patch.name == "string pad":
        return (
            1.0 / orders ** np.float32(lerp(0.8, 1.1, patch.tilt)) * (1 + 0.5 * (hz > 1800))
        ).astype(np.float32, copy=False)
    return 1.0 / orders ** np.float32(lerp(0.9, 1.35, patch.tilt))


def note_lines(patch: PadPatch, midi: int, rng: Generator) -> tuple[Audio, Audio]:
    """Frequencies and levels of all lines of one note."""
    base = midi_hz(midi)
    orders = np.arange(1, max(2, min(70, int(14000 / base))), dtype=np.float32)
    levels = levels_of(patch, orders * np.float32(base), orders)
    offsets = np.linspace(-1, 1, patch.lines) if patch.name == "supersaw pad" else None
    cents = rng.normal(0, 0.55, patch.lines) if offsets is None else offsets
    ratios = 2.0 ** (np.asarray(cents) * patch.spread_cents / 1200)
    hz = (orders[:, None] * ratios[None, :] * base).astype(np.float32)
    level = np.repeat(levels[:, None], patch.lines, axis=1) / np.float32(patch.lines**0.5)
    return hz.ravel(), level.ravel().astype(np.float32)


def chord_tables(patch: PadPatch, midis: tuple[int, ...], rng: Generator) -> tuple[Audio, Audio]:
    """Periodic tables (2, PAD_FRAMES) of a chord: filter shut, filter open."""
    found = [note_lines(patch, midi, rng) for midi in midis]
    hz = np.concatenate([lines[0] for lines in found])
    level = np.concatenate(
        [lines[1] * (0.8 if index == 0 else 1.0) for index, lines in enumerate(found)]
    )
    bins = np.rint(hz * (PAD_FRAMES / SAMPLE_RATE)).astype(np.int64)
    angle = rng.uniform(0, 2 * np.pi, len(hz))
    turn = rng.uniform(-1, 1, len(hz)) * np.pi * patch.width
    tables: list[Audio] = []
    for octaves in (0.0, patch.opening_octaves):
        cutoff = min(17000.0, patch.cutoff_hz * 2.0**octaves)
        shaped = level / (1.0 + (hz / np.float32(cutoff)) ** 3)
        spectrum = np.zeros((2, PAD_FRAMES // 2 + 1), np.complex64)
        for channel, phase in enumerate((angle, angle + turn)):
            np.add.at(spectrum[channel], bins, (shaped * np.exp(1j * phase)).astype(np.complex64))
        tables.append(inverse(spectrum * np.float32(PAD_FRAMES / 6), PAD_FRAMES))
    return tables[0], tables[1]


def hold(
    patch: PadPatch, tables: tuple[Audio, Audio], seconds: float, cycle: Audio, rng: Generator
) -> Audio:
    """Play a chord for `seconds` plus its release. cycle: opening 0..1 over those frames."""
    frames = int((seconds + patch.release) * SAMPLE_RATE)
    start = int(rng.integers(PAD_FRAMES))
    places = (start + np.arange(frames)) % PAD_FRAMES
    opened = np.resize(cycle, frames)
    sound = tables[0][:, places] * (1 - opened) + tables[1][:, places] * opened
    envelope = np.ones(frames, np.float32)
    rise = max(64, int(min(patch.attack, seconds * 0.4) * SAMPLE_RATE))
    envelope[:rise] = np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32))
    fall = int(patch.release * SAMPLE_RATE)
    envelope[frames - fall :] *= np.linspace(1, 0, fall, dtype=np.float32) ** 2
    return (sound * envelope).astype(np.float32)
