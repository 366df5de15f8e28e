"""Which decoder ships: Griffin-Lim or the learned one, on held-out corpus items.

`python -m engine.training.compare_decoders --weights FOLDER` writes the card's "decoder" part.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.models.graft.codec import Codec, load_codec
from engine.models.graft.decoder import Decoder, decode_with, load_decoder
from engine.models.graft.decoding import decode, random_phases
from engine.resources import resource_path
from engine.taxonomy import FAMILIES
from engine.training.dataset import to_grid
from engine.training.evaluation.asks import held_out_item
from engine.training.evaluation.spectra import log_magnitude, log_mel

GRIFFIN_LIM = "Griffin-Lim"
#: Griffin-Lim iterations under the learned decoder that are weighed.
ITERATIONS = (8, 32)

#: From latents (T, 128) to stereo (2, T x 2048).
Method = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class DecoderFigures:
    """Means over the items. seconds: per second of stereo, on this machine."""

    name: str
    iterations: int
    log_mel: float
    log_magnitude: float
    seconds: float

    def beats(self, other: DecoderFigures) -> bool:
        """Return whether this is nearer on one bar and not farther on the other."""
        mine, theirs = (self.log_mel, self.log_magnitude), (other.log_mel, other.log_magnitude)
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))

    def row(self) -> str:
        numbers = (self.log_mel, self.log_magnitude, self.seconds)
        return f"| {self.name} | {self.iterations} | " + " | ".join(f"{n:.3f}" for n in numbers)


def compare(codec: Codec, decoder: Decoder, items: list[Tensor]) -> list[DecoderFigures]:
    """Measure Griffin-Lim and the learned decoder on stereo items (2, T x 2048)."""

    def phases(latents: Tensor) -> Tensor:
        return random_phases(len(latents), torch.Generator().manual_seed(len(latents)))

    def by_griffin_lim(latents: Tensor) -> Tensor:
        return decode(codec, latents, phases(latents))

    def learned(iterations: int) -> Method:
        return lambda z: decode_with(decoder, codec, z, phases(z), iterations=iterations)

    latents = [codec.encode(item) for item in items]
    pairs = list(zip(items, latents, strict=True))
    figures = [measure(GRIFFIN_LIM, 32, by_griffin_lim, pairs)]
    return figures + [measure("learned", n, learned(n), pairs) for n in ITERATIONS]


def measure(
    name: str, iterations: int, method: Method, pairs: list[tuple[Tensor, Tensor]]
) -> DecoderFigures:
    """Decode every item's latents and compare with the item."""
    mels: list[float] = []
    logs: list[float] = []
    begun = time.monotonic()
    decoded = [method(latents) for _, latents in pairs]
    seconds = (time.monotonic() - begun) / sum(audio.shape[1] / 44_100 for audio, _ in pairs)
    for (audio, _), again in zip(pairs, decoded, strict=True):
        mels.append(float((log_mel(audio) - log_mel(again)).abs().mean()))
        logs.append(float((log_magnitude(audio) - log_magnitude(again)).abs().mean()))
    return DecoderFigures(name, iterations, float(np.mean(mels)), float(np.mean(logs)), seconds)


def choose(figures: list[DecoderFigures]) -> DecoderFigures:
    """Return what ships: the learned decoder that beats Griffin-Lim, at the smallest sum of both
    errors; else Griffin-Lim."""
    baseline = next(f for f in figures if f.name == GRIFFIN_LIM)
    winners = [f for f in figures if f.beats(baseline)]
    return min(winners, key=lambda f: f.log_mel + f.log_magnitude, default=baseline)


def verdict(figures: list[DecoderFigures]) -> dict[str, object]:
    """Return the "decoder" part of the model card, which load_winner reads."""
    best = choose(figures)
    won = best.name != GRIFFIN_LIM
    return {
        "won": won,
        "iterations": best.iterations if won else 0,
        "figures": [asdict(f) for f in figures],
    }


def main() -> None:
    """Print the table, and write the verdict when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=resource_path("models", "graft"))
    parser.add_argument("--decoder", type=Path, help="default: decoder.safetensors there")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--verdict", type=Path, help="where to write the verdict as JSON")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    decoder = load_decoder(options.decoder or options.weights / "decoder.safetensors")
    families = [FAMILIES[index % len(FAMILIES)] for index in range(options.count)]
    items = [torch.from_numpy(to_grid(held_out_item(i, f))) for i, f in enumerate(families)]
    figures = compare(load_codec(options.weights / "codec.safetensors"), decoder, items)
    print(
        "| decoder | iterations | log-mel L1 | log-magnitude L1 | s per s |\n|---|---|---|---|---|"
    )
    print("\n".join(f.row() + " |" for f in figures))
    result = verdict(figures)
    print(f"learned decoder ships: {result['won']}, iterations {result['iterations']}")
    if options.verdict is not None:
        options.verdict.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
