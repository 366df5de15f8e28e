"""`loopgraft watch`: continue every file that a DAW bounces into a folder, as it comes."""

from __future__ import annotations

import time
from pathlib import Path

from engine.display_name import display_name
from engine.errors import AppError, BadArgument, JobCancelled
from engine.request import Task
from plugin_bridge.command_line import making
from plugin_bridge.command_line.console import Console, shown_path
from plugin_bridge.command_line.destination import check_destination
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.take_run import EngineLost
from plugin_bridge.folder_watch import LOOK_SECONDS, FolderWatch

#: Where the results go, inside the folder: it is not watched itself.
RESULTS = "Loopgraft"


def run(options: Options, console: Console) -> int:
    """Watch until Ctrl+C, or with --once until all that is there is done. Returns an exit code.

    Ctrl+C while takes are made cancels them, as everywhere. With --json there is one object per
    file. Raises BadArgument for what is no folder.
    """
    folder = Path(options.source).expanduser()
    if not folder.is_dir():
        raise BadArgument(
            f"“{display_name(folder)}” is no folder; give the one that the DAW bounces into."
        )
    out = options.out or str(folder / RESULTS)
    check_destination(out, options.bit_depth)
    watch = FolderWatch(folder, with_existing=options.once)
    if not options.once:
        watch.look(time.monotonic())  # before it is said: what comes from then on is taken
        console.progress.say(
            f"watching {shown_path(folder)}; results go into {shown_path(Path(out))}; "
            "Ctrl+C ends it"
        )
    try:
        return _work_off(watch, options, out, console)
    except KeyboardInterrupt:
        return 0


def _work_off(watch: FolderWatch, options: Options, out: str, console: Console) -> int:
    exit_code = 0
    first, files = True, 0
    while True:
        found = watch.look(time.monotonic())
        if found.sentence:
            console.progress.say(found.sentence)
        for path in found.files:
            files += 1
            exit_code = _continue(path, options, out, console) or exit_code
        if options.once and not found.files and not first and not watch.is_waiting:
            if not files:
                raise BadArgument(f"“{display_name(watch.folder)}” holds no audio; give another.")
            return exit_code
        first = False
        time.sleep(LOOK_SECONDS)


def _continue(path: Path, options: Options, out: str, console: Console) -> int:
    """Make the takes of one file. Returns an exit code; a bad file does not end the watch."""
    changed = {"command": str(Task.CONTINUE), "source": str(path), "out": out}
    try:
        return making.run(Options(**{**vars(options), **changed}), console)
    except (JobCancelled, EngineLost):
        raise
    except AppError as error:
        console.progress.say(error.sentence)
        return error.exit_code
