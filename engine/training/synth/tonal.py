"""Tonal voices: wavetables with a moving filter, FM, struck and plucked strings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from engine.training.synth.character import Character
from engine.training.synth.drums import decay, modes, seconds_axis
from engine.training.synth.spectral import (
    SAMPLE_RATE,
    Audio,
    fast_frames,
    forward,
    frequencies,
    inverse,
    lowpass,
    shaped_noise,
)
from engine.training.synth.split import choose, draw_cell, glide, lerp

TABLE_FRAMES = 8192
FILTER_STEPS = 10


@dataclass(frozen=True)
class Patch:
    """A voice. engine: wave, fm, string or struck; times in seconds, env in octaves."""

    name: str
    engine: str
    shape: str
    unison: int
    detune_cents: float
    cutoff_hz: float
    env_octaves: float
    env_decay: float
    resonance: float
    attack: float
    decay: float
    sustain: float
    release: float
    sub: float
    drive: float
    noise: float
    vibrato_cents: float
    wobble_hz: float
    ratio: float
    index: float


def midi_hz(midi: float) -> float:
    """Frequency of a MIDI note."""
    return 440.0 * 2.0 ** ((midi - 69) / 12)


def harmonic_levels(shape: str, count: int) -> Audio:
    """Signed levels of harmonics 1..count of a waveform."""
    k = np.arange(1, count + 1, dtype=np.float32)
    odd = (np.arange(1, count + 1) % 2).astype(np.float32)
    if shape == "square":
        return odd / k
    if shape == "triangle":
        return (
            odd / (k * k) * np.where(np.arange(1, count + 1) % 4 == 3, -1, 1).astype(np.float32)
        ).astype(np.float32, copy=False)
    if shape == "pulse":
        return (np.sin(np.pi * k * 0.22) / k).astype(np.float32) * np.float32(1.3)
    if shape == "sine":
        return (k == 1).astype(np.float32) + np.float32(0.12) * (k == 2)
    if shape == "organ":
        drawbars = {1: 1.0, 2: 0.8, 3: 0.55, 4: 0.4, 6: 0.3, 8: 0.25, 10: 0.1}
        return np.array([drawbars.get(int(order), 0.0) for order in k], np.float32)
    return np.float32(1.0) / k


def wavetable(patch: Patch, hz: float) -> Audio:
    """Tables (filter steps, frames) of one period, from the filter shut to open."""
    count = max(1, min(500, int(18000.0 / hz)))
    orders = np.arange(1, count + 1, dtype=np.float32)
    levels = harmonic_levels(patch.shape, count)
    steps = FILTER_STEPS if patch.env_octaves > 0 or patch.wobble_hz > 0 else 1
    spectra = np.zeros((steps, TABLE_FRAMES // 2 + 1), np.complex64)
    for step in range(steps):
        opened = patch.env_octaves * step / max(1, steps - 1)
        cutoff = min(19000.0, patch.cutoff_hz * 2.0**opened)
        response = lowpass(orders * np.float32(hz), cutoff, patch.resonance)
        response = response * lowpass(orders * np.float32(hz), cutoff * 1.3, 0.6)
        spectra[step, 1 : count + 1] = -0.5j * levels * response
    return np.fft.irfft(spectra * TABLE_FRAMES, TABLE_FRAMES).astype(np.float32)


def amplitude(patch: Patch, frames: int, gate: int) -> Audio:
    """ADSR envelope; the release ends in silence at `frames`."""
    time = seconds_axis(frames)
    envelope = patch.sustain + (1 - patch.sustain) * np.exp(-time / np.float32(patch.decay))
    rise = max(24, int(patch.attack * SAMPLE_RATE))
    envelope *= np.minimum(1.0, (time * np.float32(SAMPLE_RATE) + 1) / np.float32(rise))
    past = np.maximum(0.0, time - np.float32(gate / SAMPLE_RATE))
    envelope *= np.exp(-past * np.float32(4.0 / patch.release))
    tail = min(frames // 2, 300)
    envelope[frames - tail :] *= np.linspace(1.0, 0.0, tail, dtype=np.float32)
    return envelope.astype(np.float32)


def phases(patch: Patch, hz: float, frames: int, rng: Generator) -> Audio:
    """Phase in periods (unison, frames) with detune and vibrato."""
    time = np.arange(frames, dtype=np.float64) / SAMPLE_RATE
    spread = np.linspace(-1.0, 1.0, patch.unison) if patch.unison > 1 else np.zeros(1)
    rates = hz * 2.0 ** (spread * patch.detune_cents / 1200)
    base = time[None, :] * rates[:, None]
    if patch.vibrato_cents > 0:
        depth = patch.vibrato_cents / 1200 * np.log(2) * hz / (2 * np.pi * 5.2)
        fade = np.minimum(1.0, time / 0.35)
        base = base + depth * fade * np.sin(2 * np.pi * 5.2 * time)
    start = rng.random((patch.unison, 1)) if patch.unison > 1 else np.zeros((1, 1))
    turns = base + start
    return (turns - np.floor(turns)).astype(np.float32)


def filter_position(patch: Patch, frames: int, velocity: float) -> Audio:
    """Place of the filter between shut (0) and open (1) over time."""
    time = seconds_axis(frames)
    if patch.wobble_hz > 0:
        return (0.5 - 0.5 * np.cos(2 * np.pi * patch.wobble_hz * time)).astype(np.float32)
    return np.exp(-time / np.float32(patch.env_decay)) * np.float32(min(1.0, 0.3 + 0.7 * velocity))


def wave_note(patch: Patch, hz: float, frames: int, velocity: float, rng: Generator) -> Audio:
    """Read the wavetables, (2, frames): unison voices lie from left to right."""
    tables = wavetable(patch, hz)
    places = (phases(patch, hz, frames, rng) * TABLE_FRAMES).astype(np.int32) % TABLE_FRAMES
    if len(tables) == 1:
        voices = tables[0][places]
    else:
        position = filter_position(patch, frames, velocity) * np.float32(len(tables) - 1.001)
        step = position.astype(np.int32)
        part = position - step
        flat = tables.reshape(-1)
        offset = step * TABLE_FRAMES + places
        voices = flat[offset] * (1 - part) + flat[offset + TABLE_FRAMES] * part
    if patch.unison == 1:
        return (np.repeat(voices, 2, axis=0)).astype(np.float32, copy=False)
    pan = np.linspace(0.1, 0.9, patch.unison, dtype=np.float32)[rng.permutation(patch.unison)]
    scale = np.float32(patch.unison**-0.5)
    left = (voices * np.sqrt(1 - pan)[:, None]).sum(axis=0)
    right = (voices * np.sqrt(pan)[:, None]).sum(axis=0)
    return np.stack([left, right]) * scale * np.float32(1.3)


def fm_note(patch: Patch, hz: float, frames: int, velocity: float) -> Audio:
    """Two operator pairs: body and tine."""
    time = np.arange(frames, dtype=np.float64) / SAMPLE_RATE
    angle = (2 * np.pi * np.mod(hz * time, 1.0)).astype(np.float32)
    bend = (2 * np.pi * np.mod(hz * patch.ratio * time, 1.0)).astype(np.float32)
    fading = np.exp(-seconds_axis(frames) / np.float32(patch.env_decay))
    depth = patch.index * velocity * min(1.0, 1500.0 / (hz * max(1.0, patch.ratio)))
    body = np.sin(angle + np.float32(depth) * fading * np.sin(bend))
    second = (2 * np.pi * np.mod(hz * 1.0015 * time, 1.0)).astype(np.float32)
    warm = np.sin(second + np.float32(0.35 * depth) * fading * np.sin(second))
    return np.stack([body + 0.5 * warm, body * 0.9 + 0.6 * warm]).astype(np.float32) * 0.7


def string_note(patch: Patch, hz: float, frames: int, rng: Generator) -> Audio:
    """Karplus-Strong string solved in the frequency domain, tuned exactly."""
    size = fast_frames(frames + SAMPLE_RATE // 2)
    freqs = frequencies(size)
    length = 1.0 / hz
    burst = np.zeros(size, np.float32)
    width = max(8, int(length * SAMPLE_RATE))
    burst[:width] = rng.uniform(-1, 1, width).astype(np.float32)
    excited = forward(burst) * lowpass(freqs, patch.cutoff_hz, 0.6)
    excited = excited * (1 - 0.9 * np.exp(-2j * np.pi * freqs * np.float32(length * patch.ratio)))
    loss = 10.0 ** (-3.0 * length / max(0.08, patch.decay * 2.2))
    damping = 1.0 / (1.0 + (freqs / np.float32(patch.index)) ** 2)
    loop = loss * damping * np.exp(-2j * np.pi * freqs * np.float32(length))
    string = inverse((excited / (1.0 - loop)).astype(np.complex64), size)[:frames]
    return np.repeat((string / np.float32(np.abs(string).max() + 1e-6))[None, :], 2, axis=0)


def struck_note(patch: Patch, hz: float, frames: int, rng: Generator) -> Audio:
    """Struck bar, bell or piano-like string as decaying partials."""
    if patch.shape == "bell":
        ratios = np.array([0.5, 1.0, 2.0, 2.4, 3.01, 4.17, 5.43], np.float32)
        levels = np.array([0.25, 1.0, 0.5, 0.35, 0.3, 0.2, 0.12], np.float32)
    elif patch.shape == "bar":
        ratios = np.array([1.0, 3.93, 9.2], np.float32)
        levels = np.array([1.0, 0.3, 0.1], np.float32)
    elif patch.shape == "tine":
        ratios = np.array([1.0, 2.0, 5.4, 8.9], np.float32)
        levels = np.array([1.0, 0.1, 0.16, 0.06], np.float32)
    else:
        k = np.arange(1, 15, dtype=np.float32)
        ratios = k * np.sqrt(1 + 0.0004 * k * k)
        levels = np.exp(-k * np.float32(hz / patch.cutoff_hz)) / k**0.6
    audible = ratios * np.float32(hz) < 17000
    ratios, levels = ratios[audible], levels[audible]
    lengths = np.float32(patch.decay) / (1 + np.float32(patch.index) * (ratios - 1))
    sound = modes(frames, ratios * np.float32(hz), lengths, levels.astype(np.float32), rng)
    knock = shaped_noise(frames, 300.0, 3500.0, rng) * decay(frames, 0.006) * np.float32(0.12)
    left = sound + knock
    return np.stack([left, left]).astype(np.float32) * np.float32(0.6)


def play(patch: Patch, midi: float, seconds: float, velocity: float, rng: Generator) -> Audio:
    """Play one note, (2, frames), with its release; seconds: time the key is held."""
    hz = midi_hz(midi)
    gate = int(seconds * SAMPLE_RATE)
    limit = 6.0 if patch.engine in ("string", "struck") else 12.0
    frames = max(600, int(min(limit, seconds + patch.release * 1.3) * SAMPLE_RATE))
    if patch.sustain < 0.02:
        frames = min(frames, max(800, int((patch.attack + patch.decay * 6.5) * SAMPLE_RATE)))
    if patch.engine == "fm":
        sound = fm_note(patch, hz, frames, velocity)
    elif patch.engine == "string":
        sound = string_note(patch, hz, frames, rng)
    elif patch.engine == "struck":
        sound = struck_note(patch, hz, frames, rng)
    else:
        sound = wave_note(patch, hz, frames, velocity, rng)
    sound = with_sub(sound, patch, hz)
    if patch.noise > 0:
        sound = sound + rng.standard_normal(frames, dtype=np.float32) * np.float32(patch.noise)
    sound = sound * amplitude(patch, frames, gate)
    if patch.drive > 0.05:
        gain = np.float32(1.0 + 2.5 * patch.drive)
        sound = np.tanh(sound * gain) / np.float32(np.tanh(gain) ** 0.5)
    return sound * np.float32(0.35 + 0.65 * velocity)


def with_sub(sound: Audio, patch: Patch, hz: float) -> Audio:
    """Add a sine an octave below (on the note itself for low notes), in the middle."""
    if patch.sub <= 0:
        return sound
    base = hz if hz < 75 else hz / 2
    return sound + np.sin(2 * np.pi * base * seconds_axis(sound.shape[1])) * np.float32(patch.sub)


@dataclass(frozen=True)
class Recipe:
    """Ranges of a patch: (low, high) for what the cells of the split set."""

    engine: str
    shape: str
    unison: tuple[int, ...] = (1,)
    detune: tuple[float, float] = (4.0, 14.0)
    cutoff: tuple[float, float] = (500.0, 6000.0)
    env: tuple[float, float] = (0.0, 0.0)
    env_decay: tuple[float, float] = (0.08, 0.4)
    resonance: tuple[float, float] = (0.7, 1.2)
    attack: tuple[float, float] = (0.002, 0.006)
    decay: tuple[float, float] = (0.3, 0.9)
    sustain: tuple[float, ...] = (0.0,)
    release: tuple[float, float] = (0.06, 0.2)
    sub: tuple[float, ...] = (0.0,)
    drive: float = 0.25
    noise: float = 0.0
    vibrato: float = 0.0
    wobble: bool = False
    ratio: tuple[float, ...] = (1.0,)
    index: tuple[float, float] = (0.5, 3.0)


RECIPES: dict[str, Recipe] = {
    "sub bass": Recipe(
        "wave", "sine", cutoff=(200, 700), decay=(0.6, 2.0), sustain=(0.9, 0.6), drive=0.35
    ),
    "808 bass": Recipe(
        "wave", "sine", cutoff=(300, 900), decay=(0.5, 1.4), sustain=(0.25,), drive=0.7
    ),
    "saw bass": Recipe(
        "wave", "saw", (1, 2), (5, 15), (150, 900), (0.5, 3.0), resonance=(0.7, 2.0),
        sustain=(0.5, 0.8), sub=(0.0, 0.4),
    ),
    "square bass": Recipe(
        "wave", "square", (1,), (5, 15), (160, 900), (0.3, 2.5), sustain=(0.5, 0.8), sub=(0, 0.3)
    ),
    "reese bass": Recipe(
        "wave", "saw", (2, 3, 4), (16, 34), (220, 1300), (0.5, 1.8), (0.4, 2.0),
        sustain=(0.9,), sub=(0.35, 0.5), drive=0.5,
    ),
    "wobble bass": Recipe(
        "wave", "saw", (2, 3), (6, 18), (120, 260), (3.0, 4.6), resonance=(1.5, 4.0),
        sustain=(0.95,), sub=(0.4,), drive=0.7, wobble=True,
    ),
    "fm bass": Recipe(
        "fm", "sine", env_decay=(0.06, 0.5), decay=(0.3, 1.2), sustain=(0.3, 0.6),
        ratio=(1.0, 1.0, 2.0, 0.5), index=(1.5, 5.0), drive=0.4, sub=(0.0, 0.3),
    ),
    "acid bass": Recipe(
        "wave", "saw", (1,), (0, 1), (140, 420), (2.2, 4.0), (0.07, 0.25), (4.0, 11.0),
        sustain=(0.5,), drive=0.6,
    ),
    "plucked bass": Recipe(
        "string", "saw", cutoff=(500, 3000), decay=(0.5, 1.5), sustain=(1.0,), index=(2500, 7000),
        ratio=(0.13, 0.2, 0.28), release=(0.05, 0.12), sub=(0.0, 0.25),
    ),
    "electric piano": Recipe(
        "fm", "sine", env_decay=(0.12, 0.5), decay=(0.7, 1.8), sustain=(0.05,),
        ratio=(1.0, 2.0, 14.0), index=(0.5, 1.8), release=(0.1, 0.3), drive=0.3,
    ),
    "organ": Recipe(
        "wave", "organ", (1, 2), (2, 6), (1500, 9000), sustain=(0.95,), release=(0.05, 0.12),
        vibrato=8, drive=0.4,
    ),
    "bell": Recipe(
        "struck", "bell", decay=(0.6, 1.6), sustain=(1.0,), index=(0.15, 0.6), release=(0.4, 1.0)
    ),
    "piano": Recipe(
        "struck", "string", cutoff=(900, 3500), decay=(0.6, 1.8), sustain=(1.0,), index=(0.1, 0.35),
        release=(0.12, 0.3),
    ),
    "clavinet": Recipe(
        "string", "saw", cutoff=(2500, 9000), decay=(0.3, 0.9), sustain=(1.0,), index=(4000, 12000),
        ratio=(0.08, 0.12), release=(0.04, 0.08),
    ),
    "plucked guitar": Recipe(
        "string", "saw", cutoff=(1500, 7000), decay=(0.5, 1.6), sustain=(1.0,), index=(4000, 14000),
        ratio=(0.13, 0.2, 0.31, 0.45), release=(0.15, 0.5),
    ),
    "harp": Recipe(
        "string", "saw", cutoff=(1200, 4000), decay=(1.0, 2.4), sustain=(1.0,), index=(5000, 12000),
        ratio=(0.4, 0.5), release=(0.6, 1.2),
    ),
    "kalimba": Recipe(
        "struck", "tine", decay=(0.25, 0.7), sustain=(1.0,), index=(0.2, 0.7), release=(0.3, 0.6)
    ),
    "marimba": Recipe(
        "struck", "bar", decay=(0.15, 0.45), sustain=(1.0,), index=(0.3, 0.8), release=(0.2, 0.4)
    ),
    "synth pluck": Recipe(
        "wave", "saw", (1, 2, 3), (5, 16), (250, 1200), (2.0, 4.5), (0.05, 0.22), (0.8, 3.0),
        decay=(0.12, 0.4), release=(0.1, 0.3),
    ),
    "square pluck": Recipe(
        "wave", "square", (1, 2), (4, 12), (300, 1500), (1.5, 4.0), (0.05, 0.2), (0.8, 2.5),
        decay=(0.1, 0.35), release=(0.1, 0.3),
    ),
    "saw lead": Recipe(
        "wave", "saw", (1, 2, 3), (6, 16), (900, 5000), (0.5, 2.0), (0.2, 0.8), (0.8, 2.5),
        attack=(0.004, 0.03), sustain=(0.75,), vibrato=14, drive=0.4,
    ),
    "square lead": Recipe(
        "wave", "square", (1, 2), (4, 12), (1200, 6000), (0.3, 1.5), (0.2, 0.8),
        attack=(0.003, 0.02), sustain=(0.75,), vibrato=16, drive=0.3,
    ),
    "supersaw lead": Recipe(
        "wave", "saw", (5,), (14, 28), (1800, 9000), (0.3, 1.2), (0.3, 1.0),
        attack=(0.004, 0.03), sustain=(0.8,), release=(0.1, 0.3), drive=0.3,
    ),
    "sine lead": Recipe(
        "wave", "triangle", (1,), (0, 1), (1500, 7000), attack=(0.01, 0.04), sustain=(0.85,),
        vibrato=25, drive=0.2, noise=0.004,
    ),
    "fm lead": Recipe(
        "fm", "sine", env_decay=(0.3, 1.2), decay=(0.6, 1.5), sustain=(0.6,), ratio=(1.0, 2.0, 3.0),
        index=(1.0, 3.5), attack=(0.003, 0.02), drive=0.4,
    ),
    "saw arp": Recipe(
        "wave", "saw", (1, 2, 3), (5, 16), (300, 1800), (1.0, 3.6), (0.06, 0.3), (0.8, 3.5),
        decay=(0.12, 0.5), sustain=(0.0, 0.3), release=(0.06, 0.25),
    ),
    "square arp": Recipe(
        "wave", "pulse", (1, 2), (4, 12), (500, 2500), (0.8, 3.0), (0.06, 0.3), (0.8, 2.5),
        decay=(0.1, 0.4), sustain=(0.0, 0.3), release=(0.05, 0.2),
    ),
    "bell arp": Recipe(
        "struck", "bell", decay=(0.25, 0.7), sustain=(1.0,), index=(0.2, 0.7), release=(0.3, 0.7)
    ),
    "chiptune arp": Recipe(
        "wave", "pulse", (1,), (0, 1), (6000, 14000), decay=(0.1, 0.4), sustain=(0.5,),
        release=(0.02, 0.05),
    ),
    "rave stab": Recipe(
        "wave", "saw", (3, 5), (12, 30), (900, 5000), (0.8, 2.4), (0.08, 0.3), (0.8, 2.0),
        decay=(0.15, 0.45), release=(0.1, 0.25), drive=0.5,
    ),
    "brass stab": Recipe(
        "wave", "saw", (2, 3), (6, 14), (400, 1500), (1.5, 3.0), (0.15, 0.4), (0.7, 1.2),
        attack=(0.012, 0.035), decay=(0.3, 0.7), sustain=(0.4,), release=(0.08, 0.2), drive=0.3,
    ),
    "organ stab": Recipe(
        "wave", "organ", (1, 2), (2, 7), (1200, 7000), decay=(0.12, 0.4), release=(0.06, 0.2),
        drive=0.5,
    ),
    "dub chord": Recipe(
        "wave", "saw", (2, 3), (8, 18), (300, 1100), (0.8, 2.2), (0.08, 0.25), (1.0, 3.0),
        decay=(0.15, 0.4), release=(0.15, 0.4), drive=0.3,
    ),
    "piano stab": Recipe(
        "struck", "string", cutoff=(1400, 4500), decay=(0.4, 1.0), sustain=(1.0,), index=(0.1, 0.3),
        release=(0.08, 0.2), drive=0.3,
    ),
}  # fmt: skip


def draw_patch(
    name: str, split: str, character: Character, beat_seconds: float, rng: Generator
) -> Patch:
    """Draw a patch: envelope and timbre from the split's cells, colour from the character."""
    recipe = RECIPES[name]
    length, timbre, motion = draw_cell(split, f"patch-{name}", rng)
    env = lerp(*recipe.env, motion)
    wobble = choose((1.0, 2.0, 3.0, 4.0), rng) / beat_seconds if recipe.wobble else 0.0
    index = lerp(*recipe.index, timbre)
    if recipe.engine != "wave":
        index = lerp(*recipe.index, 0.5 * timbre + 0.5 * character.brightness)
    if recipe.engine == "struck":
        index = lerp(*recipe.index, 1.0 - character.brightness)
    return Patch(
        name=name,
        engine=recipe.engine,
        shape=recipe.shape,
        unison=choose(recipe.unison, rng),
        detune_cents=lerp(*recipe.detune, timbre),
        cutoff_hz=glide(*recipe.cutoff, character.brightness),
        env_octaves=env,
        env_decay=glide(*recipe.env_decay, length),
        resonance=lerp(*recipe.resonance, timbre),
        attack=glide(*recipe.attack, 1.0 - character.punch),
        decay=glide(*recipe.decay, length),
        sustain=choose(recipe.sustain, rng),
        release=glide(*recipe.release, motion),
        sub=choose(recipe.sub, rng),
        drive=recipe.drive * character.dirt,
        noise=recipe.noise,
        vibrato_cents=recipe.vibrato * float(rng.random() < 0.6),
        wobble_hz=wobble,
        ratio=choose(recipe.ratio, rng),
        index=index,
    )
