"""A hand on the pointer: presses, carries, lets go once the target takes what is carried.

`python -m tests.integration.hand X,Y X,Y X,Y` presses at the first place, rests at the second,
where nothing takes drops, and lets go at the last. Real events (XTEST, by xdotool); that a drag
runs and that a target accepts it is read off the X server, as a user sees it at the cursor, so
nothing depends on how fast either program is. In a process of its own, because Xlib ends the
process when its server is gone. Ends with a sentence on stderr where a wait was in vain.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

PATIENCE_SECONDS = 20.0
_STEPS, _STEP_SECONDS = 25, 0.03
_REST_STEPS, _REST_STEP_SECONDS = 5, 0.1
#: Below this many px no toolkit takes a press for a drag.
_NUDGE_PX = 24
_POLL_SECONDS = 0.05


class Point(NamedTuple):
    """A place on the screen, in px."""

    x: int
    y: int


class _CursorImage(ctypes.Structure):
    """XFixesCursorImage of Xfixes.h."""

    _fields_ = (
        ("x", ctypes.c_short),
        ("y", ctypes.c_short),
        ("width", ctypes.c_ushort),
        ("height", ctypes.c_ushort),
        ("xhot", ctypes.c_ushort),
        ("yhot", ctypes.c_ushort),
        ("cursor_serial", ctypes.c_ulong),
        ("pixels", ctypes.c_void_p),
        ("atom", ctypes.c_ulong),
        ("name", ctypes.c_char_p),
    )


class Sight:
    """What an X server shows of a drag: who runs it, and which cursor it has."""

    def __init__(self) -> None:
        self._x = ctypes.CDLL("libX11.so.6")
        self._xfixes = ctypes.CDLL("libXfixes.so.3")
        self._x.XOpenDisplay.restype = self._x.XInternAtom.restype = ctypes.c_void_p
        self._x.XGetSelectionOwner.restype = ctypes.c_ulong
        self._x.XFree.argtypes = (ctypes.c_void_p,)
        self._xfixes.XFixesGetCursorImage.restype = ctypes.POINTER(_CursorImage)
        opened = self._x.XOpenDisplay(None)
        if not opened:
            raise SystemExit("There is no X server.")
        self._display = ctypes.c_void_p(opened)
        numbers = ctypes.c_int(), ctypes.c_int()
        self._xfixes.XFixesQueryExtension(self._display, *map(ctypes.byref, numbers))
        self._drags = ctypes.c_ulong(self._x.XInternAtom(self._display, b"XdndSelection", 0))

    def forget_drags(self) -> None:
        """Take the selection of the last drag from whoever still has it."""
        nobody, now = ctypes.c_ulong(0), ctypes.c_ulong(0)
        self._x.XSetSelectionOwner(self._display, self._drags, nobody, now)
        self._x.XSync(self._display, 0)

    def is_dragging(self) -> bool:
        """Return whether a drag began (XDND: who drags owns this selection)."""
        return bool(self._x.XGetSelectionOwner(self._display, self._drags))

    def cursor(self) -> int:
        """Return the number of the cursor that is shown."""
        image = self._xfixes.XFixesGetCursorImage(self._display)
        number = int(image.contents.cursor_serial)
        self._x.XFree(image)
        return number


def carry(start: Point, nowhere: Point, target: Point) -> None:
    """Drag from one place to another, by way of a place that refuses."""
    sight = Sight()
    sight.forget_drags()
    _xdotool("mousemove", *start)
    idle = sight.cursor()
    _xdotool("mousedown", 1)
    try:
        away = Point(start.x + _NUDGE_PX, start.y)
        _move(start, away, steps=6)
        _wait(sight.is_dragging, away, "No drag began")
        _move(away, nowhere)
        _wait(lambda: sight.cursor() != idle, nowhere, "The drag shows no cursor of its own")
        refused = sight.cursor()
        _move(nowhere, target)
        _wait(lambda: sight.cursor() != refused, target, "The target refuses what is dragged")
        # A drop falls where the target was last asked, which may be a step behind the pointer.
        _rest(target)
    finally:
        _xdotool("mouseup", 1)


def _move(start: Point, stop: Point, steps: int = _STEPS) -> None:
    words: list[object] = []
    for step in range(1, steps + 1):
        x = start.x + (stop.x - start.x) * step // steps
        y = start.y + (stop.y - start.y) * step // steps
        words += ["mousemove", x, y, "sleep", _STEP_SECONDS]
    _xdotool(*words)


def _wait(condition: Callable[[], bool], at: Point, complaint: str) -> None:
    """Wait, trembling by a pixel as a hand does: programs look at drags when the pointer moves."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    tremble = 0
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{complaint} at {at.x}, {at.y} in {PATIENCE_SECONDS:g} s.")
        tremble = 1 - tremble
        _xdotool("mousemove", at.x + tremble, at.y)
        time.sleep(_POLL_SECONDS)


def _rest(at: Point) -> None:
    for tremble in range(_REST_STEPS):
        _xdotool("mousemove", at.x + tremble % 2, at.y, "sleep", _REST_STEP_SECONDS)


def _xdotool(*words: object) -> None:
    subprocess.run(["xdotool", *map(str, words)], check=True, timeout=PATIENCE_SECONDS)


if __name__ == "__main__":
    carry(*(Point(*map(int, word.split(","))) for word in sys.argv[1:]))
