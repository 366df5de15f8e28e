"""Files of the user's: read, laid on the canvas, and listed to go back to. No widgets."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from engine.display_name import display_name
from gui.drop_in import FILES_LIMIT, Expanded, expand_folders
from gui.parts import Parts
from gui.state.clip import Clip
from gui.state.digest import file_sha256

#: How often it is said how long a file has been being read.
_TICK_MS = 500


class Opening(QObject):
    """UI thread only; nothing blocks. files: what was opened, the oldest first.

    said, noted(sentence, level): as Actions. files_changed: files or current are others.
    reading_changed(words): what is being read and for how long; empty when nothing is.
    """

    said = pyqtSignal(str, str)
    noted = pyqtSignal(str, str)
    files_changed = pyqtSignal()
    reading_changed = pyqtSignal(str)

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._session, self._clips, self._background = parts.session, parts.clips, parts.background
        self.files: tuple[Path, ...] = ()
        #: What the opened files were, by clip_id: sha256.
        self.digests: dict[str, str] = {}
        #: The file that is being read, by its clip_id; it is gone once it is shown.
        self._wanted: dict[str, Path] = {}
        self._unmeasured: set[str] = set()
        self._paths: dict[str, Path] = {}
        #: Made here and now: what it is was said already.
        self._made: set[Path] = set()
        self._began = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tell_reading)
        self._clips.opened.connect(self._on_opened)
        self._clips.loaded.connect(self._on_loaded)
        self._clips.failed.connect(self._on_failed)

    @property
    def current(self) -> Path | None:
        """The file that lies on the canvas; None for anything else."""
        clip = self._session.canvas.clip
        return None if clip is None else self._paths.get(clip.clip_id)

    @property
    def position(self) -> int | None:
        """The place of the current file among the files."""
        current = self.current
        return self.files.index(current) if current in self.files else None

    def open_files(self, paths: list[Path]) -> None:
        """Read the first of these files, or of a folder; the others are listed beside it."""
        if paths:
            of_many = "" if len(paths) == 1 else f", the first of {len(paths)} files"
            self.said.emit(f"Reading {display_name(paths[0])}{of_many} …", "")
            self._background.run(partial(expand_folders, paths), self._list)

    def show_new(self, path: Path) -> None:
        """Read a file that was just made here, and list it before the others."""
        self._made.add(path)
        self.files = (path, *[file for file in self.files if file != path])[:FILES_LIMIT]
        self._read(path)
        self.files_changed.emit()

    def step(self, by: int) -> None:
        """Open the next (1) or previous (-1) file of the list, round and round."""
        if len(self.files) < 2:
            self.said.emit("No other file is open; drop several on the window.", "")
            return
        at = self.position
        start = at if at is not None else (-1 if by > 0 else 0)
        self.show(self.files[(start + by) % len(self.files)])

    def show(self, path: Path) -> None:
        """Read a file of the list and lay it on the canvas."""
        self.said.emit(f"Reading {display_name(path)} …", "")
        self._read(path)

    def close(self) -> None:
        """Stop telling how long it takes."""
        self._timer.stop()

    def _list(self, expanded: Expanded) -> None:
        if expanded.sentence:
            self.noted.emit(expanded.sentence, "warn")
        found = [path for files in expanded.files for path in files]
        if found:
            others = [path for path in self.files if path not in found]
            self.files = (*others, *found)[-FILES_LIMIT:]
            self.files_changed.emit()
            self._read(found[0])

    def _read(self, path: Path) -> None:
        """Read a file; what was asked for before it and is not shown yet is no longer wanted."""
        for clip_id in self._wanted:
            self._clips.cancel(clip_id)
        (clip_id,) = self._clips.load([path])
        self._wanted = {clip_id: path}
        self._began = time.monotonic()
        self._timer.start()
        self._tell_reading()

    def _tell_reading(self) -> None:
        """Say how long it has been going on: a long file on a slow disk takes seconds."""
        path = next(iter(self._wanted.values()), None)
        if path is None:
            self._timer.stop()
            self.reading_changed.emit("")
            return
        seconds = int(time.monotonic() - self._began)
        since = f" {seconds} s" if seconds else ""
        self.reading_changed.emit(f"Reading “{display_name(path)}” …{since}")

    def _on_opened(self, clip: Clip) -> None:
        """Show a user's sound before it is measured."""
        if clip.clip_id in self._wanted:
            self._unmeasured.add(clip.clip_id)
            self._open(clip)

    def _open(self, clip: Clip) -> None:
        """Lay a file on the canvas, and note what it is: others may write into it later."""
        self._paths[clip.clip_id] = self._wanted.pop(clip.clip_id)
        self._tell_reading()
        self._session.open(clip)
        self.files_changed.emit()
        noted = partial(self.digests.__setitem__, clip.clip_id)
        self._background.run(partial(file_sha256, clip.path), noted)

    def _on_loaded(self, clip: Clip) -> None:
        if clip.clip_id in self._unmeasured:
            self._unmeasured.remove(clip.clip_id)
            self._session.learn(clip)
        elif clip.clip_id in self._wanted:
            self._open(clip)
        else:
            return
        if self._paths.get(clip.clip_id) in self._made:
            self._made.clear()
            return
        self.said.emit(opened_words(clip) + self._others_words(), "")

    def _on_failed(self, clip_id: str, _path: object, _sentence: str) -> None:
        path = self._wanted.pop(clip_id, None)
        if path is not None:
            self.files = tuple(file for file in self.files if file != path)
            self._tell_reading()
            self.files_changed.emit()

    def _others_words(self) -> str:
        others = len(self.files) - 1
        if others < 1:
            return ""
        return f" {others} more {'is' if others == 1 else 'are'} open: Ctrl+PgDown."


def opened_words(clip: Clip) -> str:
    """Return what is known of a file that was opened."""
    if clip.facts is not None:
        words = f"“{clip.name}” is one of ours; Ctrl+E puts its recipe into the form."
        if not clip.source_known:
            words += " The file it was grafted into is gone: what may be yours in it is grey."
        return words
    if clip.tempo_bpm is None:
        return f"“{clip.name}” is open; no tempo could be measured."
    return f"“{clip.name}” is open: {clip.tempo_bpm:.2f} bpm measured."
