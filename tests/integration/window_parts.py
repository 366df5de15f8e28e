"""The app as its user has it: a process with a window, seen and used from outside."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil

from gui.widgets.export_bar import NOTHING
from tests.integration.desktop_parts import Box, Desktop, Window
from tests.integration.screen_reader import ScreenReader, Widget
from tests.plugin_bridge.command_runs import ROOT, wait_for

#: Narrow: no library, room beside it where nothing takes drops.
SIZE_PX = (1000, 660)
#: How the name of the export bar's handle begins while there is a sound.
_DRAG = "Drag “"
#: With an engine that loads its model on a machine that trains another: 45 s were seen.
_TAKE_WITHIN_SECONDS = 150.0
_ENDS_WITHIN_SECONDS = 20.0


class AppWindow:
    """Loopgraft's window at the top left of a desktop."""

    def __init__(self, desk: Desktop, window: Window, data: Path) -> None:
        self.desk = desk
        self.data = data
        self._window = window
        self._reader = ScreenReader(desk.environment)
        self._handle = self._widget("filler", (NOTHING, _DRAG))

    @property
    def handle(self) -> Box:
        """Where the sound is taken by the hand."""
        return self._handle.box

    @property
    def box(self) -> Box:
        return self._window.box

    def box_of(self, role: str, name: str) -> Box:
        """Return where a field or button is."""
        return self._widget(role, name).box

    def wait_for_sound(self, name: str = "") -> None:
        """Wait until a sound, whose name begins so, can be dragged out."""
        deadline = time.monotonic() + _TAKE_WITHIN_SECONDS
        while not self._handle.name.startswith(f"{_DRAG}{name}"):
            assert time.monotonic() < deadline, f"waited in vain for the sound “{name}”"
            time.sleep(0.1)

    def fill(self, role: str, name: str, text: str) -> None:
        """Write into a field, in place of what it holds."""
        self._window.focus()
        self.desk.click(self.box_of(role, name).at(0.3, 0.5))
        self.desk.keys("ctrl+a")
        self.desk.write(text)

    def press(self, *keys: str) -> None:
        """Press keys in the window."""
        self._window.press(*keys)

    def _widget(self, role: str, name: str | tuple[str, ...]) -> Widget:
        found: list[Widget] = []

        def look() -> bool:
            widget = self._reader.find(role, name)
            found.extend([widget] if widget is not None else [])
            return bool(found)

        wait_for(look, f"the {role} “{name}”")
        return found[0]


@contextmanager
def app_window(desk: Desktop, *files: Path) -> Generator[AppWindow]:
    """Open the app on data of its own; at the end it must end properly, with all its processes."""
    data = desk.folder / "data"
    process = desk.start(
        *(sys.executable, "-P", "-m", "gui", *map(str, files)),
        LOOPGRAFT_DATA=str(data),
        PYTHONPATH=str(ROOT),
        QT_QPA_PLATFORM="xcb",
        QT_LINUX_ACCESSIBILITY_ALWAYS_ON="1",
    )
    window = desk.window("Loopgraft")
    window.place(0, 0, SIZE_PX)
    yield AppWindow(desk, window, data)
    assert process.poll() is None, f"the app ended by itself, with {process.returncode}"
    assert desk.end(process) == 0
    left = desk.processes("LOOPGRAFT_DATA", str(data))
    _gone, alive = psutil.wait_procs(left, timeout=_ENDS_WITHIN_SECONDS)
    assert not alive, "the app left processes behind"
