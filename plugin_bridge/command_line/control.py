"""`loopgraft control`: the door for DAW scripts that can open a socket, open while this runs."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from types import FrameType

from engine.errors import ModelProblem
from engine.places import data_folder, library_folder, runtime_folder
from plugin_bridge.command_line.console import Console, shown_path
from plugin_bridge.command_line.engine_choice import (
    DEFAULT_MODEL,
    check_model,
    server_plan,
    worker_options,
)
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.take_report import json_path
from plugin_bridge.control.control_commands import ControlCommands
from plugin_bridge.control.control_jobs import ControlJobs
from plugin_bridge.control.control_port import open_port
from plugin_bridge.engine_link import open_served
from plugin_bridge.serve_socket import Address


def run(options: Options, console: Console) -> int:
    """Serve scripts until Ctrl+C, or one of them with --once. Returns an exit code."""
    if sys.platform == "win32":
        raise ModelProblem("The control port needs Unix sockets, which Loopgraft has not here.")
    plan = server_plan(worker_options(options, check_model(options.model or DEFAULT_MODEL)))
    address = Address(runtime_folder() / "control.sock")
    if not address.is_possible:
        raise ModelProblem("The control port's path is too long; set LOOPGRAFT_DATA to a shorter.")
    exports = data_folder() / "exports"
    with closing(ControlJobs(lambda: open_served(plan))) as jobs:
        commands = ControlCommands(jobs, library_folder(), exports)
        with open_port(address, commands) as port, _stop_signals(port.stop):
            if options.until_eof:
                threading.Thread(target=_stop_at_eof, args=(port.stop,), daemon=True).start()
            console.progress.say(f"listening at {shown_path(address.path)}; Ctrl+C ends it")
            port.run(once=options.once)
    console.result({"socket": json_path(address.path)})
    return 0


def _stop_at_eof(stop: Callable[[], None]) -> None:
    while sys.stdin.buffer.read(1):
        pass
    stop()


@contextlib.contextmanager
def _stop_signals(stop: Callable[[], None]) -> Generator[None]:
    def hear(_number: int, _frame: FrameType | None) -> None:
        stop()

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, hear) for number in numbers]
    try:
        yield
    finally:
        for number, old in zip(numbers, before, strict=True):
            signal.signal(number, old)
