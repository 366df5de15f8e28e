"""A maker of sine takes that is quick, scriptable and needs numpy alone.

The prompt is the script: `slow:PHASE` makes each of that phase's steps last 2 ms (1000 steps
where the request does not say), `noisy` prints to stdout on both levels, `error` raises an
unexpected exception, `lost` one that spoils the device, `short` loses a take,
`named` gives takes an id made of their request.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator

import numpy as np

from engine.errors import ModelProblem
from engine.messages import Phase
from engine.request import GenerationRequest
from engine.take import Measurements, TakeFacts
from engine.take_maker import ProgressCallback, RenderedTake

MAKER_SPEC = "tests.engine.fake_maker:build"
FRAMES = 2000
QUICK_STEPS = 5
SLOW_STEPS = 1000
SLOW_STEP_SECONDS = 0.002


class ToneMaker:
    model_version = "tone-1"

    def __init__(self, device: str) -> None:
        self.device = "cpu" if device == "auto" else device

    def make(
        self, request: GenerationRequest, on_progress: ProgressCallback
    ) -> Iterator[RenderedTake]:
        for index in range(request.variations):
            if "short" in request.prompt and index:
                return
            for phase in (Phase.READING, Phase.SAMPLING, Phase.DECODING):
                _pass_time(request, index, phase, on_progress)
            yield _tone(request.take(index))


def _pass_time(
    request: GenerationRequest, index: int, phase: Phase, on_progress: ProgressCallback
) -> None:
    slow = f"slow:{phase}" in request.prompt
    steps = request.steps or (SLOW_STEPS if slow else QUICK_STEPS)
    for step in range(1, steps + 1):
        if slow:
            time.sleep(SLOW_STEP_SECONDS)
        on_progress(index, phase, step, steps)
        if "noisy" in request.prompt:
            print("a library that prints", flush=True)  # noqa: T201 - the point of the test
            os.write(1, b'{"type": "JobDone", "job_id": "forged"}\n')
        if "error" in request.prompt:
            raise RuntimeError("a defect of the model")
        if "lost" in request.prompt:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")


def _tone(request: GenerationRequest) -> RenderedTake:
    wave = 0.5 * np.sin(np.arange(FRAMES) * (0.01 + 0.001 * (request.seed % 100)))
    samples = np.stack([wave, wave]).astype(np.float32)
    measured = Measurements(
        bpm=None, bpm_confidence=0.0, key=None, key_confidence=0.0, lufs=None, peak=0.5
    )
    facts = TakeFacts(
        take_id=request.digest[:16] if "named" in request.prompt else uuid.uuid4().hex,
        request=request,
        frames=FRAMES,
        sample_rate=44_100,
        channels=2,
        subtype="FLOAT",
        tempo_bpm=None,
        bars=None,
        downbeat_frame=0,
        is_loop=False,
        grafted=(),
        measured=measured,
        model_version=ToneMaker.model_version,
        device="cpu",
    )
    return RenderedTake(facts, samples)


def build(device: str, threads: int) -> ToneMaker:
    return ToneMaker(device)


def build_slowly(device: str, threads: int) -> ToneMaker:
    time.sleep(2.0)
    return ToneMaker(device)


def build_dying(device: str, threads: int) -> ToneMaker:
    os.write(2, b"the driver is not amused\n")
    os._exit(9)


def build_missing(device: str, threads: int) -> ToneMaker:
    raise ModelProblem("The model file is missing; install it again.", "no weights")
