"""The denoiser's steps in ONNX Runtime on the CPU; what comes before them stays torch's."""

# onnxruntime is typed in part only.
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch
from onnxruntime.capi import onnxruntime_pybind11_state as states
from torch import Tensor

from engine.models.graft.conditioning import Conditions
from engine.models.graft.denoiser import Denoiser, Known, Velocity
from engine.models.graft.onnx_weights import Precision, graph_weights

Feed = dict[str, npt.NDArray[np.generic]]

#: What a graph that is missing, damaged or of other weights raises; ONNX Runtime's own errors
#: have no common base.
ONNX_FAULTS: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    *(getattr(states, name) for name in (
        "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NotImplemented",
        "RuntimeException", "EPFail",
    )),
)  # fmt: skip


class OnnxDenoiser:
    """A Flow whose steps ONNX Runtime makes, with the weights of a torch denoiser. One thread."""

    def __init__(self, denoiser: Denoiser, graph: Path, threads: int) -> None:
        """Open a graph that `python -m engine.training onnx` wrote. Raises ONNX_FAULTS."""
        self._denoiser = denoiser
        self._session = _open(denoiser, graph, threads)

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of what runs the steps."""
        return str(self._session.get_providers()[0])

    def told(
        self, context: Tensor, keep_mask: Tensor, phases: Tensor, conditions: Conditions
    ) -> Velocity:
        """Return the velocity of each row of conditions at any time."""
        known = _feed(self._denoiser.know(context, keep_mask, phases, conditions))
        rows = len(context)

        def velocity(latents: Tensor, time: float) -> Tensor:
            feed: Feed = {
                "latents": np.repeat(latents.numpy()[None], rows, axis=0),
                "time": np.full(rows, time, np.float32),
                **known,
            }
            return torch.from_numpy(self._session.run(["velocity"], feed)[0])

        return velocity


def _open(denoiser: Denoiser, graph: Path, threads: int) -> ort.InferenceSession:
    weights = graph_weights(denoiser.state_dict(), denoiser.shape, _precision(graph))
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    values = [ort.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
    options.add_external_initializers(list(weights), values)
    session = ort.InferenceSession(graph.read_bytes(), options, providers=["CPUExecutionProvider"])
    shape = json.loads(session.get_modelmeta().custom_metadata_map["shape"])
    if shape != asdict(denoiser.shape):
        raise ValueError(f"{graph.name} is for {shape}, the weights are {denoiser.shape}")
    return session


def _precision(graph: Path) -> Precision:
    return Precision(graph.stem.rpartition("-")[2])


def _feed(known: Known) -> Feed:
    """Return what is known as the graph's inputs; tokens that no row hears are left out."""
    mask = known.text_mask[:, 0, 0]
    tokens = int(mask.any(dim=0).nonzero().max()) + 1
    cos, sin = known.rotation
    feed = {
        "still": known.still,
        "hint": known.hint,
        "state": known.state,
        "cos": cos,
        "sin": sin,
        "text_mask": mask[:, :tokens].int(),
    }
    for number, (keys, values) in enumerate(known.text):
        feed[f"keys_{number}"] = keys[:, :, :tokens].transpose(1, 2).flatten(2)
        feed[f"values_{number}"] = values[:, :, :tokens].transpose(1, 2).flatten(2)
    return {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in feed.items()}
