"""Lines of bytes over a pipe between two processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

#: Longer than any message; a line beyond it is garbage and ends the reading.
LINE_LIMIT_BYTES = 4 * 2**20

_CHUNK_BYTES = 64 * 1024


def read_lines(fd: int) -> Iterator[bytes]:
    """Yield each line without its newline until the other side is gone. Blocks.

    What has no newline within LINE_LIMIT_BYTES is yielded as it is, and the reading ends.
    """
    pending = b""
    while chunk := _read(fd):
        *lines, pending = (pending + chunk).split(b"\n")
        yield from lines
        if len(pending) > LINE_LIMIT_BYTES:
            yield pending
            return


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, _CHUNK_BYTES)
    except OSError:
        return b""


class LineWriter:
    """Writes whole lines to a blocking pipe. Any thread."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def write(self, line: bytes) -> None:
        """Write bytes that end in a newline. Raises BrokenPipeError when nobody reads."""
        with self._lock:
            view = memoryview(line)
            while view:
                view = view[os.write(self._fd, view) :]
