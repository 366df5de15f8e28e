"""Dark, bright, mono and wide are heard in what is made."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from engine.models.graft.backend import GraftMaker
from engine.models.graft.codec import Codec, load_codec
from engine.models.graft.model import load_model
from engine.models.graft.spectral import stft_circular, to_mid_side
from engine.models.graft.tone import Tone, with_tones
from engine.request import GenerationRequest, SourceReference, Task
from engine.resources import resource_path
from engine.sample_format import dequantise


@pytest.fixture(scope="module")
def codec() -> Codec:
    return load_codec(resource_path("models", "graft", "codec.safetensors"))


@pytest.mark.parametrize(
    ("prompt", "negative", "brightness", "width"),
    [
        ("warm pad", "", 0, 0),
        ("dark techno", "", -1, 0),
        ("Bright, wide pluck", "", 1, 1),
        ("not too bright keys", "", -1, 0),
        ("bass without stereo", "", 0, -1),
        ("dark but bright bells", "", 0, 0),
        ("pad", "bright", -1, 0),
        ("dark pad", "dark", 0, 0),
        ("dark moody gloomy drone", "", -1, 0),
        ("deep house at 124 bpm", "", 0, 0),
        ("helle Glocken", "", 1, 0),
        ("", "", 0, 0),
    ],
)
def test_words_lie_on_two_axes(prompt: str, negative: str, brightness: int, width: int) -> None:
    assert Tone.of(prompt, negative) == Tone(brightness, width)


def test_nothing_said_changes_nothing(codec: Codec) -> None:
    latents = torch.randn(16, 128)
    assert torch.equal(with_tones(codec, latents, [Tone()], None), latents)


def test_a_morph_goes_from_one_tone_to_the_other(codec: Codec) -> None:
    latents = torch.zeros(9, 128)
    toward = torch.linspace(0, 1, 9)
    shares = torch.stack([1 - toward, toward], dim=1)
    moved = with_tones(codec, latents, [Tone(-1.0), Tone(1.0)], shares)
    assert torch.allclose(moved[0], -moved[-1], atol=1e-6)
    assert moved[4].abs().max() < 1e-6


def _shares(samples: np.ndarray) -> tuple[float, float]:
    """Return the shares of the energy above 1 kHz and in the side, in dB."""
    stereo = torch.from_numpy(samples[:, : samples.shape[1] // 2048 * 2048].astype(np.float32))
    power = stft_circular(to_mid_side(stereo)).abs().square().sum(1)
    above = power[:, round(1000 * 2048 / 44_100) :].sum()
    shares = torch.stack([above, power[1].sum()]) / power.sum() + 1e-9
    return float(10 * shares[0].log10()), float(10 * shares[1].log10())


@pytest.fixture(scope="module")
def maker() -> GraftMaker:
    return GraftMaker(load_model("cpu", 1))


@pytest.mark.parametrize("sound", ["pad in C minor", "drums"])
def test_the_words_are_heard(maker: GraftMaker, sound: str) -> None:
    found: dict[str, list[tuple[float, float]]] = {}
    for word in ("dark", "bright", "mono", "wide"):
        for seed in range(3):
            order = GenerationRequest(
                task=Task.GENERATE, prompt=f"{word} {sound}", bpm=120.0, bars=1, seed=seed
            )
            (take,) = maker.make(order, lambda *_: None)
            found.setdefault(word, []).append(_shares(np.asarray(take.samples)))
    middle = {word: np.median(each, axis=0) for word, each in found.items()}
    assert middle["bright"][0] > middle["dark"][0] + 2.0
    assert middle["wide"][1] > middle["mono"][1] + 4.0


def test_a_continuation_takes_on_the_tone_that_its_words_ask_for(
    maker: GraftMaker, tmp_path: Path
) -> None:
    order = GenerationRequest(Task.GENERATE, 1, "pad in C minor", bpm=120.0, bars=1)
    (loop,) = maker.make(order, lambda *_: None)
    path = tmp_path / "pad.wav"
    sf.write(path, np.asarray(loop.samples).T, 44_100, subtype="PCM_24")
    source = SourceReference.to(path, hashlib.sha256(path.read_bytes()).hexdigest())
    above: dict[str, float] = {}
    for word in ("dark", "bright"):
        graft = replace(
            order, task=Task.CONTINUE, prompt=f"{word} pad", source=source, candidates=1
        )
        (take,) = maker.make(graft, lambda *_: None)
        (span,) = take.facts.grafted
        above[word] = _shares(dequantise(take.samples)[:, span.start : span.stop])[0]
    assert above["bright"] > above["dark"] + 2.0


def test_a_weak_variation_takes_on_little_of_a_tone() -> None:
    assert Tone(1.0, -1.0).scaled(0.25) == Tone(0.25, -0.25)
