"""Where plugins lie on each platform, and what tells one version of a plugin from another."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from engine.display_name import display_name
from engine.errors import BadInputFile

#: A bundle with more files than this is told apart by its first ones.
_FILES_LIMIT = 10_000
_DEPTH_LIMIT = 6


class Stamp(NamedTuple):
    """A plugin's age and size on the disk: another stamp, another plugin. mtime: the newest
    file's, because a bundle's folder keeps its own when its program is replaced."""

    mtime_ns: int
    size_bytes: int


def endings(platform: str = sys.platform) -> tuple[str, ...]:
    """Return what the names of plugins end in."""
    return (".vst3", ".component") if platform == "darwin" else (".vst3",)


def default_folders() -> tuple[Path, ...]:
    """Return this platform's folders of plugins, there or not."""
    if sys.platform == "win32":
        common = os.environ.get("COMMONPROGRAMFILES", r"C:\Program Files\Common Files")
        local = os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local"))
        return Path(common, "VST3"), Path(local, "Programs", "Common", "VST3")
    if sys.platform == "darwin":
        roots = (Path.home() / "Library", Path("/Library"))
        kinds = ("VST3", "Components")
        return tuple(root / "Audio/Plug-Ins" / kind for root in roots for kind in kinds)
    return Path.home() / ".vst3", Path("/usr/local/lib/vst3"), Path("/usr/lib/vst3")


def find_candidates(places: Iterable[Path]) -> list[Path]:
    """Return what may be plugins in folders, and given plugins themselves; absolute, sorted.

    A folder that is not there is empty. Raises BadInputFile for a file of another ending.
    """
    found: set[Path] = set()
    for place in places:
        absolute = Path(os.path.abspath(place))  # noqa: PTH100 - keeps links as they are
        if absolute.suffix.lower() in endings() and os.path.lexists(absolute):
            found.add(absolute)
        elif absolute.is_file():
            raise BadInputFile(
                f"“{display_name(absolute)}” is no plugin; give a folder or a file that ends in "
                f"{' or '.join(endings())}."
            )
        else:
            found.update(_in_folder(absolute, _DEPTH_LIMIT))
    return sorted(found)


def stamp_of(path: Path) -> Stamp:
    """Return a plugin's stamp. Raises OSError when it is gone."""
    status = path.stat()
    if not path.is_dir():
        return Stamp(status.st_mtime_ns, status.st_size)
    newest, size = status.st_mtime_ns, 0
    for count, (folder, _, names) in enumerate(os.walk(path)):
        for name in names:
            inside = os.lstat(Path(folder, name))
            newest, size = max(newest, inside.st_mtime_ns), size + inside.st_size
        if count > _FILES_LIMIT:
            break
    return Stamp(newest, size)


def _in_folder(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name.lower().endswith(endings()):
            yield Path(entry.path)
        elif depth > 0 and entry.is_dir(follow_symlinks=False):
            yield from _in_folder(Path(entry.path), depth - 1)
