"""The engine worker's main: `python -m engine.worker --threads N --device auto --library DIR`.

The protocol takes over the pipes that were stdin and stdout; from then on file descriptor 1 is
stderr, so that a library that prints cannot corrupt a message.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.child_main import claim_pipes, end_with_the_app, leave_ctrl_c_to_the_app, step_back

NICE = 10

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the app closes the pipe. Returns an exit code."""
    options = _parse(arguments)
    from_app, to_app = claim_pipes()
    end_with_the_app()
    leave_ctrl_c_to_the_app()
    step_back(NICE)
    _limit_threads(options.threads)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s"
    )
    # Only now: numpy and torch read the limits above when they are imported.
    from engine.job_runner import WorkerSettings, serve

    settings = WorkerSettings(
        options.maker, options.device, options.threads, options.library, tuple(options.fault)
    )
    try:
        return serve(settings, from_app, to_app)
    except BrokenPipeError:
        return 1


class _Options(argparse.Namespace):
    maker: str
    device: str
    threads: int
    library: Path
    fault: list[str]


def _parse(arguments: Sequence[str] | None) -> _Options:
    parser = argparse.ArgumentParser(prog="engine.worker", description=__doc__)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--maker", default="graft", help="a model's name, or module:function")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fault", action="append", default=[], metavar="NAME@WHEN")
    return parser.parse_args(arguments, namespace=_Options())


def _limit_threads(threads: int) -> None:
    for name in _THREAD_VARIABLES:
        os.environ[name] = str(threads)


if __name__ == "__main__":
    sys.exit(main())
