"""Where a command's files go, checked before any work is done."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from engine.atomic_file import write_problem
from engine.display_name import display_name
from engine.errors import BadArgument

SUBTYPES = {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}


@dataclass(frozen=True)
class Destination:
    """A folder, or one new file per take. subtype None: the take's own sample format."""

    path: Path
    is_file: bool = False
    takes: int = 1
    subtype: str | None = None

    def target(self, take_index: int) -> Path:
        """Return the folder or the file for a take: x.wav alone, else x-1.wav, x-2.wav, …"""
        if not self.is_file or self.takes == 1:
            return self.path
        return self.path.with_name(f"{self.path.stem}-{take_index + 1}{self.path.suffix}")


def check_destination(out: str | None, bit_depth: str | None, takes: int = 1) -> Destination:
    """Return where to write. Raises BadArgument where that cannot work; writes nothing."""
    subtype = SUBTYPES[bit_depth] if bit_depth else None
    if out is not None and (not out or "\0" in out):
        raise BadArgument("The place to write to has no name; give a folder or a .wav file.")
    path = Path(out or ".").expanduser()
    is_file = path.suffix.lower() == ".wav" and not path.is_dir()
    destination = Destination(path, is_file, takes, subtype)
    if is_file:
        _check_free(destination)
    _check_writable(path.parent if is_file else path)
    return destination


def _check_free(destination: Destination) -> None:
    for index in range(destination.takes):
        target = destination.target(index)
        if os.path.lexists(target):
            raise BadArgument(
                f"“{display_name(target)}” exists already and is not overwritten; "
                "give another name or a folder."
            )


def _check_writable(folder: Path) -> None:
    """Try in the nearest folder that is there, with a file that never gets a name."""
    try:
        nearest = folder.absolute()
        while not os.path.lexists(nearest):
            nearest = nearest.parent
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise BadArgument(write_problem(folder, error).sentence, repr(error)) from error
