"""The command line's main: parse, run one command, turn every failure into one sentence.

Imports nothing heavy: `loopgraft --help` must answer at once.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import cast

from engine.errors import AppError, JobCancelled
from plugin_bridge.command_line.console import Console
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.parser import parse_options

Command = Callable[[Options, Console], int]

#: Where each command's `run` is; imported only when it is the one asked for.
COMMANDS = {
    "window": "window",
    "generate": "making",
    "inpaint": "making",
    "continue": "making",
    "vary": "making",
    "morph": "making",
    "loop": "making",
    "analyze": "analyze",
    "render": "render",
    "library": "library",
    "models": "models",
    "doctor": "doctor",
    "bench": "bench",
    "devices": "devices",
    "stream": "stream",
    "record": "record",
    "plugins": "plugins",
    "sync": "sync",
    "serve": "serving",
    "scripts": "scripts",
    "control": "control",
    "watch": "watch",
}

_UNEXPECTED_EXIT_CODE = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line. Returns an exit code; argparse's help exits by itself."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    console = Console(json_wanted="--json" in words)
    try:
        return _run(words, console)
    except KeyboardInterrupt:
        return _fail(console, JobCancelled())
    except BrokenPipeError:
        _drop_stdout()
        return _UNEXPECTED_EXIT_CODE
    except AppError as error:
        return _fail(console, error)
    except Exception:  # noqa: BLE001 - the top of the process
        return _fail_unexpectedly(console)


def _run(words: Sequence[str], console: Console) -> int:
    options = parse_options(words)
    module = importlib.import_module(f"plugin_bridge.command_line.{COMMANDS[options.command]}")
    exit_code = cast("Command", module.run)(options, console)
    sys.stdout.flush()
    return exit_code


def _fail(console: Console, error: AppError) -> int:
    console.fail(error.sentence, error.exit_code)
    if error.details:
        from plugin_bridge.command_line.log_file import log_failure

        log_failure(f"{error.sentence}\n{error.details}")
    return error.exit_code


def _fail_unexpectedly(console: Console) -> int:
    import traceback

    from plugin_bridge.command_line.log_file import log_failure

    place = log_failure(traceback.format_exc())
    where = f"the details are in “{place}”" if place else "its log could not be written"
    console.fail(
        f"Loopgraft met a fault of its own and stopped; {where}, please report it.",
        _UNEXPECTED_EXIT_CODE,
    )
    return _UNEXPECTED_EXIT_CODE


def _drop_stdout() -> None:
    """Let the interpreter flush into nothing at its end: nobody reads any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
