"""What the decoder learns from: corpus items synthesised while it trains, rolled and cropped."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.models.graft.codec import Codec, load_codec
from engine.models.graft.spectral import FRAMES_PER_LATENT, LATENT_HOP
from engine.training.batches import random_spans
from engine.training.corpus import make_item
from engine.training.dataset import to_grid

#: First seed of the decoder's own use of the corpus.
DECODER_SEED = 30_000_000
CROPS_PER_ITEM = 4
#: Crops to draw a batch from, so that one item's crops part.
BUFFER_BATCHES = 8
KNOWN_SHARE = 0.3
#: Items under way per worker.
AHEAD = 3


@dataclass(frozen=True)
class Crop:
    """latents: (T, 128), encoded within the whole item. audio: (2, T x 2048)."""

    latents: Tensor
    audio: Tensor


@dataclass(frozen=True)
class DecoderBatch:
    """latents: (b, T, 128). audio: (b, 2, T x 2048). keep: (b, 4T), 1 = known to the decoder;
    None: nothing is known. items: corpus items drawn for it."""

    latents: Tensor
    audio: Tensor
    keep: Tensor | None
    items: int

    def to(self, device: torch.device) -> DecoderBatch:
        keep = None if self.keep is None else self.keep.to(device)
        return DecoderBatch(self.latents.to(device), self.audio.to(device), keep, self.items)


@dataclass(frozen=True)
class CropPlan:
    """crop_latents: latent frames per crop (28 are 1.3 s). workers: processes that synthesise."""

    codec: Path
    batch: int = 8
    crop_latents: int = 28
    workers: int = 1
    seed: int = 0


def crops_of(seed: int, codec: Codec, length: int) -> list[Crop]:
    """Synthesise one item, roll it by any number of samples, cut crops of `length` latents.

    The item is one period, and rolling places its onsets anywhere on the frames. A crop wraps
    where the item is shorter.
    """
    rng = np.random.default_rng([seed, DECODER_SEED])
    audio = torch.from_numpy(to_grid(make_item(seed)))
    audio = audio.roll(int(rng.integers(audio.shape[1])), dims=1)
    latents = codec.encode(audio)
    blocks = audio.unflatten(1, (-1, LATENT_HOP))
    crops: list[Crop] = []
    for start in rng.integers(len(latents), size=CROPS_PER_ITEM):
        rows = (int(start) + torch.arange(length)) % len(latents)
        crops.append(Crop(latents[rows], blocks[:, rows].flatten(1)))
    return crops


def batches(plan: CropPlan, first_item: int) -> Generator[DecoderBatch, None, None]:
    """Yield batches for ever from the corpus' items `first_item` on; the same ones however many
    workers there are. Close the generator to end the workers."""
    rng = np.random.default_rng([plan.seed, first_item])
    buffer: list[Crop] = []
    with closing(_crop_lists(plan, DECODER_SEED + first_item)) as lists:
        while True:
            items = 0
            while len(buffer) < BUFFER_BATCHES * plan.batch:
                buffer += next(lists)
                items += 1
            chosen = [buffer.pop(int(rng.integers(len(buffer)))) for _ in range(plan.batch)]
            yield _assemble(chosen, items, rng)


def _assemble(crops: list[Crop], items: int, rng: np.random.Generator) -> DecoderBatch:
    frames = len(crops[0].latents) * FRAMES_PER_LATENT
    keep = None
    if rng.random() < KNOWN_SHARE:
        keep = torch.stack([random_spans(frames, rng)[:, 0] for _ in crops])
    latents = torch.stack([crop.latents for crop in crops])
    return DecoderBatch(latents, torch.stack([crop.audio for crop in crops]), keep, items)


def _crop_lists(plan: CropPlan, seed: int) -> Generator[list[Crop], None, None]:
    """Yield each item's crops, in the order of the seeds."""
    if plan.workers == 0:
        codec = load_codec(plan.codec)
        while True:
            yield crops_of(seed, codec, plan.crop_latents)
            seed += 1
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(plan.workers, context, _start_worker, (plan.codec,))
    waiting: deque[Future[list[tuple[np.ndarray, np.ndarray]]]] = deque()
    try:
        while True:
            while len(waiting) < AHEAD * plan.workers:
                waiting.append(pool.submit(_work, seed, plan.crop_latents))
                seed += 1
            arrays = waiting.popleft().result()
            yield [Crop(torch.from_numpy(z), torch.from_numpy(audio)) for z, audio in arrays]
    finally:
        pool.shutdown(cancel_futures=True)


_codecs: list[Codec] = []


def _start_worker(codec: Path) -> None:
    torch.set_num_threads(1)
    _codecs.append(load_codec(codec))


def _work(seed: int, length: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Make one item's crops as arrays: tensors would travel by shared memory."""
    crops = crops_of(seed, _codecs[0], length)
    return [(crop.latents.numpy(), crop.audio.numpy()) for crop in crops]
