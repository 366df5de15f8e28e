"""Which runtime makes the sampler's steps, and why: `python -m engine.models.graft.runtime`.

On a CPU that is ONNX Runtime, in int8 where the processor sums products of 8 bits exactly, else
in fp32; on a GPU, and where ONNX Runtime cannot do it, torch. The choice depends on the machine
and the installation alone, never on a race: what makes a take is part of what names it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor

from engine.errors import ModelProblem
from engine.models.graft.codec import LATENT_CHANNELS
from engine.models.graft.conditioning import PHASE_CHANNELS, Conditions, unknown_conditions
from engine.models.graft.denoiser import Denoiser, Flow
from engine.models.graft.onnx_denoiser import ONNX_FAULTS, OnnxDenoiser
from engine.models.graft.onnx_weights import Precision

#: How far a step may lie from torch's: the root mean square of the difference, as a share of the
#: velocity's. Measured on Graft 0.4: 2e-6 and 0.013.
MOST_ERROR = {Precision.FP32: 1e-3, Precision.INT8: 0.1}
_PROBE_FRAMES = 16
_PROBE_TIME = 0.5


@dataclass(frozen=True)
class Runtime:
    """What makes the sampler's steps. name: with its version and precision. provider: what ONNX
    Runtime says it runs on, or torch's device. note: why it is not the fastest there is."""

    name: str
    provider: str
    note: str = ""

    @property
    def text(self) -> str:
        """Return the words that stand in a take's facts."""
        return f"{self.name} ({self.provider})"


TORCH_ON_CPU = Runtime(f"torch {torch.__version__}", "cpu")


def choose_runtime(
    denoiser: Denoiser, folder: Path, device: torch.device, threads: int
) -> tuple[Flow, Runtime]:
    """Return what samples are drawn from, and what runs it. denoiser: on `device` already."""
    if device.type != "cpu":
        return denoiser, _torch(device)
    precision = fastest_precision()
    try:
        return open_runtime(denoiser, folder, precision, threads)
    except ModelProblem as error:
        note = f"ONNX Runtime cannot be used, and torch is slower: {error.sentence}"
        return denoiser, _torch(device, note)


def fastest_precision() -> Precision:
    """Return int8 where the processor has instructions that cannot saturate (VNNI)."""
    known = torch.cpu.get_capabilities()
    exact = known.get("avx512_vnni") or known.get("avx_vnni")
    return Precision.INT8 if exact else Precision.FP32


def open_runtime(
    denoiser: Denoiser, folder: Path, precision: Precision, threads: int
) -> tuple[Flow, Runtime]:
    """Open the folder's graph of a precision and try it. Raises ModelProblem."""
    graph = folder / f"denoiser-{precision}.onnx"
    try:
        flow = OnnxDenoiser(denoiser, graph, threads)
        distance = step_error(flow, denoiser)
    except ONNX_FAULTS as error:
        raise ModelProblem(
            f"The model file {graph.name} is missing, damaged or of other weights; "
            "reinstall Loopgraft.",
            repr(error),
        ) from error
    if not distance <= MOST_ERROR[precision]:  # also where it is not a number
        raise ModelProblem(
            f"The model file {graph.name} computes something else than the weights; "
            "reinstall Loopgraft.",
            f"relative error {distance:.3g}",
        )
    return flow, Runtime(f"onnxruntime {onnxruntime.__version__} {precision}", flow.provider)


def _torch(device: torch.device, note: str = "") -> Runtime:
    return Runtime(f"torch {torch.__version__}", device.type, note)


def step_error(flow: Flow, truth: Flow) -> float:
    """Return how far one step of two flows lies apart, as a share of the velocity."""
    rows = unknown_conditions(2)
    noise = torch.randn(_PROBE_FRAMES, LATENT_CHANNELS, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        made, wanted = (_probe(each, noise, rows) for each in (flow, truth))
    return float((made - wanted).norm() / wanted.norm().clamp_min(1e-9))


def _probe(flow: Flow, noise: Tensor, rows: Conditions) -> Tensor:
    context = noise.expand(len(rows), -1, -1)
    keep = torch.zeros(len(rows), _PROBE_FRAMES, 1)
    phases = torch.zeros(len(rows), _PROBE_FRAMES, PHASE_CHANNELS)
    return flow.told(context, keep, phases, rows)(noise, _PROBE_TIME)


def main() -> None:
    """Print as JSON what runs the model and the text encoder here; argument: the device."""
    from engine.models.graft.model import load_model

    model = load_model((sys.argv[1:] or ["auto"])[0], 1)
    text = Runtime(f"onnxruntime {onnxruntime.__version__}", model.text.provider)
    found = {"graft": asdict(model.runtime), "text": asdict(text)}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
