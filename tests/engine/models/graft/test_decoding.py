"""From latents to audio: known audio is held, spectra settle, everything rotates."""

from __future__ import annotations

import pytest
import torch

from engine.audio import FrameSpan
from engine.errors import JobCancelled
from engine.models.graft import griffin_lim
from engine.models.graft.decoding import KnownAudio, decode, random_phases
from engine.models.graft.griffin_lim import recover_audio
from engine.models.graft.spectral import (
    BINS,
    FRAMES_PER_LATENT,
    LATENT_HOP,
    N_FFT,
    istft_circular,
    stft_circular,
)
from tests.engine.models.graft.tiny_model import clip, double_codec, tiny_codec

FRAMES = 16


def _phases(frames: int = FRAMES, seed: int = 1) -> torch.Tensor:
    return random_phases(frames, torch.Generator().manual_seed(seed))


def _inconsistency(magnitudes: torch.Tensor, audio: torch.Tensor) -> float:
    """Spectral convergence: how far the audio's spectrum is from the one asked for."""
    return float((stft_circular(audio).abs() - magnitudes).norm() / magnitudes.norm())


def test_iterating_makes_the_spectrum_more_consistent() -> None:
    magnitudes = stft_circular(clip(5, FRAMES)).abs()
    errors = [
        _inconsistency(magnitudes, recover_audio(magnitudes, _phases(), iterations=n))
        for n in (0, 4, 32)
    ]
    assert errors[2] < 0.5 * errors[0]
    assert errors[2] < errors[1] < errors[0]


@pytest.mark.parametrize("is_held", [False, True])
def test_an_iteration_in_chunks_is_one_over_all_frames(
    is_held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spectrum = stft_circular(clip(5, FRAMES).double())
    known_frames = torch.arange(4 * FRAMES) < 20 if is_held else None
    made: list[torch.Tensor] = []
    for size in (1000, 7, 64):
        monkeypatch.setattr(griffin_lim, "CHUNK_FRAMES", size)
        made.append(
            recover_audio(
                spectrum.abs(), _phases().double(), known=spectrum, known_frames=known_frames
            )
        )
    assert torch.allclose(made[1], made[0], rtol=0, atol=1e-9)
    assert torch.allclose(made[2], made[0], rtol=0, atol=1e-9)


def test_true_phases_are_a_fixed_point() -> None:
    spectrum = stft_circular(clip(5, FRAMES).double())
    audio = recover_audio(spectrum.abs(), spectrum.angle(), iterations=3)
    assert torch.allclose(audio, istft_circular(spectrum), rtol=0, atol=1e-6)


@pytest.mark.parametrize("closes", [True, False])
@pytest.mark.parametrize(
    "spans",
    [
        (FrameSpan(9_000, 15_000),),
        (FrameSpan(0, 4_000),),
        (FrameSpan(3_000, 3_100), FrameSpan(20_000, 26_000)),
    ],
)
def test_audio_far_inside_the_known_is_held(spans: tuple[FrameSpan, ...], closes: bool) -> None:
    source = clip(6, FRAMES)
    made = decode(tiny_codec(), torch.zeros(FRAMES, 128), _phases(),
                  KnownAudio(source, spans, closes), iterations=8)  # fmt: skip
    total = FRAMES * LATENT_HOP
    near = torch.zeros(total, dtype=torch.bool)
    for span in spans:
        near[torch.arange(span.start - 2 * N_FFT, span.stop + 2 * N_FFT) % total] = True
    assert int((~near).sum()) > total // 8
    assert float((made - source)[:, ~near].abs().max()) <= 1e-4
    for span in spans:
        assert float((made - source)[:, span.start : span.stop].abs().max()) > 1e-2


def test_a_span_across_the_wrap_is_made_across_the_wrap() -> None:
    """Turning source, span, latents and phases by half turns the decoded audio by half."""
    source, half = clip(6, FRAMES).double(), FRAMES // 2
    latents = torch.randn(FRAMES, 128, generator=torch.Generator().manual_seed(2)).double()
    span = FrameSpan(12_000, 20_000)
    plain = decode(double_codec(), latents, _phases().double(),
                   KnownAudio(source, [span], closes=True), iterations=8)  # fmt: skip
    by = half * LATENT_HOP
    wrapped = FrameSpan(span.start + by, span.stop + by)
    assert wrapped.stop > FRAMES * LATENT_HOP > wrapped.start
    turned = decode(
        double_codec(), latents.roll(half, 0),
        _phases().double().roll(half * FRAMES_PER_LATENT, 1),
        KnownAudio(source.roll(by, 1), [wrapped], closes=True), iterations=8,
    )  # fmt: skip
    assert torch.allclose(turned, plain.roll(by, 1), rtol=0, atol=1e-9)


def test_the_made_part_meets_the_known_in_phase() -> None:
    """With the source's own magnitudes and nothing but random phases inside the span, held
    neighbours pull the phase into place: nearer to the source than with no neighbours."""
    source = clip(7, FRAMES)
    spectrum = stft_circular(source)
    inside = slice(30, 33)
    known = torch.ones(FRAMES * FRAMES_PER_LATENT, dtype=torch.bool)
    known[inside] = False
    held = recover_audio(spectrum.abs(), _phases(), known=spectrum, known_frames=known)
    free = recover_audio(spectrum.abs(), _phases())
    part = slice(30 * 512, 33 * 512)
    assert (held - source)[:, part].norm() < 0.7 * (free - source)[:, part].norm()


def test_every_iteration_is_reported_and_may_cancel() -> None:
    seen: list[tuple[int, int]] = []

    def on_iteration(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 3:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        decode(tiny_codec(), torch.zeros(8, 128), _phases(8), None, on_iteration, 10)
    assert seen == [(1, 10), (2, 10), (3, 10)]


def test_silence_decodes_to_finite_near_silence() -> None:
    magnitudes = torch.zeros(2, 32, BINS)
    assert not recover_audio(magnitudes, _phases(8), iterations=4).any()


def test_what_is_likely_lends_its_phases() -> None:
    """Audio that is just what was there is found again far better than from random phases."""
    stereo, codec = clip(5, FRAMES), tiny_codec()
    hole = FrameSpan(9_000, 21_000)
    errors: list[float] = []
    for like in (None, stereo):
        held = KnownAudio(stereo, (hole,), True, like)
        made = decode(codec, codec.encode(stereo), _phases(), held, iterations=8)
        errors.append(float((made - stereo)[:, hole.start : hole.stop].square().mean()))
    assert errors[1] < 0.5 * errors[0]


def test_where_the_likely_audio_is_silent_the_given_phases_are_taken() -> None:
    stereo, codec = clip(5, FRAMES), tiny_codec()
    hole = (FrameSpan(9_000, 21_000),)
    plain, silent = (
        decode(codec, codec.encode(stereo), _phases(), KnownAudio(stereo, hole, True, like))
        for like in (None, torch.zeros_like(stereo))
    )
    assert torch.equal(plain, silent)
