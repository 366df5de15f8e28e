"""A quick maker of loops with a grid: clicks in time, grafts that change the spans alone.

Words of the prompt are its script: `slow` takes 20 ms a step, `broken` fails.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import soundfile

from engine.audio import FloatArray, FrameSpan
from engine.errors import ModelProblem
from engine.messages import Phase
from engine.request import GenerationRequest, Task
from engine.take import Measurements, TakeFacts
from engine.take_maker import ProgressCallback, RenderedTake
from engine.tempo import Tempo

MAKER_SPEC = "tests.gui.loop_maker:build"
RATE = 44_100
BROKEN = "The model cannot make that; ask for something else."


class LoopMaker:
    model_version = "loop-1"

    def __init__(self, device: str) -> None:
        self.device = device

    def make(
        self, request: GenerationRequest, on_progress: ProgressCallback
    ) -> Iterator[RenderedTake]:
        if "broken" in request.prompt:
            raise ModelProblem(BROKEN)
        for index in range(request.variations):
            for step in range(1, 13):
                time.sleep(0.02 if "slow" in request.prompt else 0.001)
                on_progress(index, Phase.SAMPLING, step, 12)
            take = request.take(index)
            yield _generated(take) if take.source is None else _grafted(take)


def _generated(request: GenerationRequest) -> RenderedTake:
    bpm, bars = request.bpm or 120.0, request.bars or 4
    frames = Tempo.of(bpm).beats_to_frames(Fraction(4 * bars), RATE)
    return _taken(request, _clicks(frames, bpm, request.seed), bpm, (), RATE)


def _grafted(request: GenerationRequest) -> RenderedTake:
    assert request.source is not None
    samples, rate = soundfile.read(request.source.path, dtype="float32", always_2d=True)
    old = samples.T
    bpm = request.bpm or 120.0
    if request.task is Task.CONTINUE:
        more = Tempo.of(bpm).beats_to_frames(Fraction(4 * (request.bars or 1)), rate)
        new = _clicks(more, bpm, request.seed)[: len(old)]
        if request.direction == "backward":
            joined, span = np.concatenate([new, old], axis=1), FrameSpan(0, more)
        else:
            joined = np.concatenate([old, new], axis=1)
            span = FrameSpan(old.shape[1], old.shape[1] + more)
        return _taken(request, joined, bpm, (span,), rate)
    spans = request.spans or (FrameSpan(0, old.shape[1]),)
    whole = _clicks(old.shape[1], bpm, request.seed)[: len(old)]
    made = old.copy()
    for span in spans:
        made[:, span.start : span.stop] = whole[:, span.start : span.stop]
    return _taken(request, made, bpm, spans, rate)


def _clicks(frames: int, bpm: float, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    wave = 0.02 * rng.standard_normal((2, frames)).astype(np.float32)
    beat = 60.0 / bpm * RATE
    decay = 0.6 * np.exp(-np.arange(3000) / 600)
    for number in range(int(frames / beat) + 1):
        start = round(number * beat)
        part = decay[: max(0, frames - start)]
        tone = np.sin(np.arange(len(part)) * (0.02 + 0.01 * (seed % 7)))
        wave[:, start : start + len(part)] += (part * tone).astype(np.float32)
    return wave


def _taken(
    request: GenerationRequest,
    samples: FloatArray,
    bpm: float,
    grafted: tuple[FrameSpan, ...],
    rate: int,
) -> RenderedTake:
    measured = Measurements(
        bpm=bpm,
        bpm_confidence=1.0,
        key=request.key,
        key_confidence=1.0,
        lufs=-16.0,
        peak=float(np.abs(samples).max()),
        seam_scores=(0.2,),
    )
    facts = TakeFacts(
        take_id=uuid.uuid4().hex,
        request=request,
        frames=samples.shape[1],
        sample_rate=rate,
        channels=samples.shape[0],
        subtype="FLOAT",
        tempo_bpm=bpm,
        bars=samples.shape[1] / (240.0 / bpm * rate),
        downbeat_frame=0,
        is_loop=True,
        grafted=grafted,
        measured=measured,
        model_version=LoopMaker.model_version,
        device="cpu",
    )
    return RenderedTake(facts, samples)


def build(device: str, threads: int) -> LoopMaker:
    return LoopMaker(device)


def build_slowly(device: str, threads: int) -> LoopMaker:
    time.sleep(2.0)
    return LoopMaker(device)
