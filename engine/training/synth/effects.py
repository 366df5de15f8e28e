"""Effects for loops: all of them circular, so that tails meet the start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.random import Generator

from engine.training.synth.character import Character
from engine.training.synth.spectral import (
    SAMPLE_RATE,
    Audio,
    Spectrum,
    fast_frames,
    fold,
    forward,
    frequencies,
    highpass,
    inverse,
    lowpass,
)
from engine.training.synth.split import choose, in_split

#: Spaces: decay to -60 dB in seconds, pre-delay in ms, cutoff of the tail in Hz.
SPACES: tuple[tuple[float, float, float], ...] = (
    (0.35, 2.0, 7000.0),
    (0.6, 6.0, 5000.0),
    (1.0, 10.0, 8000.0),
    (1.6, 18.0, 4500.0),
    (0.8, 4.0, 11000.0),
    (2.2, 25.0, 6500.0),
    (0.45, 0.0, 3500.0),
    (1.3, 12.0, 9500.0),
    (2.6, 30.0, 3800.0),
    (1.9, 15.0, 10000.0),
)
TAIL_SECONDS = 2.7


@dataclass(frozen=True)
class Chain:
    """Effects of a part, in this order. Mixes and depths 0..1, times in beats or seconds."""

    drive: float = 0.0
    chorus: float = 0.0
    phaser: float = 0.0
    sweep: float = 0.0
    low_hz: float = 0.0
    high_hz: float = 0.0
    space: int = 0
    reverb: float = 0.0
    delay_beats: float = 0.75
    delay: float = 0.0
    feedback: float = 0.4
    width: float = 0.5
    pump: float = 0.0
    crush: float = 0.0


@lru_cache(maxsize=len(SPACES))
def room(space: int) -> Audio:
    """Impulse response (2, frames) of a space: early reflections and a darkening tail."""
    rng = np.random.default_rng(7000 + space)
    seconds, before_ms, cutoff = SPACES[space]
    frames = int(SAMPLE_RATE * min(TAIL_SECONDS - 0.1, seconds * 1.1))
    time = np.arange(frames, dtype=np.float32) / SAMPLE_RATE
    size = fast_frames(frames)
    total = np.zeros((2, frames), np.float32)
    edges = (120.0, 900.0, 2600.0, cutoff)
    for band in range(3):
        noise = forward(rng.standard_normal((2, size), dtype=np.float32))
        shape = highpass(frequencies(size), edges[band]) * lowpass(
            frequencies(size), edges[band + 1]
        )
        rate = np.float32(6.9 / (seconds * (1.0, 0.85, 0.6)[band]))
        total += inverse((noise * shape).astype(np.complex64), size)[:, :frames] * np.exp(
            -rate * time
        )
    shift = int(before_ms * SAMPLE_RATE / 1000)
    total = np.roll(total, shift, axis=1)
    total[:, :shift] = 0
    for _ in range(6):
        total[int(rng.integers(2)), shift + int(rng.uniform(0.002, 0.03) * SAMPLE_RATE)] += 1.5
    return total / np.float32(np.sqrt((total * total).sum() / 2))


def saturate(audio: Audio, amount: float) -> Audio:
    """Soft clipping; amount 0..1 drives a normalised signal up to 18 dB."""
    gain = np.float32(10.0 ** (18.0 * amount / 20))
    peak = np.float32(np.abs(audio).max() + 1e-6)
    return np.tanh(audio / peak * gain) * (peak / np.float32(np.tanh(gain)))


def modulated(audio: Audio, delays_ms: Audio) -> Audio:
    """Read a loop at moving delays (2, frames), wrapping round."""
    frames = audio.shape[1]
    places = np.arange(frames, dtype=np.float64)[None, :] - delays_ms * (SAMPLE_RATE / 1000)
    whole = np.floor(places)
    part = (places - whole).astype(np.float32)
    index = whole.astype(np.int64) % frames
    following = (index + 1) % frames
    rows = np.arange(2)[:, None]
    return (audio[rows, index] * (1 - part) + audio[rows, following] * part).astype(
        np.float32, copy=False
    )


def whole_cycles(frames: int, hz: float) -> Audio:
    """Phase in radians of an oscillator snapped to whole cycles of the loop."""
    count = max(1, round(hz * frames / SAMPLE_RATE))
    return (np.arange(frames, dtype=np.float32) * np.float32(2 * np.pi * count / frames)).astype(
        np.float32
    )


def chorus(audio: Audio, depth: float) -> Audio:
    """Two moving copies."""
    phase = whole_cycles(audio.shape[1], 0.6)
    delays = np.stack([9 + 2.5 * depth * np.sin(phase), 11 + 2.5 * depth * np.cos(phase)])
    return (
        (audio + np.float32(0.7) * modulated(audio, delays.astype(np.float32))) * np.float32(0.75)
    ).astype(np.float32, copy=False)


def flanger(audio: Audio, depth: float) -> Audio:
    """A short moving comb, which stands for a phaser here."""
    phase = whole_cycles(audio.shape[1], 0.25)
    delays = np.stack([1.6 + 1.3 * np.sin(phase), 1.6 + 1.3 * np.sin(phase + 0.8)])
    return (
        (audio + np.float32(0.8 * depth) * modulated(audio, delays.astype(np.float32)))
        * np.float32(0.7)
    ).astype(np.float32, copy=False)


def swept(audio: Audio, depth: float, cycles: int) -> Audio:
    """Low-pass that opens and closes over the loop: a blend of fixed filters."""
    frames = audio.shape[1]
    size = fast_frames(frames + 4096)
    padded = np.zeros((2, size), np.float32)
    padded[:, :frames] = audio
    spectrum = forward(padded)
    cutoffs = [14000.0 * 2.0 ** (-depth * 4.5 * step / 3) for step in range(4)]
    phase = np.arange(frames, dtype=np.float32) * np.float32(2 * np.pi * cycles / frames)
    place = (0.5 + 0.5 * np.cos(phase)) * np.float32(3)
    total = np.zeros((2, frames), np.float32)
    for step, cutoff in enumerate(cutoffs):
        weight = np.maximum(0, 1 - np.abs(place - step))
        response = lowpass(frequencies(size), cutoff, 1.2)
        total += fold(inverse((spectrum * response).astype(np.complex64), size), frames) * weight
    return total


def echo_taps(chain: Chain, beat_seconds: float) -> list[tuple[int, int, float]]:
    """Taps (channel, frame, gain) of a ping-pong delay that fit the tail."""
    step = chain.delay_beats * beat_seconds
    taps: list[tuple[int, int, float]] = []
    gain, turn = chain.delay, 1
    while gain > 0.02 and turn * step < TAIL_SECONDS - 0.05:
        frame = int(turn * step * SAMPLE_RATE)
        taps.append((turn % 2, frame, gain))
        taps.append((1 - turn % 2, frame, gain * 0.5))
        gain, turn = gain * chain.feedback, turn + 1
    return taps


def response_of(chain: Chain, beat_seconds: float, size: int) -> Spectrum:
    """Response (2, bins) of filters, delay and reverb together, the dry sound included."""
    impulse = np.zeros((2, size), np.float32)
    if chain.reverb > 0.01:
        tail = room(chain.space)
        impulse[:, : tail.shape[1]] += tail * np.float32(chain.reverb)
    for channel, frame, gain in echo_taps(chain, beat_seconds):
        impulse[channel, frame] += gain
    freqs = frequencies(size)
    wet = forward(impulse)
    response = (1.0 + wet * highpass(freqs, 160.0)).astype(np.complex64)
    if chain.low_hz > 0:
        response = response * highpass(freqs, chain.low_hz)
    if chain.high_hz > 0:
        response = response * lowpass(freqs, chain.high_hz)
    return response.astype(np.complex64)


def linear(audio: Audio, chain: Chain, beat_seconds: float) -> Audio:
    """Apply filters, delay and reverb round the loop."""
    frames = audio.shape[1]
    tailed = chain.reverb > 0.01 or chain.delay > 0.01
    if not tailed and chain.low_hz <= 0 and chain.high_hz <= 0:
        return audio
    size = fast_frames(frames + (int(TAIL_SECONDS * SAMPLE_RATE) if tailed else 8192))
    padded = np.zeros((2, size), np.float32)
    padded[:, :frames] = audio
    response = response_of(chain, beat_seconds, size)
    return fold(inverse((forward(padded) * response).astype(np.complex64), size), frames)


def crush(audio: Audio, amount: float) -> Audio:
    """Fewer bits and held samples."""
    peak = np.float32(np.abs(audio).max() + 1e-6)
    held = audio
    step = 1 + int(amount * 5)
    if step > 1:
        places = (np.arange(audio.shape[1], dtype=np.int64) // step) * step
        held = audio[:, places]
    levels = np.float32(2.0 ** (11 - 5 * amount))
    return np.round(held / peak * levels) / levels * peak


def pump_curve(frames: int, hits: Audio, depth: float, seconds: float) -> Audio:
    """Side-chain gain: falls at each hit (frames, float) and recovers in `seconds`."""
    length = int(seconds * SAMPLE_RATE)
    shape = 1 - depth * (1 - np.sin(np.linspace(0, np.pi / 2, length)) ** 1.5)
    attack = 160
    shape[:attack] += (1 - shape[:attack]) * np.linspace(1, 0, attack)
    gain = np.ones(frames, np.float32)
    for hit in hits:
        places = (int(hit) + np.arange(min(length, frames))) % frames
        gain[places] = np.minimum(gain[places], shape[: len(places)])
    return gain


def widen(audio: Audio, width: float) -> Audio:
    """Scale the side: 0 mono, 0.5 as it is, 1 twice as wide."""
    middle, side = (audio[0] + audio[1]) / 2, (audio[0] - audio[1]) / 2 * np.float32(width * 2)
    return np.stack([middle + side, middle - side]).astype(np.float32)


def smooth_circular(values: Audio, blocks: int) -> Audio:
    """Average a circular control signal over `blocks`."""
    size = max(1, min(blocks, len(values)))
    padded = np.concatenate([values[-size:], values, values[:size]])
    total = np.cumsum(padded, dtype=np.float64)
    average = (total[size:] - total[:-size]) / size
    start = size - size // 2 - 1 + 1
    return average[start : start + len(values)].astype(np.float32)


def compress(audio: Audio, amount: float) -> Audio:
    """Bus compressor on 3 ms blocks; amount 0..1 (ratio up to 3, threshold falling)."""
    if amount < 0.05:
        return audio
    frames, block = audio.shape[1], 128
    count = max(2, frames // block)
    edges = (np.arange(count, dtype=np.int64) * frames) // count
    energy = np.add.reduceat((audio * audio).mean(axis=0), edges) * (count / frames)
    level = 10 * np.log10(smooth_circular(energy.astype(np.float32), 5) + 1e-9)
    threshold = float(np.percentile(level, 95)) - 12.0 * amount
    cut = np.maximum(0, level - threshold) * (amount * 0.62)
    gain = smooth_circular((10.0 ** (-cut / 20)).astype(np.float32), 9)
    places = np.arange(frames, dtype=np.float32) * np.float32(count / frames)
    full = np.interp(places, np.arange(count + 1), np.append(gain, gain[0]))
    return audio * full.astype(np.float32)


def limit(audio: Audio, peak: float, push_db: float) -> Audio:
    """Push into a soft ceiling and scale to `peak` (at most 0.95)."""
    level = np.float32(np.abs(audio).max() + 1e-9)
    pushed = audio / level * np.float32(10.0 ** (push_db / 20))
    knee = np.float32(0.7)
    over = np.abs(pushed) > knee
    soft = knee + (1 - knee) * np.tanh((np.abs(pushed) - knee) / (1 - knee))
    limited = np.where(over, np.sign(pushed) * soft, pushed)
    return (limited * np.float32(peak / (np.abs(limited).max() + 1e-9))).astype(np.float32)


def apply(
    audio: Audio, chain: Chain, beat_seconds: float, pump_hits: Audio, rng: Generator
) -> Audio:
    """Run a part through its chain."""
    if chain.drive > 0.03:
        audio = saturate(audio, chain.drive)
    if chain.chorus > 0.03:
        audio = chorus(audio, chain.chorus)
    if chain.phaser > 0.03:
        audio = flanger(audio, chain.phaser)
    if chain.sweep > 0.03:
        audio = swept(audio, chain.sweep, choose((1, 1, 2), rng))
    audio = linear(audio, chain, beat_seconds)
    if chain.crush > 0.03:
        audio = crush(audio, chain.crush)
    if chain.pump > 0.03 and len(pump_hits):
        seconds = beat_seconds * 0.9
        audio = audio * pump_curve(audio.shape[1], pump_hits, chain.pump, seconds)
    return audio if abs(chain.width - 0.5) < 0.02 else widen(audio, chain.width)


#: family -> (chance of reverb, delay, chorus, phaser, sweep)
CHANCES: dict[str, tuple[float, float, float, float, float]] = {
    "drums": (0.75, 0.05, 0.0, 0.03, 0.05),
    "bass": (0.12, 0.03, 0.15, 0.06, 0.08),
    "keys": (0.8, 0.25, 0.4, 0.15, 0.05),
    "pad": (0.9, 0.1, 0.35, 0.15, 0.15),
    "pluck": (0.8, 0.45, 0.2, 0.08, 0.06),
    "lead": (0.75, 0.5, 0.3, 0.1, 0.06),
    "arp": (0.75, 0.45, 0.25, 0.12, 0.18),
    "stab": (0.75, 0.45, 0.2, 0.12, 0.1),
    "fx": (0.7, 0.25, 0.1, 0.15, 0.1),
}


def draw_chain(family: str, style: str, split: str, character: Character, rng: Generator) -> Chain:
    """Draw the effects of a part from its character."""
    reverb, delay, wavy, phased, sweeping = CHANCES[family]
    dry = character.space < 0.28
    spaces = [index for index in range(len(SPACES)) if in_split(index, split)]
    spaces.sort(key=lambda index: SPACES[index][0])
    nearest = spaces[min(len(spaces) - 1, int(character.space * len(spaces)))]
    wet = (0.1 + 0.75 * character.space**1.5) * (1.0 if family == "pad" else 0.6)
    chain = Chain(
        drive=max(0.0, character.dirt - 0.35) * {"pad": 0.6, "bass": 0.4}.get(family, 0.8),
        chorus=float(rng.uniform(0.3, 1.0)) * float(rng.random() < wavy),
        phaser=float(rng.uniform(0.4, 1.0)) * float(rng.random() < phased),
        sweep=float(rng.uniform(0.4, 1.0)) * float(rng.random() < sweeping),
        low_hz=0.0 if family in ("bass", "drums") else float(rng.uniform(40, 140)),
        space=nearest,
        reverb=0.0 if dry else wet * float(rng.random() < reverb + 0.3 * character.space),
        delay_beats=choose((0.5, 0.75, 1.0, 0.25, 1 / 3), rng, (3, 4, 1.5, 1, 0.5)),
        delay=0.0 if dry else float(rng.uniform(0.15, 0.45)) * float(rng.random() < delay),
        feedback=float(rng.uniform(0.3, 0.62)),
        width=0.0 if character.width < 0.28 else min(0.75, 0.25 + 0.5 * character.width),
        pump=pump_depth(family, style, rng),
    )
    if family == "bass":
        chain = replace(chain, width=min(chain.width, 0.5), reverb=chain.reverb * 0.4)
    if family == "drums":
        chain = replace(chain, reverb=chain.reverb * 0.8, width=max(0.0, chain.width))
    return lofi(chain, rng) if character.lofi else chain


def pump_depth(family: str, style: str, rng: Generator) -> float:
    """Side-chain depth: pads and stabs of dance styles pump."""
    pumped = {"house": 0.4, "techno": 0.35, "synthwave": 0.25, "dubstep": 0.15}.get(style, 0.03)
    if family not in ("pad", "stab", "bass", "arp", "keys") or rng.random() > pumped:
        return 0.0
    return float(rng.uniform(0.4, 0.85))


def lofi(chain: Chain, rng: Generator) -> Chain:
    """Narrow the band and crush a little."""
    return replace(
        chain,
        low_hz=max(chain.low_hz, float(rng.uniform(60, 160))),
        high_hz=float(rng.uniform(2800, 6000)),
        crush=float(rng.uniform(0.1, 0.6)) if rng.random() < 0.5 else 0.0,
        drive=max(chain.drive, float(rng.uniform(0.1, 0.4))),
    )
