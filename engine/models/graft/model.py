"""Graft's weights in memory, and prompts turned into what the denoiser is told."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

import torch

from engine.errors import ModelProblem
from engine.family_guess import FamilyGuess, load_guess
from engine.key import Key
from engine.models.graft.codec import Codec, load_codec
from engine.models.graft.conditioning import (
    MODES,
    UNKNOWN_MODE,
    UNKNOWN_ROOT,
    Conditions,
)
from engine.models.graft.denoiser import Flow, load_denoiser
from engine.models.graft.runtime import TORCH_ON_CPU, Runtime, choose_runtime
from engine.prompt import PromptFields
from engine.prompt_spelling import read_text
from engine.resources import resource_path
from engine.taxonomy import FAMILIES, STYLES, UNKNOWN_FAMILY, UNKNOWN_STYLE
from engine.text_encoder import TextEncoder

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """What a prompt asks for in fields. None: not said. detune_semitones: see Conditions."""

    text: str = ""
    family: str | None = None
    style: str | None = None
    key: Key | None = None
    bpm: float = 0.0
    detune_semitones: float = 0.0
    is_loop: float = 1.0


@dataclass(frozen=True)
class GraftModel:
    """Codec, denoiser and text encoder on one device. Use from one thread at a time."""

    codec: Codec
    denoiser: Flow
    text: TextEncoder
    device: torch.device
    version: str
    runtime: Runtime = TORCH_ON_CPU
    guess: FamilyGuess = field(default_factory=load_guess)

    def with_family(self, fields: PromptFields, prompt: str) -> PromptFields:
        """Return the fields of a prompt with the family that its sense is nearest to, where no
        word of it names one."""
        if not prompt.strip() or (fields.family is not None and not fields.family_is_weak):
            return fields
        return self.guess.completed(fields, self.text.encode([_plain(prompt)]).pooled[0])

    def conditions(self, wish: Wish) -> Conditions:
        """Return one row of conditions. An empty text is no text."""
        key = wish.key
        row = Conditions(
            family=_index(wish.family, FAMILIES, UNKNOWN_FAMILY),
            style=_index(wish.style, STYLES, UNKNOWN_STYLE),
            root=torch.tensor([UNKNOWN_ROOT if key is None else key.root]),
            mode=torch.tensor([UNKNOWN_MODE if key is None else MODES[key.mode]]),
            bpm=torch.tensor([wish.bpm], dtype=torch.float32),
            detune_semitones=torch.tensor([wish.detune_semitones], dtype=torch.float32),
            is_loop=torch.tensor([wish.is_loop], dtype=torch.float32),
            **self._read(wish.text),
        )
        return row.to(self.device)

    def _read(self, text: str) -> dict[str, torch.Tensor]:
        embedding = self.text.encode([_plain(text)])
        said = float(bool(text.strip()))
        return {
            "text": torch.from_numpy(embedding.tokens) * said,
            "text_mask": torch.from_numpy(embedding.mask) & bool(said),
            "pooled": torch.from_numpy(embedding.pooled) * said,
        }


def _plain(text: str) -> str:
    """Return a prompt as the captions are written: English, lower case, its misspellings mended."""
    return read_text(text).text.strip().lower()


def _index(word: str | None, words: tuple[str, ...], unknown: int) -> torch.Tensor:
    return torch.tensor([unknown if word is None else words.index(word)])


def pick_device(wanted: str) -> torch.device:
    """Return the device for "auto", "cpu" or "cuda". Raises ModelProblem without that GPU."""
    has_gpu = torch.cuda.is_available()
    if wanted == "cuda" and not has_gpu:
        raise ModelProblem(
            "The device cuda was asked for, but this machine has no usable NVIDIA GPU; "
            "use --device cpu."
        )
    return torch.device("cuda" if wanted != "cpu" and has_gpu else "cpu")


def load_model(device: str, threads: int, folder: Path | None = None) -> GraftModel:
    """Load the shipped weights. Raises ModelProblem when a file is missing or damaged."""
    folder = folder or resource_path("models", "graft")
    target = pick_device(device)
    threads = max(1, threads)
    torch.set_num_threads(threads)
    denoiser = load_denoiser(folder / "denoiser.safetensors").to(target)
    flow, runtime = choose_runtime(denoiser, folder, target, threads)
    if runtime.note:
        _log.warning("%s", runtime.note)
    return GraftModel(
        codec=load_codec(folder / "codec.safetensors").to(target),
        denoiser=flow,
        text=TextEncoder(threads=threads),
        device=target,
        version=_version(folder),
        runtime=runtime,
    )


def _version(folder: Path) -> str:
    try:
        return str(json.loads((folder / "card.json").read_text("utf-8"))["version"])
    except (OSError, ValueError, KeyError) as error:
        raise ModelProblem(
            "The model's card is missing or damaged; reinstall Loopgraft.", str(error)
        ) from error
