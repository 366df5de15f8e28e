"""What `loopgraft bench` times by itself, with a worker process and a maker of tones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.client import WorkerOptions
from engine.errors import ModelProblem
from engine.messages import Phase
from engine.request import GenerationRequest, Task
from plugin_bridge.command_line.bench import first_step_seconds
from tests.engine.fake_maker import MAKER_SPEC, SLOW_STEP_SECONDS, SLOW_STEPS

ORDER = GenerationRequest(Task.GENERATE, 1, "tone", bars=1, bpm=120.0)


def test_reading_the_prompt_is_not_yet_a_step(tmp_path: Path) -> None:
    options = WorkerOptions(tmp_path, maker=MAKER_SPEC)
    slow = replace(ORDER, prompt=f"slow:{Phase.READING}")
    assert first_step_seconds(options, slow) > SLOW_STEPS * SLOW_STEP_SECONDS


def test_an_engine_that_cannot_be_had_has_no_first_step(tmp_path: Path) -> None:
    options = WorkerOptions(tmp_path, maker="tests.engine.fake_maker:build_missing")
    with pytest.raises(ModelProblem):
        first_step_seconds(options, ORDER)
