"""The loop of the trainers: when it ends, when it saves, how fast it learns, what it keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from engine.models.graft.decoder import DecoderShape
from engine.models.graft.denoiser import DenoiserShape
from engine.training import train_decoder, train_denoiser, training_loop
from engine.training.train_decoder import DecoderPlan
from engine.training.train_denoiser import TrainingPlan
from engine.training.training_loop import (
    RunPlan,
    RunState,
    count_step,
    descend,
    first_average,
    run,
    set_rate,
)

PATIENCE_MINUTES = 5.0


def one_weight() -> RunState[nn.Linear]:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    return RunState(model, first_average(model), (torch.optim.SGD(model.parameters()),))


def run_counting(plan: RunPlan, state: RunState[nn.Linear]) -> list[int]:
    """Run steps that only count, and return at which of them the state was saved."""
    saves: list[int] = []

    def advance(_elapsed: float) -> float:
        count_step(state, plan, items=3)
        return 0.5

    run(plan, state, advance, lambda: saves.append(state.steps), lambda: f"{state.items_seen}")
    return saves


def test_a_run_ends_at_its_steps_and_is_saved_then() -> None:
    state = one_weight()
    plan = RunPlan(PATIENCE_MINUTES, most_steps=4)
    assert run_counting(plan, state) == [4]
    assert (state.steps, state.items_seen) == (4, 12)
    assert state.seconds > 0
    assert run_counting(plan, state) == [4]


def test_a_run_without_time_takes_no_step() -> None:
    state = one_weight()
    assert run_counting(RunPlan(minutes=0), state) == [0]


def test_a_run_is_saved_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_loop, "CHECKPOINT_SECONDS", -1.0)
    assert run_counting(RunPlan(PATIENCE_MINUTES, most_steps=3), one_weight()) == [1, 2, 3, 3]


def test_a_run_logs_the_mean_loss(capsys: pytest.CaptureFixture[str]) -> None:
    run_counting(RunPlan(PATIENCE_MINUTES, most_steps=120), one_weight())
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" minutes")[0] for line in lines] == [
        "step 50 loss 0.5000 items 150",
        "step 100 loss 0.5000 items 300",
    ]


@pytest.mark.parametrize(
    ("steps", "elapsed", "rate"),
    [(0, 0, 0.1), (4, 0, 0.5), (99, 0, 1.0), (99, 300, 0.5), (99, 480, 0.2), (99, 600, 0.01)],
)
def test_the_rate_warms_up_and_falls_at_the_end(steps: int, elapsed: float, rate: float) -> None:
    state = one_weight()
    state.steps = steps
    plan = RunPlan(minutes=10, decay_minutes=10, learning_rate=1.0, warmup_steps=10)
    set_rate(state, plan, elapsed)
    assert state.optimizers[0].param_groups[0]["lr"] == pytest.approx(rate)


def test_a_gradient_is_cut_and_the_average_follows_the_weights() -> None:
    state = one_weight()
    plan = RunPlan(minutes=1, learning_rate=1.0, warmup_steps=1, ema_decay=0.75)
    for step in range(1, 101):
        set_rate(state, plan, 0.0)
        descend(state.model, state.optimizers, -1000 * state.model.weight.sum())
        count_step(state, plan, items=1)
        assert float(state.model.weight.detach()) == pytest.approx(step, rel=1e-4)
    # An average of decay d lags a weight that grows by 1 a step by d / (1 - d) steps.
    assert float(state.ema["weight"]) == pytest.approx(100 - 0.75 / 0.25, rel=1e-3)


def test_checkpoints_keep_the_names_that_earlier_ones_have(tmp_path: Path) -> None:
    kept = {"model", "ema", "steps", "items_seen", "seconds"}
    denoiser = train_denoiser.start_or_resume(
        TrainingPlan(minutes=0, shape=DenoiserShape(width=32, layers=1, heads=2)), tmp_path / "no"
    )
    train_denoiser.save_state(denoiser, tmp_path / "denoiser.pt")
    decoder = train_decoder.start_or_resume(
        DecoderPlan(minutes=0, adversarial=True, shape=DecoderShape(width=16, depth=2)),
        tmp_path / "no",
    )
    train_decoder.save_state(decoder, tmp_path / "decoder.pt")
    for name, own in (
        ("denoiser", {"optimizers"}),
        ("decoder", {"optimizer", "judges", "judges_optimizer"}),
    ):
        saved = torch.load(tmp_path / f"{name}.pt", weights_only=True)
        assert set(saved) == kept | own
    assert not list(tmp_path.glob("*.part"))
