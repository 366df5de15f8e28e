"""The codec's bars: recordings where there are some, a sentence where not, and rotation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from engine.models.graft.codec import load_codec
from engine.models.graft.decoding import decode, random_phases
from engine.models.graft.spectral import FRAMES_PER_LATENT, LATENT_HOP
from engine.resources import resource_path
from engine.training.evaluation import crew
from engine.training.evaluation.codec_bars import (
    RECORDED,
    double,
    largest_difference,
    loss_of,
    on_grid,
    recording_bars,
    recording_loss,
    recordings_in,
)
from engine.training.evaluation.crew import Crew, Place, Tools

WEIGHTS = resource_path("models", "graft")


def burst(seconds: float, rate: int) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).standard_normal(len(time))
    return (0.2 * noise * np.exp(-time / 0.1) + 0.3 * np.sin(880 * time)).astype(np.float32)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    for name in ("b.wav", "a.ogg", "notes.txt"):
        path = tmp_path / name
        if path.suffix == ".txt":
            path.write_text("no recording", "utf-8")
        else:
            sf.write(path, burst(0.6, 22_050), 22_050)
    return tmp_path


def test_recordings_are_found_in_order(recordings: Path) -> None:
    assert [path.name for path in recordings_in(recordings)] == ["a.ogg", "b.wav"]


def test_of_a_package_only_the_recorded_folders_count(tmp_path: Path) -> None:
    for folder in (RECORDED[0], "synthetic"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "one.wav").touch()
    assert recordings_in(tmp_path) == [tmp_path / RECORDED[0] / "one.wav"]


def test_a_recording_goes_through_the_codec(
    recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(WEIGHTS, recordings, recordings)
    monkeypatch.setattr(crew, "_at_hand", [Tools(place)])
    loss = recording_loss(recordings / "b.wav")
    assert loss is not None
    assert loss.sound
    assert 0 < loss.log_mel < 0.8
    assert loss.log_magnitude > 0


def test_without_recordings_a_sentence_stands_for_the_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(WEIGHTS, tmp_path, tmp_path / "nowhere")
    assert recording_bars(Crew(place, 1, 1)) == []
    said = capsys.readouterr().out
    assert "nowhere" in said
    assert "lmms-common" in said


def test_a_mono_recording_fills_both_sides_of_the_grid() -> None:
    stereo = on_grid(burst(0.3, 44_100)[None])
    assert stereo.shape[1] % LATENT_HOP == 0
    assert np.array_equal(stereo[0], stereo[1])


def test_nan_is_no_sound() -> None:
    codec = load_codec(WEIGHTS / "codec.safetensors")
    broken = on_grid(burst(0.3, 44_100)[None])
    assert loss_of(codec, broken, 0).sound
    broken[:, 500] = np.nan
    assert not loss_of(codec, broken, 0).sound


def test_rotation_is_exact_only_where_phases_turn_too() -> None:
    codec = double(load_codec(WEIGHTS / "codec.safetensors"))
    latents = codec.encode(torch.from_numpy(on_grid(burst(0.5, 44_100)[None])).double())
    phases = random_phases(len(latents), torch.Generator().manual_seed(0)).double()
    plain = decode(codec, latents, phases).roll(3 * LATENT_HOP, dims=1)
    turned = latents.roll(3, dims=0)
    both = decode(codec, turned, phases.roll(3 * FRAMES_PER_LATENT, dims=1))
    assert largest_difference(both, plain) < 1e-9
    assert largest_difference(decode(codec, turned, phases), plain) > 1e-3
