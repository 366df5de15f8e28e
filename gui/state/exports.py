"""Finished files for other programs: each take is exported once, before it is dragged."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Protocol

import platformdirs
from PyQt6.QtCore import QObject, pyqtSignal

from engine.display_name import display_name
from engine.places import DATA_VARIABLE, data_folder, library_folder
from gui.state.clip_service import ClipService
from plugin_bridge.clip_events import ClipEvent, ClipExported, ClipFailed


class Sound(Protocol):
    """A clip or an entry of the library: something that is a file."""

    @property
    def path(self) -> Path: ...


class BitDepth(Enum):
    """The sample format of exported files. The value is its name in the settings."""

    OWN = "own"
    PCM_16 = "16"
    PCM_24 = "24"
    FLOAT_32 = "32f"

    @property
    def subtype(self) -> str | None:
        """Return libsndfile's name; None: the take's own."""
        return {"16": "PCM_16", "24": "PCM_24", "32f": "FLOAT"}.get(self.value)

    @property
    def label(self) -> str:
        words = {"16": "16-bit WAV", "24": "24-bit WAV", "32f": "32-bit float WAV"}
        return words.get(self.value, "WAV, as it was made")


def default_export_folder() -> Path:
    """Return where exports go: beside the library and not inside it, which adopts every take."""
    if os.environ.get(DATA_VARIABLE):
        return data_folder() / "exports"
    return platformdirs.user_music_path() / "Loopgraft Exports"


@dataclass(frozen=True)
class ExportedFile:
    """A finished file as it was when it was finished. stamp: size and time of change."""

    path: Path
    stamp: tuple[int, int] | None

    @classmethod
    def now(cls, path: Path) -> ExportedFile:
        return cls(path, _stamp(path))

    @property
    def is_untouched(self) -> bool:
        return self.stamp is not None and _stamp(self.path) == self.stamp


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


class ExportStore(QObject):
    """Knows the finished file of each sound. UI thread only; never blocks.

    A take of the library is exported into `folder`; any other file is the user's own, or an
    export already, and stands for itself. ready(path, exported). failed(path, sentence): there is
    no file; asking again tries again.
    """

    ready = pyqtSignal(object, object)
    failed = pyqtSignal(object, str)

    def __init__(
        self,
        service: ClipService,
        folder: Path | None = None,
        library_root: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._service = service
        self._library_root = (library_root or library_folder()).absolute()
        self.folder = folder or default_export_folder()
        self.bit_depth = BitDepth.OWN
        self._exported: dict[tuple[Path, Path, BitDepth], ExportedFile] = {}
        self._then: dict[tuple[Path, Path, BitDepth], list[Callable[[Path], None]]] = {}

    def path_of(self, sound: Sound) -> Path | None:
        """Return the finished file, None while there is none."""
        if not self._is_take(sound):
            return sound.path if os.path.isfile(sound.path) else None  # noqa: PTH113 - never raises
        exported = self._exported.get(self._key(sound))
        # The user may have moved it meanwhile, or an editor have written into it: then the take
        # is exported anew, under another name where that one is taken.
        return exported.path if exported is not None and exported.is_untouched else None

    def prepare(self, sound: Sound, then: Callable[[Path], None] | None = None) -> None:
        """Export unless that is done; `then` gets the file, at once where it is there."""
        path = self.path_of(sound)
        if path is not None:
            if then is not None:
                then(path)
            return
        if not self._is_take(sound):
            name = display_name(sound.path)
            self.failed.emit(
                sound.path, f"“{name}” is no longer there; put it back or save it anew."
            )
            return
        key = self._key(sound)
        is_running = key in self._then
        waiting = self._then.setdefault(key, [])
        if then is not None:
            waiting.append(then)
        if not is_running:
            subtype = self.bit_depth.subtype
            self._service.export(sound.path, self.folder, subtype, partial(self._on_event, key))

    def _is_take(self, sound: Sound) -> bool:
        return sound.path.is_relative_to(self._library_root)

    def _key(self, sound: Sound) -> tuple[Path, Path, BitDepth]:
        return sound.path, self.folder, self.bit_depth

    def _on_event(self, key: tuple[Path, Path, BitDepth], event: ClipEvent) -> None:
        waiting = self._then.pop(key, [])
        match event:
            case ClipExported():
                self._exported[key] = ExportedFile.now(event.exported)
                self.ready.emit(event.path, event.exported)
                for then in waiting:
                    then(event.exported)
            case ClipFailed():
                self.failed.emit(event.path, event.sentence)
            case _:
                pass
