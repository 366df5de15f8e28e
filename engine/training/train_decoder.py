"""Train the decoder on corpus items made on the fly: resumable, CPU or GPU."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.models.graft.codec import Codec
from engine.models.graft.decoder import (
    CPU_SHAPE,
    Decoder,
    DecoderShape,
    save_decoder,
    start_from,
)
from engine.models.graft.decoding import random_phases
from engine.models.graft.spectral import (
    FRAMES_PER_LATENT,
    LATENT_HOP,
    N_FFT,
    istft_circular,
    stft_circular,
    to_left_right,
    to_mid_side,
)
from engine.training.crops import DecoderBatch
from engine.training.discriminators import Discriminators, fool_loss, judge_loss
from engine.training.losses import log_l1, reconstruction
from engine.training.training_loop import (
    RunPlan,
    RunState,
    count_step,
    descend,
    first_average,
    read_checkpoint,
    run,
    set_rate,
    write_checkpoint,
)

#: Latent frames at each end of a crop that only give context: what wraps there is not true.
MARGIN_LATENTS = 2
#: Keeps the magnitude head a magnitude, which Griffin-Lim can refine.
HEAD_WEIGHT = 1.0

#: Gives batches from an item number on.
Source = Callable[[int], Generator[DecoderBatch, None, None]]


@dataclass(frozen=True)
class DecoderPlan(RunPlan):
    """One run of the decoder's training. adversarial: with discriminators."""

    learning_rate: float = 5e-4
    adversarial: bool = False
    shape: DecoderShape = field(default_factory=lambda: CPU_SHAPE)


@dataclass
class Judges:
    """The discriminators and their own optimizer."""

    model: Discriminators
    optimizer: torch.optim.Optimizer


@dataclass
class DecoderState(RunState[Decoder]):
    """What a checkpoint holds. optimizers: the decoder's, then the discriminators'."""

    judges: Judges | None = None


def start_or_resume(plan: DecoderPlan, checkpoint: Path) -> DecoderState:
    """Build a fresh state, or read the checkpoint when there is one.

    Discriminators that a checkpoint lacks start fresh; a run without them drops them.
    """
    torch.manual_seed(plan.seed)
    model = Decoder(plan.shape).to(plan.device)
    state = DecoderState(model, first_average(model), (_optimizer(model, plan.learning_rate),))
    if plan.adversarial:
        judges = Discriminators().to(plan.device)
        state.judges = Judges(judges, _optimizer(judges, plan.learning_rate))
        state.optimizers += (state.judges.optimizer,)
    saved = read_checkpoint(state, checkpoint, plan.device)
    if saved is not None:
        _restore_optimizers(state, saved)
    return state


def _optimizer(model: torch.nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        model.parameters(), lr=learning_rate, betas=(0.8, 0.99), weight_decay=0.01
    )


def _restore_optimizers(state: DecoderState, saved: dict[str, Any]) -> None:
    state.optimizers[0].load_state_dict(saved["optimizer"])
    if state.judges is not None and saved["judges"] is not None:
        state.judges.model.load_state_dict(saved["judges"])
        state.judges.optimizer.load_state_dict(saved["judges_optimizer"])


def save_state(state: DecoderState, checkpoint: Path) -> None:
    """Write the checkpoint, and the averaged weights as decoder.safetensors beside it."""
    judges = state.judges
    optimizers = {
        "optimizer": state.optimizers[0].state_dict(),
        "judges": None if judges is None else judges.model.state_dict(),
        "judges_optimizer": None if judges is None else judges.optimizer.state_dict(),
    }
    write_checkpoint(state, checkpoint, optimizers)
    save_decoder(state.ema, state.model.shape, checkpoint.with_name("decoder.safetensors"))


def train_decoder(plan: DecoderPlan, codec: Codec, source: Source, out: Path) -> DecoderState:
    """Train for plan.minutes on the source's batches, from the checkpoint in `out` if any."""
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    state = start_or_resume(plan, checkpoint)
    codec = codec.to(torch.device(plan.device))
    with closing(source(state.items_seen)) as stream:
        run(
            plan,
            state,
            advance=lambda elapsed: step(state, codec, next(stream), plan, elapsed),
            save=lambda: save_state(state, checkpoint),
            tell_items=lambda: str(state.items_seen),
        )
    return state


def step(
    state: DecoderState, codec: Codec, batch: DecoderBatch, plan: DecoderPlan, elapsed: float
) -> float:
    """Take one step and return its reconstruction loss. elapsed: seconds of this run."""
    set_rate(state, plan, elapsed)
    batch = batch.to(torch.device(plan.device))
    generator = torch.Generator().manual_seed((plan.seed << 32) + state.steps)
    made, head_error = decode_batch(state.model, codec, batch, generator)
    truth = _inner(batch.audio)
    loss = reconstruction(made, truth).total() + HEAD_WEIGHT * head_error
    total = loss
    if state.judges is not None:
        _train_judges(state.judges, truth, made.detach())
        state.judges.model.requires_grad_(requires_grad=False)
        total = loss + fool_loss(state.judges.model(truth), state.judges.model(made))
        state.judges.model.requires_grad_(requires_grad=True)
    descend(state.model, state.optimizers[:1], total)
    count_step(state, plan, batch.items)
    return float(loss.detach())


def decode_batch(
    model: Decoder, codec: Codec, batch: DecoderBatch, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Decode a batch. Returns stereo (b, 2, samples) without the margins, and the mean error of
    the log-magnitudes that the head gave."""
    true = stft_circular(to_mid_side(batch.audio))
    iterations = model.shape.start_iterations
    start = starts(codec, batch, true, iterations, generator)
    device = batch.latents.device
    kept = true.real.new_zeros(true.shape[0], true.shape[2]) if batch.keep is None else batch.keep
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
        features = model.features(batch.latents, start, kept)
    made = model.correct(start, features.float())
    edge = slice(MARGIN_LATENTS * FRAMES_PER_LATENT, -MARGIN_LATENTS * FRAMES_PER_LATENT)
    full_scale = N_FFT / 4
    error = log_l1(made[:, :, edge].abs() / full_scale, true[:, :, edge].abs() / full_scale)
    whole = torch.where(kept[:, None, :, None] > 0.5, true, made)
    return _inner(to_left_right(istft_circular(whole))), error


def starts(
    codec: Codec, batch: DecoderBatch, true: Tensor, iterations: int, generator: torch.Generator
) -> Tensor:
    """Return what the decoder corrects (b, 2, 4T, BINS). true: the batch's own spectra."""
    # One latent row after another: Codec.magnitudes knows no batch.
    magnitudes = torch.stack([codec.magnitudes(row) for row in batch.latents])
    phases = torch.stack([random_phases(len(row), generator) for row in batch.latents])
    phases = phases.to(true.device)
    if batch.keep is None:
        flat = start_from(magnitudes.flatten(0, 1), phases.flatten(0, 1), iterations)
        return flat.unflatten(0, (-1, 2))
    rows = zip(magnitudes, phases, true, batch.keep, strict=True)
    return torch.stack([start_from(m, p, iterations, t, keep) for m, p, t, keep in rows])


def _inner(audio: Tensor) -> Tensor:
    margin = MARGIN_LATENTS * LATENT_HOP
    return audio[..., margin:-margin]


def _train_judges(judges: Judges, truth: Tensor, made: Tensor) -> None:
    loss = judge_loss(judges.model(truth), judges.model(made))
    descend(judges.model, (judges.optimizer,), loss)
