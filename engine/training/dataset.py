"""The corpus as latents on disk: synthesised, encoded, captioned, in resumable shards."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from engine.audio import resample_circular
from engine.models.graft.codec import Codec, fit_codec, latent_frames, load_codec, save_codec
from engine.models.graft.conditioning import MODES, UNKNOWN_MODE, UNKNOWN_ROOT
from engine.models.graft.spectral import (
    LATENT_HOP,
    features_from_spectrum,
    stft_circular,
    to_mid_side,
)
from engine.taxonomy import FAMILIES, STYLES, UNKNOWN_STYLE
from engine.text_encoder import TextEncoder
from engine.training.corpus import CorpusItem, make_item

SHARD_ITEMS = 200
CAPTIONS_PER_ITEM = 2
#: First seeds of the three disjoint uses of the corpus.
TRAIN_SEED, HELD_OUT_SEED, CODEC_SEED = 0, 10_000_000, 20_000_000


@dataclass(frozen=True)
class LatentItem:
    """One item as the denoiser sees it. latents: float16 (T, 128). captions: one float16
    (tokens, 384) array each; pooled: float32 (captions, 384)."""

    latents: npt.NDArray[np.float16]
    family: int
    style: int
    root: int
    mode: int
    bpm: float
    beats: float
    beats_per_bar: int
    detune_semitones: float
    is_loop: int
    captions: tuple[npt.NDArray[np.float16], ...]
    pooled: npt.NDArray[np.float32]


def to_grid(item: CorpusItem) -> npt.NDArray[np.float32]:
    """Stretch a loop, or pad a one-shot, to a whole number of latent frames: (2, T x 2048)."""
    frames = item.audio.shape[1]
    if item.facts.kind == "loop":
        return resample_circular(item.audio, latent_frames(frames) * LATENT_HOP)
    target = max(8, math.ceil(frames / LATENT_HOP)) * LATENT_HOP
    return np.pad(item.audio, ((0, 0), (0, target - frames)))


def encode_item(item: CorpusItem, codec: Codec, text: TextEncoder) -> LatentItem:
    """Encode the item's audio and its first captions."""
    facts = item.facts
    audio = to_grid(item)
    stretch = 1.0 if facts.kind != "loop" else item.audio.shape[1] / audio.shape[1]
    embedding = text.encode(item.captions[:CAPTIONS_PER_ITEM])
    captions = tuple(
        tokens[mask].astype(np.float16)
        for tokens, mask in zip(embedding.tokens, embedding.mask, strict=True)
    )
    return LatentItem(
        latents=codec.encode(torch.from_numpy(audio)).numpy().astype(np.float16),
        captions=captions,
        pooled=embedding.pooled,
        detune_semitones=12 * math.log2(stretch),
        family=FAMILIES.index(facts.family),
        style=UNKNOWN_STYLE if facts.style is None else STYLES.index(facts.style),
        root=UNKNOWN_ROOT if facts.root is None else facts.root,
        mode=UNKNOWN_MODE if facts.mode is None else MODES[facts.mode],
        bpm=facts.bpm or 0.0,
        beats=float((facts.bars or 0) * facts.beats_per_bar),
        beats_per_bar=facts.beats_per_bar,
        is_loop=1 if facts.kind == "loop" else -1,
    )


_NUMBERS = (
    "family style root mode bpm beats beats_per_bar detune_semitones is_loop".split()  # noqa: SIM905
)


def write_shard(items: list[LatentItem], path: Path) -> None:
    """Write the items as one .npz; the file appears whole or not at all."""
    tokens = [caption for item in items for caption in item.captions]
    temporary = path.with_suffix(".part.npz")
    np.savez(
        temporary,
        latents=np.concatenate([item.latents for item in items]),
        latent_counts=[len(item.latents) for item in items],
        tokens=np.concatenate(tokens),
        token_counts=[len(caption) for caption in tokens],
        pooled=np.stack([item.pooled for item in items]),
        numbers=[[getattr(item, name) for name in _NUMBERS] for item in items],
    )
    temporary.replace(path)


def read_shard(path: Path) -> Iterator[LatentItem]:
    """Read what write_shard wrote."""
    with np.load(path) as shard:
        latents = np.split(shard["latents"], np.cumsum(shard["latent_counts"])[:-1])
        tokens = np.split(shard["tokens"], np.cumsum(shard["token_counts"])[:-1])
        pooled, numbers = shard["pooled"], shard["numbers"]
    each = len(tokens) // len(latents)
    for index, values in enumerate(numbers):
        named = dict(zip(_NUMBERS, values.tolist(), strict=True))
        whole = {n: int(named.pop(n)) for n in ("family", "style", "root", "mode", "is_loop")}
        whole["beats_per_bar"] = int(named.pop("beats_per_bar"))
        captions = tuple(tokens[index * each : (index + 1) * each])
        yield LatentItem(latents[index], captions=captions, pooled=pooled[index], **whole, **named)


def fit_codec_on_corpus(path: Path, items: int, workers: int) -> Codec:
    """Fit the codec on `items` corpus items (a quarter of their frames) and save it."""
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        rows = pool.map(_sampled_features, range(CODEC_SEED, CODEC_SEED + items), chunksize=8)
    codec = fit_codec(torch.from_numpy(np.concatenate(rows)))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_codec(codec, path)
    return codec


def _sampled_features(seed: int) -> npt.NDArray[np.float32]:
    torch.set_num_threads(1)
    item = make_item(seed)
    audio = torch.from_numpy(to_grid(item))
    features = features_from_spectrum(stft_circular(to_mid_side(audio))).numpy()
    keep = np.random.default_rng(seed).permutation(len(features))[: max(4, len(features) // 4)]
    return features[keep]


def make_shards(folder: Path, codec_path: Path, count: int, split: str, workers: int) -> None:
    """Fill `folder` with shards of `count` items; shards that exist are left as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    first = HELD_OUT_SEED if split == "held_out" else TRAIN_SEED
    jobs = [
        (folder / f"{index:05d}.npz", codec_path, first + index * SHARD_ITEMS, split)
        for index in range(math.ceil(count / SHARD_ITEMS))
    ]
    todo = [job for job in jobs if not job[0].exists()]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for done, name in enumerate(pool.imap_unordered(_make_shard, todo), start=1):
            print(f"shard {name} ({done} of {len(todo)})", flush=True)


def _make_shard(job: tuple[Path, Path, int, str]) -> str:
    path, codec_path, first_seed, split = job
    torch.set_num_threads(1)
    codec, text = load_codec(codec_path), TextEncoder(threads=1)
    items = [
        encode_item(make_item(seed, split), codec, text)
        for seed in range(first_seed, first_seed + SHARD_ITEMS)
    ]
    write_shard(items, path)
    return path.name
