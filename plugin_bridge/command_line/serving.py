"""`loopgraft serve`: the warm engine, in the foreground, or its state, or its end."""

from __future__ import annotations

import sys
from contextlib import closing

from engine.client import WorkerOptions
from engine.errors import ModelProblem
from plugin_bridge.command_line.console import Console
from plugin_bridge.command_line.engine_choice import (
    DEFAULT_MODEL,
    check_model,
    server_plan,
    worker_options,
)
from plugin_bridge.command_line.options import Options
from plugin_bridge.engine_link import greet, retire
from plugin_bridge.serve import serve
from plugin_bridge.serve_messages import Welcome, identity
from plugin_bridge.serve_socket import Address, connect


def run(options: Options, console: Console) -> int:
    """Serve, or tell, or stop. Returns an exit code."""
    if sys.platform == "win32":
        raise ModelProblem("A warm engine is not supported on Windows yet; use --no-serve.")
    worker = worker_options(options, check_model(options.model or DEFAULT_MODEL))
    plan = server_plan(worker)
    if options.stop:
        return _stop(plan.address, worker, console)
    if options.status:
        return _tell_status(plan.address, worker, console)
    console.progress.say(f"serving until {plan.idle_seconds:g} s without work; Ctrl+C ends it")
    served = serve(plan.address, worker, plan.idle_seconds)
    if not served:
        console.line("An engine server runs already.")
    console.result({"served": served})
    return 0


def server_state(address: Address, worker: WorkerOptions) -> Welcome | None:
    """Return what the running server says of itself, None when none runs. Raises ModelProblem."""
    connection = connect(address)
    if connection is None:
        return None
    with closing(connection):
        return greet(connection, identity(worker))


def _stop(address: Address, worker: WorkerOptions, console: Console) -> int:
    connection = connect(address)
    if connection is None:
        console.line("No engine server runs.")
    else:
        retire(connection, address, now=True)
        console.line("The engine server is stopped.")
    console.result({"stopped": connection is not None})
    return 0


def _tell_status(address: Address, worker: WorkerOptions, console: Console) -> int:
    state = server_state(address, worker)
    if state is None:
        console.line("No engine server runs; the next command that makes takes starts one.")
        console.result({"running": False})
        return 0
    console.line(
        f"An engine server runs: process {state.pid}, {state.maker} on {state.device}, "
        f"{state.jobs} jobs."
    )
    console.result(
        {
            "running": True,
            "pid": state.pid,
            "worker_pid": state.worker_pid,
            "device": state.device,
            "maker": state.maker,
            "jobs": state.jobs,
            "version": state.app_version,
            "current": state.identity == identity(worker),
        }
    )
    return 0
