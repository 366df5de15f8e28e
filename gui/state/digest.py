"""What a file holds, as 64 hex digits. Reads all of it: not for the UI thread. No Qt."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from engine.display_name import display_name
from engine.errors import BadInputFile
from engine.input_file import open_regular_file

#: Digests that are remembered: the takes of an order ask for the same source.
_REMEMBERED = 256


def file_sha256(path: Path) -> str:
    """Return the digest of a file as it is now. Raises BadInputFile."""
    try:
        with open_regular_file(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, BadInputFile) as error:
        raise BadInputFile(
            f"“{display_name(path)}” can no longer be read; drop it on the window again.",
            repr(error),
        ) from error


def has_sha256(path: Path, sha256: str) -> bool:
    """Tell whether a file still holds what it held; one that cannot be read does not."""
    try:
        status = path.stat()
        return _remembered(path, status.st_size, status.st_mtime_ns) == sha256
    except (OSError, ValueError, BadInputFile):
        return False


@lru_cache(maxsize=_REMEMBERED)
def _remembered(path: Path, _size: int, _mtime_ns: int) -> str:
    return file_sha256(path)
