"""Weights on disk: fp16 safetensors, with the network's shape in the file's metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.errors import ModelProblem

Network = TypeVar("Network", bound=nn.Module)


def save_weights(state: dict[str, Tensor], shape: dict[str, Any], path: Path) -> None:
    """Write fp16 weights and what the network is built with."""
    half = {name: tensor.half().contiguous() for name, tensor in state.items()}
    save_file(half, path, metadata={"shape": json.dumps(shape)})


def load_weights(path: Path, build: Callable[[dict[str, Any]], Network]) -> Network:
    """Read a network for inference in float32. Raises ModelProblem when missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:  # pyright: ignore[reportUnknownVariableType]
            network = build(json.loads(file.metadata()["shape"]))
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        network.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelProblem(
            f"The model file {path.name} is missing or damaged; reinstall Loopgraft.", str(error)
        ) from error
    return network.eval()
