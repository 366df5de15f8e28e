"""One pool of takes for many bars: a take costs seconds of both cores, its measurements little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from engine.audio import MODEL_SAMPLE_RATE, AudioClip, FloatArray, resample_circular
from engine.key import Key
from engine.messages import Phase
from engine.models.graft.backend import GraftMaker
from engine.models.graft.codec import Codec, latent_frames
from engine.models.graft.spectral import LATENT_HOP
from engine.request import GenerationRequest
from engine.take_maker import RenderedTake
from engine.tempo import Tempo, TimeSignature, loop_frames
from engine.training.corpus import CorpusItem
from engine.training.dataset import to_grid
from engine.training.evaluation.asks import (
    OTHER_SEED,
    Ask,
    bars_for,
    item_for,
    plan,
    request_for,
    words_are_read,
)
from engine.training.evaluation.crew import Crew, tools
from engine.training.evaluation.sheets import COLUMNS, picture_of
from engine.training.evaluation.sounds import Sound, Truth, listen


@dataclass(frozen=True)
class Pair:
    """A take and the held-out item whose caption asked for it. moods: the item's mood words.
    key: the asked one. exact: the take has the asked length to the frame and is of its kind."""

    ask: Ask
    caption: str
    moods: tuple[str, ...]
    key: Key | None
    read: bool
    exact: bool
    made: Sound
    held_out: Sound


@dataclass(frozen=True)
class Takes:
    """Everything that was made and held out. others: latents of as many further held-out items,
    in the same round of families."""

    pairs: Sequence[Pair]
    others: Sequence[npt.NDArray[np.float16]]

    @property
    def loops(self) -> list[Pair]:
        return [pair for pair in self.pairs if pair.ask.kind == "loop"]


def make_takes(crew: Crew) -> Takes:
    """Make and measure crew.count takes, and encode as many held-out items beside theirs."""
    asks = plan(crew.count)
    others = crew.each("held-out items", other_latents, plan(crew.count, OTHER_SEED))
    return Takes(crew.each("takes", make_pair, asks), others)


def quiet(_take: int, _phase: Phase, _step: int, _steps: int) -> None:
    """Report nothing."""


def take_for(maker: GraftMaker, request: GenerationRequest) -> RenderedTake:
    """Make the request's first take."""
    return next(iter(maker.make(request, quiet)))


def make_pair(ask: Ask) -> Pair:
    """Make one take and listen to it and to its item."""
    item, maker = item_for(ask), tools().maker
    take = take_for(maker, request_for(item))
    truth, codec = truth_of(item), maker.model.codec
    samples = take.samples.astype(np.float32)
    is_pictured = ask.index < PICTURED
    return Pair(
        ask=ask,
        caption=item.captions[0],
        moods=item.facts.moods,
        key=truth.key,
        read=words_are_read(item),
        exact=is_exact(take, item),
        made=_listen(samples, truth, latents_of(codec, samples, truth.bars > 0), is_pictured),
        held_out=_listen(
            item.audio,
            replace(truth, bars=item.facts.bars or 0),
            item_latents(codec, item),
            is_pictured,
        ),
    )


#: The first asks hold COLUMNS loops of every family.
PICTURED = COLUMNS * 25


def _listen(
    samples: FloatArray, truth: Truth, latents: npt.NDArray[np.float16], is_pictured: bool
) -> Sound:
    picture = picture_of(samples) if is_pictured else None
    return listen(AudioClip(samples, MODEL_SAMPLE_RATE), truth, latents, picture)


def truth_of(item: CorpusItem) -> Truth:
    """Return what a sound that was asked for with this item's caption should be."""
    facts = item.facts
    key = None if facts.root is None or facts.mode is None else Key(facts.root, facts.mode)
    return Truth(facts.bpm, key, 0 if facts.kind == "one_shot" else bars_for(item))


def is_exact(take: RenderedTake, item: CorpusItem) -> bool:
    """Say whether a take is of the asked kind and, to the frame, of the asked length."""
    facts, frames = item.facts, take.samples.shape[1]
    if facts.kind == "one_shot":
        wanted = round((request_for(item).seconds or 0.0) * MODEL_SAMPLE_RATE)
        return not take.facts.is_loop and frames == wanted
    signature = TimeSignature(facts.beats_per_bar, 4)
    tempo = Tempo.of(facts.bpm or 0.0)
    wanted = loop_frames(tempo, bars_for(item), signature, MODEL_SAMPLE_RATE)
    return take.facts.is_loop and frames == wanted


def latents_of(codec: Codec, samples: FloatArray, is_loop: bool) -> npt.NDArray[np.float16]:
    """Encode a sound at 44.1 kHz (2, frames), (T, 128)."""
    frames = latent_frames(samples.shape[1]) * LATENT_HOP
    if is_loop:
        samples = resample_circular(samples, frames)
    else:
        samples = np.pad(samples, ((0, 0), (0, LATENT_HOP)))[:, :frames]
        samples = np.pad(samples, ((0, 0), (0, frames - samples.shape[1])))
    return codec.encode(torch.from_numpy(samples)).numpy().astype(np.float16)


def item_latents(codec: Codec, item: CorpusItem) -> npt.NDArray[np.float16]:
    """Encode a corpus item, (T, 128)."""
    return codec.encode(torch.from_numpy(to_grid(item))).numpy().astype(np.float16)


def other_latents(ask: Ask) -> npt.NDArray[np.float16]:
    """Encode a held-out item that nothing is asked from."""
    return item_latents(tools().maker.model.codec, item_for(ask))
