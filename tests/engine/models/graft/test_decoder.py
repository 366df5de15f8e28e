"""The learned decoder: rotation, what it knows, its files, its losses, its training."""

from __future__ import annotations

import json
import math
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.audio import FrameSpan
from engine.errors import JobCancelled, ModelProblem
from engine.models.graft.codec import LATENT_CHANNELS, Codec, save_codec
from engine.models.graft.decoder import (
    Decoder,
    DecoderShape,
    decode_with,
    find_known,
    load_decoder,
    load_winner,
    save_decoder,
    start_from,
)
from engine.models.graft.decoding import KnownAudio, random_phases
from engine.models.graft.spectral import (
    FEATURES,
    FRAMES_PER_LATENT,
    LATENT_HOP,
    N_FFT,
    istft_circular,
    stft_circular,
    to_left_right,
    to_mid_side,
)
from engine.training.compare_decoders import DecoderFigures, choose, compare, verdict
from engine.training.crops import DECODER_SEED, CropPlan, DecoderBatch, batches, crops_of
from engine.training.losses import reconstruction
from engine.training.train_decoder import (
    MARGIN_LATENTS,
    DecoderPlan,
    decode_batch,
    start_or_resume,
    step,
    train_decoder,
)

TINY = DecoderShape(width=16, depth=2, start_iterations=2)
LATENTS = 12


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def tiny_decoder(shape: DecoderShape = TINY) -> Decoder:
    """A decoder whose head does something, as training would make it."""
    torch.manual_seed(1)
    decoder = Decoder(shape).eval()
    torch.nn.init.normal_(decoder.head.weight, std=0.1)
    return decoder


def phases_of(latents: int) -> Tensor:
    return random_phases(latents, torch.Generator().manual_seed(9))


def random_start(latents: int) -> Tensor:
    return torch.fft.rfft(noise(1, 2, latents * FRAMES_PER_LATENT, N_FFT, seed=3).double())


def random_codec() -> Codec:
    """A codec of orthonormal random features around -40 dB."""
    basis = torch.linalg.qr(noise(FEATURES, LATENT_CHANNELS, seed=2))[0]
    return Codec(
        torch.full((FEATURES,), math.log(1e-2)), basis, torch.full((LATENT_CHANNELS,), 2.0)
    )


def loop_of(latents: int, seed: int = 3) -> Tensor:
    """Decaying noise bursts: stereo (2, latents x 2048), peak below 1."""
    frames = latents * LATENT_HOP
    time = torch.arange(frames)
    return 0.1 * noise(2, frames, seed=seed) * torch.exp(-(time % 7000) / 2000.0)


def training_batch(codec: Codec, *, keep: Tensor | None = None) -> DecoderBatch:
    audio = torch.stack([loop_of(LATENTS, seed) for seed in (4, 5)])
    latents = torch.stack([codec.encode(one) for one in audio])
    return DecoderBatch(latents, audio, keep, items=1)


def test_rotating_the_input_rotates_the_audio_to_float64_rounding() -> None:
    decoder, start = tiny_decoder().double(), random_start(LATENTS)
    latents = noise(1, LATENTS, LATENT_CHANNELS).double()
    keep = (noise(1, LATENTS * FRAMES_PER_LATENT, seed=2) > 1).double()

    def audio(turn: int) -> Tensor:
        frames = turn * FRAMES_PER_LATENT
        with torch.no_grad():
            made = decoder(latents.roll(turn, 1), start.roll(frames, 2), keep.roll(frames, 1))
        return istft_circular(made)

    still = audio(0)
    for turn in (1, 5):
        error = (audio(turn) - still.roll(turn * LATENT_HOP, -1)).abs().max()
        # float64 rounds at 1.1e-16; some thousand additions per sample.
        assert error < 1e-12 * still.abs().max()
    assert (audio(1) - still).abs().max() > 0.1 * still.abs().max()


def test_decode_with_rotates_with_its_latents_and_phases() -> None:
    decoder, codec = tiny_decoder(), random_codec()
    latents, phases = noise(LATENTS, LATENT_CHANNELS), phases_of(LATENTS)
    still = decode_with(decoder, codec, latents, phases, iterations=1)
    turned_phases = phases.roll(3 * FRAMES_PER_LATENT, 1)
    turned = decode_with(decoder, codec, latents.roll(3, 0), turned_phases, iterations=1)
    assert still.shape == (2, LATENTS * LATENT_HOP)
    # One angle of a bin near zero is ill-conditioned in float32, the audio as a whole is not.
    error = turned - still.roll(3 * LATENT_HOP, 1)
    assert error.norm() < 1e-3 * still.norm()


def test_an_untrained_decoder_leaves_a_tone_between_the_bins_in_tune() -> None:
    time = torch.arange(16 * LATENT_HOP) / (16 * LATENT_HOP)
    tone = 0.3 * torch.sin(2 * math.pi * 327 * time).expand(2, -1)  # 440.1 Hz, 16 x 20.4
    start = stft_circular(to_mid_side(tone))[None]
    keep = torch.zeros(1, 16 * FRAMES_PER_LATENT)
    with torch.no_grad():
        made = Decoder(TINY)(noise(1, 16, LATENT_CHANNELS), start, keep)[0]
    # float32's logarithm and back, in sums over the bins of two windows: 100 dB under full scale.
    assert torch.allclose(to_left_right(istft_circular(made)), tone, atol=1e-5)


def test_more_iterations_bring_the_start_nearer_to_its_magnitudes() -> None:
    magnitudes = stft_circular(to_mid_side(loop_of(8))).abs()
    errors: list[float] = []
    for iterations in (0, 8):
        start = start_from(magnitudes, phases_of(8), iterations)
        assert torch.allclose(start.abs(), magnitudes, atol=1e-4)
        errors.append(float((stft_circular(istft_circular(start)).abs() - magnitudes).norm()))
    assert errors[1] < 0.7 * errors[0]


def test_known_frames_are_kept_and_reach_only_their_neighbours() -> None:
    decoder = tiny_decoder(DecoderShape(width=16, depth=1)).double()
    latents, start = noise(1, 16, LATENT_CHANNELS).double(), random_start(16)
    keep = torch.zeros(1, 16 * FRAMES_PER_LATENT).double()
    with torch.no_grad():
        alone = decoder(latents, start, keep)
        keep[:, 20:24] = 1.0
        both = decoder(latents, start, keep)
    assert torch.equal(both[:, :, 20:24], start[:, :, 20:24])
    moved = (both - alone).abs().amax((0, 1, 3)) > 1e-9
    assert moved.nonzero().flatten().tolist() == list(range(17, 27))  # 7 wide: 3 to each side


def test_known_audio_survives_where_no_window_meets_a_span() -> None:
    decoder, codec = tiny_decoder(), random_codec()
    audio = loop_of(LATENTS)
    known = KnownAudio(audio, [FrameSpan(8192, 12288)], closes=True)
    made = decode_with(decoder, codec, codec.encode(audio), phases_of(LATENTS), known, iterations=2)
    outside = torch.ones(audio.shape[1], dtype=torch.bool)
    outside[8192 - 2 * N_FFT : 12288 + 2 * N_FFT] = False
    # A float32 transform and back: some 100 dB under the peak.
    assert (made - audio)[:, outside].abs().max() < 1e-5 * audio.abs().max()
    assert (made - audio)[:, 9000:11000].abs().max() > 1e-2 * audio.abs().max()


def test_known_frames_of_a_canvas_meet_no_span() -> None:
    known = KnownAudio(loop_of(8), [FrameSpan(4096, 4608)], closes=True)
    _, keep = find_known(known, torch.device("cpu"))
    # Frame k spans k x 512 +- 1024.
    assert (keep == 0).nonzero().flatten().tolist() == list(range(7, 11))


def test_decode_with_reports_each_iteration_and_can_be_cancelled() -> None:
    decoder, codec, seen = tiny_decoder(), random_codec(), list[tuple[int, int]]()
    latents, phases = noise(8, LATENT_CHANNELS), phases_of(8)

    def note(done: int, total: int) -> None:
        seen.append((done, total))

    decode_with(decoder, codec, latents, phases, None, note)
    assert seen == [(done, TINY.start_iterations) for done in range(1, TINY.start_iterations + 1)]

    def cancel(_done: int, _total: int) -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        decode_with(decoder, codec, latents, phases, None, cancel)


def test_saving_and_loading_keeps_shape_and_weights_to_half_precision(tmp_path: Path) -> None:
    decoder = tiny_decoder()
    path = tmp_path / "decoder.safetensors"
    save_decoder(decoder.state_dict(), decoder.shape, path)
    loaded = load_decoder(path)
    assert loaded.shape == TINY
    assert not loaded.training
    for name, weight in decoder.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight.half().float())


def test_a_damaged_decoder_is_a_model_problem(tmp_path: Path) -> None:
    path = tmp_path / "decoder.safetensors"
    path.write_bytes(b"\0" * 100)
    with pytest.raises(ModelProblem, match=r"decoder\.safetensors"):
        load_decoder(path)


def test_a_decoder_is_used_only_if_the_card_says_it_won(tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    assert load_winner(tmp_path) is None
    save_decoder(tiny_decoder().state_dict(), TINY, tmp_path / "decoder.safetensors")
    assert load_winner(tmp_path) is None
    for text in ("{}", '{"decoder": {"won": false, "iterations": 8}}'):
        card.write_text(text)
        assert load_winner(tmp_path) is None
    card.write_text('{"decoder": {"won": true, "iterations": 8}}')
    winner = load_winner(tmp_path)
    assert winner is not None
    assert winner.iterations == 8
    card.write_text("[")
    with pytest.raises(ModelProblem, match="card"):
        load_winner(tmp_path)


def test_losses_are_zero_on_identical_audio_and_only_there() -> None:
    audio = torch.stack([loop_of(8), torch.zeros(2, 8 * LATENT_HOP)])
    assert [float(part) for part in reconstruction(audio, audio)] == [0, 0, 0, 0]
    assert all(float(part) > 0 for part in reconstruction(0.5 * audio, audio))


def test_losses_hear_a_side_that_left_and_right_alone_hide() -> None:
    audio = loop_of(8)[None]
    swapped = audio.clone()
    swapped[:, 1] *= -1  # every magnitude of left and right stays
    assert float(reconstruction(swapped, audio).mel) > 0.01


def test_the_gradient_of_silence_is_finite() -> None:
    made = torch.zeros(1, 2, 8 * LATENT_HOP, requires_grad=True)
    reconstruction(made, torch.zeros(1, 2, 8 * LATENT_HOP)).total().backward()
    assert made.grad is not None
    assert bool(made.grad.isfinite().all())


@pytest.mark.parametrize("knows", [False, True])
def test_steps_on_a_fixed_batch_reduce_the_loss(tmp_path: Path, *, knows: bool) -> None:
    codec = random_codec()
    plan = DecoderPlan(minutes=1, learning_rate=3e-3, warmup_steps=1, shape=TINY)
    state = start_or_resume(plan, tmp_path / "none.pt")
    keep = (torch.arange(LATENTS * FRAMES_PER_LATENT) % 16 < 4).float().expand(2, -1)
    batch = training_batch(codec, keep=keep if knows else None)
    losses = [step(state, codec, batch, plan, 0.0) for _ in range(4)]
    assert losses[3] < losses[0]
    assert state.steps == 4
    assert state.items_seen == 4


def test_knowing_every_frame_leaves_no_error_in_the_audio() -> None:
    codec = random_codec()
    batch = training_batch(codec, keep=torch.ones(2, LATENTS * FRAMES_PER_LATENT))
    with torch.no_grad():
        made, head_error = decode_batch(tiny_decoder(), codec, batch, torch.Generator())
    margin = MARGIN_LATENTS * LATENT_HOP
    assert torch.allclose(made, batch.audio[..., margin:-margin], atol=1e-5)
    assert float(head_error) > 0.01  # the head is judged before what is known covers it


def test_an_adversarial_step_trains_both_sides(tmp_path: Path) -> None:
    codec = random_codec()
    plan = DecoderPlan(minutes=1, adversarial=True, warmup_steps=1, shape=TINY)
    state = start_or_resume(plan, tmp_path / "none.pt")
    assert state.judges is not None
    before = [weight.clone() for weight in state.judges.model.parameters()]
    batch = training_batch(codec)
    short = DecoderBatch(batch.latents[:1, :6], batch.audio[:1, :, : 6 * LATENT_HOP], None, 1)
    assert math.isfinite(step(state, codec, short, plan, 0.0))
    after = list(state.judges.model.parameters())
    assert all(not torch.equal(a, b) for a, b in zip(after, before, strict=True))
    assert all(weight.requires_grad for weight in after)


def fixed_source(codec: Codec, firsts: list[int]):
    def source(first: int) -> Generator[DecoderBatch, None, None]:
        firsts.append(first)
        while True:
            yield training_batch(codec)

    return source


def test_a_resumed_run_goes_on_from_its_steps_items_and_weights(tmp_path: Path) -> None:
    codec, firsts = random_codec(), []
    plan = DecoderPlan(minutes=5, most_steps=2, warmup_steps=1, shape=TINY)
    first = train_decoder(plan, codec, fixed_source(codec, firsts), tmp_path)
    resumed = start_or_resume(plan, tmp_path / "checkpoint.pt")
    assert (resumed.steps, resumed.items_seen) == (2, 2)
    for name, weight in first.model.state_dict().items():
        assert torch.equal(weight, resumed.model.state_dict()[name])
        assert torch.equal(first.ema[name], resumed.ema[name])
    second = train_decoder(
        replace(plan, most_steps=3), codec, fixed_source(codec, firsts), tmp_path
    )
    assert second.steps == 3
    assert second.seconds > first.seconds
    assert firsts == [0, 2]
    assert load_decoder(tmp_path / "decoder.safetensors").shape == TINY


def test_interrupted_training_equals_uninterrupted(tmp_path: Path) -> None:
    codec = random_codec()
    plan = DecoderPlan(minutes=5, most_steps=3, warmup_steps=1, shape=TINY)
    whole = train_decoder(plan, codec, fixed_source(codec, []), tmp_path / "whole")
    for steps in (1, 3):
        parts = train_decoder(
            replace(plan, most_steps=steps), codec, fixed_source(codec, []), tmp_path / "parts"
        )
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, parts.model.state_dict()[name])


def test_batches_are_the_same_from_a_worker_process(tmp_path: Path) -> None:
    path = tmp_path / "codec.safetensors"
    save_codec(random_codec(), path)
    plan = CropPlan(path, batch=2, crop_latents=8, workers=0)
    with closing(batches(plan, 0)) as here, closing(batches(replace(plan, workers=1), 0)) as there:
        mine, other = next(here), next(there)
    assert torch.equal(mine.audio, other.audio)
    assert torch.equal(mine.latents, other.latents)
    assert mine.items == other.items
    assert mine.latents.shape == (2, 8, LATENT_CHANNELS)
    assert mine.audio.shape == (2, 2, 8 * LATENT_HOP)


def test_a_crops_latents_belong_to_its_audio() -> None:
    codec = random_codec()
    for crop in crops_of(DECODER_SEED, codec, 8):
        again = codec.encode(crop.audio)
        # The outer latent frames see the crop's wrap instead of the item's neighbours.
        assert torch.allclose(again[1:-1], crop.latents[1:-1], atol=1e-3)


def test_the_learned_decoder_ships_only_if_no_bar_gets_worse() -> None:
    baseline = DecoderFigures("Griffin-Lim", 32, 0.40, 0.60, 0.1)
    mixed = DecoderFigures("learned", 0, 0.30, 0.61, 0.02)
    better = DecoderFigures("learned", 8, 0.35, 0.50, 0.05)
    best = DecoderFigures("learned", 32, 0.34, 0.49, 0.1)
    assert choose([baseline, mixed]) is baseline
    assert choose([baseline, baseline]) is baseline
    assert choose([baseline, mixed, better, best]) is best
    assert verdict([baseline, mixed])["won"] is False
    assert json.loads(json.dumps(verdict([baseline, best])))["iterations"] == 32


def test_the_comparison_measures_both_decoders_on_the_same_items() -> None:
    figures = compare(random_codec(), tiny_decoder(), [loop_of(8)])
    assert [(f.name, f.iterations) for f in figures] == [
        ("Griffin-Lim", 32),
        ("learned", 8),
        ("learned", 32),
    ]
    assert all(f.log_mel > 0 and f.log_magnitude > 0 for f in figures)
