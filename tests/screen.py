"""A screen for the tests where the machine has none: Xvfb with a window manager."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

_SIZE = "1920x1080x24"
_STARTS_WITHIN_SECONDS = 10.0


class Screen:
    """An X server of its own number, ended by close()."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self._processes = [
            subprocess.Popen(
                ["Xvfb", "-noreset", "-displayfd", str(write), "-screen", "0", _SIZE],
                pass_fds=(write,),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        ]
        os.close(write)
        with os.fdopen(read) as told:
            self.display = f":{told.readline().strip()}"
        self._start_window_manager()

    def close(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait()

    def _start_window_manager(self) -> None:
        environment = {**os.environ, "DISPLAY": self.display}
        self._processes.append(
            subprocess.Popen(
                ["openbox"],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline and not _is_managed(environment):
            time.sleep(0.05)


def open_screen() -> Screen | None:
    """Open a screen and point Qt at it, or make Qt draw into memory where that cannot be.

    None: Qt draws into memory. A screen that the user has is not used: windows would flash up.
    """
    if os.environ.get("QT_QPA_PLATFORM"):
        return None
    if not all(map(shutil.which, ("Xvfb", "openbox", "xprop"))):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        return None
    screen = Screen()
    os.environ.update(DISPLAY=screen.display, QT_QPA_PLATFORM="xcb")
    return screen


def _is_managed(environment: dict[str, str]) -> bool:
    """Return whether a window manager has announced itself (EWMH)."""
    words = ["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"]
    told = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    return "window id" in told.stdout
