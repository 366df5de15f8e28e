"""The circular spectra and the codec on them: exact where they can be, rotating with the audio."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from engine.errors import ModelProblem
from engine.models.graft import spectral
from engine.models.graft.codec import (
    LATENT_CHANNELS,
    Codec,
    latent_frames,
    load_codec,
    save_codec,
)
from engine.models.graft.spectral import (
    BANDS,
    BINS,
    FEATURES,
    FRAMES_PER_LATENT,
    HOP,
    LATENT_HOP,
    LINEAR_BANDS,
    N_FFT,
    band_matrix,
    bin_matrix,
    features_from_spectrum,
    istft_circular,
    magnitudes_from_features,
    stft_circular,
    to_left_right,
    to_mid_side,
)
from tests.engine.models.graft.tiny_model import clip, double_codec, tiny_codec

CPU = torch.device("cpu")
#: Sum of squared float32 Hann windows, beside 1.5.
WINDOW_ROUNDING = 4 * 2.0**-24


def _noise(hops: int, seed: int = 1, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, hops * HOP, generator=generator, dtype=dtype)


@settings(max_examples=20)
@given(st.integers(4, 40))
def test_inverting_the_spectrum_gives_every_sample_back(hops: int) -> None:
    audio = _noise(hops)
    back = istft_circular(stft_circular(audio))
    assert back.shape == audio.shape
    assert float((back - audio).abs().max()) <= WINDOW_ROUNDING * float(audio.abs().max())


@settings(max_examples=20)
@given(st.integers(4, 24), st.integers(-30, 30))
def test_rotating_audio_by_hops_rotates_its_frames(hops: int, by: int) -> None:
    audio = _noise(hops)
    spectrum = stft_circular(audio)
    turned = stft_circular(audio.roll(by * HOP, -1))
    assert spectrum.shape == (2, hops, BINS)
    assert torch.allclose(turned, spectrum.roll(by, -2), rtol=0, atol=1e-12)
    back = istft_circular(spectrum.roll(by, -2))
    assert torch.allclose(back, istft_circular(spectrum).roll(by * HOP, -1), rtol=0, atol=1e-12)


def test_frame_k_is_centred_at_k_hops_also_across_the_wrap() -> None:
    for sample in (0, 3 * HOP, 8 * HOP - 1):
        audio = torch.zeros(8 * HOP, dtype=torch.float64)
        audio[sample] = 1.0
        energy = stft_circular(audio).abs().square().sum(-1)
        assert int(energy.argmax()) == round(sample / HOP) % 8
        reach = [
            k for k in range(8)
            if min(abs(k * HOP - sample), 8 * HOP - abs(k * HOP - sample)) <= N_FFT // 2
        ]  # fmt: skip
        assert set(torch.nonzero(energy > 1e-9).flatten().tolist()) <= set(reach)


def test_bands_cover_every_bin_and_weigh_one() -> None:
    bands = band_matrix(CPU)
    assert bands.shape == (BANDS, BINS)
    assert float((bands.sum(1) - 1).abs().max()) <= 4 * 2.0**-24
    assert bool((bands >= 0).all())
    assert torch.equal(bands[:LINEAR_BANDS, :LINEAR_BANDS], torch.eye(LINEAR_BANDS))
    covered = bands.sum(0) > 0
    assert bool(covered[:-1].all())  # the very last bin is the upper edge, 22.05 kHz


def test_bins_are_weighted_means_of_their_bands() -> None:
    bins = bin_matrix(CPU)
    assert bins.shape == (BINS, BANDS)
    assert float((bins.sum(1)[:-1] - 1).abs().max()) <= 4 * 2.0**-24


def test_a_flat_spectrum_goes_through_the_bands_unchanged() -> None:
    level = torch.full((2, 8, BINS), 10.0, dtype=torch.float64)
    back = magnitudes_from_features(features_from_spectrum(level.to(torch.complex128)))
    assert float((back[..., :-1] / 10 - 1).abs().max()) <= 1e-6


def test_features_of_silence_are_silence_again() -> None:
    features = features_from_spectrum(torch.zeros(2, 8, BINS, dtype=torch.complex64))
    assert features.shape == (2, FEATURES)
    assert float(magnitudes_from_features(features).max()) <= 1e-4


def test_features_that_ran_away_stay_finite() -> None:
    features = torch.full((2, FEATURES), 1e6)
    features[0] *= -1
    magnitudes = magnitudes_from_features(features)
    assert bool(torch.isfinite(magnitudes).all())
    assert float(magnitudes[:, :4].max()) == 0.0
    assert float(magnitudes[:, 4:].max()) <= 4.1 * N_FFT / 4


def test_mid_and_side_are_left_and_right_again() -> None:
    audio = _noise(4)
    assert torch.allclose(to_left_right(to_mid_side(audio)), audio, rtol=0, atol=1e-15)
    mono = audio[:1].expand(2, -1)
    assert not to_mid_side(mono)[1].any()


@settings(max_examples=10, deadline=None)
@given(st.integers(8, 20), st.integers(1, 19))
def test_rotating_audio_by_latent_frames_rotates_its_latents(frames: int, by: int) -> None:
    codec, audio = double_codec(), _noise(frames * FRAMES_PER_LATENT)
    turned = codec.encode(audio.roll(by * LATENT_HOP, -1))
    assert torch.allclose(turned, codec.encode(audio).roll(by, 0), rtol=0, atol=1e-9)


def test_latents_are_of_unit_variance_over_what_they_were_fitted_on() -> None:
    latents = torch.cat([tiny_codec().encode(clip(seed)) for seed in range(4)])
    assert float(latents.std()) == pytest.approx(1.0, abs=1e-3)


def test_a_codec_keeps_the_sound_of_what_it_was_fitted_on() -> None:
    """128 components of 172 rows: the log spectrum comes back to a fraction of its spread."""
    codec, audio = tiny_codec(), clip(1)
    features = features_from_spectrum(stft_circular(to_mid_side(audio)))
    back = (codec.encode(audio) * codec.scale) @ codec.basis.T + codec.mean
    assert float((back - features).square().mean() / features.var()) <= 0.05


def test_a_codec_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "codec.safetensors"
    save_codec(tiny_codec(), path)
    back = load_codec(path)
    for name in ("mean", "basis", "scale"):
        assert torch.equal(getattr(back, name), getattr(tiny_codec(), name))


def _write(path: Path, **changes: torch.Tensor | None) -> None:
    tensors = {"mean": torch.zeros(FEATURES), "basis": torch.zeros(FEATURES, LATENT_CHANNELS),
               "scale": torch.ones(LATENT_CHANNELS), **changes}  # fmt: skip
    save_file({name: t for name, t in tensors.items() if t is not None}, path)


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": torch.zeros(FEATURES, 64)},
        {"mean": torch.zeros(3)},
        {"scale": torch.zeros(3)},
        {"scale": None},
        {"basis": None},
    ],
)
def test_a_codec_of_another_shape_is_refused_in_one_sentence(tmp_path: Path, changes) -> None:
    path = tmp_path / "codec.safetensors"
    _write(path, **changes)
    with pytest.raises(ModelProblem, match=r"codec\.safetensors.*reinstall"):
        load_codec(path)


@pytest.mark.parametrize("content", [None, b"", b"not a codec at all", b"\x08" + bytes(7) + b"{}"])
def test_a_missing_or_damaged_codec_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "codec.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelProblem, match=r"codec\.safetensors is missing or damaged"):
        load_codec(path)


@given(st.integers(1, 10**8))
def test_latent_frames_are_the_nearest_and_never_under_eight(frames: int) -> None:
    count = latent_frames(frames)
    assert count == 8 or abs(count * LATENT_HOP - frames) <= LATENT_HOP / 2
    assert count >= 8


def test_a_codec_moves_whole() -> None:
    moved = tiny_codec().to(CPU)
    assert isinstance(moved, Codec)
    assert torch.equal(moved.basis, tiny_codec().basis)


def test_what_inference_has_cached_still_serves_training() -> None:
    spectral._window.cache_clear()  # pyright: ignore[reportPrivateUsage]
    audio = torch.randn(2, 8 * LATENT_HOP)
    with torch.inference_mode():
        stft_circular(audio)
    audio.requires_grad_()
    stft_circular(audio).abs().sum().backward()
    assert audio.grad is not None
