"""A folder into which the DAW bounces: what comes into it is opened. No widgets."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from engine.display_name import display_name
from gui.opening import Opening
from gui.parts import Parts
from plugin_bridge.folder_watch import LOOK_SECONDS, FolderWatch, Found


class Watching(QObject):
    """UI thread only; the looks, which a network drive may hold up, are on another.

    folder: what is watched, None when nothing is. said, noted(sentence, level): as Actions.
    """

    said = pyqtSignal(str, str)
    noted = pyqtSignal(str, str)

    def __init__(self, parts: Parts, opening: Opening) -> None:
        super().__init__()
        self._background, self._opening = parts.background, opening
        self._watch: FolderWatch | None = None
        self._is_looking = False
        self._timer = QTimer(self)
        self._timer.setInterval(round(LOOK_SECONDS * 1000))
        self._timer.timeout.connect(self._look)

    @property
    def folder(self) -> Path | None:
        return None if self._watch is None else self._watch.folder

    def watch(self, folder: Path) -> None:
        """Open what comes into the folder from now on, in place of any other one."""
        self._watch = FolderWatch(folder)
        self._timer.start()
        self._look()  # what is there now is known before anything new comes
        self.said.emit(f"Watching “{display_name(folder)}”: what comes into it is opened.", "")

    def stop(self) -> None:
        """Watch nothing any more."""
        folder = self.folder
        self.close()
        if folder is None:
            self.said.emit("No folder is watched.", "")
        else:
            self.said.emit(f"“{display_name(folder)}” is no longer watched.", "")

    def close(self) -> None:
        self._timer.stop()
        self._watch = None

    def _look(self) -> None:
        if self._watch is None or self._is_looking:
            return
        self._is_looking = True
        watch = self._watch
        self._background.run(lambda: watch.look(time.monotonic()), partial(self._take, watch))

    def _take(self, watch: FolderWatch, found: Found) -> None:
        self._is_looking = False
        if watch is not self._watch:
            return
        if found.sentence:
            self.noted.emit(found.sentence, "warn")
        if found.files:
            self._opening.open_files(list(found.files))
