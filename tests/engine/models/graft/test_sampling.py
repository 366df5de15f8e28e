"""Sampling: kept frames are kept, windows cover the rest, and a loop turns as a whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.diffusion.guidance import Guidance
from engine.errors import JobCancelled
from engine.models.graft.conditioning import Conditions, Grid, phase_channels
from engine.models.graft.decoding import decode, random_phases
from engine.models.graft.denoiser import MAX_LATENT_FRAMES, Velocity
from engine.models.graft.model import Wish
from engine.models.graft.sampling import (
    Brief,
    LatentCanvas,
    SamplerSettings,
    plan_windows,
    sample,
)
from engine.models.graft.spectral import FRAMES_PER_LATENT, LATENT_HOP
from tests.engine.models.graft.tiny_model import double_codec, random_denoiser, tiny_model

SETTINGS = SamplerSettings(steps=3)
BEATS = 16.0


def _ignore(done: int, total: int) -> None:
    return None


def _noise(frames: int, seed: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, 128, generator=generator).to(dtype)


def _brief(*texts: str, shares: Tensor | None = None) -> Brief:
    rows = [tiny_model().conditions(Wish(text, bpm=120.0)) for text in texts or ("bass",)]
    return Brief(tuple(rows), rows[0].unprompted(), shares)


def _canvas(frames: int, keep: Tensor | None = None, closes: bool = True) -> LatentCanvas:
    keep = torch.zeros(frames, 1) if keep is None else keep
    grid = Grid(frames, BEATS, 0.0, 4, BEATS if closes else None)
    return LatentCanvas(_noise(frames, 9) * keep, keep, grid, closes)


def _sample(canvas: LatentCanvas, noise: Tensor, brief: Brief | None = None, on_step=_ignore,
            **more) -> Tensor:  # fmt: skip
    settings = replace(SETTINGS, **more)
    return sample(tiny_model().denoiser, canvas, brief or _brief(), settings, noise, on_step)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.booleans(), min_size=4, max_size=24), st.booleans(), st.sampled_from([1, 3]))
def test_kept_frames_come_back_exactly(kept: list[bool], closes: bool, steps: int) -> None:
    keep = torch.tensor(kept).float()[:, None]
    canvas = _canvas(len(kept), keep, closes)
    made = _sample(canvas, _noise(len(kept)), steps=steps)
    held = keep[:, 0] > 0
    assert torch.equal(made[held], canvas.latents[held])
    assert bool(torch.isfinite(made).all())
    assert all(bool((made[i] != canvas.latents[i]).any()) for i in torch.nonzero(~held).flatten())


def test_the_same_noise_gives_the_same_latents_and_other_noise_others() -> None:
    first, again = (_sample(_canvas(20), _noise(20)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, _sample(_canvas(20), _noise(20, 2)))


def test_what_is_kept_is_listened_to() -> None:
    keep = torch.ones(20, 1)
    keep[8:12] = 0
    canvas = _canvas(20, keep)
    other = replace(canvas, latents=canvas.latents + 0.5 * keep)
    made, differs = (_sample(c, _noise(20))[8:12] for c in (canvas, other))
    assert float((made - differs).abs().max()) > 1e-2


def test_a_prompt_matters_and_more_guidance_more() -> None:
    canvas, noise = _canvas(16), _noise(16)
    plain = _sample(canvas, noise, guidance=Guidance(scale=1.0))
    pushed = [_sample(canvas, noise, guidance=Guidance(scale=s)) for s in (1.5, 4.0)]
    assert 0 < float((pushed[0] - plain).norm()) < float((pushed[1] - plain).norm())
    other = _sample(canvas, noise, _brief("bells"), guidance=Guidance(scale=1.0))
    assert float((other - plain).abs().max()) > 1e-4


def test_shares_of_one_prompt_alone_are_that_prompt() -> None:
    canvas, noise = _canvas(16), _noise(16)
    for i in range(2):
        shares = torch.zeros(16, 2)
        shares[:, i] = 1.0
        brief = replace(_brief("bass", "bells", shares=shares), without=_brief("bass").without)
        alone = replace(_brief(("bass", "bells")[i]), without=brief.without)
        mixed = _sample(canvas, noise, brief)
        assert torch.allclose(mixed, _sample(canvas, noise, alone), rtol=1e-3, atol=1e-4)


def test_variation_starts_from_the_canvas() -> None:
    canvas = replace(_canvas(16), latents=_noise(16, 9))
    away = [
        float((_sample(canvas, _noise(16), start_time=t) - canvas.latents).norm())
        for t in (0.15, 0.6, 1.0)
    ]
    assert away == sorted(away)
    assert away[0] < 0.5 * away[2]


def _double(row: Conditions) -> Conditions:
    numbers = ("bpm", "detune_semitones", "is_loop", "text", "pooled")
    return replace(row, **{name: getattr(row, name).double() for name in numbers})


@pytest.mark.parametrize(("frames", "by"), [(16, 5), (23, 8), (43, 21)])
def test_the_whole_loop_path_turns_with_its_noise(frames: int, by: int) -> None:
    """Noise, beat and phase noise turned by k latent frames: the loop turned by k x 2048.

    In float64, whose rounding (1e-16) the sampler and eight iterations may raise by six orders.
    """
    denoiser = random_denoiser(dtype=torch.float64)
    brief = Brief(tuple(_double(r) for r in _brief().prompts), _double(_brief().without))
    phases = random_phases(frames, torch.Generator().manual_seed(3)).double()

    def loop(turn: int) -> Tensor:
        grid = Grid(frames, BEATS, -turn * BEATS / frames, 4, BEATS)
        empty = torch.zeros(frames, 128, dtype=torch.float64)
        canvas = LatentCanvas(empty, empty[:, :1], grid, closes=True)
        noise = _noise(frames, dtype=torch.float64).roll(turn, 0)
        # The phase channels are float32: turn them as they are, not their angles.
        with pytest.MonkeyPatch.context() as patch:
            exact = phase_channels(replace(grid, start_beat=0.0)).roll(turn, 0)
            patch.setattr("engine.models.graft.sampling.phase_channels", lambda _: exact)
            latents = sample(denoiser, canvas, brief, SETTINGS, noise, _ignore)
        turned = phases.roll(turn * FRAMES_PER_LATENT, 1)
        with torch.inference_mode():
            return decode(double_codec(), latents, turned, iterations=8)

    plain = loop(0)
    assert float(plain.abs().max()) > 1e-3
    apart = float((loop(by) - plain.roll(by * LATENT_HOP, 1)).abs().max())
    assert apart <= 1e-10 * float(plain.abs().max())


@settings(max_examples=300)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.booleans(), st.integers(3, 20))
def test_windows_cover_all_that_is_unknown_and_never_exceed_the_limit(
    known: list[bool], closes: bool, limit: int
) -> None:
    windows = plan_windows(torch.tensor(known), closes=closes, limit=limit)
    covered = {int(i) for window in windows for i in window}
    assert {i for i, k in enumerate(known) if not k} <= covered
    if len(known) <= limit:
        assert [w.tolist() for w in windows] == [list(range(len(known)))]
        return
    done = set(i for i, k in enumerate(known) if k)
    for window in windows:
        indices = window.tolist()
        assert 0 < len(indices) <= limit
        assert len(set(indices)) == len(indices)
        steps = {(b - a) % len(known) for a, b in pairwise(indices)}
        assert steps <= {1}
        assert closes or indices == sorted(indices)
        assert not set(indices) <= done, "a window that makes nothing"
        if done:
            assert set(indices) & done, "a window that hears nothing"
        done |= set(indices)


@settings(max_examples=100)
@given(st.integers(61, 200), st.booleans(), st.integers(20, 60))
def test_windows_after_the_first_hear_a_third_of_themselves(
    total: int, closes: bool, limit: int
) -> None:
    windows = plan_windows(torch.zeros(total, dtype=torch.bool), closes=closes, limit=limit)
    done: set[int] = set()
    for number, window in enumerate(windows):
        indices = set(window.tolist())
        assert number == 0 or len(indices & done) >= limit // 3
        done |= indices


@pytest.mark.parametrize("closes", [True, False])
def test_a_canvas_longer_than_the_model_is_made_by_windows(closes: bool) -> None:
    frames = MAX_LATENT_FRAMES + 60
    keep = torch.zeros(frames, 1)
    keep[40:60] = 1
    canvas = _canvas(frames, keep, closes)
    seen: list[tuple[int, int]] = []
    made = _sample(canvas, _noise(frames), on_step=lambda d, t: seen.append((d, t)), steps=2)
    held = keep[:, 0] > 0
    assert torch.equal(made[held], canvas.latents[held])
    assert all(bool(made[i].any()) for i in range(frames))
    assert bool(torch.isfinite(made).all())
    assert [done for done, _ in seen] == list(range(1, seen[0][1] + 1))


def test_a_long_canvas_whose_end_alone_is_unknown_hears_what_is_before() -> None:
    frames = MAX_LATENT_FRAMES + 60
    known = torch.ones(frames, dtype=torch.bool)
    known[-4:] = False
    (window,) = plan_windows(known, closes=False)
    assert len(window) == MAX_LATENT_FRAMES
    assert int(window[-1]) == frames - 1


@pytest.mark.parametrize("at", [1, 3])
def test_cancelling_from_a_step_stops_sampling(at: int) -> None:
    seen: list[int] = []

    def on_step(done: int, total: int) -> None:
        seen.append(done)
        if done == at:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        _sample(_canvas(12), _noise(12), on_step=on_step)
    assert seen == list(range(1, at + 1))


class _Fading:
    """A flow that makes everything a little quieter than what it hears."""

    def told(
        self, context: Tensor, keep_mask: Tensor, phases: Tensor, conditions: Conditions
    ) -> Velocity:
        kept = keep_mask.sum((1, 2))
        heard = (context * keep_mask).sum((1, 2)) / (kept * 128).clamp_min(1.0)
        level = torch.where(kept > 0, 0.7 * heard, 1.0)[:, None, None]
        return lambda latents, time: (latents - level) / max(time, 1e-3)


def test_a_long_loop_keeps_its_level_from_window_to_window() -> None:
    canvas, noise = _canvas(6 * MAX_LATENT_FRAMES), _noise(6 * MAX_LATENT_FRAMES)
    brief = _brief()
    made = sample(_Fading(), canvas, brief, SETTINGS, noise, _ignore)
    levels = [float(part.mean()) for part in made.chunk(6)]
    assert max(levels) - min(levels) < 0.05
    shares = torch.ones(len(noise), 1)
    left = sample(_Fading(), canvas, replace(brief, shares=shares), SETTINGS, noise, _ignore)
    assert float(left[-MAX_LATENT_FRAMES:].mean()) < 0.7, "a morph may change"
