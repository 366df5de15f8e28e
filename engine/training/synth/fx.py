"""Sound effects: risers, falls, impacts, sweeps, textures, crackle, drones."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from engine.training.synth.drums import decay, seconds_axis, swept_sine
from engine.training.synth.spectral import (
    SAMPLE_RATE,
    Audio,
    add_wrapped,
    bandpass,
    fast_frames,
    forward,
    frequencies,
    highpass,
    inverse,
    lowpass,
    shaped_noise,
)
from engine.training.synth.split import choose, draw_cell, glide, lerp

EVENTS = ("riser", "downlifter", "impact", "whoosh", "reverse cymbal", "laser")
TEXTURES = ("vinyl crackle", "rain", "wind", "noise texture", "drone", "room tone", "granular")
RHYTHMIC = ("gated noise", "noise sweep", "glitch", "mechanical loop")


def banded(frames: int, centers: Audio, q: float, rng: Generator) -> Audio:
    """Stereo noise whose band follows `centers` in Hz (frames): a blend of fixed bands."""
    size = fast_frames(frames + 2048)
    noise = forward(rng.standard_normal((2, size), dtype=np.float32))
    low, high = float(centers.min()), float(centers.max())
    steps = max(2, int(np.log2(high / low) * 2.2) + 1)
    place = np.log(centers / low) / np.log(high / low + 1e-6) * (steps - 1)
    total = np.zeros((2, frames), np.float32)
    for step in range(steps):
        weight = np.maximum(0, 1 - np.abs(place - step)).astype(np.float32)
        center = glide(low, high, step / (steps - 1))
        band = inverse((noise * bandpass(frequencies(size), center, q)).astype(np.complex64), size)
        total += band[:, :frames] * weight * np.float32(np.sqrt(2000 / center))
    return total / np.float32(np.abs(total).max() + 1e-6)


def ends(frames: int, fade_in: float, fade_out: float) -> Audio:
    """Fade in and out (seconds)."""
    envelope = np.ones(frames, np.float32)
    rise, fall = (max(32, int(value * SAMPLE_RATE)) for value in (fade_in, fade_out))
    rise, fall = min(rise, frames // 2), min(fall, frames // 2)
    envelope[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    envelope[frames - fall :] *= np.linspace(1, 0, fall, dtype=np.float32)
    return envelope


def riser(frames: int, falling: bool, split: str, rng: Generator) -> Audio:
    """Noise and a tone that climb (or fall)."""
    start, curve, tonal = draw_cell(split, "downlifter" if falling else "riser", rng)
    ramp = np.linspace(0, 1, frames, dtype=np.float32) ** np.float32(lerp(0.8, 2.2, curve))
    if falling:
        ramp = ramp[::-1]
    centers = glide(150, 700, start) * (lerp(10.0, 30.0, curve) ** ramp)
    noise = banded(frames, centers.astype(np.float32), 1.2, rng)
    pitch = glide(80, 330, start) * 2.0 ** (ramp * lerp(1.0, 3.0, tonal))
    turns = np.cumsum(pitch.astype(np.float64)) / SAMPLE_RATE
    tone = np.tanh(2 * np.sin(2 * np.pi * turns)) + 0.6 * np.sin(2 * np.pi * turns * 1.007)
    mixed = noise + 0.35 * tonal * tone.astype(np.float32)[None, :]
    level = (0.15 + 0.85 * ramp) if rng.random() < 0.8 else np.ones_like(ramp)
    fades = ends(frames, 0.01, 0.6) if falling else ends(frames, 0.2, 0.015)
    return (mixed * level * fades).astype(np.float32)


def impact(frames: int, split: str, rng: Generator) -> Audio:
    """A low boom with a burst of noise."""
    low, length, noise = draw_cell(split, "impact", rng)
    boom = swept_sine(frames, glide(28, 48, low), glide(90, 220, noise), 0.12)
    boom = np.tanh(boom * 2.5) * decay(frames, glide(0.35, 1.1, length), 2.0)
    out = np.stack([boom, boom])
    for channel in range(2):
        burst = shaped_noise(frames, 60, glide(1200, 9000, noise), rng)
        out[channel] += burst * decay(frames, glide(0.1, 0.7, length), 1.0) * 0.3
    return out * ends(frames, 0.001, 0.4)


def whoosh(frames: int, split: str, rng: Generator) -> Audio:
    """Noise that passes by from one side to the other."""
    peak, high, q = draw_cell(split, "whoosh", rng)
    time = np.linspace(0, 1, frames, dtype=np.float32)
    bump = np.exp(-(((time - lerp(0.4, 0.75, peak)) / 0.22) ** 2)).astype(np.float32)
    centers = 250 * (glide(6, 25, high) ** bump)
    noise = banded(frames, centers.astype(np.float32), lerp(0.7, 2.5, q), rng)
    pan = np.stack([1 - time, time]) if rng.random() < 0.5 else np.stack([time, 1 - time])
    return noise * bump * np.sqrt(pan + 0.15) * ends(frames, 0.05, 0.1)


def reverse_cymbal(frames: int, split: str, rng: Generator) -> Audio:
    """A cymbal played backwards."""
    low, length, _ = draw_cell(split, "reverse", rng)
    wash = np.stack([shaped_noise(frames, glide(1500, 5000, low), 15000, rng) for _ in range(2)])
    return (wash * decay(frames, frames / SAMPLE_RATE * lerp(0.15, 0.4, length)))[:, ::-1].copy()


def laser(frames: int, split: str, rng: Generator) -> Audio:
    """A zap: a fast fall with drive."""
    high, fall, drive = draw_cell(split, "laser", rng)
    tone = swept_sine(frames, 120, glide(1500, 7000, high), glide(0.03, 0.25, fall))
    sound = np.tanh(tone * lerp(1, 6, drive)) * decay(frames, glide(0.08, 0.4, fall))
    return np.stack([sound, sound])


def event(name: str, frames: int, split: str, rng: Generator) -> Audio:
    """Make a one-off effect, (2, frames)."""
    if name in ("riser", "downlifter"):
        return riser(frames, name == "downlifter", split, rng)
    makers = {"impact": impact, "whoosh": whoosh, "reverse cymbal": reverse_cymbal, "laser": laser}
    return makers[name](frames, split, rng)


def crackle(frames: int, per_second: float, rng: Generator) -> Audio:
    """Vinyl: clicks of many sizes over a faint hiss, circular."""
    out = np.stack([shaped_noise(frames, 400, 7000, rng) for _ in range(2)]) * np.float32(0.012)
    count = int(per_second * frames / SAMPLE_RATE)
    for _ in range(count):
        width = int(rng.integers(12, 90))
        click = shaped_noise(width, 600, 12000, rng) * np.exp(-np.arange(width) / (width / 4))
        size = np.float32(min(1.0, 0.06 + float(rng.exponential(0.12))))
        pan = rng.uniform(0.3, 1.0, (2, 1)).astype(np.float32)
        add_wrapped(out, click.astype(np.float32)[None, :] * size * pan, int(rng.integers(frames)))
    return out


def wandering(frames: int, cycles: int, rng: Generator) -> Audio:
    """A slow circular random curve in 0..1."""
    orders = np.arange(1, cycles + 1)
    angle = np.linspace(0, 2 * np.pi, frames, endpoint=False, dtype=np.float32)
    curve = np.zeros(frames, np.float32)
    for order in orders:
        curve += np.sin(angle * np.float32(order) + np.float32(rng.uniform(0, 6.28))) / order**0.5
    return (curve - curve.min()) / (curve.max() - curve.min() + np.float32(1e-6))


def circular_band(frames: int, center: float, q: float, rng: Generator) -> Audio:
    """Stereo band noise, crossfaded over half a second so that it wraps."""
    extra = min(frames // 2, SAMPLE_RATE // 2)
    size = fast_frames(frames + extra)
    noise = forward(rng.standard_normal((2, size), dtype=np.float32))
    band = inverse((noise * bandpass(frequencies(size), center, q)).astype(np.complex64), size)
    out = band[:, :frames].copy()
    ramp = np.sqrt(np.linspace(0, 1, extra, dtype=np.float32))
    out[:, :extra] = out[:, :extra] * ramp + band[:, frames : frames + extra] * ramp[::-1]
    return out / np.float32(np.sqrt(np.mean(out * out)) + 1e-9)


def drone(frames: int, split: str, rng: Generator) -> Audio:
    """A low inharmonic chord that breathes; every partial fits the loop."""
    base, spread, bright = draw_cell(split, "drone", rng)
    spectrum = np.zeros((2, fast_bins(frames)), np.complex64)
    seconds = frames / SAMPLE_RATE
    for order in range(1, 24):
        for _ in range(4):
            hz = glide(45, 110, base) * order * (1 + rng.normal(0, 0.004 + 0.02 * spread))
            place = min(spectrum.shape[1] - 1, round(hz * seconds))
            level = order ** -lerp(1.6, 0.9, bright)
            spectrum[:, place] += level * np.exp(1j * rng.uniform(0, 6.28, 2))
    return (tiled_inverse(spectrum, frames) * (0.5 + 0.5 * wandering(frames, 3, rng))).astype(
        np.float32, copy=False
    )


def fast_bins(frames: int) -> int:
    """Bins that a sparse spectrum of a loop needs up to 12 kHz."""
    return int(12000 * frames / SAMPLE_RATE) + 2


def tiled_inverse(spectrum: Audio | np.ndarray, frames: int) -> Audio:
    """Turn line spectra into a loop: by a fast length, then read at the loop's own rate."""
    size = fast_frames(frames)
    full = np.zeros((2, size // 2 + 1), np.complex64)
    count = min(spectrum.shape[1], full.shape[1])
    full[:, :count] = spectrum[:, :count]
    table = inverse(full * np.float32(size / 4), size)
    places = np.arange(frames) * (size / frames)
    whole = places.astype(np.int64)
    part = (places - whole).astype(np.float32)
    return (table[:, whole] * (1 - part) + table[:, (whole + 1) % size] * part).astype(
        np.float32, copy=False
    )


def grains(frames: int, split: str, rng: Generator) -> Audio:
    """A cloud of short tones."""
    pitch, density, length = draw_cell(split, "granular", rng)
    out = np.zeros((2, frames), np.float32)
    for _ in range(int(lerp(8, 40, density) * frames / SAMPLE_RATE)):
        size = int(glide(0.03, 0.25, length) * SAMPLE_RATE)
        hz = glide(200, 1500, pitch) * 2.0 ** float(rng.uniform(-1, 1))
        grain = np.sin(2 * np.pi * hz * seconds_axis(size)) * np.hanning(size)
        pan = rng.uniform(0.1, 1.0, (2, 1))
        add_wrapped(out, (grain[None, :] * pan).astype(np.float32), int(rng.integers(frames)))
    return out


def texture(name: str, frames: int, split: str, rng: Generator) -> Audio:
    """Make a circular texture, (2, frames)."""
    if name == "vinyl crackle":
        return crackle(frames, float(rng.uniform(12, 70)), rng)
    if name == "drone":
        return drone(frames, split, rng)
    if name == "granular":
        return grains(frames, split, rng)
    center, q, motion = draw_cell(split, f"texture-{name}", rng)
    if name == "rain":
        drops = crackle(frames, lerp(80, 160, motion), rng)
        hiss = circular_band(frames, glide(2500, 7000, center), 0.4, rng)
        return (drops + hiss * np.float32(0.08)).astype(np.float32, copy=False)
    if name == "room tone":
        return circular_band(frames, glide(80, 300, center), 0.35, rng)
    low = circular_band(frames, glide(200, 600, center), lerp(0.6, 3.0, q), rng)
    high = circular_band(frames, glide(900, 3500, center), lerp(0.6, 3.0, q), rng)
    move = wandering(frames, 3 + int(5 * motion), rng)
    return (low * (1 - move) * np.float32(0.8) + high * move * (0.2 + 0.8 * move)).astype(
        np.float32, copy=False
    )


def gate_curve(frames: int, steps: int, rng: Generator) -> Audio:
    """A gate that opens on sixteenths of the loop."""
    pattern = np.tile(rng.random(8) < 0.55, -(-steps // 8))[:steps]
    pattern[0] = True
    gate = np.zeros(frames, np.float32)
    for step in np.flatnonzero(pattern):
        start, stop = int(step * frames / steps), int((step + 0.8) * frames / steps)
        gate[start:stop] = ends(stop - start, 0.002, 0.03)
    return gate


def rhythmic(name: str, frames: int, steps: int, split: str, rng: Generator) -> Audio:
    """Make an effect loop in time with the tempo. steps: its sixteenths."""
    center, q, motion = draw_cell(split, f"rhythmic-{name}", rng)
    if name == "noise sweep":
        turns = choose((1, 2), rng)
        phase = np.arange(frames, dtype=np.float32) * np.float32(2 * np.pi * turns / frames)
        place = 0.5 - 0.5 * np.cos(phase)
        low = circular_band(frames, glide(250, 700, center), 1.2, rng)
        high = circular_band(frames, glide(2500, 8000, center), 1.0, rng)
        mixed: Audio = (low * (1 - place) + high * place).astype(np.float32, copy=False)
        return mixed
    if name == "gated noise":
        sound = circular_band(frames, glide(600, 5000, center), lerp(0.5, 2.5, q), rng)
        return sound * gate_curve(frames, steps, rng)
    return clatter(frames, steps, name == "glitch", (center, q, motion), rng)


def clatter(
    frames: int, steps: int, tonal: bool, point: tuple[float, float, float], rng: Generator
) -> Audio:
    """Small found sounds on a repeating grid."""
    out = np.zeros((2, frames), np.float32)
    pattern = rng.random(16) < lerp(0.35, 0.7, point[2])
    pattern[0] = True
    sounds: list[Audio] = []
    for _ in range(4):
        size = int(rng.uniform(0.02, 0.12) * SAMPLE_RATE)
        body = shaped_noise(size, glide(200, 2500, point[0]), glide(3000, 14000, point[1]), rng)
        if tonal:
            body = 0.3 * body + np.sign(swept_sine(size, 200, float(rng.uniform(400, 4000)), 0.02))
        sounds.append((body * decay(size, size / SAMPLE_RATE / 5)).astype(np.float32))
    for step in range(steps):
        if pattern[step % 16]:
            pan = np.array([[rng.uniform(0.3, 1)], [rng.uniform(0.3, 1)]], np.float32)
            sound = sounds[int(rng.integers(4))] if step % 4 else sounds[0]
            add_wrapped(out, sound[None, :] * pan, int(step * frames / steps))
    return out


def highpassed(audio: Audio, cutoff_hz: float, top_hz: float) -> Audio:
    """Band-limit a one-off sound (not circular)."""
    frames = audio.shape[1]
    size = fast_frames(frames + 4096)
    padded = np.zeros((2, size), np.float32)
    padded[:, :frames] = audio
    response = highpass(frequencies(size), cutoff_hz) * lowpass(frequencies(size), top_hz)
    return inverse((forward(padded) * response).astype(np.complex64), size)[:, :frames]
