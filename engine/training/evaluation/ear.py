"""The ear of the evaluation: a classifier of families, and the space it hears in.

A small convolutional network over latents, trained on the corpus with crops of any length, so
that it knows a family by its sound and not by the length of its loops.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.models.graft.codec import LATENT_CHANNELS
from engine.taxonomy import FAMILIES
from engine.training.dataset import read_shard

Latents = npt.NDArray[np.float32] | npt.NDArray[np.float16]

EMBEDDING = 32
WIDTH = 128
#: Items per step, all cropped to one length that is drawn anew for every step.
BATCH = 64
CROP_FRAMES = (24, 112)
STEPS = 3600
WARM_UP_SHARE = 0.03
LEARNING_RATE = 2e-3
#: Noise added to the latents in training; theirs is about 1.
NOISE = 0.15
LABEL_SMOOTHING = 0.05
TELL_STEPS = 200


class EarNetwork(nn.Module):
    """Latents (b, T, 128) to an embedding (b, EMBEDDING) and logits (b, families)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(LATENT_CHANNELS)
        self.layers = nn.ModuleList(
            nn.Conv1d(inner, WIDTH, 5, stride, padding=2, padding_mode="circular")
            for inner, stride in ((LATENT_CHANNELS, 1), (WIDTH, 2), (WIDTH, 2))
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(WIDTH) for _ in self.layers)
        self.embed = nn.Linear(3 * WIDTH, EMBEDDING)
        self.name = nn.Linear(EMBEDDING, len(FAMILIES))
        self.dropout = nn.Dropout(0.2)

    def embedding(self, latents: Tensor) -> Tensor:
        """Map latents (b, T, 128) to what is heard in them, (b, EMBEDDING)."""
        x = self.norm(latents.transpose(1, 2))
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = nn.functional.silu(norm(layer(x)))
        pooled = torch.cat((x.mean(2), x.std(2), x.amax(2)), dim=1)
        return self.embed(self.dropout(pooled))

    def named(self, embedding: Tensor) -> Tensor:
        """Map embeddings to logits of the families."""
        return self.name(nn.functional.silu(embedding))

    def forward(self, latents: Tensor) -> Tensor:
        return self.named(self.embedding(latents))


@dataclass(frozen=True)
class Heard:
    """What the ear makes of n sounds. families: (n,) indices. embeddings: (n, EMBEDDING)."""

    families: npt.NDArray[np.int64]
    embeddings: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Lesson:
    """What the ear learns from. latents: (T, 128) each. families: their indices."""

    latents: Sequence[Latents]
    families: npt.NDArray[np.int64]


class Ear:
    """A trained network. Sounds may be of any length."""

    def __init__(self, network: EarNetwork) -> None:
        self.network = network.eval()

    def hear(self, sounds: Sequence[Latents]) -> Heard:
        """Name and place each sound."""
        with torch.no_grad():
            rows = [
                self.network.embedding(torch.from_numpy(z.astype(np.float32))[None]) for z in sounds
            ]
            placed = torch.cat(rows)
            names = self.network.named(placed).argmax(1)
        return Heard(names.numpy(), placed.double().numpy())


def ear_for(work: Path) -> Ear:
    """Return the ear of a training folder: read, or trained on its shards once and kept there.

    Raises ValueError without shards.
    """
    path = work / "ear.safetensors"
    network = EarNetwork()
    if path.exists():
        network.load_state_dict(load_file(path))
        return Ear(network)
    ear = train_ear(lesson_of(work / "train"))
    save_file({n: t.contiguous() for n, t in ear.network.state_dict().items()}, path)
    return ear


def lesson_of(folder: Path, *, loops_only: bool = False) -> Lesson:
    """Read the latents and families of a folder's shards. Raises ValueError without any."""
    paths = sorted(path for path in folder.glob("*.npz") if ".part" not in path.name)
    if not paths:
        raise ValueError(
            f"There are no shards in {folder}; make some with "
            "`python -m engine.training corpus`, which evaluation needs too."
        )
    items = [(item.latents, item.family, item.is_loop) for p in paths for item in read_shard(p)]
    kept = [(z, family) for z, family, loop in items if loop == 1 or not loops_only]
    return Lesson([z for z, _ in kept], np.array([family for _, family in kept]))


def train_ear(lesson: Lesson, steps: int = STEPS, seed: int = 0, batch: int = BATCH) -> Ear:
    """Train on crops that start anywhere: loops and what is repeated have no other start."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = EarNetwork().train()
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=0.02)
    begun = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * _rate(step, steps)
        crops, families = _draw(lesson, batch, rng)
        loss = nn.functional.cross_entropy(
            network(crops), families, label_smoothing=LABEL_SMOOTHING
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % TELL_STEPS == 0:
            seconds = time.monotonic() - begun
            print(f"ear: {step + 1} of {steps} steps, {seconds:.0f} s", flush=True)
    return Ear(network)


def _rate(step: int, steps: int) -> float:
    """Rise at first, fall to nothing over the second half."""
    return min(1.0, (step + 1) / (WARM_UP_SHARE * steps)) * min(1.0, 2 * (steps - step) / steps)


def _draw(lesson: Lesson, batch: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    chosen = rng.integers(len(lesson.latents), size=batch)
    length = int(rng.integers(*CROP_FRAMES))
    crops = np.stack([_crop(lesson.latents[index], length, rng) for index in chosen])
    crops += NOISE * rng.standard_normal(crops.shape, dtype=np.float32)
    return torch.from_numpy(crops), torch.from_numpy(lesson.families[chosen])


def _crop(latents: Latents, length: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    frames = int(rng.integers(len(latents))) + np.arange(length)
    return latents[frames % len(latents)].astype(np.float32)
