"""Which engine a command uses: the warm server's, or a worker of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator

from engine.client import WorkerOptions
from engine.errors import BadArgument
from engine.makers import MAKERS
from engine.places import library_folder, log_folder, runtime_folder
from plugin_bridge.command_line.options import Options
from plugin_bridge.engine_link import EngineLink, OwnEngine, ServerPlan, open_served
from plugin_bridge.serve_socket import Address

#: Another maker of takes, as `module:function`: a test's.
MAKER_VARIABLE = "LOOPGRAFT_MAKER"
IDLE_VARIABLE = "LOOPGRAFT_SERVE_IDLE_SECONDS"
IDLE_SECONDS = 600.0
DEFAULT_MODEL = "graft"


def worker_options(options: Options, model: str = DEFAULT_MODEL) -> WorkerOptions:
    """Return how the worker for a command is started."""
    maker = os.environ.get(MAKER_VARIABLE) or model
    return WorkerOptions(
        library_folder(),
        device=options.device,
        maker=maker,
        log_path=log_folder() / "engine.log",
    )


def check_model(model: str) -> str:
    """Return `model`, or raise BadArgument when there is none of that name."""
    if model not in MAKERS:
        raise BadArgument(
            f"There is no model called “{model[:40]}”; choose from {', '.join(MAKERS)}."
        )
    return model


def server_plan(options: WorkerOptions) -> ServerPlan:
    """Return the server that suits a worker. Raises WriteProblem, BadArgument."""
    return ServerPlan(
        Address(runtime_folder() / "serve.sock"),
        options,
        idle_seconds(),
        log_folder() / "serve.log",
    )


def idle_seconds() -> float:
    """Return how long a server without work stays. Raises BadArgument."""
    text = os.environ.get(IDLE_VARIABLE, "")
    try:
        seconds = float(text) if text else IDLE_SECONDS
    except ValueError:
        seconds = -1.0
    if not 0.0 < seconds < float("inf"):
        raise BadArgument(f"{IDLE_VARIABLE} is “{text[:40]}”; give a number of seconds above 0.")
    return seconds


@contextlib.contextmanager
def open_engine(options: Options, model: str) -> Generator[EngineLink]:
    """Open the engine that a command asks for; closing it cancels what still runs."""
    worker = worker_options(options, model)
    link: EngineLink
    if options.no_serve or not Address(runtime_folder() / "serve.sock").is_possible:
        link = OwnEngine(worker)
    else:
        link = open_served(server_plan(worker))
    try:
        yield link
    finally:
        link.close()
