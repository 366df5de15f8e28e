"""Ratings beside the audio: a journal of JSON lines that outlives every index."""

from __future__ import annotations

import errno
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.atomic_file import write_problem
from engine.library_folder import sync_folder

RATING_RANGE = (0, 5)

_log = logging.getLogger(__name__)


class Rating(msgspec.Struct, frozen=True):
    """One line: rating 0-5, 0 = none; at: UTC seconds. A take's last line counts."""

    take_id: str
    rating: int
    at: float


@dataclass(frozen=True)
class JournalMark:
    """How far a journal was read. file: names the very file, 0 where there was none."""

    file: int = 0
    stop_bytes: int = 0


class RatingsJournal:
    """Appends and reads ratings. Several processes may do both at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, take_id: str, rating: int) -> None:
        """Add one rating; it is on the disk when this returns. Raises WriteProblem."""
        line = msgspec.json.encode(Rating(take_id, rating, round(time.time(), 3))) + b"\n"
        try:
            is_new = not self.path.exists()
            with self.path.open("ab+", buffering=0) as file:
                record = line if _ends_whole(file) else b"\n" + line
                if file.write(record) != len(record):
                    raise OSError(errno.ENOSPC, "written in part")
                os.fsync(file.fileno())
            if is_new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise write_problem(self.path, error) from error

    def mark(self) -> JournalMark:
        """Return where the journal ends now."""
        try:
            status = self.path.stat()
        except OSError:
            return JournalMark()
        return JournalMark(status.st_ino, status.st_size)

    def read_from(self, mark: JournalMark) -> tuple[list[Rating], JournalMark]:
        """Return the ratings after `mark` in order, and the mark after them.

        A line that was cut off by a crash is left out.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(mark.stop_bytes)
                data = file.read()
                inode = os.fstat(file.fileno()).st_ino
        except OSError:
            return [], mark
        whole = data[: data.rfind(b"\n") + 1]
        found = [rating for line in whole.splitlines() if (rating := _decode(line))]
        return found, JournalMark(inode, mark.stop_bytes + len(whole))


def _ends_whole(file: BinaryIO) -> bool:
    """Tell whether the last line is complete: a killed writer may have left a part of one."""
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _decode(line: bytes) -> Rating | None:
    if not line.strip():
        return None
    try:
        rating = msgspec.json.decode(line, type=Rating)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        _log.warning("A damaged line of the ratings is left out: %r", line[:100])
        return None
    low, high = RATING_RANGE
    return rating if low <= rating.rating <= high else None
