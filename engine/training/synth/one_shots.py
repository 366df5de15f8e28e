"""One-shots: single hits, notes, chords, stabs and effects that end in silence."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from engine.training.synth import effects, fx
from engine.training.synth.character import Character
from engine.training.synth.drums import VOICES, draw_kit, machine_for, strike
from engine.training.synth.harmony import CHORD_STACKS, SCALES
from engine.training.synth.pads import chord_tables, draw_pad, hold
from engine.training.synth.parts import draw_instrument
from engine.training.synth.spectral import SAMPLE_RATE, Audio
from engine.training.synth.split import choose
from engine.training.synth.tonal import draw_patch, play

MOST_SECONDS = 4.0
#: family -> lowest and highest octave of single notes
OCTAVES = {"bass": (1, 2), "keys": (3, 5), "pad": (3, 4), "pluck": (3, 5), "lead": (4, 5)}


def trimmed(audio: Audio, most_seconds: float = MOST_SECONDS) -> Audio:
    """Cut the silence behind a sound and fade its end; 0.2 s at least."""
    level = np.abs(audio).max(axis=0)
    loud = np.flatnonzero(level > level.max() * 2e-3)
    stop = min(int(loud[-1]) + 400, int(most_seconds * SAMPLE_RATE), audio.shape[1])
    stop = max(stop, int(0.2 * SAMPLE_RATE))
    out = np.zeros((2, stop), np.float32)
    kept = min(stop, audio.shape[1])
    out[:, :kept] = audio[:, :kept]
    fall = stop // 6
    out[:, stop - fall :] *= np.linspace(1, 0, fall, dtype=np.float32) ** 2
    return out


def processed(
    audio: Audio, family: str, style: str, split: str, character: Character, rng: Generator
) -> Audio:
    """Run through a chain with room for its tail: padded, so that nothing wraps."""
    chain = effects.draw_chain(family, style, split, character, rng)
    tail = int(effects.TAIL_SECONDS * SAMPLE_RATE)
    padded = np.concatenate([audio, np.zeros((2, tail), np.float32)], axis=1)
    return effects.apply(padded, chain, 0.5, np.zeros(0, np.float32), rng)


def drum_shot(style: str, split: str, character: Character, rng: Generator) -> tuple[Audio, str]:
    """One hit of one drum."""
    voice = choose(tuple(VOICES), rng, (4, 4, 2.5, 1.5, 2, 2, 1, 1.2, 1.5, 1, 0.8, 0.7))
    kit = draw_kit(machine_for(style, rng), split, character, rng)
    sound = np.repeat(strike(voice, kit, rng)[None, :], 2, axis=0)
    audio = processed(sound, "drums", style, split, character, rng)
    return trimmed(audio, 2.5), voice.replace("_", " ")


def chord_notes(root_midi: int, scale: str, rng: Generator) -> tuple[int, ...]:
    """A tonic chord upward from a note."""
    stack = choose(CHORD_STACKS, rng, (5, 2, 1, 0.5, 0.5))
    steps = SCALES[scale]
    return tuple(root_midi + steps[step % 7] + 12 * (step // 7) for step in stack)


def pad_shot(
    midis: tuple[int, ...], style: str, split: str, character: Character, rng: Generator
) -> tuple[Audio, str]:
    """A pad that is held and let go."""
    name = draw_instrument("pad", style, rng)
    patch = draw_pad(name, split, character, rng)
    cycle = np.linspace(0, 1, 4096, dtype=np.float32).repeat(16)
    seconds = float(rng.uniform(1.2, 2.6))
    return hold(patch, chord_tables(patch, midis, rng), seconds, cycle, rng), name


def tonal_shot(
    family: str, root: int, scale: str, style: str, split: str, character: Character, rng: Generator
) -> tuple[Audio, str]:
    """One note or chord of a tonal family."""
    low, high = OCTAVES.get(family, (3, 4))
    midi = 12 * (int(rng.integers(low, high + 1)) + 1) + root
    chordal = family in ("stab", "pad") or (family == "keys" and rng.random() < 0.5)
    midis = chord_notes(midi, scale, rng) if chordal else (midi,)
    if family == "pad":
        audio, name = pad_shot(midis, style, split, character, rng)
        return trimmed(processed(audio, family, style, split, character, rng)), name
    name = draw_instrument(family, style, rng)
    patch = draw_patch(name, split, character, 0.5, rng)
    held = float(rng.uniform(0.15, 0.5)) if family == "stab" else float(rng.uniform(0.25, 1.6))
    voices = [play(patch, note, held, 0.9, rng) for note in midis]
    total = np.zeros((2, max(voice.shape[1] for voice in voices)), np.float32)
    for voice in voices:
        total[:, : voice.shape[1]] += voice
    return trimmed(processed(total, family, style, split, character, rng)), name


def fx_shot(style: str, split: str, character: Character, rng: Generator) -> tuple[Audio, str]:
    """A riser, a fall, an impact or the like."""
    name = choose(fx.EVENTS, rng, (3, 2, 2.5, 1.5, 1, 0.8))
    longest = {"riser": (1.5, 3.9), "downlifter": (1.5, 3.9), "laser": (0.3, 1.0)}
    seconds = float(rng.uniform(*longest.get(name, (0.8, 2.5))))
    frames = int(seconds * SAMPLE_RATE)
    audio = fx.event(name, frames, split, rng)
    if name in ("riser", "reverse cymbal"):
        return audio, name
    return trimmed(processed(audio, "fx", style, split, character, rng)), name
