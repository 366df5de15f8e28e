"""Finished files for other programs: each take is exported once, before it is dragged."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Protocol

import platformdirs
from PyQt6.QtCore import QObject, pyqtSignal

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
    import os

    if os.environ.get(DATA_VARIABLE):
        return data_folder() / "exports"
    return platformdirs.user_music_path() / "Loopgraft Exports"


class ExportStore(QObject):
    """Knows the finished file of each sound. UI thread only; never blocks.

    A take of the library is exported into `folder`; any other file is the user's own, or an
    export already, and stands for itself. ready(path, exported). failed(path, sentence): nothing
    was written; asking again tries again.
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
        self._exported: dict[tuple[Path, Path, BitDepth], Path] = {}
        self._then: dict[tuple[Path, Path, BitDepth], list[Callable[[Path], None]]] = {}

    def path_of(self, sound: Sound) -> Path | None:
        """Return the finished file, None while there is none."""
        if not sound.path.is_relative_to(self._library_root):
            return sound.path
        exported = self._exported.get(self._key(sound))
        # The user may have moved it meanwhile: then it is made again.
        return exported if exported is not None and exported.is_file() else None

    def prepare(self, sound: Sound, then: Callable[[Path], None] | None = None) -> None:
        """Export unless that is done; `then` gets the file, at once where it is there."""
        path = self.path_of(sound)
        if path is not None:
            if then is not None:
                then(path)
            return
        key = self._key(sound)
        is_running = key in self._then
        waiting = self._then.setdefault(key, [])
        if then is not None:
            waiting.append(then)
        if not is_running:
            subtype = self.bit_depth.subtype
            self._service.export(sound.path, self.folder, subtype, partial(self._on_event, key))

    def _key(self, sound: Sound) -> tuple[Path, Path, BitDepth]:
        return sound.path, self.folder, self.bit_depth

    def _on_event(self, key: tuple[Path, Path, BitDepth], event: ClipEvent) -> None:
        waiting = self._then.pop(key, [])
        match event:
            case ClipExported():
                self._exported[key] = event.exported
                self.ready.emit(event.path, event.exported)
                for then in waiting:
                    then(event.exported)
            case ClipFailed():
                self.failed.emit(event.path, event.sentence)
            case _:
                pass
