"""A folder into which a DAW bounces: tells each audio file once it is finished.

For every DAW that has no script: what is exported there is taken in, and what is made of it is put
where the DAW's file browser finds it. The folder is looked at now and then: a watch by the system
says nothing on network drives, and nothing says when a writer has done.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.display_name import display_name

#: What the engine's file reader reads.
AUDIO_ENDINGS = (
    ".wav", ".wave", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".oga", ".opus", ".mp3",
)  # fmt: skip
#: A file that has not changed for so long is finished.
SETTLE_SECONDS = 1.0
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Mark:
    """What tells a file from what it was when it was looked at before."""

    size: int
    changed_ns: int


@dataclass(frozen=True)
class Found:
    """files: finished since the last look, in the order of their names. sentence: news of the
    folder itself, "" when there are none."""

    files: tuple[Path, ...] = ()
    sentence: str = ""


class FolderWatch:
    """One thread at a time. What is there at the first look is left alone until it changes.

    Left out: folders, hidden files and other endings.
    """

    def __init__(self, folder: Path, *, with_existing: bool = False) -> None:
        self.folder = folder
        self._told: dict[Path, Mark] | None = {} if with_existing else None
        self._growing: dict[Path, tuple[Mark, float]] = {}
        self._is_gone = False

    def look(self, now: float) -> Found:
        """Look at the folder. now: seconds, as time.monotonic()."""
        try:
            marks = _marks(self.folder)
        except OSError:
            return self._miss()
        news = f"“{display_name(self.folder)}” is there again." if self._is_gone else ""
        self._is_gone = False
        if self._told is None:
            self._told = marks
        found = [path for path in sorted(marks) if self._is_finished(path, marks[path], now)]
        self._told = {path: mark for path, mark in self._told.items() if path in marks}
        self._growing = {path: seen for path, seen in self._growing.items() if path in marks}
        return Found(tuple(found), news)

    @property
    def is_waiting(self) -> bool:
        """Return whether some file is not known to be finished."""
        return bool(self._growing)

    def _is_finished(self, path: Path, mark: Mark, now: float) -> bool:
        assert self._told is not None  # set by the first look
        if self._told.get(path) == mark:
            return False
        before, since = self._growing.get(path, (None, now))
        if before != mark:
            self._growing[path] = (mark, now)
            return False
        if mark.size == 0 or now - since < SETTLE_SECONDS:
            return False
        self._told[path] = mark
        del self._growing[path]
        return True

    def _miss(self) -> Found:
        if self._is_gone:
            return Found()
        self._is_gone = True
        name = display_name(self.folder)
        return Found(sentence=f"“{name}” is gone or cannot be read; waiting until it is back.")


def is_audio(path: Path) -> bool:
    """Return whether a file is one that may be read, by its name."""
    return path.suffix.lower() in AUDIO_ENDINGS and not path.name.startswith(".")


def _marks(folder: Path) -> dict[Path, Mark]:
    marks: dict[Path, Mark] = {}
    for path in folder.iterdir():
        if not is_audio(path):
            continue
        try:
            known = path.stat()
        except OSError:  # it was taken away meanwhile
            continue
        if path.is_file():
            marks[path] = Mark(known.st_size, known.st_mtime_ns)
    return marks
