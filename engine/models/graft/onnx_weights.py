"""The denoiser's weights as the ONNX graphs take them: merged, transposed, and rounded for int8.

The graphs in resources/models/graft hold no weights. Each session is given those of
denoiser.safetensors when it opens, so a graph cannot belong to other weights than the ones that
torch runs, and nothing has to be exported anew when the weights change but not the shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from torch import Tensor

from engine.models.graft.codec import LATENT_CHANNELS
from engine.models.graft.denoiser import DenoiserShape

FloatMatrix = npt.NDArray[np.float32]
Weights = dict[str, npt.NDArray[np.generic]]

#: The largest whole number of a rounded weight.
STEPS = 127


class Precision(StrEnum):
    """What the matrices of the blocks are multiplied in: int8 all but NEVER_ROUNDED."""

    FP32 = "fp32"
    INT8 = "int8"


#: The matrices of a block, by the modules whose outputs they make side by side.
BLOCK_MATRICES = {
    "attention.heads": ("attention.query", "attention.key_value"),
    "attention.out": ("attention.out",),
    "cross.query": ("cross.query",),
    "cross.out": ("cross.out",),
    "gate_up": ("gate_up",),
    "down": ("down",),
}
#: Not rounded in int8: what it multiplies has a few large values, and one scale serves them all.
#: A step's error is 0.013 of the velocity with it in fp32 and 0.024 without; its time 25 and 21 ms.
NEVER_ROUNDED = "down"
#: What a block takes as it is.
BLOCK_VECTORS = ("attention.query_norm", "attention.key_norm", "cross.query_norm")
SMALL_LAYERS = ("time.0", "time.2", "modulation.1", "final.1")


def graph_weights(
    state: Mapping[str, Tensor], shape: DenoiserShape, precision: Precision
) -> Weights:
    """Return every array that the graph of this shape and precision leaves out, by its name."""
    plain = {name: tensor.float().numpy() for name, tensor in state.items()}
    found: Weights = {
        "enter.weight": plain["enter.weight"][:, :LATENT_CHANNELS].T,
        "leave.weight": plain["leave.weight"].T,
        "leave.bias": plain["leave.bias"],
        "local.weight": plain["local.weight"],
        "local.bias": plain["local.bias"],
    }
    for layer in SMALL_LAYERS:
        found |= {f"{layer}.{part}": plain[f"{layer}.{part}"] for part in ("weight", "bias")}
    for number in range(shape.layers):
        found |= _block_weights(plain, f"blocks.{number}", precision)
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def _block_weights(plain: Mapping[str, FloatMatrix], block: str, precision: Precision) -> Weights:
    found: Weights = {f"{block}.modulation": _scales_from_one(plain[f"{block}.modulation"])}
    for name in BLOCK_VECTORS:
        found[f"{block}.{name}"] = plain[f"{block}.{name}.weight"]
    for name, sources in BLOCK_MATRICES.items():
        parts = [plain[f"{block}.{source}.weight"] for source in sources]
        matrix = np.concatenate(parts).T
        if is_rounded(name, precision):
            found |= rounded(f"{block}.{name}", matrix)
        else:
            found[f"{block}.{name}"] = matrix
    return found


def is_rounded(matrix: str, precision: Precision) -> bool:
    """Say whether one of BLOCK_MATRICES is int8 in a graph of this precision."""
    return precision is Precision.INT8 and matrix != NEVER_ROUNDED


def rounded(name: str, matrix: FloatMatrix) -> Weights:
    """Return a matrix (inputs, outputs) as int8 with a scale for each output."""
    scale = np.abs(matrix).max(axis=0) / STEPS
    scale = np.where(scale > 0, scale, 1.0).astype(np.float32)
    return {name: np.round(matrix / scale).astype(np.int8), f"{name}.scale": scale}


def _scales_from_one(modulation: FloatMatrix) -> FloatMatrix:
    """Return a block's modulation (1, 6, width) with 1 added to its two scales."""
    lifted = modulation.copy()
    lifted[[1, 4]] += 1
    return lifted[None]
