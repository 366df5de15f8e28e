"""A virtual output on JACK: a client whose inputs are heard at its outputs, in the same cycle.

PortAudio lists any client with inputs as an output. `python -m plugin_bridge.jack_relay SERVER`
(empty: the default one) says “ready” or, in one sentence, why not, and runs until it is told to
end. A server that ends is waited for: whoever plays into it is heard again when it is back.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
from typing import Any

from plugin_bridge.devices import VIRTUAL_NAME
from plugin_bridge.sync.jack_client import open_client
from plugin_bridge.sync.transport import SyncProblem

SIDES = (1, 2)
READY = "ready"
_LOOK_SECONDS = 0.5
#: A server that is not back by then was ended on purpose.
_PATIENCE_SECONDS = 600.0


def main(server: str) -> int:
    """Relay until told to end. Returns an exit code."""
    ended = threading.Event()

    def end(_signal: int, _frame: object) -> None:
        ended.set()

    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, end)
    try:
        client = open_client(VIRTUAL_NAME, server or None)
    except SyncProblem as problem:
        _say(problem.sentence)
        return problem.exit_code
    gc.freeze()
    while client is not None:
        if client.name == VIRTUAL_NAME:  # else there is a relay already
            _relay(client, ended)
        else:
            ended.set()
            _say_ready()
        with contextlib.suppress(Exception):
            client.close()
        client = _wait_for(server, ended)
    return 0


def _relay(client: Any, ended: threading.Event) -> None:
    """Copy blocks until the server or this process is to end."""
    pairs = [
        (client.inports.register(f"in_{side}"), client.outports.register(f"out_{side}"))
        for side in SIDES
    ]
    stopped = threading.Event()

    def copy(_frames: int) -> None:
        for source, target in pairs:
            target.get_buffer()[:] = source.get_buffer()

    def on_shutdown(_status: object, _reason: str) -> None:
        stopped.set()

    client.set_process_callback(copy)
    client.set_shutdown_callback(on_shutdown)
    client.activate()
    _say_ready()
    while not ended.is_set() and not stopped.wait(_LOOK_SECONDS):
        pass


def _say_ready() -> None:
    """Say it once: whoever waited for it goes on, and stdout becomes nothing."""
    _say(READY)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _wait_for(server: str, ended: threading.Event) -> Any:
    """Return a client of the server once it is back; None when it is not, or at the end."""
    for _ in range(round(_PATIENCE_SECONDS / _LOOK_SECONDS)):
        if ended.wait(_LOOK_SECONDS):
            return None
        with contextlib.suppress(SyncProblem):
            return open_client(VIRTUAL_NAME, server or None)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
