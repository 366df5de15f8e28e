"""Guidance towards a key, with the shipped codec: notes outside the key fade, others stay."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from torch import Tensor

from engine.key import Key
from engine.models.graft import key_guidance
from engine.models.graft.codec import Codec, load_codec
from engine.models.graft.conditioning import (
    MODES,
    TEXT_TOKENS,
    TEXT_WIDTH,
    UNKNOWN_MODE,
    UNKNOWN_ROOT,
    Conditions,
)
from engine.models.graft.key_guidance import degree_weights, key_tuner, note_shares
from engine.models.graft.spectral import BANDS, LATENT_HOP
from engine.resources import resource_path

RATE = 44_100
FRAMES = 16
A_MINOR = Key.parse("A minor")


@cache
def codec() -> Codec:
    return load_codec(resource_path("models", "graft") / "codec.safetensors")


def row(key: Key | None, detune_semitones: float = 0.0) -> Conditions:
    one = torch.zeros(1, dtype=torch.int64)
    return Conditions(
        family=one,
        style=one,
        root=one + (UNKNOWN_ROOT if key is None else key.root),
        mode=one + (UNKNOWN_MODE if key is None else MODES[key.mode]),
        bpm=torch.zeros(1),
        detune_semitones=torch.tensor([detune_semitones]),
        is_loop=torch.ones(1),
        text=torch.zeros(1, TEXT_TOKENS, TEXT_WIDTH),
        text_mask=torch.zeros(1, TEXT_TOKENS, dtype=torch.bool),
        pooled=torch.zeros(1, TEXT_WIDTH),
    )


def tones(*hertz: float, level: float = 0.2) -> Tensor:
    """Return latents of sines that last."""
    seconds = torch.arange(FRAMES * LATENT_HOP, dtype=torch.float64) / RATE
    mono = sum((level * torch.sin(2 * math.pi * f * seconds) for f in hertz), torch.tensor(0.0))
    return codec().encode(torch.stack([mono, mono]).float())


def levels_at(latents: Tensor, *hertz: float) -> list[float]:
    """Return the mean decoded level near each frequency, in dB."""
    magnitudes = codec().magnitudes(latents)[0].mean(0)
    bins = [round(f * 2048 / RATE) for f in hertz]
    return [float(20 * torch.log10(magnitudes[b - 1 : b + 2].max() + 1e-9)) for b in bins]


def test_a_note_outside_the_key_fades_beside_one_inside() -> None:
    inside, outside = 440.0, 622.25  # A and D#
    latents = tones(inside, outside)
    tune = key_tuner(codec(), row(A_MINOR))
    before = levels_at(latents, inside, outside)
    after = levels_at(tune(latents), inside, outside)
    assert after[1] < before[1] - 1.0
    assert after[0] > before[0] - 0.5


def test_without_a_key_nothing_moves() -> None:
    latents = tones(440.0, 622.25)
    assert key_tuner(codec(), row(None))(latents) is latents


def test_noise_hardly_moves() -> None:
    noise = torch.randn(2, FRAMES * LATENT_HOP, generator=torch.Generator().manual_seed(1)) * 0.1
    latents = codec().encode(noise)
    moved = (key_tuner(codec(), row(A_MINOR))(latents) - latents).norm()
    mixture = tones(440.0, 622.25)
    drawn = (key_tuner(codec(), row(A_MINOR))(mixture) - mixture).norm()
    assert moved < 0.5 * drawn


def test_a_detuned_grid_shifts_the_notes() -> None:
    """A grid that is heard half a semitone lower holds A a quarter tone higher."""
    shares = note_shares(0.5)
    band = int(note_shares(0.0)[:, 9].argmax())
    assert shares[band, 8] + shares[band, 9] == pytest.approx(1.0, abs=0.3)
    assert not torch.equal(shares, note_shares(0.0))


@pytest.mark.parametrize("name", ["C major", "F# minor"])
def test_the_gradient_is_that_of_the_log_share(name: str) -> None:
    key = Key.parse(name)
    shares = note_shares(0.0)
    wanted, heard = shares @ degree_weights(key.root, key.mode), shares.sum(1)
    logs = (torch.randn(3, 4, BANDS, dtype=torch.float64) / 2 - 2).requires_grad_()
    energy = torch.exp(2 * logs)
    share = (energy * wanted).sum((1, 2)) / (energy * heard).sum((1, 2))
    share.log().sum().backward()
    assert logs.grad is not None
    got = key_guidance._gradient(logs.detach(), wanted, heard)  # pyright: ignore[reportPrivateUsage]
    assert torch.allclose(got, logs.grad, atol=1e-5)


def test_the_triad_counts_most_and_nothing_outside_the_scale() -> None:
    weights = degree_weights(9, "minor")
    assert [n for n in range(12) if weights[n] == 0] == [1, 3, 6, 8, 10]
    assert weights.argmax() == 9
