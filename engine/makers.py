"""Which maker of takes a worker runs: our own model, or one named as module:function."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from engine.errors import ModelProblem
from engine.take_maker import TakeMaker

BuildMaker = Callable[[str, int], TakeMaker]

#: Names that a request's `model` may carry, and where each maker is built.
MAKERS = {"graft": "engine.models.graft.backend:load_graft"}


def build_maker(name: str, device: str, threads: int) -> TakeMaker:
    """Import and build a maker by name, or by a module:function spec taking (device, threads).

    Slow: it loads the model. Raises ModelProblem.
    """
    module_name, _, function_name = MAKERS.get(name, name).partition(":")
    if not function_name:
        raise ModelProblem(f"There is no model called “{name}”; choose from {', '.join(MAKERS)}.")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ModelProblem(
            f"The model “{name}” cannot be started: a part of it is not installed.", str(error)
        ) from error
    return cast("BuildMaker", getattr(module, function_name))(device, threads)
