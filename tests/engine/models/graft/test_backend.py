"""The maker of takes, from text: exact lengths, the same bytes twice, finite audio."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.audio import MODEL_SAMPLE_RATE
from engine.diffusion.canvas import LONGEST_SECONDS
from engine.errors import BadArgument, JobCancelled
from engine.messages import Phase
from engine.models.graft import backend
from engine.models.graft.backend import (
    PEAK_LIMIT,
    GraftMaker,
    LoopLength,
    finish,
    latent_noise,
    length_of,
    sampler_settings,
)
from engine.models.graft.decoding import decode
from engine.models.graft.onnx_weights import Precision
from engine.models.graft.runtime import TORCH_ON_CPU, Runtime, open_runtime
from engine.models.graft.spectral import LATENT_HOP
from engine.prompt import resolve_fields
from engine.request import GenerationRequest, Task
from engine.take_maker import RenderedTake
from engine.tempo import Tempo, TimeSignature, loop_frames
from engine.training.export_onnx import export_graphs
from tests.engine.models.graft.tiny_model import random_denoiser, tiny_model

ROOT = Path(__file__).resolve().parents[4]
ORDER = GenerationRequest(Task.GENERATE, 7, "warm bass", bpm=240.0, bars=1, steps=1)


@pytest.fixture(autouse=True)
def quick_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four iterations of Griffin-Lim, not 32: nothing here is about the sound."""
    monkeypatch.setattr(backend, "decode", partial(decode, iterations=4))


def _ignore(index: int, phase: Phase, step: int, steps: int) -> None:
    return None


def _make(request: GenerationRequest, on_progress=_ignore) -> list[RenderedTake]:
    return list(GraftMaker(tiny_model()).make(request, on_progress))


@pytest.mark.parametrize("bpm", [96.0, 92.5, 120.0, 128.003, 174.0, 299.999])
def test_a_loop_has_its_exact_length(bpm: float) -> None:
    (take,) = _make(replace(ORDER, bpm=bpm))
    expected = loop_frames(Tempo.of(bpm), 1, TimeSignature(), 44_100)
    assert take.samples.shape == (2, expected)
    assert take.samples.dtype == np.float32
    assert np.isfinite(take.samples).all()
    assert take.samples.any()
    assert (take.facts.frames, take.facts.sample_rate, take.facts.channels) == (
        expected, 44_100, 2,
    )  # fmt: skip
    assert (take.facts.tempo_bpm, take.facts.bars, take.facts.is_loop) == (bpm, 1.0, True)


@settings(max_examples=150)
@given(st.integers(40_000, 300_000), st.integers(1, 64), st.integers(1, 16))
def test_every_tempo_bars_and_metre_gets_the_length_the_tempo_says(
    milli_bpm: int, bars: int, beats_per_bar: int
) -> None:
    signature = TimeSignature(beats_per_bar, 4)
    request = replace(ORDER, bpm=milli_bpm / 1000, bars=bars, signature=signature)
    assume(bars * beats_per_bar * 60_000 / milli_bpm <= LONGEST_SECONDS)
    length = length_of(request, resolve_fields(request))
    assert length.frames == loop_frames(Tempo.of(milli_bpm / 1000), bars, signature, 44_100)
    assert length.beats == bars * beats_per_bar
    assert length.latent_frames >= 8
    if length.latent_frames > 8:
        stretch = length.frames / (length.latent_frames * LATENT_HOP)
        assert abs(12 * np.log2(stretch)) == pytest.approx(abs(length.detune_semitones))
        assert abs(length.frames - length.latent_frames * LATENT_HOP) <= LATENT_HOP / 2


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.3])
def test_a_one_shot_has_its_length_and_ends_in_silence(seconds: float) -> None:
    (take,) = _make(replace(ORDER, bars=None, bpm=None, one_shot=True, seconds=seconds))
    assert take.facts.frames == round(seconds * 44_100)
    assert not take.facts.is_loop
    assert take.facts.tempo_bpm is None
    assert not take.samples[:, -1].any()


def test_the_same_request_gives_the_same_bytes_and_id_twice() -> None:
    first, again = _make(ORDER)[0], _make(ORDER)[0]
    assert first.samples.tobytes() == again.samples.tobytes()
    assert first.facts.take_id == again.facts.take_id
    assert replace(first.facts, timings_seconds={}) == replace(again.facts, timings_seconds={})


def test_variations_are_the_takes_that_their_recipes_make_alone() -> None:
    takes = _make(replace(ORDER, variations=3))
    assert [take.facts.request.seed for take in takes] == [7, 8, 9]
    assert len({take.facts.take_id for take in takes}) == 3
    assert len({take.samples.tobytes() for take in takes}) == 3
    alone = _make(takes[2].facts.request)[0]
    assert alone.samples.tobytes() == takes[2].samples.tobytes()
    assert alone.facts.take_id == takes[2].facts.take_id


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"prompt": "cold bells"},
        {"negative_prompt": "drums"},
        {"steps": 2},
        {"guidance_scale": 5.0},
        {"task": Task.MORPH, "to_prompt": "cold bells"},
    ],
)
def test_what_is_asked_for_changes_the_audio_and_the_id(change: dict[str, object]) -> None:
    first, other = _make(ORDER)[0], _make(replace(ORDER, **change))[0]
    assert first.samples.tobytes() != other.samples.tobytes()
    assert first.facts.take_id != other.facts.take_id


def test_progress_goes_through_every_phase_of_every_take() -> None:
    seen: list[tuple[int, Phase, int, int]] = []
    _make(replace(ORDER, variations=2, steps=3), lambda *report: seen.append(report))
    for index in range(2):
        sampling = [(s, n) for i, p, s, n in seen if (i, p) == (index, Phase.SAMPLING)]
        assert sampling == [(1, 3), (2, 3), (3, 3)]
        decoding = [s for i, p, s, n in seen if (i, p) == (index, Phase.DECODING)]
        assert decoding == list(range(1, len(decoding) + 1))
        assert len(decoding) > 1
    assert [i for i, *_ in seen] == sorted(i for i, *_ in seen)


@pytest.mark.parametrize("phase", [Phase.READING, Phase.SAMPLING, Phase.DECODING])
def test_cancelling_in_any_phase_stops_and_the_next_take_is_unharmed(phase: Phase) -> None:
    def cancel(index: int, at: Phase, step: int, steps: int) -> None:
        if at is phase:
            raise JobCancelled

    whole = _make(ORDER)[0]
    with pytest.raises(JobCancelled):
        _make(ORDER, cancel)
    assert _make(ORDER)[0].samples.tobytes() == whole.samples.tobytes()


@given(st.floats(0.001, 100.0))
def test_a_finished_take_is_under_full_scale_and_says_its_gain(level: float) -> None:
    stereo = np.random.default_rng(1).uniform(-1, 1, (2, 8 * LATENT_HOP)).astype(np.float32)
    stereo *= np.float32(level)
    samples, gain_db = finish(stereo, LoopLength(16_000, 8, 0.0, 0.0, 1.0, 1.0))
    assert np.abs(samples).max() <= PEAK_LIMIT * (1 + 2.0**-22)
    assert gain_db <= 0.0
    if gain_db == 0.0:
        assert np.abs(samples).max() <= PEAK_LIMIT


def test_a_finished_loop_turns_with_the_decoded_one() -> None:
    """Stretched on the circle: turning 8 latents by 4 turns 16000 frames by 8000."""
    stereo = np.random.default_rng(1).uniform(-0.3, 0.3, (2, 8 * LATENT_HOP)).astype(np.float32)
    length = LoopLength(16_000, 8, 4.0, 120.0, 1.0, 1.0)
    turned = finish(np.roll(stereo, 4 * LATENT_HOP, axis=1), length)[0]
    assert np.abs(turned - np.roll(finish(stereo, length)[0], 8_000, axis=1)).max() <= 2.0**-22


def test_defaults_are_the_models_own_and_a_scale_of_zero_is_heard() -> None:
    assert sampler_settings(replace(ORDER, steps=None)).steps == 12
    assert sampler_settings(replace(ORDER, guidance_scale=0.0)).guidance.scale == 0.0


def test_noise_depends_on_the_seed_alone() -> None:
    assert np.array_equal(latent_noise(3, 9), latent_noise(3, 9))
    assert not np.array_equal(latent_noise(3, 9), latent_noise(4, 9))
    latent_noise(2**63 - 1, 1)


@pytest.mark.parametrize(
    "prompt",
    ["", "   ", "🎵", "a" * 2000, "\x00", "128", "Klavier", "ドラム 0 bars", "H minor 39 bpm"],
)
def test_any_prompt_makes_finite_audio(prompt: str) -> None:
    (take,) = _make(replace(ORDER, prompt=prompt))
    assert np.isfinite(take.samples).all()


def test_a_family_that_only_the_sense_names_is_told() -> None:
    (guessed,) = _make(replace(ORDER, prompt="sliding low frequencies that shake the floor"))
    assert guessed.facts.guessed_family == "bass"
    (named,) = _make(replace(ORDER, prompt="warm bass"))
    assert named.facts.guessed_family is None


def test_a_long_struck_one_shot_is_made_in_a_window_that_was_trained() -> None:
    request = replace(ORDER, prompt="kick", bars=None, bpm=None, one_shot=True, seconds=12.0)
    length = length_of(request, resolve_fields(request))
    assert (length.frames, length.latent_frames) == (12 * 44_100, 87)
    riser = replace(request, prompt="riser")
    assert length_of(riser, resolve_fields(riser)).latent_frames == 259


def test_a_refused_tempo_never_starts() -> None:
    with pytest.raises(BadArgument):
        replace(ORDER, bpm=9000.0)
    assert MODEL_SAMPLE_RATE == 44_100


def test_what_made_the_steps_stands_in_the_take_and_names_it() -> None:
    """Another runtime rounds otherwise: its take is another one, with another name."""
    fast = replace(tiny_model(), runtime=Runtime("onnxruntime 1 int8", "CPUExecutionProvider"))
    (here,) = _make(ORDER)
    (there,) = GraftMaker(fast).make(ORDER, _ignore)
    assert here.facts.runtime == TORCH_ON_CPU.text
    assert there.facts.runtime == "onnxruntime 1 int8 (CPUExecutionProvider)"
    assert here.facts.take_id != there.facts.take_id


def test_the_same_order_gives_the_same_bytes_in_onnx_runtime(tmp_path: Path) -> None:
    export_graphs(random_denoiser().shape, tmp_path)
    made: list[RenderedTake] = []
    for _ in range(2):
        flow, runtime = open_runtime(random_denoiser(), tmp_path, Precision.INT8, 1)
        model = replace(tiny_model(), denoiser=flow, runtime=runtime)
        made += GraftMaker(model).make(replace(ORDER, steps=3), _ignore)
    assert np.array_equal(made[0].samples, made[1].samples)
    assert made[0].facts.take_id == made[1].facts.take_id


def test_what_measures_takes_is_not_imported_before_the_model_is_loaded() -> None:
    """scipy.signal alone would take as long to import as two thirds of torch."""
    code = (
        "import sys, engine.job_runner, engine.models.graft.backend;"
        "sys.exit(any(n.partition('.')[0] in ('scipy', 'pyloudnorm') for n in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
