"""How fast codec and sampler are here: `python -m engine.models.graft.bench --json`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from engine.allocator import restart_with_kept_blocks
from engine.models.graft.codec import LATENT_CHANNELS, load_codec
from engine.models.graft.conditioning import Grid, unknown_conditions
from engine.models.graft.decoding import decode, random_phases
from engine.models.graft.denoiser import Flow, load_denoiser
from engine.models.graft.onnx_weights import Precision
from engine.models.graft.runtime import open_runtime
from engine.models.graft.sampling import Brief, LatentCanvas, SamplerSettings, sample
from engine.models.graft.spectral import LATENT_HOP, SAMPLE_RATE
from engine.resources import resource_path

SECONDS = 8.0
RUNS = 7


def codec_speed(runs: int = RUNS, threads: int | None = None) -> dict[str, list[float]]:
    """Return how many times faster than real time each run encoded and decoded 8 s of stereo."""
    torch.set_num_threads(threads or os.cpu_count() or 1)
    codec = load_codec(resource_path("models", "graft", "codec.safetensors"))
    frames = round(SECONDS * SAMPLE_RATE / LATENT_HOP)
    generator = torch.Generator().manual_seed(0)
    stereo = torch.randn(2, frames * LATENT_HOP, generator=generator) * 0.1
    phases = random_phases(frames, generator)
    with torch.inference_mode():
        latents = codec.encode(stereo)
        return {
            "encode": _speeds(lambda: codec.encode(stereo), runs),
            "decode": _speeds(lambda: decode(codec, latents, phases), runs),
        }


def sampler_speed(runs: int = RUNS, threads: int | None = None) -> dict[str, list[float]]:
    """Return how many times faster than real time 12 guided steps over 8 s are, by runtime."""
    count = threads or os.cpu_count() or 1
    torch.set_num_threads(count)
    folder = resource_path("models", "graft")
    denoiser = load_denoiser(folder / "denoiser.safetensors")
    flows: dict[str, Flow] = {"steps in torch": denoiser}
    for precision in Precision:
        flow, _ = open_runtime(denoiser, folder, precision, count)
        flows[f"steps in ONNX Runtime, {precision}"] = flow
    return {name: _speeds(partial(_sample, flow), runs) for name, flow in flows.items()}


def _sample(flow: Flow) -> Tensor:
    frames = round(SECONDS * SAMPLE_RATE / LATENT_HOP)
    noise = torch.randn(frames, LATENT_CHANNELS, generator=torch.Generator().manual_seed(0))
    grid = Grid(frames, 16.0, period_beats=16.0)
    canvas = LatentCanvas(torch.zeros_like(noise), torch.zeros(frames, 1), grid, closes=True)
    row = unknown_conditions(1)
    return sample(flow, canvas, Brief((row,), row), SamplerSettings(), noise, _ignore_step)


def _ignore_step(_done: int, _total: int) -> None:
    return None


def _speeds(work: Callable[[], object], runs: int) -> list[float]:
    work()
    found: list[float] = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        found.append(SECONDS / (time.perf_counter() - begun))
    return found


def main() -> None:
    """Print the speeds as JSON."""
    parser = argparse.ArgumentParser(prog="python -m engine.models.graft.bench")
    parser.add_argument("--json", action="store_true", help="accepted; JSON is all there is")
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    sys.stdout.write(
        json.dumps({**codec_speed(options.runs), **sampler_speed(options.runs)}) + "\n"
    )


if __name__ == "__main__":
    restart_with_kept_blocks("engine.models.graft.bench")
    main()
