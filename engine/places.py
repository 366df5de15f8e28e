"""Where Loopgraft keeps things: takes, index, sockets, logs, cache.

The environment variable LOOPGRAFT_DATA puts all of them under one folder (tests, portable use).
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import warnings
from pathlib import Path

import platformdirs

from engine.atomic_file import write_problem
from engine.display_name import display_text
from engine.errors import WriteProblem

DATA_VARIABLE = "LOOPGRAFT_DATA"
_APP = "Loopgraft"
_RECORDINGS = "Loopgraft recordings"
_PRIVATE_MODE = 0o700


def data_folder() -> Path:
    """Return the folder of the app's own data; not made here."""
    return _override() or platformdirs.user_data_path(_APP, appauthor=False)


def library_folder() -> Path:
    """Return the default folder of takes: the user's music, because DAWs refer to these files."""
    override = _override()
    return override / "takes" if override else platformdirs.user_music_path() / _APP


def recordings_folder() -> Path:
    """Return the folder of what is recorded in the window: the user's own, beside the takes."""
    override = _override()
    return override / "recordings" if override else platformdirs.user_music_path() / _RECORDINGS


def index_path(audio_root: Path) -> Path:
    """Return where the index of one library folder lies: never beside audio that may be synced."""
    digest = hashlib.sha256(os.fsencode(audio_root.resolve())).hexdigest()
    return data_folder() / "index" / f"{digest[:16]}.sqlite3"


def log_folder() -> Path:
    """Return the folder of logs; not made here."""
    override = _override()
    return override / "logs" if override else platformdirs.user_log_path(_APP, appauthor=False)


def cache_folder() -> Path:
    """Return the folder of what can be made again (peaks, scans); not made here."""
    override = _override()
    return override / "cache" if override else platformdirs.user_cache_path(_APP, appauthor=False)


def runtime_folder() -> Path:
    """Make and return the folder of sockets and tokens, which only this user may enter.

    Raises WriteProblem when it cannot be made or is not the user's own.
    """
    override = _override()
    folder = override / "run" if override else _users_runtime_folder()
    try:
        folder.mkdir(_PRIVATE_MODE, parents=True, exist_ok=True)
        _make_private(folder)
    except OSError as error:
        raise write_problem(folder, error) from error
    return folder


def _users_runtime_folder() -> Path:
    """Return the system's folder for it: over ssh and in containers one in the temporary folder."""
    try:
        with warnings.catch_warnings():
            # platformdirs warns that XDG_RUNTIME_DIR is not set, and names its own code. That is
            # no matter of the user's: what it falls back to is checked like any other folder.
            warnings.simplefilter("ignore")
            return platformdirs.user_runtime_path(_APP, appauthor=False)
    except OSError as error:  # what it would fall back to is not the user's own
        raise WriteProblem(
            "No folder for sockets is the user's own; set XDG_RUNTIME_DIR, "
            f"or {DATA_VARIABLE} to a folder of your own.",
            repr(error),
        ) from error


def _override() -> Path | None:
    value = os.environ.get(DATA_VARIABLE)
    return Path(value).expanduser().absolute() if value else None


def _make_private(folder: Path) -> None:
    """Close the folder to others. In /tmp another user may have made it, or a link, before us."""
    if sys.platform == "win32":  # the user's profile is private there
        return
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise WriteProblem(
            f"The folder “{display_text(str(folder))}” belongs to somebody else; remove it, "
            f"or set {DATA_VARIABLE} to a folder of your own."
        )
    if stat.S_IMODE(status.st_mode) != _PRIVATE_MODE:
        folder.chmod(_PRIVATE_MODE)
