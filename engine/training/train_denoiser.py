"""Train the denoiser: rectified flow on masked latents, resumable, CPU or GPU."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.models.graft.denoiser import Denoiser, DenoiserShape, load_denoiser, save_denoiser
from engine.training.batches import Batch, BatchMaker
from engine.training.dataset import LatentItem, read_shard

CHECKPOINT_SECONDS = 240
RESCAN_STEPS = 100
REPORT_STEPS = 50
HELD_OUT_BATCHES = 12


@dataclass(frozen=True)
class TrainingPlan:
    """minutes: how long this run trains. decay_minutes: the last part, in which the rate falls
    to zero; leave it 0 while more runs follow. tokens: latent frames per step. start_from:
    shipped weights to begin with where there is no checkpoint; their shape wins."""

    minutes: float
    decay_minutes: float = 0.0
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    tokens: int = 3072
    ema_decay: float = 0.9993
    seed: int = 0
    device: str = "cpu"
    start_from: Path | None = None
    shape: DenoiserShape = field(default_factory=DenoiserShape)


@dataclass
class TrainingState:
    """What a checkpoint holds."""

    model: Denoiser
    ema: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    steps: int = 0
    items_seen: int = 0
    seconds: float = 0.0


def read_items(folder: Path) -> list[LatentItem]:
    """Read every finished shard of the folder."""
    shards = sorted(p for p in folder.glob("*.npz") if ".part" not in p.name)
    return [item for shard in shards for item in read_shard(shard)]


def flow_loss(model: Denoiser, batch: Batch, generator: torch.Generator) -> Tensor:
    """Mean squared error of the velocity on the frames to make (Liu et al. 2022).

    Times are logit-normal (Esser et al. 2024) and float32.
    """
    data = batch.latents
    device = data.device
    times = torch.sigmoid(torch.randn(len(data), generator=generator)).to(device)
    noise = torch.randn(data.shape, generator=generator).to(device)
    mix = times[:, None, None]
    noisy = (1 - mix) * data + mix * noise
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=_has_fast_bf16(device)):
        velocity = model(
            noisy, times, data, batch.keep_mask, batch.phases, batch.conditions
        ).float()
    made = 1 - batch.keep_mask
    return ((velocity - (noise - data)).square() * made).sum() / (made.sum() * data.shape[-1])


def _has_fast_bf16(device: torch.device) -> bool:
    """Return whether bf16 pays: without native instructions it is tens of times slower."""
    return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()  # pyright: ignore[reportPrivateUsage]


def start_or_resume(plan: TrainingPlan, checkpoint: Path) -> TrainingState:
    """Build a fresh state, or read the checkpoint when there is one."""
    torch.manual_seed(plan.seed)
    model = Denoiser(plan.shape) if plan.start_from is None else load_denoiser(plan.start_from)
    model = model.to(plan.device).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=plan.learning_rate, betas=(0.9, 0.95), weight_decay=0.01
    )
    state = TrainingState(model, {k: v.clone() for k, v in model.state_dict().items()}, optimizer)
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=plan.device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        state.ema = saved["ema"]
        state.steps, state.items_seen = saved["steps"], saved["items_seen"]
        state.seconds = saved["seconds"]
    return state


def save_state(state: TrainingState, checkpoint: Path) -> None:
    temporary = checkpoint.with_suffix(".part")
    torch.save(
        {
            "model": state.model.state_dict(),
            "ema": state.ema,
            "optimizer": state.optimizer.state_dict(),
            "steps": state.steps,
            "items_seen": state.items_seen,
            "seconds": state.seconds,
        },
        temporary,
    )
    temporary.replace(checkpoint)
    save_denoiser(state.ema, state.model.shape, checkpoint.with_name("denoiser.safetensors"))


def train(plan: TrainingPlan, data: Path, held_out: Path, out: Path) -> TrainingState:
    """Train for plan.minutes on the shards of `data`, which may still be growing."""
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    state = start_or_resume(plan, checkpoint)
    generator = torch.Generator().manual_seed(plan.seed + state.steps)
    rng = np.random.default_rng(plan.seed + state.steps)
    maker = BatchMaker(read_items(data), plan.tokens, rng)
    begun = last_saved = time.monotonic()
    losses: list[float] = []
    while (elapsed := time.monotonic() - begun) < plan.minutes * 60:
        if state.steps % RESCAN_STEPS == RESCAN_STEPS - 1:
            maker = BatchMaker(read_items(data), plan.tokens, rng)
        losses.append(_step(state, maker.draw(), plan, elapsed, generator))
        if state.steps % REPORT_STEPS == 0:
            _report(state, losses, len(maker.items), begun)
            losses.clear()
        if time.monotonic() - last_saved > CHECKPOINT_SECONDS:
            state.seconds += time.monotonic() - last_saved
            last_saved = time.monotonic()
            save_state(state, checkpoint)
    state.seconds += time.monotonic() - last_saved
    save_state(state, checkpoint)
    print(f"held-out loss {held_out_loss(state, held_out, plan):.4f}", flush=True)
    return state


def _step(
    state: TrainingState,
    batch: Batch,
    plan: TrainingPlan,
    elapsed: float,
    generator: torch.Generator,
) -> float:
    rate = plan.learning_rate * min(1.0, (state.steps + 1) / plan.warmup_steps)
    if plan.decay_minutes > 0:
        rate *= min(1.0, max(0.01, (plan.minutes * 60 - elapsed) / (plan.decay_minutes * 60)))
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    loss = flow_loss(state.model, _move(batch, plan.device), generator)
    state.optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimizer.step()
    state.steps += 1
    state.items_seen += len(batch.latents)
    decay = min(plan.ema_decay, state.steps / (state.steps + 10))
    with torch.no_grad():
        for name, value in state.model.state_dict().items():
            state.ema[name].lerp_(value, 1 - decay)
    return float(loss.detach())


def _move(batch: Batch, device: str) -> Batch:
    if device == "cpu":
        return batch
    target = torch.device(device)
    return Batch(
        batch.latents.to(target),
        batch.keep_mask.to(target),
        batch.phases.to(target),
        batch.conditions.to(target),
    )


def _report(state: TrainingState, losses: list[float], items: int, begun: float) -> None:
    print(
        f"step {state.steps} loss {np.mean(losses):.4f} items {state.items_seen} of {items} "
        f"minutes {(time.monotonic() - begun) / 60:.1f}",
        flush=True,
    )


def held_out_loss(state: TrainingState, folder: Path, plan: TrainingPlan) -> float:
    """Return the EMA's loss on fixed batches, masks and noise of the held-out shards."""
    model = Denoiser(state.model.shape).to(plan.device)
    model.load_state_dict(state.ema)
    model.eval()
    maker = BatchMaker(read_items(folder), plan.tokens, np.random.default_rng(1))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        losses = [
            float(flow_loss(model, _move(maker.draw(), plan.device), generator))
            for _ in range(HELD_OUT_BATCHES)
        ]
    return float(np.mean(losses))
