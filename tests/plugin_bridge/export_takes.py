"""Takes to export: facts and native samples of any tempo, length, key and depth."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from engine.key import Key
from engine.request import GenerationRequest, SourceReference, Task
from engine.sample_format import quantise
from engine.take import Measurements, TakeFacts
from engine.take_maker import NativeSamples
from engine.tempo import COMMON_TIME, Tempo, TimeSignature, loop_frames


def facts_of(
    request: GenerationRequest,
    frames: int,
    *,
    sample_rate: int = 44_100,
    channels: int = 2,
    subtype: str = "PCM_16",
    tempo_bpm: float | None = None,
    measured_key: Key | None = None,
) -> TakeFacts:
    return TakeFacts(
        take_id="t1",
        request=request,
        frames=frames,
        sample_rate=sample_rate,
        channels=channels,
        subtype=subtype,
        tempo_bpm=tempo_bpm,
        bars=request.bars,
        downbeat_frame=0,
        is_loop=tempo_bpm is not None and not request.one_shot,
        grafted=(),
        measured=Measurements(tempo_bpm, 1.0, measured_key, 0.5, -14.0, 0.5, (0.4,)),
        model_version="graft-1",
        device="cpu",
        timings_seconds={"sampling": 1.25},
    )


def loop_take(
    bpm: float = 120,
    bars: int = 1,
    key: Key | None = None,
    subtype: str = "PCM_16",
    *,
    prompt: str = "dusty lo-fi drums",
    seed: int = 7,
    signature: TimeSignature = COMMON_TIME,
    sample_rate: int = 8_000,
    channels: int = 1,
) -> tuple[TakeFacts, NativeSamples]:
    request = GenerationRequest(
        Task.GENERATE, seed, prompt, bpm=bpm, bars=bars, key=key, signature=signature
    )
    frames = loop_frames(Tempo.of(bpm), Fraction(bars), signature, sample_rate)
    phase = np.arange(frames) / sample_rate
    wave = 0.5 * np.sin(2 * np.pi * 110 * phase)
    samples = quantise(np.stack([wave * (1 - 0.1 * c) for c in range(channels)]), subtype)
    facts = facts_of(
        request,
        frames,
        sample_rate=sample_rate,
        channels=channels,
        subtype=subtype,
        tempo_bpm=bpm,
    )
    return facts, samples


def one_shot_take(key: Key | None = None) -> tuple[TakeFacts, NativeSamples]:
    request = GenerationRequest(Task.GENERATE, 3, "kick", seconds=0.25, one_shot=True, key=key)
    samples = quantise(np.linspace(0.9, 0.0, 2_000)[None], "PCM_24")
    return facts_of(request, 2_000, sample_rate=8_000, channels=1, subtype="PCM_24"), samples


def graft_take(path: str, frames: int, tempo_bpm: float) -> tuple[TakeFacts, NativeSamples]:
    """A variation of a file `path`, whose length need not be whole beats."""
    source = SourceReference(path, "0" * 64)
    request = GenerationRequest(Task.VARY, 3, source=source, strength=0.5)
    facts = facts_of(request, frames, sample_rate=8_000, channels=1, tempo_bpm=tempo_bpm)
    return facts, quantise(np.zeros((1, frames)), "PCM_16")
