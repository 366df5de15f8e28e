"""Train the denoiser: rectified flow on masked latents, resumable, CPU or GPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.models.graft.codec import Codec
from engine.models.graft.denoiser import Denoiser, DenoiserShape, load_denoiser, save_denoiser
from engine.training.batches import Batch, BatchMaker
from engine.training.dataset import LatentItem, read_shard
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

RESCAN_STEPS = 100
HELD_OUT_BATCHES = 12


@dataclass(frozen=True)
class TrainingPlan(RunPlan):
    """One run of the denoiser's training. tokens: latent frames per step. start_from: shipped
    weights to begin with where there is no checkpoint; their shape wins."""

    tokens: int = 3072
    ema_decay: float = 0.9993
    start_from: Path | None = None
    shape: DenoiserShape = field(default_factory=DenoiserShape)


TrainingState = RunState[Denoiser]


class Shards:
    """The finished shards of a folder that may still be growing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: set[Path] = set()
        self.items: list[LatentItem] = []

    def look_again(self) -> bool:
        """Read what has been finished since; return whether there was any."""
        found = {path for path in self._folder.glob("*.npz") if ".part" not in path.name}
        fresh = sorted(found - self._read)
        self.items.extend(item for path in fresh for item in read_shard(path))
        self._read.update(fresh)
        return bool(fresh)


def read_items(folder: Path) -> list[LatentItem]:
    """Read every finished shard of the folder."""
    shards = Shards(folder)
    shards.look_again()
    return shards.items


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
    autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=_has_fast_bf16(device))
    with autocast, _fast_attention(device):
        velocity = model(
            noisy, times, data, batch.keep_mask, batch.phases, batch.conditions
        ).float()
    made = 1 - batch.keep_mask
    return ((velocity - (noise - data)).square() * made).sum() / (made.sum() * data.shape[-1])


def _has_fast_bf16(device: torch.device) -> bool:
    """Return whether bf16 pays: without native instructions it is tens of times slower."""
    return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()  # pyright: ignore[reportPrivateUsage]


def _fast_attention(device: torch.device) -> AbstractContextManager[object]:
    """On a CPU the plain matrix products train 1.3 times as fast as the fused kernel."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


def optimizers_for(model: Denoiser, plan: TrainingPlan) -> tuple[torch.optim.Optimizer, ...]:
    """Muon (Jordan et al. 2024) for the matrices inside the blocks, AdamW for all else."""
    inner = [m.weight for m in model.blocks.modules() if isinstance(m, nn.Linear)]
    chosen = {id(p) for p in inner}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    rate = plan.learning_rate
    return (
        torch.optim.Muon(inner, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.95), weight_decay=0.01),
    )


def start_or_resume(plan: TrainingPlan, checkpoint: Path) -> TrainingState:
    """Build a fresh state, or read the checkpoint when there is one."""
    torch.manual_seed(plan.seed)
    model = Denoiser(plan.shape) if plan.start_from is None else load_denoiser(plan.start_from)
    model = model.to(plan.device).train()
    state = TrainingState(model, first_average(model), optimizers_for(model, plan))
    saved = read_checkpoint(state, checkpoint, plan.device)
    if saved is not None:
        for optimizer, values in zip(state.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(values)
    return state


def save_state(state: TrainingState, checkpoint: Path) -> None:
    """Write the checkpoint, and the averaged weights as denoiser.safetensors beside it."""
    optimizers = [optimizer.state_dict() for optimizer in state.optimizers]
    write_checkpoint(state, checkpoint, {"optimizers": optimizers})
    save_denoiser(state.ema, state.model.shape, checkpoint.with_name("denoiser.safetensors"))


def train(plan: TrainingPlan, data: Path, held_out: Path, out: Path, codec: Codec) -> TrainingState:
    """Train for plan.minutes on the shards of `data`, which may still be growing."""
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pt"
    state = start_or_resume(plan, checkpoint)
    generator = torch.Generator().manual_seed(plan.seed + state.steps)
    rng = np.random.default_rng(plan.seed + state.steps)
    shards = Shards(data)
    shards.look_again()
    silence = codec.silence().numpy()
    maker = BatchMaker(shards.items, plan.tokens, rng, silence)

    def advance(elapsed: float) -> float:
        nonlocal maker
        if state.steps % RESCAN_STEPS == RESCAN_STEPS - 1 and shards.look_again():
            maker = BatchMaker(shards.items, plan.tokens, rng, silence)
        return _step(state, maker.draw(), plan, elapsed, generator)

    run(
        plan,
        state,
        advance,
        save=lambda: save_state(state, checkpoint),
        tell_items=lambda: f"{state.items_seen} of {len(maker.items)}",
    )
    print(f"held-out loss {held_out_loss(state, held_out, plan):.4f}", flush=True)
    return state


def _step(
    state: TrainingState,
    batch: Batch,
    plan: TrainingPlan,
    elapsed: float,
    generator: torch.Generator,
) -> float:
    set_rate(state, plan, elapsed)
    loss = flow_loss(state.model, _move(batch, plan.device), generator)
    descend(state.model, state.optimizers, loss)
    count_step(state, plan, len(batch.latents))
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
