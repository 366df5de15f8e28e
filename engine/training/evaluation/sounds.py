"""What is heard in one sound, made or held out: everything the bars are counted from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.analysis import in_key_share, measure_key, onset_pattern, seam_score, tempo_matches
from engine.analysis.spectra import magnitude_blocks, mono_mix
from engine.audio import AudioClip
from engine.key import Key
from engine.training.evaluation.sheets import Picture

#: A step of the onset pattern sounds above this share of its strongest.
STEP_LEVEL = 0.25
STEPS_PER_BAR = 16
#: A one-shot ends when its last 10 ms lie this far under its peak.
END_DB = -36.0
LEVEL_FLOOR = 1e-6


@dataclass(frozen=True)
class Traits:
    """Mood words as numbers. brightness: log2 Hz of the spectrum's centre. density: share of the
    sixteenths on which something begins. space: how high the gaps between the sounds lie, dB
    under the loud moments. width: the side's level, dB against the mid's."""

    brightness: float
    density: float
    space: float
    width: float


@dataclass(frozen=True)
class Sound:
    """in_time: the asked tempo is heard. key, key_share: heard, and chroma inside the asked one;
    None where none was asked. closes: a loop's seam is no event, a one-shot falls silent.
    latents: (T, 128)."""

    in_time: bool | None
    key: Key | None
    key_share: float | None
    closes: bool
    traits: Traits
    latents: npt.NDArray[np.float16]
    picture: Picture | None


@dataclass(frozen=True)
class Truth:
    """What a sound should be. bars: 0 for a one-shot."""

    bpm: float | None
    key: Key | None
    bars: int


def listen(
    clip: AudioClip, truth: Truth, latents: npt.NDArray[np.float16], picture: Picture | None
) -> Sound:
    """Measure a sound against what it should be."""
    key = None if truth.key is None else measure_key(clip, known_tonal=True).key
    return Sound(
        in_time=None if truth.bpm is None else tempo_matches(clip, truth.bpm),
        key=key,
        key_share=None if truth.key is None else in_key_share(clip, truth.key),
        closes=closes(clip) if truth.bars else falls_silent(clip),
        traits=traits_of(clip, truth.bars),
        latents=latents,
        picture=picture,
    )


def closes(clip: AudioClip) -> bool:
    """Say whether a loop's wrap is not its hardest event."""
    return seam_score(clip.samples, clip.sample_rate, 0, circular=True) <= 1.0


def falls_silent(clip: AudioClip) -> bool:
    """Say whether a sound's last 10 ms lie END_DB under its peak."""
    last = np.abs(clip.samples[:, -clip.sample_rate // 100 :]).max()
    return bool(decibels(last) - decibels(np.abs(clip.samples).max()) <= END_DB)


def decibels(level: float | npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    return 20 * np.log10(np.asarray(level, np.float64) + LEVEL_FLOOR)


def traits_of(clip: AudioClip, bars: int) -> Traits:
    """Measure what mood words mean."""
    left, right = clip.samples[0], clip.samples[-1]
    mid, side = (left + right) / 2, (left - right) / 2
    levels = decibels(_levels(mid))
    steps = onset_pattern(clip, bars, STEPS_PER_BAR) if bars else np.zeros(1)
    return Traits(
        brightness=_centre(clip),
        density=float((steps > STEP_LEVEL).mean()),
        space=float(np.quantile(levels, 0.15) - np.quantile(levels, 0.9)),
        width=float(decibels(_rms(side)) - decibels(_rms(mid))),
    )


def _rms(samples: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _levels(mono: npt.NDArray[np.float32], milliseconds: int = 20) -> npt.NDArray[np.float64]:
    """Return the RMS of each 20 ms."""
    size = 44_100 * milliseconds // 1000
    blocks = mono[: max(1, len(mono) // size) * size]
    blocks = np.resize(blocks, (max(1, len(mono) // size), size)).astype(np.float64)
    return np.sqrt(np.square(blocks).mean(1))


def _centre(clip: AudioClip) -> float:
    """Return the mean of log2 Hz over the magnitudes from 40 Hz up."""
    mono, size = np.pad(mono_mix(clip.samples), 1024), 2048
    starts = np.arange(0, len(mono) - size + 1, size // 2)
    levels = np.concatenate(list(magnitude_blocks(mono, starts, size))).mean(0)
    hz = np.arange(len(levels)) * clip.sample_rate / size
    heard = hz >= 40.0
    weight = levels[heard] / max(float(levels[heard].sum()), 1e-12)
    return float((np.log2(hz[heard]) * weight).sum())
