"""What the codec costs: on held-out items, on recordings it never saw, and under rotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.audio import MODEL_SAMPLE_RATE, FloatArray, resample
from engine.audio_files import read_source
from engine.errors import BadInputFile
from engine.models.graft.backend import LoopLength, finish
from engine.models.graft.codec import Codec, latent_frames
from engine.models.graft.decoding import decode, random_phases
from engine.models.graft.spectral import FRAMES_PER_LATENT, LATENT_HOP
from engine.taxonomy import FAMILIES
from engine.training.dataset import to_grid
from engine.training.evaluation.asks import held_out_item
from engine.training.evaluation.bars import Bar, share
from engine.training.evaluation.crew import Crew, tools
from engine.training.evaluation.spectra import log_magnitude, log_mel

#: The folders of lmms-common's samples that were recorded.
RECORDED = ("beats", "instruments", "latin", "misc")
MOST_SECONDS = 12.0
LEAST_SECONDS = 0.2
LEAST_ITEMS = 20
ROTATED_ITEMS = 3


@dataclass(frozen=True)
class Loss:
    """What one sound lost on its way through the codec. sound: finite, and under full scale as
    takes are delivered."""

    log_mel: float
    log_magnitude: float
    sound: bool


def codec_bars(crew: Crew) -> list[Bar]:
    """Measure held-out items, real recordings where there are any, and rotation."""
    items = crew.each(
        "codec on held-out items", item_loss, range(max(LEAST_ITEMS, crew.count // 5))
    )
    turned = crew.each("rotation", rotation_error, range(ROTATED_ITEMS))
    return [
        *_item_bars(items),
        *recording_bars(crew),
        Bar("rotated latents against rotated output (float64)", max(turned), most=1e-6, count=3),
    ]


def _item_bars(losses: Sequence[Loss]) -> list[Bar]:
    mel = float(np.mean([loss.log_mel for loss in losses]))
    log = float(np.mean([loss.log_magnitude for loss in losses]))
    return [
        Bar("codec: log-mel L1, held-out items", mel, most=0.4, count=len(losses)),
        Bar("codec: log-magnitude L1", log, most=0.45, count=len(losses)),
    ]


def recording_bars(crew: Crew) -> list[Bar]:
    """Measure real recordings; where there are none, say so and return no bar."""
    paths = recordings_in(crew.place.recordings)
    if not paths:
        print(
            f"No recordings in {crew.place.recordings}: the codec's bar on real recordings is "
            "left out. Install Debian's lmms-common, or name a folder with --recordings.",
            flush=True,
        )
        return []
    found = crew.each("codec on recordings", recording_loss, paths)
    losses = [loss for loss in found if loss is not None]
    if len(losses) < len(paths):
        print(f"{len(paths) - len(losses)} of {len(paths)} recordings could not be read.")
    if not losses:
        return []
    mel = float(np.mean([loss.log_mel for loss in losses]))
    return [
        Bar("codec: log-mel L1, real recordings", mel, most=0.8, count=len(losses)),
        Bar(
            "real recordings: nothing clipped, no NaN",
            share([loss.sound for loss in losses]),
            least=1.0,
            count=len(losses),
        ),
    ]


def recordings_in(folder: Path) -> list[Path]:
    """Return the recordings of a folder in the order of their names: those of lmms-common that
    were recorded, or, where it has no such folders, all its audio files."""
    roots = [folder / name for name in RECORDED if (folder / name).is_dir()] or [folder]
    kinds = (".wav", ".ogg", ".flac", ".aif", ".aiff")
    found = (path for root in roots for path in root.glob("*") if path.suffix.lower() in kinds)
    return sorted(found)


def item_loss(index: int) -> Loss:
    """Send one held-out item through the codec."""
    item = held_out_item(index, FAMILIES[index % len(FAMILIES)])
    return loss_of(tools().maker.model.codec, to_grid(item), index)


def recording_loss(path: Path) -> Loss | None:
    """Send one recording through the codec; None where it is no file that the app reads.

    lmms-common's harpsichord01.ogg is such a one: Vorbis in a WAV's clothes.
    """
    try:
        clip = read_source(path).clip()
    except BadInputFile:
        return None
    samples = resample(clip.samples, clip.sample_rate, MODEL_SAMPLE_RATE)
    return loss_of(tools().maker.model.codec, on_grid(samples), samples.shape[1])


def on_grid(samples: FloatArray) -> FloatArray:
    """Return the first MOST_SECONDS as stereo, padded to whole latent frames."""
    stereo = np.resize(samples[:2], (2, samples.shape[1]))
    stereo = stereo[:, : round(MOST_SECONDS * MODEL_SAMPLE_RATE)]
    frames = (latent_frames(stereo.shape[1]) + 1) * LATENT_HOP
    return np.pad(stereo, ((0, 0), (0, frames - stereo.shape[1])))


def loss_of(codec: Codec, stereo: FloatArray, seed: int) -> Loss:
    """Encode and decode stereo (2, T x 2048)."""
    audio = torch.from_numpy(stereo)
    latents = codec.encode(audio)
    again = decode(codec, latents, random_phases(len(latents), _generator(seed)))
    length = LoopLength(stereo.shape[1], len(latents), 0.0, 0.0, None, -1.0)
    delivered, _ = finish(again.numpy(), length)
    return Loss(
        float((log_mel(audio) - log_mel(again)).abs().mean()),
        float((log_magnitude(audio) - log_magnitude(again)).abs().mean()),
        bool(np.isfinite(delivered).all() and np.abs(delivered).max() < 1.0),
    )


def rotation_error(index: int) -> float:
    """Return how far rotating one item's latents and phases is from rotating what they decode
    to: the largest difference over the peak, in float64."""
    codec = double(tools().maker.model.codec)
    item = held_out_item(index, FAMILIES[index % len(FAMILIES)])
    latents = codec.encode(torch.from_numpy(to_grid(item)).double())
    phases = random_phases(len(latents), _generator(index)).double()
    by = len(latents) // 3
    plain = decode(codec, latents, phases)
    turned = decode(codec, latents.roll(by, dims=0), phases.roll(by * FRAMES_PER_LATENT, dims=1))
    return largest_difference(turned, plain.roll(by * LATENT_HOP, dims=1))


def largest_difference(made: Tensor, wanted: Tensor) -> float:
    return float((made - wanted).abs().max() / wanted.abs().max())


def double(codec: Codec) -> Codec:
    """Return the codec in float64."""
    return Codec(codec.mean.double(), codec.basis.double(), codec.scale.double())


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
