"""Drum voices and kits: every hit is computed, with round-robin variants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from engine.training.synth.character import Character
from engine.training.synth.spectral import (
    SAMPLE_RATE,
    Audio,
    bandpass,
    fast_frames,
    forward,
    frequencies,
    inverse,
    lowpass,
    shaped_noise,
)
from engine.training.synth.split import choose, draw_cell, glide, lerp

MACHINES = ("808", "909", "acoustic", "lo-fi", "trap", "electro", "cinematic", "vintage")

#: style -> machines that play it, the first ones more often
STYLE_MACHINES: dict[str, tuple[str, ...]] = {
    "house": ("909", "909", "808", "electro", "vintage"),
    "techno": ("909", "909", "electro", "808"),
    "trap": ("trap", "trap", "808"),
    "boom-bap": ("acoustic", "lo-fi", "vintage"),
    "lo-fi": ("lo-fi", "lo-fi", "vintage", "acoustic"),
    "drum and bass": ("acoustic", "electro", "909", "vintage"),
    "dubstep": ("electro", "trap", "909"),
    "ambient": ("808", "lo-fi", "vintage", "electro"),
    "synthwave": ("electro", "909", "808", "vintage"),
    "funk": ("acoustic", "acoustic", "vintage"),
    "afrobeat": ("acoustic", "vintage", "808"),
    "reggaeton": ("electro", "808", "909", "trap"),
    "cinematic": ("cinematic", "cinematic", "acoustic"),
}
HUMAN_MACHINES = ("acoustic", "lo-fi", "vintage", "cinematic")


@dataclass(frozen=True)
class Kit:
    """A kit: its machine, three parameters of its split's cells, and the item's character."""

    machine: str
    tone: float
    length: float
    color: float
    brightness: float
    dirt: float
    punch: float

    @property
    def human(self) -> bool:
        """Say whether its player is a human one (timing and velocity waver)."""
        return self.machine in HUMAN_MACHINES


def draw_kit(machine: str, split: str, character: Character, rng: Generator) -> Kit:
    """Draw the parameters of a kit from the cells of the split."""
    tone, length, color = draw_cell(split, f"kit-{machine}", rng)
    return Kit(machine, tone, length, color, character.brightness, character.dirt, character.punch)


def seconds_axis(frames: int) -> Audio:
    """Times of the frames in seconds."""
    return np.arange(frames, dtype=np.float32) / np.float32(SAMPLE_RATE)


def decay(frames: int, seconds: float, attack_ms: float = 0.4) -> Audio:
    """Exponential decay to 1/e in `seconds`, after a short rise, ending in silence."""
    envelope = np.exp(-seconds_axis(frames) / np.float32(seconds))
    rise = min(frames, max(2, int(attack_ms * SAMPLE_RATE / 1000)))
    envelope[:rise] *= np.linspace(0.0, 1.0, rise, dtype=np.float32)
    tail = min(frames // 2, 400)
    envelope[frames - tail :] *= np.linspace(1.0, 0.0, tail, dtype=np.float32)
    return envelope


def swept_sine(frames: int, low_hz: float, high_hz: float, fall_seconds: float) -> Audio:
    """Sine that falls exponentially from high to low."""
    time = seconds_axis(frames)
    fallen = fall_seconds * (1.0 - np.exp(-time / np.float32(fall_seconds)))
    return np.sin(2 * np.pi * (low_hz * time + (high_hz - low_hz) * fallen)).astype(np.float32)


def filtered(sound: Audio, cutoff_hz: float, q: float = 0.707) -> Audio:
    """Low-pass a hit (its own tail only, not circular)."""
    size = fast_frames(len(sound) + 256)
    padded = np.zeros(size, np.float32)
    padded[: len(sound)] = sound
    response = lowpass(frequencies(size), cutoff_hz, q)
    return inverse((forward(padded) * response).astype(np.complex64), size)[: len(sound)]


def modes(frames: int, hz: Audio, seconds: Audio, levels: Audio, rng: Generator) -> Audio:
    """Sum of decaying sines: the partials of a struck body."""
    time = seconds_axis(frames)[None, :]
    phases = rng.uniform(0, 2 * np.pi, len(hz)).astype(np.float32)[:, None]
    waves = np.sin(2 * np.pi * hz[:, None] * time + phases)
    return ((waves * np.exp(-time / seconds[:, None])) * levels[:, None]).sum(axis=0)


def kick(kit: Kit, rng: Generator) -> Audio:
    """Bass drum: falling sine, click or beater, drive."""
    base, top, body, fall = {
        "808": (44.0, 110.0, glide(0.25, 0.75, kit.length), 0.022),
        "trap": (42.0, 150.0, glide(0.2, 0.6, kit.length), 0.02),
        "909": (49.0, 240.0, glide(0.11, 0.24, kit.length), 0.025),
        "electro": (50.0, 320.0, glide(0.09, 0.2, kit.length), 0.018),
        "cinematic": (38.0, 110.0, glide(0.35, 0.9, kit.length), 0.05),
    }.get(kit.machine, (58.0, 150.0, glide(0.07, 0.16, kit.length), 0.016))
    low = base * lerp(0.9, 1.25, kit.tone)
    frames = int(SAMPLE_RATE * min(2.0, body * 5.5))
    high = low + (top - low) * lerp(0.7, 1.6, kit.color)
    sound = swept_sine(frames, low, high, fall * lerp(0.7, 1.5, kit.punch)) * decay(frames, body)
    click_seconds = 0.004 if not kit.human else 0.009
    click_hz = lerp(2500.0, 9000.0, kit.brightness)
    click = shaped_noise(frames // 4, 900.0, click_hz, rng) * decay(frames // 4, click_seconds)
    sound[: frames // 4] += click * lerp(0.05, 0.32, kit.punch)
    if kit.human:
        sound += 0.25 * swept_sine(frames, low * 1.7, low * 2.4, 0.01) * decay(frames, body * 0.4)
    gain = lerp(1.1, 3.6, 0.5 * kit.dirt + 0.5 * kit.punch)
    driven = np.tanh(sound * np.float32(gain)) / np.float32(np.tanh(gain))
    return filtered(driven.astype(np.float32), glide(1800.0, 16000.0, kit.brightness))


def snare(kit: Kit, rng: Generator) -> Audio:
    """Snare drum: shell modes and wires."""
    shell, wires = {
        "808": (185.0, 0.09),
        "trap": (205.0, 0.1),
        "909": (195.0, 0.11),
        "electro": (180.0, 0.16),
        "cinematic": (150.0, 0.22),
    }.get(kit.machine, (190.0, 0.09))
    low = shell * lerp(0.85, 1.35, kit.tone)
    tail = wires * lerp(0.6, 1.6, kit.length)
    frames = int(SAMPLE_RATE * min(1.2, tail * 6.0))
    ratios = np.array([1.0, 1.59, 1.83, 2.3, 2.92], np.float32)
    count = 5 if kit.human else 2
    lengths = np.linspace(0.06, 0.025, count, dtype=np.float32) * lerp(0.8, 1.4, kit.length)
    levels = np.array([1.0, 0.6, 0.35, 0.3, 0.2], np.float32)[:count]
    body = modes(frames, low * ratios[:count], lengths, levels, rng) * decay(frames, 1.0)
    top = lerp(5000.0, 16000.0, kit.brightness)
    noise = shaped_noise(frames, lerp(700.0, 2400.0, kit.color), top, rng) * decay(frames, tail)
    snap = shaped_noise(frames, 2500.0, top, rng) * decay(frames, 0.006)
    mixed = body * 0.75 + noise * lerp(0.22, 0.42, kit.color) + snap * lerp(0.1, 0.4, kit.punch)
    return np.tanh(mixed * np.float32(lerp(1.0, 2.6, kit.dirt))).astype(np.float32)


def clap(kit: Kit, rng: Generator) -> Audio:
    """Hand clap: four bursts and a tail in one band."""
    tail = glide(0.04, 0.16, kit.length)
    frames = int(SAMPLE_RATE * (0.05 + tail * 5.0))
    noise = shaped_noise(frames, lerp(600, 1100, kit.tone), lerp(3000, 9000, kit.brightness), rng)
    envelope = np.zeros(frames, np.float32)
    gap = lerp(0.008, 0.013, kit.color)
    for index in range(4):
        start = int(index * gap * SAMPLE_RATE * float(rng.uniform(0.95, 1.05)))
        seconds = tail if index == 3 else 0.005
        envelope[start:] += decay(frames - start, seconds) * (1.0 if index != 3 else 0.75)
    return np.tanh(noise * envelope * np.float32(0.6 + kit.dirt)).astype(np.float32)


def rim(kit: Kit, rng: Generator) -> Audio:
    """Rim shot: two short high modes and a click."""
    frames = int(SAMPLE_RATE * 0.14)
    hz = np.array([480.0, 1720.0, 2600.0], np.float32) * np.float32(lerp(0.8, 1.3, kit.tone))
    lengths = np.array([0.016, 0.011, 0.008], np.float32) * np.float32(lerp(0.7, 1.7, kit.length))
    body = modes(frames, hz, lengths, np.array([0.8, 1.0, 0.5], np.float32), rng)
    click = shaped_noise(frames, 2000.0, 9000.0, rng) * decay(frames, 0.003)
    return np.tanh((body + 0.4 * click) * np.float32(1.4)).astype(np.float32) * decay(frames, 0.1)


def metal(frames: int, kit: Kit, rng: Generator) -> Audio:
    """Cymbal colour: six squares as the 808 has them, or noise with inharmonic partials."""
    time = seconds_axis(frames)
    noise = shaped_noise(frames, lerp(4500.0, 8500.0, kit.tone), 18000.0, rng)
    if kit.human:
        hz = np.linspace(3100, 11000, 9, dtype=np.float32) * (0.8 + 0.4 * kit.tone)
        wobble = rng.uniform(0.97, 1.03, 9).astype(np.float32)
        partials = np.sin(2 * np.pi * (hz * wobble)[:, None] * time).sum(axis=0) / 4
        return (0.75 * noise + 0.3 * partials).astype(np.float32)
    hz = np.array([205.3, 304.4, 369.6, 522.7, 540.0, 800.0], np.float32)
    hz = hz * np.float32(lerp(4.0, 7.5, kit.tone))
    squares = np.sign(np.sin(2 * np.pi * hz[:, None] * time)).sum(axis=0) / 3
    mixed = lerp(0.35, 0.8, kit.color) * noise + 0.35 * squares
    size = fast_frames(frames)
    padded = np.zeros(size, np.float32)
    padded[:frames] = mixed
    response = bandpass(frequencies(size), lerp(7000.0, 11500.0, kit.tone), 0.8)
    return inverse((forward(padded) * response).astype(np.complex64), size)[:frames]


def closed_hat(kit: Kit, rng: Generator) -> Audio:
    """Closed hi-hat."""
    seconds = glide(0.014, 0.05, kit.length) * float(rng.uniform(0.9, 1.1))
    frames = int(SAMPLE_RATE * seconds * 6.5)
    sound = metal(frames, kit, rng) * decay(frames, seconds, 0.3)
    return filtered(sound, glide(7000.0, 20000.0, kit.brightness)) * np.float32(0.55)


def open_hat(kit: Kit, rng: Generator) -> Audio:
    """Open hi-hat."""
    seconds = glide(0.09, 0.26, kit.length)
    frames = int(SAMPLE_RATE * min(0.9, seconds * 4.0))
    sound = metal(frames, kit, rng) * decay(frames, seconds, 0.8)
    return filtered(sound, glide(7000.0, 20000.0, kit.brightness)) * np.float32(0.5)


def cymbal(kit: Kit, rng: Generator, seconds: float, low_hz: float, ping: float) -> Audio:
    """Ride or crash: many partials whose highs die first, and a stick's ping."""
    frames = int(SAMPLE_RATE * min(2.2, seconds * 4.0))
    hz = np.sort(rng.uniform(low_hz, 9000.0, 14)).astype(np.float32)
    lengths = (seconds * (low_hz / hz) ** 0.4).astype(np.float32)
    body = modes(frames, hz, lengths, np.full(14, 0.16, np.float32), rng)
    wash = shaped_noise(frames, 3500.0, 15000.0, rng) * decay(frames, seconds, 2.0)
    stick = shaped_noise(frames, 5000.0, 16000.0, rng) * decay(frames, 0.01)
    sound = (body * (0.3 + ping) + wash * (0.5 - 0.35 * ping) + stick * ping * 0.5) * 0.7
    faded = (sound * decay(frames, seconds * 3)).astype(np.float32)
    return filtered(faded, glide(6000.0, 20000.0, kit.brightness))


def ride(kit: Kit, rng: Generator) -> Audio:
    """Ride cymbal."""
    return cymbal(kit, rng, glide(0.2, 0.5, kit.length), lerp(500, 900, kit.tone), 0.8) * 0.6


def crash(kit: Kit, rng: Generator) -> Audio:
    """Crash cymbal."""
    return cymbal(kit, rng, glide(0.35, 0.8, kit.length), lerp(350, 700, kit.tone), 0.15)


def tom(kit: Kit, rng: Generator) -> Audio:
    """Tom: falling sine with some skin."""
    low = 95.0 * lerp(0.75, 1.6, kit.tone) * (0.6 if kit.machine == "cinematic" else 1.0)
    body = glide(0.12, 0.32, kit.length) * (1.6 if kit.machine == "cinematic" else 1.0)
    frames = int(SAMPLE_RATE * min(1.6, body * 5.0))
    sound = swept_sine(frames, low, low * 1.7, 0.04) * decay(frames, body)
    sound += 0.3 * swept_sine(frames, low * 1.5, low * 2.1, 0.03) * decay(frames, body * 0.5)
    sound += 0.25 * shaped_noise(frames, 200.0, 4000.0, rng) * decay(frames, 0.02)
    return np.tanh(sound * np.float32(lerp(1.0, 2.5, kit.dirt))).astype(np.float32)


def conga(kit: Kit, rng: Generator) -> Audio:
    """Conga or bongo: a short high skin."""
    low = glide(170.0, 420.0, kit.tone) * float(rng.choice((1.0, 1.0, 1.26)))
    body = glide(0.06, 0.16, kit.length)
    frames = int(SAMPLE_RATE * body * 6)
    ratios = np.array([1.0, 1.58, 2.14], np.float32) * np.float32(low)
    lengths = np.array([1.0, 0.45, 0.3], np.float32) * np.float32(body)
    skin = modes(frames, ratios, lengths, np.array([1.0, 0.35, 0.2], np.float32), rng)
    slap = shaped_noise(frames, 800.0, 5000.0, rng) * decay(frames, 0.006)
    return ((skin + 0.3 * slap) * decay(frames, 2.0, 1.0) * 0.8).astype(np.float32)


def shaker(kit: Kit, rng: Generator) -> Audio:
    """Shaker: noise that swells and stops."""
    seconds = glide(0.018, 0.05, kit.length)
    frames = int(SAMPLE_RATE * seconds * 6)
    noise = shaped_noise(frames, lerp(3500, 7000, kit.tone), 15000.0, rng)
    return noise * decay(frames, seconds, 12.0) * np.float32(0.4)


def cowbell(kit: Kit, rng: Generator) -> Audio:
    """Cowbell: two squares in a band."""
    frames = int(SAMPLE_RATE * 0.35)
    scale = np.float32(lerp(0.85, 1.3, kit.tone) * float(rng.uniform(0.998, 1.002)))
    time = seconds_axis(frames)
    squares = np.sign(np.sin(2 * np.pi * 540 * scale * time))
    squares += np.sign(np.sin(2 * np.pi * 800 * scale * time))
    sound = (squares * decay(frames, glide(0.04, 0.12, kit.length))).astype(np.float32)
    return filtered(sound, 2200.0 * float(scale), 1.5) * np.float32(0.4)


VOICES = {
    "kick": kick,
    "snare": snare,
    "clap": clap,
    "rim": rim,
    "closed_hat": closed_hat,
    "open_hat": open_hat,
    "ride": ride,
    "crash": crash,
    "tom": tom,
    "conga": conga,
    "shaker": shaker,
    "cowbell": cowbell,
}
#: voice -> (level in the kit, share sent to the reverb)
LEVELS: dict[str, tuple[float, float]] = {
    "kick": (1.0, 0.04),
    "snare": (0.75, 0.8),
    "clap": (0.7, 0.9),
    "rim": (0.5, 0.8),
    "closed_hat": (0.42, 0.25),
    "open_hat": (0.38, 0.3),
    "ride": (0.4, 0.4),
    "crash": (0.42, 0.6),
    "tom": (0.7, 0.6),
    "conga": (0.5, 0.6),
    "shaker": (0.34, 0.3),
    "cowbell": (0.35, 0.4),
}
ROUND_ROBIN = {"crash": 1, "kick": 1, "tom": 2, "ride": 2, "closed_hat": 3, "snare": 3}


def strike(voice: str, kit: Kit, rng: Generator) -> Audio:
    """Compute one hit of a voice, mono, peak 1."""
    sound = VOICES[voice](kit, rng)
    return sound / np.float32(np.abs(sound).max() + 1e-6)


def variants(voice: str, kit: Kit, rng: Generator) -> list[Audio]:
    """Compute the round-robin hits of a voice: the toms get two pitches."""
    count = ROUND_ROBIN.get(voice, 2)
    return [strike(voice, kit, rng) for _ in range(count)]


def machine_for(style: str, rng: Generator) -> str:
    """Choose a machine that suits the style, any one now and then."""
    if rng.random() < 0.1:
        return choose(MACHINES, rng)
    return choose(STYLE_MACHINES[style], rng)
