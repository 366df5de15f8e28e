"""The denoiser turns with its input, hears everything it is told, and survives its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.errors import ModelProblem
from engine.key import Key
from engine.models.graft.codec import LATENT_CHANNELS
from engine.models.graft.conditioning import (
    PHASE_CHANNELS,
    Conditions,
    Grid,
    one_shot_grid,
    phase_channels,
    stack_conditions,
)
from engine.models.graft.denoiser import (
    MAX_LATENT_FRAMES,
    load_denoiser,
    rotary,
    save_denoiser,
)
from engine.models.graft.model import Wish
from engine.taxonomy import FAMILIES, STYLES
from tests.engine.models.graft.tiny_model import random_denoiser, tiny_model

WISH = Wish("warm bass in the night", FAMILIES[0], STYLES[0], Key(9, "minor"), 120.0, 0.1, 1.0)


def _double(row: Conditions) -> Conditions:
    numbers = ("bpm", "detune_semitones", "is_loop", "text", "pooled")
    return replace(row, **{name: getattr(row, name).double() for name in numbers})


def _inputs(frames: int, seed: int = 1) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def noise(channels: int) -> Tensor:
        return torch.randn(1, frames, channels, generator=generator, dtype=torch.float64)

    return {
        "latents": noise(LATENT_CHANNELS),
        "context": noise(LATENT_CHANNELS),
        "keep_mask": (noise(1) > 0).double(),
        "phases": phase_channels(Grid(frames, frames / 6, 0.3, 4, frames / 6))[None].double(),
    }


def _run(inputs: dict[str, Tensor], wish: Wish = WISH, time: float = 0.6) -> Tensor:
    denoiser = random_denoiser(dtype=torch.float64)
    with torch.inference_mode():
        return denoiser(
            time=torch.tensor([time]), conditions=_double(tiny_model().conditions(wish)), **inputs
        )


@settings(max_examples=12, deadline=None)
@given(st.integers(3, 120), st.integers(1, 119))
@example(258, 100)
@example(301, 7)
def test_turning_every_input_turns_the_output(frames: int, by: int) -> None:
    inputs = _inputs(frames)
    turned = _run({name: x.roll(by, 1) for name, x in inputs.items()})
    assert float((turned - _run(inputs).roll(by, 1)).abs().max()) <= 1e-9


def test_positions_are_not_all_alike() -> None:
    """The proof above would hold for a model that hears no order at all."""
    inputs = _inputs(40)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    shuffled = _run({name: x[:, order] for name, x in inputs.items()})
    assert float((shuffled - _run(inputs)[:, order]).abs().max()) > 1e-3


@pytest.mark.parametrize("name", ["latents", "context", "keep_mask", "phases"])
def test_every_input_matters(name: str) -> None:
    inputs = _inputs(20)
    changed = {**inputs, name: 1 - inputs[name]}
    assert float((_run(changed) - _run(inputs)).abs().max()) > 1e-3


def test_context_under_a_zero_mask_is_not_seen() -> None:
    inputs = _inputs(20)
    hidden = inputs["context"] + 100 * (1 - inputs["keep_mask"])
    assert torch.equal(_run({**inputs, "context": hidden}), _run(inputs))


@pytest.mark.parametrize(
    "change",
    [
        {"text": "cold bells"},
        {"text": ""},
        {"family": FAMILIES[1]},
        {"family": None},
        {"style": STYLES[1]},
        {"key": Key(8, "minor")},
        {"key": Key(9, "major")},
        {"key": None},
        {"bpm": 90.0},
        {"bpm": 0.0},
        {"detune_semitones": 0.3},
        {"is_loop": 0.0},
    ],
)
def test_every_condition_matters(change: dict[str, object]) -> None:
    inputs = _inputs(12)
    other = _run(inputs, replace(WISH, **change))
    assert float((other - _run(inputs)).abs().max()) > 1e-5


def test_a_row_of_a_batch_is_what_it_is_alone() -> None:
    model = tiny_model()
    rows = [model.conditions(WISH), model.conditions(Wish("cold bells")).unprompted()]
    inputs = {name: x.float().expand(2, -1, -1) for name, x in _inputs(20).items()}
    with torch.inference_mode():
        both = model.denoiser(time=torch.tensor([0.5, 0.5]), conditions=stack_conditions(rows),
                              **inputs)  # fmt: skip
        for i, row in enumerate(rows):
            alone = model.denoiser(time=torch.tensor([0.5]), conditions=row,
                                   **{n: x[i : i + 1] for n, x in inputs.items()})  # fmt: skip
            assert torch.allclose(both[i : i + 1], alone, rtol=1e-4, atol=1e-5)


def test_unprompted_forgets_all_that_a_prompt_says_but_the_tempo() -> None:
    model = tiny_model()
    row = model.conditions(WISH).unprompted()
    plain = model.conditions(
        Wish(bpm=WISH.bpm, detune_semitones=WISH.detune_semitones, is_loop=WISH.is_loop)
    )
    inputs = {name: x.float() for name, x in _inputs(9).items()}
    with torch.inference_mode():
        assert torch.equal(
            *(model.denoiser(time=torch.tensor([0.5]), conditions=c, **inputs)
              for c in (row, plain))
        )  # fmt: skip


@given(st.integers(1, MAX_LATENT_FRAMES + 50))
def test_rotary_angles_close_after_the_window(frames: int) -> None:
    cos, sin = rotary(frames, 16, torch.zeros(1, dtype=torch.float64))
    assert cos.shape == (frames, 16)
    step = torch.complex(cos, sin)[1 % frames]
    around = step**frames
    assert torch.allclose(around, torch.ones_like(around), rtol=0, atol=1e-9)


@settings(max_examples=40)
@given(st.integers(8, 258), st.integers(1, 8), st.sampled_from([3, 4, 5, 7]), st.integers(-64, 64))
def test_beat_phases_of_a_loop_close_and_turn_with_the_downbeat(
    frames: int, bars: int, beats_per_bar: int, by: int
) -> None:
    beats = float(bars * beats_per_bar)
    grid = Grid(frames, beats, 0.0, beats_per_bar, beats)
    channels = phase_channels(grid)
    assert channels.shape == (frames, PHASE_CHANNELS)
    turned = phase_channels(replace(grid, start_beat=-by * beats / frames))
    # float64 angles of up to 4 x 56 turns, rounded to float32 at the end.
    assert float((turned - channels.roll(by, 0)).abs().max()) <= 4 * 2.0**-24 + 1e-10


def test_without_tempo_there_are_no_phases_and_without_loop_no_loop_phase() -> None:
    assert not phase_channels(Grid(10, 0.0)).any()
    window = phase_channels(Grid(10, 8.0))
    assert not window[:, 6:].any()
    assert window[:, :6].any(0).all()


@pytest.mark.parametrize("frames", [8, 13, 87, 258])
def test_every_frame_of_a_one_shot_has_a_place_of_its_own(frames: int) -> None:
    places = phase_channels(one_shot_grid(frames))
    apart = torch.cdist(places, places) + 9 * torch.eye(frames)
    assert float(apart.min()) > 2 / frames


def test_a_denoiser_survives_its_file_at_half_precision(tmp_path: Path) -> None:
    path, denoiser = tmp_path / "denoiser.safetensors", random_denoiser()
    save_denoiser(denoiser.state_dict(), denoiser.shape, path)
    back = load_denoiser(path)
    assert back.shape == denoiser.shape
    assert not back.training
    for name, weight in denoiser.state_dict().items():
        assert torch.equal(back.state_dict()[name], weight.half().float()), name


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    "damage", [Path.unlink, _half, lambda p: p.write_bytes(b""), lambda p: p.write_bytes(b"x" * 99)]
)
def test_a_missing_or_damaged_denoiser_is_refused_in_one_sentence(tmp_path: Path, damage) -> None:
    path, denoiser = tmp_path / "denoiser.safetensors", random_denoiser()
    save_denoiser(denoiser.state_dict(), denoiser.shape, path)
    damage(path)
    with pytest.raises(ModelProblem, match="is missing or damaged; reinstall"):
        load_denoiser(path)


def test_a_denoiser_without_its_shape_or_a_weight_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path, denoiser = tmp_path / "denoiser.safetensors", random_denoiser()
    state = denoiser.state_dict()
    save_file(state, path)
    with pytest.raises(ModelProblem):
        load_denoiser(path)
    state.pop("enter.weight")
    save_denoiser(state, denoiser.shape, path)
    with pytest.raises(ModelProblem):
        load_denoiser(path)
