"""What the keys do with the waveform: the window's shortcuts, its palette and the waveform itself
read this one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence

#: A page is a little less than the view, so that the eye keeps its place.
PAGE_SHARE = 0.8
KEY_ZOOM = 2.0

_CTRL = Qt.KeyboardModifier.ControlModifier
_ALT = Qt.KeyboardModifier.AltModifier
#: What the arrow keys and those of the number pad have in common is not part of a command.
_KEYPAD = Qt.KeyboardModifier.KeypadModifier


class Editor(Protocol):
    """What the keys act on."""

    def nudge(self, steps: int, extend: bool = False, free: bool = False) -> None: ...
    def add_region(self, steps: int) -> None: ...
    def pull(self, side: str, bars: int) -> None: ...
    def select_all(self) -> None: ...
    def zoom(self, factor: float) -> None: ...
    def zoom_all(self) -> None: ...
    def zoom_to_selection(self) -> None: ...
    def scroll_by(self, share: float) -> None: ...


@dataclass(frozen=True)
class WaveKey:
    """Something to do with the waveform. keys: portable key sequences."""

    name: str
    keys: tuple[str, ...]
    run: Callable[[Editor], object]


WAVE_KEYS = (
    WaveKey("Select everything", ("Ctrl+A",), lambda wave: wave.select_all()),
    WaveKey("Selection right", ("Right",), lambda wave: wave.nudge(1)),
    WaveKey("Selection left", ("Left",), lambda wave: wave.nudge(-1)),
    WaveKey("Longer selection", ("Shift+Right",), lambda wave: wave.nudge(1, extend=True)),
    WaveKey("Shorter selection", ("Shift+Left",), lambda wave: wave.nudge(-1, extend=True)),
    WaveKey("Region more right", ("Ctrl+Shift+Right",), lambda wave: wave.add_region(1)),
    WaveKey("Region more left", ("Ctrl+Shift+Left",), lambda wave: wave.add_region(-1)),
    WaveKey("Selection right, off the grid", ("Alt+Right",), lambda wave: wave.nudge(1, free=True)),
    WaveKey("Selection left, off the grid", ("Alt+Left",), lambda wave: wave.nudge(-1, free=True)),
    WaveKey(
        "Longer selection, off the grid",
        ("Alt+Shift+Right",),
        lambda wave: wave.nudge(1, extend=True, free=True),
    ),
    WaveKey(
        "Shorter selection, off the grid",
        ("Alt+Shift+Left",),
        lambda wave: wave.nudge(-1, extend=True, free=True),
    ),
    WaveKey("Scroll right", ("PgDown",), lambda wave: wave.scroll_by(PAGE_SHARE)),
    WaveKey("Scroll left", ("PgUp",), lambda wave: wave.scroll_by(-PAGE_SHARE)),
    WaveKey("Continue: a bar more", ("]",), lambda wave: wave.pull("right", 1)),
    WaveKey("Continue: a bar less", ("}",), lambda wave: wave.pull("right", -1)),
    WaveKey("Intro: a bar more", ("[",), lambda wave: wave.pull("left", 1)),
    WaveKey("Intro: a bar less", ("{",), lambda wave: wave.pull("left", -1)),
    WaveKey("Zoom in", ("+", "="), lambda wave: wave.zoom(KEY_ZOOM)),
    WaveKey("Zoom out", ("-",), lambda wave: wave.zoom(1 / KEY_ZOOM)),
    WaveKey("Zoom to the selection", ("Z",), lambda wave: wave.zoom_to_selection()),
    WaveKey("Show all of it", ("0", "Shift+Z"), lambda wave: wave.zoom_all()),
)
_BY_KEY = {key: deed for deed in WAVE_KEYS for key in deed.keys}


def run_key(editor: Editor, event: QKeyEvent) -> bool:
    """Do what a key stands for where no window has it as a shortcut. Returns whether it stands
    for something."""
    deed = _BY_KEY.get(_sequence(event)) or _by_text(event)
    if deed is not None:
        deed.run(editor)
    return deed is not None


def _sequence(event: QKeyEvent) -> str:
    """Return what is pressed as the table writes it."""
    held = event.modifiers() & ~_KEYPAD
    portable = QKeySequence.SequenceFormat.PortableText
    return QKeySequence(held.value | event.key()).toString(portable)


def _by_text(event: QKeyEvent) -> WaveKey | None:
    """Look for what the key writes: brackets lie elsewhere on every layout, and where they need
    AltGr it may be told as Ctrl and Alt."""
    held = event.modifiers()
    return _BY_KEY.get(event.text()) if bool(held & _CTRL) == bool(held & _ALT) else None
