"""Whole files or none: temp file in the same folder, fsync, one rename, fsync of the folder."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from engine.display_name import display_name, display_text
from engine.errors import WriteProblem

#: A process killed while it writes leaves one file of this name pattern behind, never a part of
#: the target; whoever owns the folder may delete them at its start.
TEMPORARY_PREFIX = ".loopgraft-"
TEMPORARY_SUFFIX = ".part"

_CAUSES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the disk does not take a file this large; choose another folder",
    errno.EACCES: "the folder does not allow writing; choose another folder",
    errno.EPERM: "the folder does not allow writing; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOENT: "its folder does not exist; create it or choose another",
    errno.ENOTDIR: "its folder is a file; choose another folder",
    errno.EEXIST: "a file of that name is in the way; choose another name",
    errno.EISDIR: "there is a folder of that name; choose another name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}
#: What os.link says on file systems without hard links (exFAT, some network shares).
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


class FileExists(WriteProblem):
    """The target is already there and was not to be overwritten."""


def write_atomically(
    path: str | os.PathLike[str],
    parts: Iterable[bytes | memoryview],
    *,
    overwrite: bool = False,
) -> None:
    """Write the parts to `path` as one file that is whole and on the disk, or not there.

    Raises FileExists (never when overwrite), WriteProblem; then no temporary file is left.
    """
    target = Path(path)
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
    try:
        try:
            _write_and_sync(temporary, parts)
            _move(temporary, target, overwrite)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(target.parent)
    except FileExistsError:
        raise FileExists(
            f"“{display_name(target)}” exists already and is not overwritten; give another name."
        ) from None
    except OSError as error:
        raise write_problem(target, error) from error


def write_problem(target: str | os.PathLike[str], error: OSError) -> WriteProblem:
    """Return the sentence for an OSError met while writing `target`."""
    cause = _CAUSES.get(error.errno or 0)
    if cause is None:
        reason = display_text(error.strerror or type(error).__name__)
        cause = f"the system says “{reason}”; choose another folder"
    return WriteProblem(f"“{display_name(target)}” could not be written: {cause}.", repr(error))


def _write_and_sync(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    with path.open("xb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _move(temporary: Path, target: Path, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(target)
    elif os.name == "nt":
        temporary.rename(target)  # Windows refuses when the target exists
    else:
        _link(temporary, target)


def _link(temporary: Path, target: Path) -> None:
    """Give the file its name, which fails when the name is taken, even in a race."""
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # No hard links here: the check and the rename are two steps, and only here.
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "exists", str(target)) from None
        temporary.replace(target)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there; NTFS journals the rename
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # network file systems that cannot sync a folder
            raise
    finally:
        os.close(descriptor)
