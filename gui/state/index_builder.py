"""Builds a lost index of the library in a process of its own: `python -P -m
gui.state.index_builder FOLDER INDEX`.

Reading thousands of takes on a thread of the window's process kept the window standing still for
up to 190 ms at a time (measured). No Qt.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from engine.errors import AppError
from engine.library import Library
from engine.library_index import Identity, identity

NICE = 5

_log = logging.getLogger(__name__)


class IndexBuilder:
    """`build` is for one thread, `stop` for any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        #: The index that was looked at last and was found whole.
        self._whole: Identity | None = None

    def build(self, folder: Path, index_path: Path) -> None:
        """Wait until a lost index is built; at once where it is there, or there are no takes.

        Where this fails, whoever opens the library builds the index.
        """
        found = identity(index_path)
        if found is not None and found == self._whole:
            return
        if is_lost(index_path) and next(folder.glob("*/*.wav"), None) is not None:
            self._run(folder, index_path)
        self._whole = identity(index_path)

    def _run(self, folder: Path, index_path: Path) -> None:
        words = [sys.executable, "-P", "-m", __name__, str(folder), str(index_path)]
        try:
            with self._lock:
                if self._stopped:
                    return
                self._process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, env=_environment()
                )
        except (OSError, ValueError) as error:
            _log.warning("No index builder: %r", error)
            return
        exit_code = self._process.wait()
        with self._lock:
            self._process = None
        _log.info("The library's index was built anew; exit code %s", exit_code)

    def stop(self) -> None:
        """End a build; what is built already is kept, and no other one begins."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()


def is_lost(index_path: Path) -> bool:
    """Tell whether there is no index, or what is there is none. Never raises."""
    if not os.path.isfile(index_path):  # noqa: PTH113 - never raises
        return True
    try:
        place = f"{index_path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(place, uri=True)) as connection:
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:  # locked, or may not be read: it is there
        return False
    except sqlite3.DatabaseError:
        return True
    return tables == 0


def _environment() -> dict[str, str]:
    """Return the environment in which the child finds the same packages."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def main() -> int:
    """Open the library once, which builds its index."""
    if sys.platform != "win32":
        os.nice(NICE)
    folder, index_path = map(Path, sys.argv[1:3])
    try:
        Library(folder, index_path).close()
    except AppError as error:
        _log.warning("%s %s", error.sentence, error.details)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
