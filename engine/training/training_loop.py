"""The loop that every trainer runs: steps until the time is over, checkpoints, resuming, logs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

CHECKPOINT_SECONDS = 240
REPORT_STEPS = 50
_LEAST_RATE = 0.01
_GRADIENT_NORM = 1.0

ModelT = TypeVar("ModelT", bound=nn.Module)


@dataclass(frozen=True)
class RunPlan:
    """How long and how fast one run trains.

    decay_minutes: the last part, in which the rate falls to zero; leave it 0 while more runs
    follow. most_steps: end earlier, at this count of all runs.
    """

    minutes: float
    decay_minutes: float = 0.0
    most_steps: int | None = None
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    ema_decay: float = 0.999
    seed: int = 0
    device: str = "cpu"


@dataclass
class RunState(Generic[ModelT]):
    """What goes on from run to run. ema: the model's averaged weights, which are shipped.

    seconds: that all runs have trained.
    """

    model: ModelT
    ema: dict[str, Tensor]
    optimizers: tuple[torch.optim.Optimizer, ...]
    steps: int = 0
    items_seen: int = 0
    seconds: float = 0.0


def first_average(model: nn.Module) -> dict[str, Tensor]:
    """Return what the average of the weights begins with."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def read_checkpoint(
    state: RunState[ModelT], checkpoint: Path, device: str
) -> dict[str, Any] | None:
    """Bring the state to where a checkpoint left it; return all it holds, None without one.

    The optimizers, which trainers keep in different ways, are left to them.
    """
    if not checkpoint.exists():
        return None
    saved: dict[str, Any] = torch.load(checkpoint, map_location=device, weights_only=True)
    state.model.load_state_dict(saved["model"])
    state.ema = saved["ema"]
    state.steps, state.items_seen = saved["steps"], saved["items_seen"]
    state.seconds = saved["seconds"]
    return saved


def write_checkpoint(state: RunState[ModelT], checkpoint: Path, optimizers: dict[str, Any]) -> None:
    """Write the state, with what the trainer keeps of its optimizers, at once or not at all."""
    temporary = checkpoint.with_suffix(".part")
    torch.save(
        {
            "model": state.model.state_dict(),
            "ema": state.ema,
            **optimizers,
            "steps": state.steps,
            "items_seen": state.items_seen,
            "seconds": state.seconds,
        },
        temporary,
    )
    temporary.replace(checkpoint)


def run(
    plan: RunPlan,
    state: RunState[ModelT],
    advance: Callable[[float], float],
    save: Callable[[], None],
    tell_items: Callable[[], str],
) -> None:
    """Train until the plan's time or steps are over; the state is saved then, and now and then.

    advance: takes one step, given the seconds of this run, and returns its loss.
    tell_items: what the log says of the items seen.
    """
    begun = last_saved = time.monotonic()
    losses: list[float] = []

    def save_now() -> None:
        nonlocal last_saved
        now = time.monotonic()
        state.seconds += now - last_saved
        last_saved = now
        save()

    while not _is_over(plan, state.steps, elapsed := time.monotonic() - begun):
        losses.append(advance(elapsed))
        if state.steps % REPORT_STEPS == 0:
            minutes = (time.monotonic() - begun) / 60
            _report(state.steps, losses, tell_items(), minutes)
            losses.clear()
        if time.monotonic() - last_saved > CHECKPOINT_SECONDS:
            save_now()
    save_now()


def set_rate(state: RunState[ModelT], plan: RunPlan, elapsed: float) -> None:
    """Give every optimizer the rate of the next step. elapsed: seconds of this run."""
    rate = plan.learning_rate * min(1.0, (state.steps + 1) / plan.warmup_steps)
    if plan.decay_minutes > 0:
        left = (plan.minutes * 60 - elapsed) / (plan.decay_minutes * 60)
        rate *= min(1.0, max(_LEAST_RATE, left))
    for optimizer in state.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate


def descend(model: nn.Module, optimizers: Iterable[torch.optim.Optimizer], loss: Tensor) -> None:
    """Take one step down the gradient of the loss, cut to a norm of 1."""
    model.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), _GRADIENT_NORM)
    for optimizer in optimizers:
        optimizer.step()


def count_step(state: RunState[ModelT], plan: RunPlan, items: int) -> None:
    """Count a step over `items` that was taken, and average the weights that it led to."""
    state.steps += 1
    state.items_seen += items
    decay = min(plan.ema_decay, state.steps / (state.steps + 10))
    current = state.model.state_dict()
    with torch.no_grad():
        for name, average in state.ema.items():
            average.lerp_(current[name], 1 - decay)


def _is_over(plan: RunPlan, steps: int, elapsed: float) -> bool:
    if plan.most_steps is not None and steps >= plan.most_steps:
        return True
    return elapsed >= plan.minutes * 60


def _report(steps: int, losses: list[float], items: str, minutes: float) -> None:
    print(
        f"step {steps} loss {np.mean(losses):.4f} items {items} minutes {minutes:.1f}", flush=True
    )
