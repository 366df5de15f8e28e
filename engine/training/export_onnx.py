"""Write the denoiser's step as ONNX graphs without weights: `python -m engine.training onnx`.

torch's own exporter gives 900 nodes that ONNX Runtime runs in 50 ms; these 250, of the operators
that it has fast kernels for, take 45 ms in fp32 and 21 ms in int8 (8 s of audio, two rows, one
core; torch 63 ms). tests/engine/models/graft/test_onnx_denoiser.py compares them with torch.
"""

# onnx is typed in part only.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx  # pyright: ignore[reportMissingImports] - the dev extra
from onnx import TensorProto, helper, numpy_helper  # pyright: ignore[reportMissingImports]

from engine.models.graft.codec import LATENT_CHANNELS
from engine.models.graft.denoiser import Denoiser, DenoiserShape
from engine.models.graft.onnx_weights import Precision, Weights, graph_weights, is_rounded

OPSET = 20
IR_VERSION = 10
FUSED = "com.microsoft"
LAYER_NORM_EPSILON = 1e-5
RMS_NORM_EPSILON = float(np.finfo(np.float32).eps)
MODULATIONS = 6


class _Graph:
    """Nodes and constants as they are added. Every method returns the name of its output."""

    def __init__(self, weights: Weights) -> None:
        self.nodes: list[Any] = []
        self.constants = [_without_data(name, array) for name, array in weights.items()]

    def add(self, kind: str, *inputs: str, outputs: Iterable[str] = (), **attributes: Any) -> str:
        name = f"{kind}_{len(self.nodes)}"
        made = list(outputs) or [name]
        node = helper.make_node(kind, list(inputs), made, name=name, **attributes)
        self.nodes.append(node)
        return made[0]

    def constant(self, array: npt.ArrayLike, dtype: type = np.int64) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def fused(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.add(kind, *inputs, domain=FUSED, **attributes)

    def split(self, source: str, parts: int, axis: int) -> list[str]:
        names = [f"Split_{len(self.nodes)}_{part}" for part in range(parts)]
        self.add("Split", source, outputs=names, axis=axis, num_outputs=parts)
        return names

    def silu(self, x: str) -> str:
        return self.fused("QuickGelu", x, alpha=1.0)

    def layer(self, x: str, name: str) -> str:
        return self.add("Gemm", x, f"{name}.weight", f"{name}.bias", transB=1)


def _without_data(name: str, array: npt.NDArray[np.generic]) -> Any:
    """Declare an array that a session is given when it opens."""
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor = TensorProto(name=name, data_type=kind, dims=array.shape)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "weights"), ("offset", 0), ("length", array.nbytes)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


class _Step:
    """Denoiser.step, node by node."""

    def __init__(self, shape: DenoiserShape, precision: Precision) -> None:
        weights = graph_weights(Denoiser(shape).state_dict(), shape, precision)
        self.shape = shape
        self.graph = graph = _Graph(weights)
        self.precision = precision
        self.ones = graph.constant(np.ones(shape.width), np.float32)
        self.axis = graph.constant([1])
        self.by_head = graph.constant([0, 0, shape.heads, shape.width // shape.heads])
        self.joined = graph.constant([0, 0, shape.width])
        self.no_offset = graph.constant([0])

    def write(self) -> None:
        graph = self.graph
        x = graph.add("Add", graph.add("MatMul", "latents", "enter.weight"), "still")
        x = graph.add("Add", x, self._mix_neighbours(x))
        x = graph.add("Add", x, graph.add("Unsqueeze", "hint", self.axis))
        told = graph.silu(graph.add("Add", self._clock(), "state"))
        modulation = self._rows(graph.layer(told, "modulation.1"), MODULATIONS)
        for number in range(self.shape.layers):
            x = self._block(x, number, modulation)
        shift, scale = graph.split(self._rows(graph.layer(told, "final.1"), 2), 2, axis=1)
        scale = graph.add("Add", scale, graph.constant(1, np.float32))
        made = graph.add("MatMul", self._modulate(x, shift, scale), "leave.weight")
        graph.add("Add", made, "leave.bias", outputs=["velocity"])

    def _rows(self, x: str, count: int) -> str:
        return self.graph.add("Reshape", x, self.graph.constant([0, count, self.shape.width]))

    def _mix_neighbours(self, x: str) -> str:
        graph, width = self.graph, self.shape.width
        channels_first = graph.add("Transpose", x, perm=[0, 2, 1])
        pads = graph.constant([0, 0, 2, 0, 0, 2])
        padded = graph.add("Pad", channels_first, pads, mode="wrap")
        mixed = graph.add("Conv", padded, "local.weight", "local.bias", group=width)
        return graph.add("Transpose", mixed, perm=[0, 2, 1])

    def _clock(self) -> str:
        graph = self.graph
        features = self.shape.time_features // 2
        frequencies = np.exp(np.linspace(0, math.log(1000.0), features))
        time = graph.add("Unsqueeze", "time", self.axis)
        angles = graph.add("Mul", time, graph.constant(frequencies[None], np.float32))
        waves = [graph.add(wave, angles) for wave in ("Sin", "Cos")]
        hidden = graph.layer(graph.add("Concat", *waves, axis=-1), "time.0")
        return graph.layer(graph.silu(hidden), "time.2")

    def _block(self, x: str, number: int, modulation: str) -> str:
        graph, block = self.graph, f"blocks.{number}"
        m = graph.split(graph.add("Add", modulation, f"{block}.modulation"), MODULATIONS, axis=1)
        heads = self._matmul(self._modulate(x, m[0], m[1]), block, "attention.heads")
        mixed = self._matmul(self._attend(heads, block), block, "attention.out")
        x = graph.add("Add", x, graph.add("Mul", mixed, m[2]))
        query = self._matmul(self._norm(x), block, "cross.query")
        query = self._norm_heads(query, f"{block}.cross.query_norm")
        heard = self._attention(query, f"keys_{number}", f"values_{number}", "", "text_mask")
        x = graph.add("Add", x, self._matmul(heard, block, "cross.out"))
        both = self._matmul(self._modulate(x, m[3], m[4]), block, "gate_up")
        gate, up = graph.split(both, 2, axis=-1)
        made = self._matmul(graph.add("Mul", graph.silu(gate), up), block, "down")
        return graph.add("Add", x, graph.add("Mul", made, m[5]))

    def _attend(self, heads: str, block: str) -> str:
        query, key, value = self.graph.split(heads, 3, axis=-1)
        query = self._turn(self._norm_heads(query, f"{block}.attention.query_norm"))
        key = self._turn(self._norm_heads(key, f"{block}.attention.key_norm"))
        return self._attention(query, key, value)

    def _attention(self, *inputs: str) -> str:
        return self.graph.fused("MultiHeadAttention", *inputs, num_heads=self.shape.heads)

    def _turn(self, x: str) -> str:
        inputs = (x, self.no_offset, "cos", "sin")
        return self.graph.fused("RotaryEmbedding", *inputs, num_heads=self.shape.heads)

    def _norm(self, x: str) -> str:
        return self.graph.add(
            "LayerNormalization", x, self.ones, axis=-1, epsilon=LAYER_NORM_EPSILON
        )

    def _norm_heads(self, x: str, weight: str) -> str:
        graph = self.graph
        heads = graph.add("Reshape", x, self.by_head)
        # ONNX Runtime's own name for RMSNorm, in the standard domain.
        kind, epsilon = "SimplifiedLayerNormalization", RMS_NORM_EPSILON
        return graph.add(
            "Reshape", graph.add(kind, heads, weight, axis=-1, epsilon=epsilon), self.joined
        )

    def _modulate(self, x: str, shift: str, scale: str) -> str:
        """scale: around 1, as graph_weights lifts it."""
        graph = self.graph
        return graph.add("Add", graph.add("Mul", self._norm(x), scale), shift)

    def _matmul(self, x: str, block: str, matrix: str) -> str:
        name = f"{block}.{matrix}"
        if is_rounded(matrix, self.precision):
            return self.graph.fused("DynamicQuantizeMatMul", x, name, f"{name}.scale")
        return self.graph.add("MatMul", x, name)


def step_graph(shape: DenoiserShape, precision: Precision) -> Any:
    """Return the model proto of one step; its metadata holds the shape it is for."""
    step = _Step(shape, precision)
    step.write()
    output = _tensor("velocity", "rows", "frames", LATENT_CHANNELS)
    graph = helper.make_graph(
        step.graph.nodes, f"denoiser step {precision}", _inputs(shape), [output],
        step.graph.constants,
    )  # fmt: skip
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    helper.set_model_props(model, {"shape": json.dumps(asdict(shape)), "precision": precision})
    return model


def _inputs(shape: DenoiserShape) -> list[Any]:
    width, pairs = shape.width, shape.width // shape.heads // 2
    text = [
        _tensor(f"{part}_{number}", "rows", "tokens", width)
        for number in range(shape.layers)
        for part in ("keys", "values")
    ]
    return [
        _tensor("latents", "rows", "frames", LATENT_CHANNELS),
        _tensor("time", "rows"),
        _tensor("still", "rows", "frames", width),
        _tensor("hint", "rows", width),
        _tensor("state", "rows", width),
        _tensor("cos", "frames", pairs),
        _tensor("sin", "frames", pairs),
        helper.make_tensor_value_info("text_mask", TensorProto.INT32, ["rows", "tokens"]),
        *text,
    ]


def _tensor(name: str, *dimensions: str | int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(dimensions))


def export_graphs(shape: DenoiserShape, target: Path) -> list[Path]:
    """Write a graph for each precision into `target`."""
    paths = [target / f"denoiser-{precision}.onnx" for precision in Precision]
    for precision, path in zip(Precision, paths, strict=True):
        onnx.save(step_graph(shape, precision), str(path))
    return paths
