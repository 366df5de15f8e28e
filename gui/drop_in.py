"""What another program drops on the window: raw bytes in, paths out.

`QUrl.toLocalFile` destroys names that are no UTF-8 (measured), so the text/uri-list is read here,
percent-decoded to bytes.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from engine.display_name import display_name, display_text
from plugin_bridge.folder_watch import AUDIO_ENDINGS

#: Files of one drop; each takes memory, and nobody means hundreds.
FILES_LIMIT = 64


@dataclass(frozen=True)
class Drop:
    """Files to open, and one sentence about what was left out (empty: nothing was)."""

    paths: tuple[Path, ...] = ()
    sentence: str = ""


@dataclass(frozen=True)
class Expanded:
    """The files to read for each path, and one sentence about what was left out."""

    files: tuple[tuple[Path, ...], ...] = ()
    sentence: str = ""


def dropped_paths(data: bytes) -> Drop:
    """Read a text/uri-list. Touches no disk: folders are paths like any other.

    Left out: what is no local file, names with a NUL, repeats, all beyond 64.
    """
    paths: list[Path] = []
    refused: list[str] = []
    for line in data.replace(b"\0\n", b"\n").rstrip(b"\0").splitlines():
        line = line.strip(b" \t")
        if not line or line.startswith(b"#"):
            continue
        path = _local_path(line)
        if path is None:
            refused.append(display_text(line[:200].decode("utf-8", "backslashreplace")))
        elif path not in paths:
            paths.append(path)
    return Drop(tuple(paths[:FILES_LIMIT]), _left_out(refused, len(paths) - FILES_LIMIT))


def expand_folders(paths: Iterable[Path]) -> Expanded:
    """Replace each folder by its audio files, one level deep, sorted by name; 64 files in all.

    Reads folders: not for the UI thread. A path that is gone is kept: reading it says so.
    """
    files: list[tuple[Path, ...]] = []
    seen: set[Path] = set()
    empty: list[str] = []
    over = 0
    for path in paths:
        inside = _audio_files_in(path)
        if inside is not None and not inside:
            empty.append(f"“{display_name(path)}”")
        new = [path] if inside is None else [file for file in inside if file not in seen]
        room = max(0, FILES_LIMIT - sum(map(len, files)))
        over += len(new[room:])
        files.append(tuple(new[:room]))
        seen.update(new)
    return Expanded(tuple(files), _not_expanded(empty, over))


def file_uri(path: Path) -> bytes:
    """Return a path as a file URI that keeps every byte of its name."""
    if sys.platform == "win32":
        return path.absolute().as_uri().encode("ascii")
    from urllib.parse import quote_from_bytes

    return b"file://" + quote_from_bytes(os.fsencode(path.absolute())).encode("ascii")


def uri_list(paths: Iterable[Path]) -> bytes:
    """Return a text/uri-list (RFC 2483)."""
    return b"".join(file_uri(path) + b"\r\n" for path in paths)


def _local_path(line: bytes) -> Path | None:
    """Return the path of a file URI of this machine, else None."""
    if line[:5].lower() != b"file:":
        return None
    rest = line[5:]
    if rest.startswith(b"//"):
        host, slash, rest = rest[2:].partition(b"/")
        rest = slash + rest
        if host.lower() not in _own_hosts():
            return None
    name = unquote_to_bytes(rest)
    if b"\0" in name or not name.startswith(b"/") or name.startswith(b"//"):
        return None
    if sys.platform == "win32":
        return Path(name.lstrip(b"/").decode("utf-8", "surrogatepass"))
    return Path(os.fsdecode(name))


def _own_hosts() -> tuple[bytes, ...]:
    own = socket.gethostname().encode("utf-8", "replace").lower()
    return b"", b"localhost", own


def _audio_files_in(path: Path) -> list[Path] | None:
    """Return a folder's audio files; None for what is no folder or cannot be listed."""
    try:
        if not path.is_dir():
            return None
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if _is_audio_file(entry)]
    except (OSError, ValueError):
        return None
    return [path / name for name in sorted(names, key=str.lower)]


def _is_audio_file(entry: os.DirEntry[str]) -> bool:
    # macOS leaves ._name.wav beside each name.wav on foreign disks; other hidden files are no
    # wish of the user's either.
    if not entry.name.lower().endswith(AUDIO_ENDINGS) or entry.name.startswith("."):
        return False
    try:
        return entry.is_file()
    except OSError:  # a link whose target cannot be asked: reading it says why
        return True


def _not_expanded(empty: list[str], over: int) -> str:
    sentences: list[str] = []
    if empty:
        sentences.append(
            f"{_listed(empty)} {'holds' if len(empty) == 1 else 'hold'} no audio files"
        )
    if over > 0:
        sentences.append(_over(over))
    sentence = "; ".join(sentences)
    return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""


def _left_out(refused: list[str], over: int) -> str:
    parts: list[str] = []
    if refused:
        named = _listed([f"“{text}”" for text in refused])
        is_one = len(refused) == 1
        parts.append(
            f"{named} {'was' if is_one else 'were'} left out: "
            f"{'it is no file' if is_one else 'they are no files'} of this computer; save "
            f"{'it' if is_one else 'them'} here and drop {'that' if is_one else 'those'}"
        )
    if over > 0:
        parts.append(_over(over))
    return "; ".join(parts) + "." if parts else ""


def _over(count: int) -> str:
    files = "1 file" if count == 1 else f"{count} files"
    return f"{files} beyond the first {FILES_LIMIT} {'was' if count == 1 else 'were'} left out"


def _listed(texts: list[str]) -> str:
    if len(texts) <= 2:
        return " and ".join(texts)
    return f"{texts[0]} and {len(texts) - 1} more"
