"""The engine tests' tone maker, with measurements that depend on the seed: for ranking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.key import Key
from engine.request import GenerationRequest
from engine.take import Measurements
from engine.take_maker import ProgressCallback, RenderedTake
from tests.engine.fake_maker import ToneMaker

MAKER_SPEC = "tests.plugin_bridge.scored_maker:build"


class ScoredMaker(ToneMaker):
    def make(
        self, request: GenerationRequest, on_progress: ProgressCallback
    ) -> Iterator[RenderedTake]:
        for rendered in super().make(request, on_progress):
            facts = rendered.facts
            measured = Measurements(
                bpm=119.9,
                bpm_confidence=0.9,
                key=Key(9, "minor"),
                key_confidence=0.8,
                lufs=-14.2,
                peak=0.5,
                seam_scores=(1.0 / (1 + facts.request.seed % 10),),
            )
            facts = replace(facts, measured=measured, tempo_bpm=facts.request.bpm)
            yield RenderedTake(facts, rendered.samples)


def build(device: str, threads: int) -> ScoredMaker:
    return ScoredMaker(device)
