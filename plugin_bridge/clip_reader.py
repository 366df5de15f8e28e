"""The child that reads, measures and exports sounds for the window: no Qt, no torch.

`python -P -m plugin_bridge.clip_reader --scratch FILE [--warm]`. One request at a time; results
go into the scratch file, which has no name and so leaves nothing behind. When the window's end of
the pipe closes, whatever runs is dropped (an export is finished first).
"""

from __future__ import annotations

import argparse
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

from engine.child_main import claim_pipes, leave_ctrl_c_to_the_app, step_back
from engine.display_name import display_name
from engine.errors import AppError
from engine.pipes import read_lines
from plugin_bridge.clip_messages import (
    Export,
    Exported,
    Failed,
    FromReader,
    Measure,
    Overview,
    Overviewed,
    Read,
    Ready,
    ToReader,
    decode_to_reader,
    encode_message,
)
from plugin_bridge.clip_work import ClipWork, warm_up

#: Below the window, above the engine: somebody waits for a sound that was dropped.
NICE = 5
EXPORT_PATIENCE_SECONDS = 10.0

_log = logging.getLogger(__name__)

#: Held while a file is written for the user.
_exporting = threading.Lock()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the window closes the pipe."""
    options = _parse(arguments)
    from_window, to_window = claim_pipes()
    leave_ctrl_c_to_the_app()
    step_back(NICE)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s")
    requests: queue.SimpleQueue[ToReader] = queue.SimpleQueue()
    threading.Thread(
        target=_receive, args=(from_window, requests), name="receiver", daemon=True
    ).start()
    work = ClipWork(_open_scratch(options.scratch))
    if options.warm:
        # Beside the requests: reading needs none of it.
        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    try:
        os.write(to_window, encode_message(Ready()))
        while True:
            os.write(to_window, encode_message(_answer(work, requests.get())))
    except BrokenPipeError:
        return 1


class _Options(argparse.Namespace):
    scratch: str
    warm: bool


def _parse(arguments: Sequence[str] | None) -> _Options:
    parser = argparse.ArgumentParser(prog="plugin_bridge.clip_reader", description=__doc__)
    parser.add_argument("--scratch", required=True, help="fd:N, or a path")
    parser.add_argument("--warm", action="store_true", help="import what measures at the start")
    return parser.parse_args(arguments, namespace=_Options())


def _open_scratch(name: str) -> FileIO:
    """Open the scratch file: inherited, or on Windows a path that is deleted on close."""
    if name.startswith("fd:"):
        return FileIO(int(name.removeprefix("fd:")), "r+")
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_TEMPORARY", 0)
    return FileIO(os.open(name, flags), "r+")


def _receive(from_window: int, requests: queue.SimpleQueue[ToReader]) -> None:
    """Queue what is asked; end the process, and a decoder that it may have, with the window."""
    for line in read_lines(from_window):
        requests.put(decode_to_reader(line))
    _exporting.acquire(timeout=EXPORT_PATIENCE_SECONDS)
    if sys.platform != "win32" and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _answer(work: ClipWork, request: ToReader) -> FromReader:
    """Do what is asked. Never raises: a fault of one file is no fault of the next."""
    try:
        return _do(work, request)
    except AppError as error:
        return Failed(request.request_id, error.sentence, error.details)
    except MemoryError:
        name = display_name(os.fsdecode(request.path))
        return Failed(request.request_id, f"“{name}” is too long for this machine's memory.")
    except Exception as error:  # noqa: BLE001 - the top of this process
        _log.exception("Request %s", request.request_id)
        name = display_name(os.fsdecode(request.path))
        sentence = f"“{name}” could not be used; export it again as WAV."
        return Failed(request.request_id, sentence, repr(error))


def _do(work: ClipWork, request: ToReader) -> FromReader:
    path = Path(os.fsdecode(request.path))
    match request:
        case Read(request_id, _, is_take):
            return work.read(request_id, path, is_take=is_take)
        case Measure(request_id):
            return work.measure(request_id, path)
        case Overview(request_id, _, columns):
            work.overview(path, columns)
            return Overviewed(request_id, columns)
        case Export(request_id, _, folder, subtype):
            with _exporting:
                made = work.export(path, Path(os.fsdecode(folder)), subtype)
            return Exported(request_id, os.fsencode(made))


if __name__ == "__main__":
    sys.exit(main())
