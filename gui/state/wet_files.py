"""What leaves the window while there is a chain: the dry file, the wet one, or both."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from engine.action_loop import ActionLoop, Turns
from engine.errors import AppError
from gui.state.clip import Clip
from gui.state.exports import ExportedFile, ExportStore, Sound
from gui.state.stored_take import StoredTake
from gui.state.take_chains import APP
from plugin_bridge.plugins.chain import Chain, encode_chain
from plugin_bridge.plugins.wet_file import WetFile, write_wet

_log = logging.getLogger(__name__)

Files = tuple[Path, ...]
Key = tuple[object, ...]
Then = Callable[[Files], None]


class Sides(Enum):
    """Which files are exported while there is a chain. The value is its name in the settings."""

    DRY = "dry"
    WET = "wet"
    BOTH = "both"

    @property
    def label(self) -> str:
        return {"both": "dry + wet"}.get(self.value, self.value)


@dataclass(frozen=True)
class _Done:
    """sound: the path of what was to be rendered."""

    key: Key
    sound: Path
    result: WetFile | AppError


class WetFiles(QObject):
    """Renders each finished file through the chain, once. UI thread only; nothing blocks but
    close(), for the file that is being rendered.

    chain: returns what is heard of a take, by its id, or of another sound (APP). failed(path of
    the sound, sentence). warned(sentence).
    """

    failed = pyqtSignal(object, str)
    warned = pyqtSignal(str)
    _arrived = pyqtSignal(object)

    def __init__(
        self, store: ExportStore, chain: Callable[[str], Chain], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store, self._chain = store, chain
        self._loop: ActionLoop[_Done] | None = None
        self._arrived.connect(self._on_done)
        self.sides = Sides.DRY
        self._made: dict[Key, ExportedFile] = {}
        self._then: dict[Key, list[Callable[[Path], None]]] = {}
        store.failed.connect(self.failed)

    def files_of(self, sound: Sound) -> Files | None:
        """Return the finished files, None while one is missing."""
        dry = self._store.path_of(sound)
        if dry is None or self._only_dry(sound):
            return None if dry is None else (dry,)
        made = self._made.get(self._key(sound, dry))
        if made is None or not made.is_untouched:
            return None
        return (made.path,) if self.sides is Sides.WET else (dry, made.path)

    def prepare(self, sound: Sound, then: Then) -> None:
        """Write what is missing; `then` gets the files, at once where they are there."""
        self._store.prepare(sound, partial(self._on_dry, sound, then))

    def _only_dry(self, sound: Sound) -> bool:
        return self.sides is Sides.DRY or not self._chain(_take_id(sound)).slots

    def _on_dry(self, sound: Sound, then: Then, dry: Path) -> None:
        if self._only_dry(sound):
            then((dry,))
            return
        files = self.files_of(sound)
        if files is not None:
            then(files)
            return
        key, both = self._key(sound, dry), self.sides is Sides.BOTH
        waiting = self._then.setdefault(key, [])
        waiting.append(lambda wet: then((dry, wet) if both else (wet,)))
        if len(waiting) == 1:
            render = partial(
                write_wet,
                dry,
                self._chain(_take_id(sound)),
                self._store.folder,
                self._store.bit_depth.subtype,
                is_loop=_is_loop(sound),
            )
            loop = self._running_loop()
            loop.do(lambda: loop.emit(_done(key, sound.path, render)))

    def close(self) -> None:
        """Render nothing more, and tell nothing."""
        self._arrived.disconnect(self._on_done)
        if self._loop is not None:
            self._loop.close()

    def _running_loop(self) -> ActionLoop[_Done]:
        if self._loop is None:
            self._loop = ActionLoop[_Done]("wet-files", self._arrived.emit)
            self._loop.start(Turns(_nothing, _nothing, _nothing, _nothing))
        return self._loop

    def _on_done(self, done: _Done) -> None:
        waiting, result = self._then.pop(done.key, []), done.result
        if isinstance(result, AppError):
            self.failed.emit(done.sound, result.sentence)
            return
        self._made[done.key] = ExportedFile.now(result.path)
        for then in waiting:
            then(result.path)
        if result.warning:
            self.warned.emit(result.warning)

    def _key(self, sound: Sound, dry: Path) -> Key:
        store, chain = self._store, encode_chain(self._chain(_take_id(sound)))
        return ExportedFile.now(dry), store.folder, store.bit_depth, chain, _is_loop(sound)


def _done(key: Key, sound: Path, render: Callable[[], WetFile]) -> _Done:
    try:
        return _Done(key, sound, render())
    except AppError as error:
        _log.warning("%s %s", error.sentence, error.details)
        return _Done(key, sound, error)


def _nothing() -> None:
    pass


def _take_id(sound: Sound) -> str:
    """Return the id of a take; APP: it is another sound, which goes through the app's chain."""
    match sound:
        case Clip():
            return sound.take_id
        case StoredTake():
            return sound.take_id
        case _:
            return APP


def _is_loop(sound: Sound) -> bool:
    match sound:
        case Clip():
            return sound.is_loop
        case StoredTake():
            return sound.facts.is_loop
        case _:
            return False
