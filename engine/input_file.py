"""Opening a file that a user named: a regular, readable, non-empty file, or one sentence."""

from __future__ import annotations

import hashlib
import os
import stat
from io import FileIO
from pathlib import Path

from engine.display_name import display_name, display_text
from engine.errors import BadInputFile

#: O_NONBLOCK: a FIFO put in the file's place between stat and open must not block.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_regular_file(path: str | os.PathLike[str]) -> FileIO:
    """Open a file for reading, unbuffered. Raises BadInputFile with the reason."""
    target = Path(path)
    try:
        _check_kind(target, target.stat())
        descriptor = os.open(target, _FLAGS)
        file = FileIO(descriptor, "r", closefd=True)
    except OSError as error:
        raise BadInputFile(_sentence(target, error), repr(error)) from error
    except ValueError as error:  # a NUL inside the name
        raise BadInputFile(
            f"“{display_name(target)}” is not a file name; give the path of an audio file.",
            repr(error),
        ) from error
    try:
        _check_kind(target, os.fstat(descriptor))
    except BadInputFile:
        file.close()
        raise
    return file


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return 64 hex digits that name a file's content. Raises BadInputFile."""
    with open_regular_file(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise BadInputFile(_sentence(Path(path), error), repr(error)) from error


def _sentence(target: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"There is no file “{display_text(str(target))}”; check the path."
    name = display_name(target)
    if isinstance(error, PermissionError):
        return f"“{name}” may not be read by you; change its permissions or copy it."
    reason = display_text(error.strerror or type(error).__name__)
    return f"“{name}” could not be opened, the system says “{reason}”; give another file."


def _check_kind(target: Path, status: os.stat_result) -> None:
    name = display_name(target)
    if stat.S_ISDIR(status.st_mode):
        raise BadInputFile(f"“{name}” is a folder; give the path of an audio file.")
    if not stat.S_ISREG(status.st_mode):
        raise BadInputFile(f"“{name}” is a device or a pipe; give the path of an audio file.")
    if status.st_size == 0:
        raise BadInputFile(f"“{name}” is empty (0 bytes); export or copy it again.")
