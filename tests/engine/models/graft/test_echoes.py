"""Echoes: what is cut out of a repeating loop is handed over, and only from what is kept."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.models.graft.codec import LATENT_CHANNELS
from engine.models.graft.conditioning import Grid, phase_channels
from engine.models.graft.echoes import ECHO_CHANNELS, echoes

BAR = slice(0, LATENT_CHANNELS)
BAR_SURE, BEAT_SURE, MEAN_SURE = (k * (LATENT_CHANNELS + 1) + LATENT_CHANNELS for k in range(3))


def _repeating(unit_frames: int, times: int) -> Tensor:
    """A smooth random bar, played `times` times: (1, unit_frames x times, LATENT_CHANNELS)."""
    generator = torch.Generator().manual_seed(unit_frames)
    bar = torch.randn(unit_frames, LATENT_CHANNELS, generator=generator)
    return bar.repeat(times, 1)[None]


def _phases(frames: int, bars: int) -> Tensor:
    return phase_channels(Grid(frames, 4.0 * bars, 0.0, 4, 4.0 * bars))[None]


@pytest.mark.parametrize("unit", [29, 43, 60, 86])
def test_a_removed_bar_is_heard_from_the_others(unit: int) -> None:
    context, keep = _repeating(unit, 3), torch.ones(1, 3 * unit, 1)
    hole = slice(unit, 2 * unit)
    keep[:, hole] = 0.0
    heard = echoes(context * keep, keep, _phases(3 * unit, 3))[0, hole]
    true = context[0, hole]
    pair = torch.stack([heard[:, BAR].flatten(), true.flatten()])
    assert float(torch.corrcoef(pair)[0, 1]) > 0.97
    assert float(heard[:, BAR_SURE].min()) > 0.7


def test_without_a_tempo_only_the_mean_is_known() -> None:
    context, keep = _repeating(40, 2), torch.ones(1, 80, 1)
    keep[:, 50:] = 0.0
    heard = echoes(context * keep, keep, torch.zeros(1, 80, 8))[0]
    assert float(heard[:, BAR_SURE].max()) < 0.01
    mean = heard[0, -LATENT_CHANNELS - 1 : -1] / heard[0, MEAN_SURE]
    assert torch.allclose(mean, context[0, :50].mean(0), atol=1e-2)


@given(frames=st.integers(16, 258), turn=st.integers(1, 200), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_echoes_turn_with_the_loop_and_ignore_what_is_hidden(
    frames: int, turn: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    context = torch.randn(1, frames, LATENT_CHANNELS, generator=generator, dtype=torch.float64)
    keep = (torch.rand(1, frames, 1, generator=generator) > 0.5).double()
    phases = _phases(frames, 2).double()
    heard = echoes(context * keep, keep, phases)
    assert heard.shape == (1, frames, ECHO_CHANNELS)
    turned = echoes(*(x.roll(turn, 1) for x in (context * keep, keep, phases)))
    assert torch.allclose(heard.roll(turn, 1), turned, atol=1e-9)


def test_nothing_kept_is_silence() -> None:
    heard = echoes(torch.zeros(1, 30, LATENT_CHANNELS), torch.zeros(1, 30, 1), _phases(30, 1))
    assert float(heard.abs().max()) == 0.0
