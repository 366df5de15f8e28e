"""The whole training path in small: corpus to shards to steps to weights that load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.models.graft.codec import LATENT_CHANNELS, Codec, fit_codec, save_codec
from engine.models.graft.conditioning import one_shot_grid, phase_channels
from engine.models.graft.denoiser import Denoiser, DenoiserShape, load_denoiser, save_denoiser
from engine.models.graft.runtime import choose_runtime
from engine.models.graft.spectral import FEATURES
from engine.models.registry import read_card, verify
from engine.text_encoder import TextEncoder
from engine.training import train_denoiser
from engine.training.__main__ import main
from engine.training.batches import BatchMaker, random_spans
from engine.training.corpus import make_item
from engine.training.dataset import LatentItem, encode_item, read_shard, to_grid, write_shard
from engine.training.release import average, write_card
from engine.training.train_denoiser import TrainingPlan, flow_loss, start_or_resume, train

TINY = DenoiserShape(width=32, layers=1, heads=2)


@pytest.fixture(scope="module")
def codec() -> Codec:
    generator = torch.Generator().manual_seed(0)
    return fit_codec(torch.randn(2 * LATENT_CHANNELS, FEATURES, generator=generator))


@pytest.fixture(scope="module")
def items(codec: Codec) -> list[LatentItem]:
    text = TextEncoder()
    return [encode_item(make_item(seed), codec, text) for seed in range(6)]


@pytest.fixture(scope="module")
def shards(items: list[LatentItem], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_shard(items, folder / "00000.npz")
    return folder


def test_a_loop_is_stretched_to_whole_latent_frames() -> None:
    item = make_item(3, kind="loop")
    assert to_grid(item).shape[1] % 2048 == 0
    assert abs(to_grid(item).shape[1] - item.audio.shape[1]) <= 1024 or item.audio.shape[1] < 16384


def test_a_shard_gives_back_what_was_written(items: list[LatentItem], shards: Path) -> None:
    for before, after in zip(items, read_shard(shards / "00000.npz"), strict=True):
        assert np.array_equal(before.latents, after.latents)
        assert (before.family, before.root, before.is_loop) == (
            after.family,
            after.root,
            after.is_loop,
        )
        assert before.detune_semitones == pytest.approx(after.detune_semitones)
        for a, b in zip(before.captions, after.captions, strict=True):
            assert np.array_equal(a, b)


def test_batches_are_of_one_length_with_binary_masks(items: list[LatentItem]) -> None:
    maker = BatchMaker(items, 400, np.random.default_rng(0))
    for _ in range(20):
        batch = maker.draw()
        count, length, channels = batch.latents.shape
        assert channels == LATENT_CHANNELS
        assert batch.keep_mask.shape == (count, length, 1)
        assert set(batch.keep_mask.unique().tolist()) <= {0.0, 1.0}
        assert bool((batch.keep_mask == 0).any(dim=1).all()), "every example has frames to make"
        assert batch.phases.shape == (count, length, 8)


def test_one_shots_come_often_at_their_start_and_silent_behind_their_end(codec: Codec) -> None:
    text = TextEncoder()
    shots = [encode_item(make_item(seed, kind="one_shot"), codec, text) for seed in range(3)]
    loop = encode_item(make_item(9, kind="loop"), codec, text)
    silence = codec.silence().numpy()
    maker = BatchMaker([*shots, loop], 600, np.random.default_rng(0), silence)
    shortest = min(len(shot.latents) for shot in shots)
    drawn = [maker.draw() for _ in range(60)]
    alone = [batch for batch in drawn if bool((batch.conditions.is_loop < 0).all())]
    assert len(alone) >= 6
    for batch in alone:
        length = batch.latents.shape[1]
        assert shortest <= length <= 258
        assert not batch.keep_mask.any()
        assert torch.equal(batch.phases[0], phase_channels(one_shot_grid(length)))
        fitting = [shot for shot in shots if len(shot.latents) <= length]
        for row in batch.latents.numpy():
            (same,) = [s for s in fitting if np.array_equal(row[: len(s.latents)], s.latents)]
            behind = row[len(same.latents) :]
            assert np.allclose(behind, silence, atol=0.01, rtol=1e-3)


def test_random_spans_hide_an_eighth_to_three_quarters() -> None:
    rng = np.random.default_rng(0)
    hidden = [1 - float(random_spans(80, rng).mean()) for _ in range(300)]
    assert min(hidden) > 0.03
    assert max(hidden) <= 0.8


def test_training_learns_resumes_and_ships_weights_that_load(
    shards: Path, codec: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_denoiser, "HELD_OUT_BATCHES", 2)
    plan = TrainingPlan(minutes=5, most_steps=4, tokens=200, shape=TINY, learning_rate=3e-3)
    state = train(plan, shards, shards, tmp_path, codec)
    assert state.steps == 4
    again = start_or_resume(plan, tmp_path / "checkpoint.pt")
    assert again.steps == state.steps
    for name, value in state.ema.items():
        assert torch.equal(value, again.ema[name])
    longer = train(replace(plan, most_steps=6), shards, shards, tmp_path, codec)
    assert longer.steps == 6
    assert longer.seconds > state.seconds
    save_codec(codec, tmp_path / "codec.safetensors")
    model = load_denoiser(tmp_path / "denoiser.safetensors")
    assert model.shape == TINY


def test_the_loss_falls_on_a_fixed_batch(items: list[LatentItem]) -> None:
    plan = TrainingPlan(minutes=0, tokens=300, shape=TINY)
    state = start_or_resume(plan, Path("no checkpoint here"))
    batch = BatchMaker(items, 300, np.random.default_rng(0)).draw()
    optimizer = torch.optim.AdamW(state.model.parameters(), lr=3e-3)
    losses: list[float] = []
    for _ in range(40):
        loss = flow_loss(state.model, batch, torch.Generator().manual_seed(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_the_average_of_denoisers_is_their_middle(tmp_path: Path) -> None:
    shape = DenoiserShape(width=32, layers=1, heads=2)
    models = [Denoiser(shape) for _ in range(2)]
    paths = [tmp_path / f"{index}.safetensors" for index in range(2)]
    for model, path in zip(models, paths, strict=True):
        save_denoiser(model.state_dict(), shape, path)
    average(paths, tmp_path / "out" / "mean.safetensors")
    ends = [load_denoiser(path).state_dict() for path in paths]
    middle = load_denoiser(tmp_path / "out" / "mean.safetensors").state_dict()
    for name, value in middle.items():
        torch.testing.assert_close(value, (ends[0][name] + ends[1][name]) / 2, atol=1e-3, rtol=1e-3)


def test_denoisers_of_other_shapes_have_no_average(tmp_path: Path) -> None:
    paths: list[Path] = []
    for width in (32, 64):
        shape = DenoiserShape(width=width, layers=1, heads=2)
        paths.append(tmp_path / f"{width}.safetensors")
        save_denoiser(Denoiser(shape).state_dict(), shape, paths[-1])
    with pytest.raises(ValueError, match="one shape"):
        average(paths, tmp_path / "mean.safetensors")


def test_the_graphs_are_written_and_listed_for_weights_that_are_there(tmp_path: Path) -> None:
    save_denoiser(Denoiser(TINY).state_dict(), TINY, tmp_path / "denoiser.safetensors")
    write_card(tmp_path, "0.0", {"steps": 1}, {})
    main(["onnx", "--target", str(tmp_path)])
    card = read_card(tmp_path / "card.json")
    names = [file.name for file in card.files]
    assert names == ["denoiser.safetensors", "denoiser-fp32.onnx", "denoiser-int8.onnx"]
    assert verify(card) == []
    assert card.training == {"steps": 1}
    _, runtime = choose_runtime(
        load_denoiser(tmp_path / names[0]), tmp_path, torch.device("cpu"), 1
    )
    assert (runtime.provider, runtime.note) == ("CPUExecutionProvider", "")


def test_a_release_holds_weights_and_graphs_that_belong_together(tmp_path: Path) -> None:
    work, target = tmp_path / "work", tmp_path / "target"
    (work / "denoiser").mkdir(parents=True)
    save_denoiser(Denoiser(TINY).state_dict(), TINY, work / "denoiser" / "denoiser.safetensors")
    torch.save({"steps": 5, "items_seen": 6, "seconds": 7.0}, work / "denoiser" / "checkpoint.pt")
    main(["--work", str(work), "release", "--target", str(target), "--model-version", "0.0",
          "--hardware", "none"])  # fmt: skip
    card = read_card(target / "card.json")
    assert verify(card) == []
    assert {"denoiser-fp32.onnx", "denoiser-int8.onnx"} <= {file.name for file in card.files}
