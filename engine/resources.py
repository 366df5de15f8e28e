"""Where the files that ship with Loopgraft lie."""

from __future__ import annotations

from pathlib import Path

_RESOURCES = Path(__file__).resolve().parent.parent / "resources"


def resource_path(*parts: str) -> Path:
    """Return the path of a shipped file or folder: resource_path("models", "text")."""
    return _RESOURCES.joinpath(*parts)
