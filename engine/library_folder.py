"""The library's folder: names, the walk, the lock of its writers, leftovers of killed ones."""

from __future__ import annotations

import logging
import os
import re
import stat
import sys
import time
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from engine.atomic_file import TEMPORARY_PREFIX, TEMPORARY_SUFFIX
from engine.errors import BadArgument, BadInputFile
from engine.riff import HEADER_BYTES
from engine.take import TakeFacts
from engine.wav_file import read_recipe

if sys.platform != "win32":
    import fcntl

TRASH_NAME = "Trash"
#: Where the system has no folder locks, a temporary file this old belongs to nobody.
STALE_SECONDS = 3600.0

_TAKE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SLUG_LIMIT_CHARACTERS = 40

_log = logging.getLogger(__name__)


class FoundFile(NamedTuple):
    """A WAV in the folder. name: relative to it, odd bytes as surrogates.

    signature: changes with the file's content. created_ns: UTC, of the last change.
    """

    name: str
    signature: str
    created_ns: int


class FolderContent(NamedTuple):
    wavs: dict[str, FoundFile]
    temporaries: list[Path]


def take_file_name(facts: TakeFacts) -> str:
    """Return the name of a take's file, which its facts alone decide.

    Only A-Z a-z 0-9 _ - #, the tempo as importers look for it. Raises BadArgument when the id
    cannot be part of a name.
    """
    if _TAKE_ID.fullmatch(facts.take_id) is None:
        raise BadArgument(f"{facts.take_id!r} is not a take's id; give 1 to 64 of A-Z a-z 0-9 _ -.")
    parts = [slug(facts.request.prompt) or str(facts.request.task)]
    if facts.tempo_bpm is not None and facts.tempo_bpm == round(facts.tempo_bpm):
        parts.append(f"{facts.tempo_bpm:.0f}bpm")  # a rounded one would mislead importers
    if facts.request.key is not None:
        parts.append(facts.request.key.file_name)
    return "_".join([*parts, facts.take_id]) + ".wav"


def slug(text: str) -> str:
    """Return the text's words in a-z 0-9 joined by -, at most 40 characters.

    Without bare numbers and “bpm”: importers would take them for the tempo.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    joined = "-".join(w for w in words if not re.fullmatch(r"\d*(bpm)?", w))
    if len(joined) <= _SLUG_LIMIT_CHARACTERS:
        return joined
    return joined[: _SLUG_LIMIT_CHARACTERS + 1].rpartition("-")[0] or joined[:40]


def month_name(created_ns: int) -> str:
    """Return the subfolder of a take made then (UTC)."""
    return time.strftime("%Y-%m", time.gmtime(created_ns / 1e9))


def describe(root: Path, name: str) -> FoundFile:
    """Return the file as the walk finds it. Raises OSError."""
    return _found(name, (root / name).stat(follow_symlinks=False))


def walk_folder(root: Path) -> FolderContent:
    """Find the WAVs and temporary files, oldest WAV first. No links, hidden folders, trash."""
    wavs: list[FoundFile] = []
    temporaries: list[Path] = []
    pending = [""]
    while pending:
        prefix = pending.pop()
        for entry in _entries(root / prefix):
            name = os.path.join(prefix, entry.name)  # noqa: PTH118 - Path costs 10 us each
            if entry.is_dir(follow_symlinks=False):
                if name != TRASH_NAME and not entry.name.startswith("."):
                    pending.append(name)
            elif _is_temporary(entry.name):
                temporaries.append(root / name)
            elif entry.name.lower().endswith(".wav") and (found := _found_entry(name, entry)):
                wavs.append(found)
    wavs.sort(key=lambda wav: (wav.created_ns, wav.name))
    return FolderContent({wav.name: wav for wav in wavs}, temporaries)


def read_take(path: Path) -> TakeFacts | None:
    """Return the facts of a take's file, None for a whole WAV that is no take.

    Raises BadInputFile when the file is damaged, cut short or cannot be read.
    """
    facts = read_recipe(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
            size_bytes = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise BadInputFile("A file of the library cannot be read.", repr(error)) from error
    claimed_bytes = 8 + int.from_bytes(head[4:8], "little")
    if head[:4] != b"RIFF" or head[8:] != b"WAVE" or claimed_bytes > size_bytes:
        raise BadInputFile("A file of the library is damaged.", f"{path!r}: {head!r}")
    if facts is not None and _TAKE_ID.fullmatch(facts.take_id) is None:
        raise BadInputFile("A take of the library has no usable id.", f"{path!r}")
    return facts


@contextmanager
def folder_lock(folder: Path, kind: Literal["shared", "exclusive", "try"]) -> Generator[bool]:
    """Hold a lock on the folder itself; the system frees it when the process dies.

    Yields False when it is not held: another holds it ("try", exclusive without waiting), or
    the system has no such locks (Windows, some network shares).
    """
    if sys.platform == "win32":
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(descriptor, kind)
    finally:
        os.close(descriptor)


def remove_stale_temporaries(root: Path, temporaries: list[Path]) -> int:
    """Delete what killed writers left and return how many; writers hold the shared lock.

    `temporaries` were found before: with the lock, none of them can be in use any more.
    """
    if not temporaries:
        return 0
    with folder_lock(root, "try") as nobody_writes:
        return sum(_remove_stale(path, nobody_writes) for path in temporaries)


def make_folder(folder: Path) -> None:
    """Make the folder and put its name on the disk. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk, where the system can."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # network file systems that cannot sync a folder
        _log.debug("%s cannot be synced: %s", folder, error)
    finally:
        os.close(descriptor)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        _log.warning("A folder of the library cannot be read: %r", error)
        return []


def _found_entry(name: str, entry: os.DirEntry[str]) -> FoundFile | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:  # gone since the folder was read
        return None
    return _found(name, status) if stat.S_ISREG(status.st_mode) else None


def _found(name: str, status: os.stat_result) -> FoundFile:
    # The inode tells a file from another one put in its place with the same time and size.
    signature = f"{status.st_mtime_ns}:{status.st_size}:{status.st_ino}"
    return FoundFile(name, signature, status.st_mtime_ns)


def _is_temporary(name: str) -> bool:
    return name.startswith(TEMPORARY_PREFIX) and name.endswith(TEMPORARY_SUFFIX)


def _lock(descriptor: int, kind: Literal["shared", "exclusive", "try"]) -> bool:
    if sys.platform == "win32":
        return False
    flags = {
        "shared": fcntl.LOCK_SH,
        "exclusive": fcntl.LOCK_EX,
        "try": fcntl.LOCK_EX | fcntl.LOCK_NB,
    }
    try:
        fcntl.flock(descriptor, flags[kind])
    except OSError:
        return False
    return True


def _remove_stale(path: Path, nobody_writes: bool) -> bool:
    try:
        if not nobody_writes and time.time() - path.stat().st_mtime < STALE_SECONDS:
            return False
        path.unlink()
    except OSError as error:  # gone already, in use (Windows) or read-only
        _log.debug("A temporary file stays: %r", error)
        return False
    return True
