"""Schedules, samplers and guidance, against data whose ideal denoiser is known in closed form."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.diffusion.guidance import Guidance, guide
from engine.diffusion.samplers import dpmpp_2m, euler
from engine.diffusion.schedules import logistic_schedule
from engine.errors import JobCancelled

SAMPLERS = [euler, dpmpp_2m]
MEAN, SPREAD = 0.7, 0.5


def _gaussian(latents: Tensor, time: float) -> Tensor:
    """E[data | x] for data ~ N(MEAN, SPREAD^2) and x = (1 - t) data + t noise."""
    variance = (1 - time) ** 2 * SPREAD**2 + time**2
    return MEAN + (1 - time) * SPREAD**2 / variance * (latents - (1 - time) * MEAN)


def _as_is(step: int, steps: int, latents: Tensor, time: float) -> Tensor:
    return latents


def _noise(seed: int = 1) -> Tensor:
    return torch.randn(64, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _error(sampler, steps: int) -> float:
    """The exact flow of a gaussian maps noise z to MEAN + SPREAD z."""
    made = sampler(_gaussian, _noise(), logistic_schedule(steps), _as_is)
    return float((made - (MEAN + SPREAD * _noise())).abs().max())


@given(st.integers(1, 200), st.floats(0.01, 1.0))
def test_times_fall_strictly_from_the_start_to_zero(steps: int, start: float) -> None:
    times = logistic_schedule(steps, start)
    assert len(times) == steps + 1
    assert float(times[0]) == pytest.approx(start, rel=1e-6)
    assert float(times[-1]) == 0.0
    assert bool((times.diff() < 0).all())


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 12])
def test_a_denoiser_that_knows_the_data_is_followed_to_it(sampler, steps: int) -> None:
    data = _noise(2)
    made = sampler(lambda latents, time: data, _noise(), logistic_schedule(steps), _as_is)
    assert float((made - data).abs().max()) < 1e-12


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_more_steps_come_closer_to_the_exact_flow(sampler) -> None:
    errors = [_error(sampler, steps) for steps in (6, 12, 24, 48, 200)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.03


@pytest.mark.parametrize("steps", [6, 8, 12, 16, 24])
def test_second_order_beats_euler_at_equal_steps(steps: int) -> None:
    assert _error(dpmpp_2m, steps) < 0.8 * _error(euler, steps)


def test_second_order_error_falls_faster_than_the_steps_grow() -> None:
    """Four times the steps: euler about 4 times closer, 2M clearly more."""
    assert _error(euler, 12) / _error(euler, 48) == pytest.approx(4, rel=0.35)
    assert _error(dpmpp_2m, 12) / _error(dpmpp_2m, 48) > 6


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_step_is_reported_with_the_time_reached(sampler) -> None:
    seen: list[tuple[int, int, float]] = []

    def after(step: int, steps: int, latents: Tensor, time: float) -> Tensor:
        seen.append((step, steps, time))
        return latents

    times = logistic_schedule(5, 0.6)
    sampler(_gaussian, _noise(), times, after)
    assert seen == [(i, 5, float(times[i])) for i in range(1, 6)]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_the_step_callback_returns_is_what_goes_on(sampler) -> None:
    made = sampler(
        _gaussian, _noise(), logistic_schedule(4), lambda s, n, x, t: torch.full_like(x, 3.0)
    )
    assert bool((made == 3.0).all())


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_cancelling_in_a_step_stops_the_sampler(sampler) -> None:
    steps: list[int] = []

    def after(step: int, total: int, latents: Tensor, time: float) -> Tensor:
        steps.append(step)
        if step == 3:
            raise JobCancelled
        return latents

    with pytest.raises(JobCancelled):
        sampler(_gaussian, _noise(), logistic_schedule(9), after)
    assert steps == [1, 2, 3]


def test_guidance_of_scale_one_changes_nothing() -> None:
    asked, without = _noise(3), _noise(4)
    assert torch.equal(guide(asked, without, Guidance(scale=1.0)), asked)
    assert not Guidance(scale=1.0).acts_at(0.5)


def test_guidance_acts_inside_its_interval_only() -> None:
    guidance = Guidance(scale=2.0, interval=(0.25, 0.75))
    assert [guidance.acts_at(t) for t in (0.2, 0.25, 0.5, 0.75, 0.8)] == [
        False, True, True, True, False,
    ]  # fmt: skip


@settings(max_examples=30)
@given(st.floats(1.01, 15), st.integers(0, 99))
def test_guidance_pushes_only_across_the_estimate(scale: float, seed: int) -> None:
    """The push is orthogonal to the estimate, so its level can only grow by Pythagoras."""
    asked, without = _noise(seed)[None], _noise(seed + 100)[None]
    push = guide(asked, without, Guidance(scale=scale)) - asked
    assert float(push.abs().max()) > 0
    cosine = float((push * asked).sum() / (push.norm() * asked.norm()))
    assert abs(cosine) < 1e-12


def test_guidance_is_bounded_by_its_norm_limit() -> None:
    guidance = Guidance(scale=2.0, norm_limit=0.5)
    push = guide(_noise(3)[None], 100 * _noise(4)[None], guidance) - _noise(3)[None]
    assert float(push.norm()) <= 0.5 + 1e-9
