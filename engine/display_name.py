"""File names as text that any terminal, log or label can show."""

from __future__ import annotations

import os

_LIMIT_CHARACTERS = 80


def display_name(path: str | os.PathLike[str]) -> str:
    """Return the last part of `path`, printable: bytes that are no UTF-8 become \\xNN."""
    return display_text(os.path.basename(os.fspath(path)) or os.fspath(path))  # noqa: PTH119


def display_text(text: str) -> str:
    """Return `text` on one line, encodable as UTF-8, of at most 80 characters."""
    encodable = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in encodable)
    if len(shown) > _LIMIT_CHARACTERS:
        half = _LIMIT_CHARACTERS // 2 - 1
        shown = f"{shown[:half]}…{shown[-half:]}"
    return shown
