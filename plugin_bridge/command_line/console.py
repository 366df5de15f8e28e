"""What a command writes: calm lines and JSON on stdout, progress and failures on stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

#: How often a progress line is written where there is no terminal to draw on.
PLAIN_INTERVAL_SECONDS = 5.0
_DRAW_INTERVAL_SECONDS = 0.05
_BAR_CELLS = 20

JsonValue = Mapping[str, "JsonValue"] | list["JsonValue"] | str | int | float | bool | None


class Console:
    """One command's output. With `json_wanted`, stdout carries one JSON object and no line."""

    def __init__(self, *, json_wanted: bool) -> None:
        self.json_wanted = json_wanted
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # not so under a test's capture
                stream.reconfigure(errors="backslashreplace")
        self.progress = ProgressLine(sys.stderr)
        self._result_written = False

    def line(self, text: str = "") -> None:
        """Write one line for a person; nothing where JSON is wanted."""
        if not self.json_wanted:
            self.progress.clear()
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def result(self, value: Mapping[str, JsonValue]) -> None:
        """Write the command's one JSON object; nothing where lines are wanted."""
        if self.json_wanted:
            self.progress.clear()
            sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")
            sys.stdout.flush()
            self._result_written = True

    def fail(self, sentence: str, exit_code: int) -> None:
        """Write the one sentence of a failure."""
        self.progress.clear()
        sys.stderr.write(one_line(sentence) + "\n")
        sys.stderr.flush()
        if not self._result_written:
            self.result({"error": one_line(sentence), "exit_code": exit_code})


class ProgressLine:
    """Progress on stderr: drawn in place on a terminal, else a plain line now and then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._told_at = time.monotonic()
        self._is_drawn = False

    def show(self, text: str, fraction: float | None = None) -> None:
        """Tell how far it is. fraction: 0-1 of the whole, None: not known."""
        now = time.monotonic()
        interval = _DRAW_INTERVAL_SECONDS if self._is_terminal else PLAIN_INTERVAL_SECONDS
        if now - self._told_at < interval:
            return
        self._told_at = now
        if self._is_terminal:
            self._draw(text, fraction)
        else:
            self._stream.write(text + "\n")
            self._stream.flush()

    def say(self, text: str) -> None:
        """Tell at once, as a line that stays."""
        self.clear()
        self._stream.write(one_line(text) + "\n")
        self._stream.flush()

    def clear(self) -> None:
        """Take a drawn line off the terminal."""
        if self._is_drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._is_drawn = False

    def _draw(self, text: str, fraction: float | None) -> None:
        bar = "" if fraction is None else f"{_bar(fraction)} "
        width = max(20, shutil.get_terminal_size().columns - 1)
        self._stream.write("\r\x1b[K" + (bar + text)[:width])
        self._stream.flush()
        self._is_drawn = True


def one_line(text: str) -> str:
    """Return `text` on one line, without characters that would steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def shown_path(path: Path | str) -> str:
    """Return a path that can be printed: bytes that are no text become \\xNN."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _bar(fraction: float) -> str:
    full = round(min(1.0, max(0.0, fraction)) * _BAR_CELLS)
    return "█" * full + "░" * (_BAR_CELLS - full)
