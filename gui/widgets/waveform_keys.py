"""What the keys do while the waveform has the focus. The window's own shortcuts come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeyEvent

#: A page is a little less than the view, so that the eye keeps its place.
PAGE_SHARE = 0.8
KEY_ZOOM = 2.0

_NONE = Qt.KeyboardModifier.NoModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier
_CTRL = Qt.KeyboardModifier.ControlModifier
_ALT = Qt.KeyboardModifier.AltModifier
#: What the arrow keys and those of the number pad have in common is not part of a command.
_COUNTED = _SHIFT | _CTRL | _ALT | Qt.KeyboardModifier.MetaModifier


class Editor(Protocol):
    """What the keys act on."""

    def nudge(self, steps: int, extend: bool = False, free: bool = False) -> None: ...
    def add_region(self, steps: int) -> None: ...
    def pull(self, side: str, bars: int) -> None: ...
    def select_all(self) -> None: ...
    def escape(self) -> bool: ...
    def zoom(self, factor: float) -> None: ...
    def zoom_all(self) -> None: ...
    def scroll_by(self, share: float) -> None: ...


Deed = Callable[[Editor], object]

#: By what the key writes, as that is the same key on every layout.
TEXTS: Mapping[str, Deed] = {
    "[": lambda editor: editor.pull("left", 1),
    "{": lambda editor: editor.pull("left", -1),
    "]": lambda editor: editor.pull("right", 1),
    "}": lambda editor: editor.pull("right", -1),
    "+": lambda editor: editor.zoom(KEY_ZOOM),
    "=": lambda editor: editor.zoom(KEY_ZOOM),
    "-": lambda editor: editor.zoom(1 / KEY_ZOOM),
    "0": lambda editor: editor.zoom_all(),
}
KEYS: Mapping[tuple[Qt.KeyboardModifier, Qt.Key], Deed] = {
    (_NONE, Qt.Key.Key_Right): lambda editor: editor.nudge(1),
    (_NONE, Qt.Key.Key_Left): lambda editor: editor.nudge(-1),
    (_SHIFT, Qt.Key.Key_Right): lambda editor: editor.nudge(1, extend=True),
    (_SHIFT, Qt.Key.Key_Left): lambda editor: editor.nudge(-1, extend=True),
    (_ALT, Qt.Key.Key_Right): lambda editor: editor.nudge(1, free=True),
    (_ALT, Qt.Key.Key_Left): lambda editor: editor.nudge(-1, free=True),
    (_ALT | _SHIFT, Qt.Key.Key_Right): lambda editor: editor.nudge(1, extend=True, free=True),
    (_ALT | _SHIFT, Qt.Key.Key_Left): lambda editor: editor.nudge(-1, extend=True, free=True),
    (_CTRL | _SHIFT, Qt.Key.Key_Right): lambda editor: editor.add_region(1),
    (_CTRL | _SHIFT, Qt.Key.Key_Left): lambda editor: editor.add_region(-1),
    (_CTRL, Qt.Key.Key_A): lambda editor: editor.select_all(),
    (_NONE, Qt.Key.Key_PageDown): lambda editor: editor.scroll_by(PAGE_SHARE),
    (_NONE, Qt.Key.Key_PageUp): lambda editor: editor.scroll_by(-PAGE_SHARE),
    (_NONE, Qt.Key.Key_Escape): lambda editor: editor.escape(),
}


def run_key(editor: Editor, event: QKeyEvent) -> bool:
    """Do what a key stands for. Returns whether it stands for something, and did it."""
    held = event.modifiers() & _COUNTED
    deed = KEYS.get((held, Qt.Key(event.key())))
    # AltGr, which brackets need on many keyboards, may be told as Ctrl and Alt.
    if deed is None and bool(held & _CTRL) == bool(held & _ALT):
        deed = TEXTS.get(event.text())
    return deed is not None and deed(editor) is not False
