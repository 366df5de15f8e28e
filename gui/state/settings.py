"""What the window remembers from one session to the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import QByteArray, QSettings


@dataclass(frozen=True)
class Remembered:
    """geometry: the window's, as Qt saves it. prompt: None before the first session."""

    geometry: bytes = b""
    library_shown: bool = True
    prompt: str | None = None
    output: str = ""
    appearance: str = "auto"
    bit_depth: str = "own"
    takes: int = 4
    switch_at: str = "now"
    sides: str = "dry"
    sync: str = ""
    sync_leads: bool = False
    watched: str = ""
    record_input: str = ""
    record_bars: int = 4


class Settings:
    """A file of settings; one that cannot be read or written is as good as none."""

    def __init__(self, path: Path) -> None:
        self._file = QSettings(str(path), QSettings.Format.IniFormat)

    def read(self) -> Remembered:
        """Return what was written last, defaults where nothing was."""
        read, usual = self._file.value, Remembered()
        geometry = read("geometry", QByteArray())
        prompt = read("prompt")
        return Remembered(
            geometry=geometry.data() if isinstance(geometry, QByteArray) else b"",
            library_shown=str(read("library_shown", "true")) != "false",
            prompt=None if prompt is None else str(prompt),
            output=str(read("output", usual.output)),
            appearance=str(read("appearance", usual.appearance)),
            bit_depth=str(read("bit_depth", usual.bit_depth)),
            switch_at=str(read("switch_at", usual.switch_at)),
            sides=str(read("sides", usual.sides)),
            sync=str(read("sync", usual.sync)),
            sync_leads=str(read("sync_leads", "false")) == "true",
            watched=str(read("watched", usual.watched)),
            takes=_number(read("takes", usual.takes), usual.takes, 8),
            record_input=str(read("record_input", usual.record_input)),
            record_bars=_number(read("record_bars", usual.record_bars), usual.record_bars, 32),
        )

    def write(self, values: Remembered) -> None:
        """Write it at once."""
        names = ("prompt", "output", "appearance", "bit_depth", "takes", "switch_at")
        for name in (*names, "sides", "sync", "watched", "record_input", "record_bars"):
            self._file.setValue(name, getattr(values, name))
        for name in ("library_shown", "sync_leads"):
            self._file.setValue(name, "true" if getattr(values, name) else "false")
        self._file.setValue("geometry", QByteArray(values.geometry))
        self._file.sync()


def _number(value: object, usual: int, most: int) -> int:
    try:
        return min(most, max(1, int(str(value))))
    except ValueError:
        return usual
