"""The command line's own log: details that a person need not read on the terminal."""

from __future__ import annotations

import time
from pathlib import Path

from engine.errors import WriteProblem
from engine.places import log_folder

_LIMIT_BYTES = 1 << 20


def log_failure(text: str) -> Path | None:
    """Append the text with the time; returns where, None when it cannot be written."""
    try:
        path = log_folder() / "command_line.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LIMIT_BYTES:
            path.replace(path.with_name("command_line.log.1"))
        with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
    except (OSError, WriteProblem):
        return None
    return path
