"""Measure the model on held-out prompts and items: the bars of the model card."""

from __future__ import annotations

import json
import math
import multiprocessing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.analysis import in_key_share, measure_key, tempo_matches
from engine.audio import MODEL_SAMPLE_RATE, AudioClip, resample_circular
from engine.key import Key
from engine.messages import Phase
from engine.models.graft.backend import WORDLESS_GUIDANCE, WORDLESS_TEMPERATURE, GraftMaker
from engine.models.graft.codec import Codec, latent_frames
from engine.models.graft.conditioning import Grid
from engine.models.graft.decoding import decode, random_phases
from engine.models.graft.model import GraftModel, Wish, load_model
from engine.models.graft.sampling import (
    Brief,
    Guidance,
    LatentCanvas,
    SamplerSettings,
    sample,
)
from engine.models.graft.spectral import LATENT_HOP
from engine.request import GenerationRequest, Task
from engine.take_maker import RenderedTake
from engine.taxonomy import FAMILIES
from engine.training.corpus import CorpusItem, make_item
from engine.training.dataset import HELD_OUT_SEED, LatentItem, to_grid
from engine.training.train_denoiser import read_items

#: Seeds of the items that evaluation asks for; above those of the held-out shards.
PROMPT_SEED = HELD_OUT_SEED + 1_000_000
#: Families that `key` is measured on: the solo tonal ones.
KEY_FAMILIES = ("keys", "pad", "pluck", "lead", "arp", "stab", "bass")
#: Held-out items that are grafted into; about one in nine has no beat and is left out.
CONTEXT_ITEMS = 120


@dataclass(frozen=True)
class Bar:
    """One line of the table. share bars pass at or above `least`, errors at or below `most`."""

    what: str
    value: float
    least: float | None = None
    most: float | None = None
    count: int = 0

    @property
    def passed(self) -> bool:
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)

    def row(self) -> str:
        bound = f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"
        mark = "yes" if self.passed else "no"
        return f"| {self.what} | {bound} | {self.value:.3f} | {self.count} | {mark} |"


def quiet(_take: int, _phase: Phase, _step: int, _steps: int) -> None:
    """Report nothing."""


class _Shared:
    """What every process of the pool loads once."""

    maker: GraftMaker
    held_out: list[LatentItem]


def _load(folder: Path, shards: Path) -> None:
    _Shared.maker = GraftMaker(load_model("cpu", 1, folder))
    _Shared.held_out = read_items(shards / "held_out")


def evaluate(folder: Path, shards: Path, count: int, workers: int) -> list[Bar]:
    """Measure the weights in `folder`. count: prompts per bar. Prints each bar as it is done."""
    bars: list[Bar] = []

    def note(found: Iterable[Bar]) -> None:
        for bar in found:
            bars.append(bar)
            print(bar.row(), flush=True)

    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _load, (folder, shards)) as pool:
        note(_codec_bars(pool.map(_codec_errors, range(max(20, count // 5)))))
        note([_context_bar(pool.map(_context_score, range(CONTEXT_ITEMS)))])
        note(_drum_bars(pool.map(_drum_facts, range(count))))
        note(_key_bars(pool.map(_key_facts, range(count))))
        note(_family_bars(shards, pool.map(_family_latents, range(count))))
    return bars


def table(bars: list[Bar]) -> str:
    """Return the bars as a Markdown table."""
    head = "| what | bar | measured | items | met |\n|---|---|---|---|---|\n"
    return head + "\n".join(bar.row() for bar in bars)


def write_figures(bars: list[Bar], path: Path) -> None:
    figures = {bar.what: {"value": round(bar.value, 4), "items": bar.count} for bar in bars}
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")


def held_out_item(index: int, family: str) -> CorpusItem:
    """Return a held-out loop that has a tempo (and a key, where the family has one)."""
    first = PROMPT_SEED + 50 * index
    for seed in range(first, first + 50):
        item = make_item(seed, "held_out", family=family, kind="loop")
        if item.facts.bpm:
            return item
    raise ValueError(f"no held-out {family} loop with a tempo from seed {first} on")


def take_for(maker: GraftMaker, item: CorpusItem) -> RenderedTake:
    """Make a take from the item's caption, tempo, bars and key, as a user would ask."""
    facts = item.facts
    key = None if facts.root is None or facts.mode is None else Key(facts.root, facts.mode)
    request = GenerationRequest(
        task=Task.GENERATE,
        seed=int.from_bytes(item.captions[0].encode()[:6].ljust(6), "big"),
        prompt=item.captions[0],
        bpm=facts.bpm,
        bars=min(facts.bars or 2, 4),
        key=key,
    )
    return next(iter(maker.make(request, quiet)))


def _clip(take: RenderedTake) -> AudioClip:
    return AudioClip(take.samples.astype(np.float32), take.facts.sample_rate)


def _drum_facts(index: int) -> tuple[bool, float]:
    """Return whether a held-out drum prompt's tempo is heard, and the seam score."""
    item = held_out_item(index, "drums")
    take = take_for(_Shared.maker, item)
    in_time = tempo_matches(_clip(take), item.facts.bpm or 0.0)
    return in_time, take.facts.measured.seam_score or 0.0


def _drum_bars(facts: list[tuple[bool, float]]) -> list[Bar]:
    hits = float(np.mean([hit for hit, _ in facts]))
    closed = float(np.mean([score <= 1.0 for _, score in facts]))
    return [
        Bar("tempo of drums within 1 %", hits, least=0.97, count=len(facts)),
        Bar("loop seam score at the wrap ≤ 1", closed, least=0.99, count=len(facts)),
    ]


def _key_facts(index: int) -> tuple[bool, float]:
    """Return whether a held-out tonal prompt's key is heard, and the share of chroma in it."""
    item = held_out_item(index, KEY_FAMILIES[index % len(KEY_FAMILIES)])
    take = take_for(_Shared.maker, item)
    wanted = Key(item.facts.root or 0, item.facts.mode or "minor")
    found = measure_key(_clip(take), known_tonal=True).key
    return found in (wanted, wanted.relative), in_key_share(_clip(take), wanted)


def _key_bars(facts: list[tuple[bool, float]]) -> list[Bar]:
    hits = float(np.mean([hit for hit, _ in facts]))
    share = float(np.mean([share for _, share in facts]))
    return [
        Bar("asked key or its relative", hits, least=0.85, count=len(facts)),
        Bar("chroma inside the asked key", share, least=0.8, count=len(facts)),
    ]


def _context_score(index: int) -> float | None:
    """Return the correlation for one held-out loop, None for an item without a beat."""
    if index >= len(_Shared.held_out):
        return None
    item = _Shared.held_out[index]
    if item.is_loop != 1 or item.beats <= 0:
        return None
    made, true = _refill(_Shared.maker.model, item)
    return float(np.corrcoef(made, true)[0, 1])


def _context_bar(scores: list[float | None]) -> Bar:
    known = [score for score in scores if score is not None]
    what = "in context: correlation of remade with removed latents"
    return Bar(what, float(np.mean(known)), least=0.85, count=len(known))


def _refill(model: GraftModel, item: LatentItem) -> tuple[npt.NDArray[np.float32], ...]:
    """Remove a quarter of an unseen loop and make it again, without text."""
    latents = torch.from_numpy(item.latents.astype(np.float32))
    frames = len(latents)
    hole = slice(frames * 3 // 8, frames * 5 // 8)
    keep = torch.ones(frames, 1)
    keep[hole] = 0.0
    grid = Grid(frames, item.beats, 0.0, item.beats_per_bar, item.beats)
    row = model.conditions(Wish(bpm=item.bpm, detune_semitones=item.detune_semitones))
    generator = torch.Generator().manual_seed(frames)
    made = sample(
        model.denoiser,
        LatentCanvas(latents * keep, keep, grid, closes=True),
        Brief((row,), row),
        SamplerSettings(16, Guidance(scale=WORDLESS_GUIDANCE), temperature=WORDLESS_TEMPERATURE),
        torch.randn(latents.shape, generator=generator),
        lambda _done, _total: None,
    )
    return made[hole].numpy().ravel(), latents[hole].numpy().ravel()


def _codec_errors(index: int) -> tuple[float, float]:
    """Return log-mel and log-magnitude L1 of one held-out item through the codec."""
    codec = _Shared.maker.model.codec
    audio = torch.from_numpy(to_grid(held_out_item(index, FAMILIES[index % len(FAMILIES)])))
    latents = codec.encode(audio)
    phases = random_phases(len(latents), torch.Generator().manual_seed(index))
    again = decode(codec, latents, phases)
    mel = float((log_mel(audio) - log_mel(again)).abs().mean())
    return mel, float((log_magnitude(audio) - log_magnitude(again)).abs().mean())


def _codec_bars(errors: list[tuple[float, float]]) -> list[Bar]:
    mel, log = np.mean(errors, axis=0).tolist()
    return [
        Bar("codec: log-mel L1, held-out items", mel, most=0.4, count=len(errors)),
        Bar("codec: log-magnitude L1", log, most=0.45, count=len(errors)),
    ]


def log_magnitude(audio: Tensor) -> Tensor:
    """Return log(|STFT| + 1e-3), n_fft 2048, full-scale sine = 1."""
    window = torch.hann_window(2048)
    spectrum = torch.stft(audio, 2048, 512, window=window, return_complex=True)
    return torch.log(spectrum.abs() / 512 + 1e-3)


def log_mel(audio: Tensor, bands: int = 80) -> Tensor:
    """Return log mel magnitudes, 80 triangles from 0 to 22.05 kHz, floor 1e-3."""
    window = torch.hann_window(2048)
    spectrum = torch.stft(audio, 2048, 512, window=window, return_complex=True).abs() / 512
    return torch.log(mel_matrix(bands) @ spectrum + 1e-3)


def mel_matrix(bands: int) -> Tensor:
    hz = torch.arange(1025) * MODEL_SAMPLE_RATE / 2048
    top = 2595 * math.log10(1 + MODEL_SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2) / 2595) - 1)
    rising = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return triangles / triangles.sum(1, keepdim=True).clamp_min(1e-9)


def _family_latents(index: int) -> tuple[int, npt.NDArray[np.float32]]:
    """Return the asked family and the latents of a take for it."""
    family = index % len(FAMILIES)
    take = take_for(_Shared.maker, held_out_item(index, FAMILIES[family]))
    return family, _latents_of(_Shared.maker.model.codec, take)


def _family_bars(shards: Path, made: list[tuple[int, npt.NDArray[np.float32]]]) -> list[Bar]:
    """Judge families with a small probe on latent statistics, trained on corpus items."""
    probe = _fit_probe(read_items(shards / "train"))
    held_out = [item for item in read_items(shards / "held_out") if item.is_loop == 1]
    judged = _judge(probe, [item.latents.astype(np.float32) for item in held_out])
    sure = float(np.mean(judged == np.array([item.family for item in held_out])))
    asked = np.array([family for family, _ in made])
    hits = float(np.mean(_judge(probe, [latents for _, latents in made]) == asked))
    return [
        Bar("family probe on held-out items", sure, least=0.98, count=len(held_out)),
        Bar("family of takes, by that probe", hits, least=0.92, count=len(made)),
    ]


def _statistics(latents: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    moves = np.abs(np.diff(latents, axis=0)).mean(0)
    return np.concatenate([latents.mean(0), latents.std(0), moves])


def _fit_probe(items: list[LatentItem]) -> torch.nn.Module:
    torch.manual_seed(0)
    loops = [item for item in items if item.is_loop == 1]
    x = torch.from_numpy(np.stack([_statistics(i.latents.astype(np.float32)) for i in loops]))
    y = torch.tensor([item.family for item in loops])
    probe = torch.nn.Sequential(
        torch.nn.BatchNorm1d(x.shape[1]),
        torch.nn.Linear(x.shape[1], 128),
        torch.nn.SiLU(),
        torch.nn.Dropout(0.3),
        torch.nn.Linear(128, len(FAMILIES)),
    )
    optimizer = torch.optim.AdamW(probe.parameters(), 2e-3, weight_decay=0.05)
    for _ in range(40):
        for rows in torch.randperm(len(x)).split(256):
            if len(rows) < 2:
                continue
            loss = torch.nn.functional.cross_entropy(probe(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return probe.eval()


def _judge(probe: torch.nn.Module, latents: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.int64]:
    with torch.no_grad():
        x = torch.from_numpy(np.stack([_statistics(z) for z in latents]))
        return probe(x).argmax(1).numpy()


def _latents_of(codec: Codec, take: RenderedTake) -> npt.NDArray[np.float32]:
    samples = take.samples.astype(np.float32)
    frames = latent_frames(samples.shape[1])
    stretched = resample_circular(samples, frames * LATENT_HOP)
    return codec.encode(torch.from_numpy(stretched)).numpy()
