"""Joins a JACK server, or says in one sentence why not."""

from __future__ import annotations

import os
from typing import Any

from plugin_bridge.sync.transport import SyncProblem

JACK_MISSING = "JACK is not installed; run “sudo apt install libjack-jackd2-0”."
NO_SERVER = (
    "No JACK server is running; start the DAW on JACK, or start “pw-jack loopgraft” on PipeWire."
)


def open_client(name: str, server: str | None = None) -> Any:
    """Return an inactive client of a running server; none is started. Raises SyncProblem.

    server: its name, None: the default.
    """
    os.environ.setdefault("JACK_NO_START_SERVER", "1")
    try:
        import jack
    except (ImportError, OSError) as error:  # OSError: the package is there, the library is not
        raise SyncProblem(JACK_MISSING, str(error)) from error
    jack.set_error_function(_ignore)
    jack.set_info_function(_ignore)
    try:
        return jack.Client(name, no_start_server=True, servername=server)
    except jack.JackError as error:
        raise SyncProblem(NO_SERVER, str(error)) from error


def _ignore(_text: str) -> None:
    """JACK says on stderr what is said in a sentence here."""
