"""Put trained weights into resources/models/graft with a card of what was measured."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from engine.models.graft.denoiser import load_denoiser, save_denoiser
from engine.models.graft.onnx_weights import Precision
from engine.training.corpus import CORPUS_VERSION

WEIGHTS = ("codec.safetensors", "denoiser.safetensors")
OPTIONAL_WEIGHTS = ("decoder.safetensors",)
#: What runs the denoiser's weights in ONNX Runtime; no weights are in them.
GRAPHS = tuple(f"denoiser-{precision}.onnx" for precision in Precision)
LICENCE = "CC0-1.0"
DESCRIPTION = (
    "A small text-to-loop model: closed-form log-band latents, a rectified-flow transformer on a "
    "circle, Griffin-Lim phases. Trained only on audio that the project synthesises itself."
)


def gather(work: Path, target: Path) -> None:
    """Copy the weights of a training folder into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    if (work / "codec.safetensors").exists():
        shutil.copyfile(work / "codec.safetensors", target / "codec.safetensors")
    shutil.copyfile(work / "denoiser" / "denoiser.safetensors", target / "denoiser.safetensors")


def average(weights: Sequence[Path], target: Path) -> None:
    """Write the mean of denoisers of one descent (Wortsman et al. 2022) to `target`.

    Two ends of a training that went on from the same weights lie in one valley; their middle is
    often better than both. Raises ValueError when there are none, or their shapes differ.
    """
    models = [load_denoiser(path) for path in weights]
    if not models or any(model.shape != models[0].shape for model in models):
        raise ValueError("The average needs denoisers of one shape.")
    states = [model.state_dict() for model in models]
    mean = {name: torch.stack([s[name] for s in states]).mean(0) for name in states[0]}
    target.parent.mkdir(parents=True, exist_ok=True)
    save_denoiser(mean, models[0].shape, target)


def training_facts(work: Path, hardware: str) -> dict[str, object]:
    """Return what the checkpoint knows of its training."""
    state = torch.load(work / "denoiser" / "checkpoint.pt", map_location="cpu", weights_only=True)
    return {
        "corpus_version": CORPUS_VERSION,
        "corpus_items": 200 * len(list((work / "train").glob("*.npz"))),
        "steps": state["steps"],
        "items_seen": state["items_seen"],
        "hours": round(state["seconds"] / 3600, 2),
        "hardware": hardware,
    }


def write_card(
    target: Path, version: str, training: dict[str, object], figures: dict[str, object]
) -> None:
    """Write card.json: names, checksums, training facts and measured figures."""
    card: dict[str, object] = {
        "id": "graft",
        "name": "Graft",
        "version": version,
        "licence": LICENCE,
        "description": DESCRIPTION,
        "files": _files(target),
        "training": training,
        "figures": figures,
    }
    _write(target, card)


def list_files(target: Path) -> None:
    """Write the files that are there, with their checksums, anew into the card of `target`."""
    card = json.loads((target / "card.json").read_text("utf-8"))
    _write(target, {**card, "files": _files(target)})


def _write(target: Path, card: dict[str, object]) -> None:
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    (target / "card.json").write_text(text, "utf-8")


def _files(target: Path) -> list[dict[str, object]]:
    names = (*WEIGHTS, *OPTIONAL_WEIGHTS, *GRAPHS)
    return [_file(target / name) for name in names if (target / name).exists()]


def _file(path: Path) -> dict[str, object]:
    data = path.read_bytes()
    return {
        "name": path.name,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
