"""A desktop of a test's own: X server, window manager, session bus, and the programs on it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PIL import ImageGrab

from tests.integration.hand import Point
from tests.plugin_bridge.command_runs import ROOT, wait_for

#: Room for a DAW under the window, and for a strip at the right where there is nothing.
SCREEN_WIDTH_PX, SCREEN_HEIGHT_PX = 1600, 1700
NOWHERE = Point(1560, 300)
#: How long programs may take to end by themselves.
GRACE_SECONDS = 30.0
_ASKED_SECONDS = 90

_BUS = Path("/usr/share/dbus-1/services/org.a11y.Bus.service")
_PACKAGES = {
    "Xvfb": "xvfb",
    "openbox": "openbox",
    "xdotool": "xdotool",
    "xwininfo": "x11-utils",
    "dbus-daemon": "dbus-daemon",
    "gdbus": "libglib2.0-bin",
}


def what_is_missing(*programs: str) -> str:
    """Return what a desktop with these programs lacks as a reason to skip, "" when nothing."""
    wanted = {**_PACKAGES, **{program: program for program in programs}}
    missing = [package for program, package in wanted.items() if shutil.which(program) is None]
    missing += [] if _BUS.is_file() else ["at-spi2-core"]
    return f"needs a desktop: apt install {' '.join(missing)}" if missing else ""


def needs_desktop(*programs: str) -> pytest.MarkDecorator:
    """Skip a test where the programs, or the desktop's own parts, are not installed."""
    missing = what_is_missing(*programs)
    return pytest.mark.skipif(bool(missing), reason=missing)


@dataclass(frozen=True)
class Box:
    """A rectangle on the screen, in px."""

    x: int
    y: int
    width: int
    height: int

    def at(self, across: float, down: float) -> Point:
        """Return a place in it, as shares of its width and height."""
        return Point(self.x + int(across * self.width), self.y + int(down * self.height))


class Desktop:
    """An X server and a session bus that only this test's programs know. close() ends them all.

    Every process on it, also what the bus starts, carries the run folder in its environment: so
    none can be overlooked at the end.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.logs = folder / "logs"
        for made in (self.home, self.logs):
            made.mkdir(parents=True)
        # Not inside pytest's folder: a socket's path has at most 107 bytes.
        self._run_folder = Path(tempfile.mkdtemp(prefix="loopgraft-run-"))
        self.environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "TMPDIR": str(self._run_folder),
            "XDG_RUNTIME_DIR": str(self._run_folder),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self._run_folder / 'bus'}",
            "JACK_NO_START_SERVER": "1",
            "NO_AT_BRIDGE": "1",  # for GTK; Qt has its own
        }
        self._started: list[subprocess.Popen[bytes]] = []

    @property
    def temporary(self) -> Path:
        """Where its programs put temporary files."""
        return self._run_folder

    def open(self) -> None:
        """Start the X server, the window manager and the bus."""
        self._open_screen()
        self.start("openbox")
        wait_for(self._is_managed, "the window manager")
        address = self.environment["DBUS_SESSION_BUS_ADDRESS"]
        self.start("dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}")
        wait_for((self._run_folder / "bus").exists, "the session bus")

    def start(self, *words: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a program; what it says lands in logs/."""
        name = Path(words[0]).name
        with (self.logs / f"{name}-{len(self._started)}.log").open("wb") as log:
            process = subprocess.Popen(
                words,
                cwd=self.home,
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._started.append(process)
        return process

    def said(self, process: subprocess.Popen[bytes]) -> str:
        """Return what a program has said so far."""
        number = self._started.index(process)
        (log,) = self.logs.glob(f"*-{number}.log")
        return log.read_text("utf-8", "replace")

    def end(self, process: subprocess.Popen[bytes]) -> int:
        """Ask a program to end, and kill it when it will not. Returns its exit code."""
        process.terminate()
        try:
            return process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def windows(self, title: str) -> list[Window]:
        """Return the visible windows whose title matches a regular expression."""
        found = self.ask("xdotool", "search", "--onlyvisible", "--name", title)
        return [Window(self, number) for number in found.stdout.split()]

    def window(self, title: str) -> Window:
        """Return a window once it is there."""
        found: list[Window] = []
        # Looked for once: a program that hides its window for a moment has it all the same.
        wait_for(lambda: found or found.extend(self.windows(title)), f"a window “{title}”")
        return found[-1]

    def drag(self, start: Point, target: Point) -> None:
        """Drag with the pointer; the drop was accepted when this returns."""
        places = [f"{place.x},{place.y}" for place in (start, NOWHERE, target)]
        hand = [sys.executable, "-P", "-m", "tests.integration.hand", *places]
        done = self.ask("env", f"PYTHONPATH={ROOT}", *hand)
        assert done.returncode == 0, done.stderr

    def click(self, place: Point) -> None:
        self.xdotool("mousemove", *place, "click", 1)

    def keys(self, *keys: str) -> None:
        """Press keys in the window that has the focus."""
        self.xdotool("key", *keys)

    def write(self, text: str) -> None:
        """Type where the focus is."""
        self.xdotool("type", "--delay", 10, text)

    def xdotool(self, *words: object) -> str:
        done = self.ask("xdotool", *map(str, words))
        assert done.returncode == 0, f"xdotool {words}: {done.stderr}"
        return done.stdout

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program on this desktop to its end."""
        return subprocess.run(
            words,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_ASKED_SECONDS,
        )

    def screenshot(self) -> Path:
        """Write what is on the screen."""
        path = self.folder / "screen.png"
        ImageGrab.grab(xdisplay=self.environment["DISPLAY"]).save(path)
        return path

    def processes(self, variable: str, value: str) -> list[psutil.Process]:
        """Return the living processes that have this in their environment."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(variable) == value:
                    found.append(process)
        return found

    def close(self) -> None:
        """End every process, the X server last."""
        for process in reversed(self._started):
            if process.poll() is None:
                self.end(process)
        left = self.processes("XDG_RUNTIME_DIR", str(self._run_folder))
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        _gone, stubborn = psutil.wait_procs(left, timeout=GRACE_SECONDS)
        for process in stubborn:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(stubborn, timeout=GRACE_SECONDS)
        shutil.rmtree(self._run_folder, ignore_errors=True)

    def _open_screen(self) -> None:
        read, write = os.pipe()
        size = f"{SCREEN_WIDTH_PX}x{SCREEN_HEIGHT_PX}x24"
        # Without -noreset it throws out who connects while its only other client leaves.
        words = ["Xvfb", "-noreset", "-displayfd", str(write), "-screen", "0", size]
        with (self.logs / "Xvfb.log").open("wb") as log:
            server = subprocess.Popen(
                words, env=self.environment, pass_fds=(write,), stdout=log, stderr=log
            )
        self._started.append(server)
        os.close(write)
        with os.fdopen(read) as told:
            number = told.readline().strip()
        assert number, f"no X server; {self.logs / 'Xvfb.log'} tells why"
        self.environment["DISPLAY"] = f":{number}"

    def _is_managed(self) -> bool:
        return "window id" in self.ask("xprop", "-root", "_NET_SUPPORTING_WM_CHECK").stdout


@dataclass(frozen=True)
class Window:
    """A program's window."""

    desk: Desktop
    number: str

    @property
    def box(self) -> Box:
        """Where its inside is. Not from xdotool, which counts the frame twice."""
        told = self.desk.ask("xwininfo", "-id", self.number).stdout
        names = ("Absolute upper-left X", "Absolute upper-left Y", "Width", "Height")
        values = [re.search(rf"{name}: +(-?\d+)", told) for name in names]
        return Box(*(int(value[1]) for value in values if value is not None))

    @property
    def title(self) -> str:
        return self.desk.xdotool("getwindowname", self.number).strip()

    def place(self, x: int, y: int, size: tuple[int, int] | None = None) -> None:
        """Move it, and give it a size; returns when it is there."""
        if size is not None:
            self.desk.xdotool("windowsize", self.number, *size)
            wait_for(lambda: (self.box.width, self.box.height) == size, f"a window of {size}")
        self.desk.xdotool("windowmove", self.number, x, y)
        # The frame comes between; openbox's is 1 px wide and about 20 px high.
        wait_for(lambda: 0 <= self.box.x - x < 10 and 0 <= self.box.y - y < 60, "a moved window")

    def focus(self) -> bool:
        """Bring it to the front and give it the keys. Returns whether it is still there."""
        wait_for(lambda: self._is_active() or not self._is_there(), "the focus")
        return self._is_there()

    def press(self, *keys: str) -> None:
        """Press keys in it, none where it is gone."""
        if self.focus():
            self.desk.keys(*keys)

    def _is_active(self) -> bool:
        # Not --sync: for a window that closes meanwhile that takes 15 s.
        told = self.desk.ask("xdotool", "windowactivate", self.number, "getactivewindow")
        return told.stdout.strip() == self.number

    def _is_there(self) -> bool:
        return self.desk.ask("xwininfo", "-id", self.number).returncode == 0


@contextmanager
def desktop(folder: Path) -> Generator[Desktop]:
    """Open a desktop, end all on it. A failure inside names a picture of the screen."""
    desk = Desktop(folder / "desk")
    try:
        desk.open()
        yield desk
    except BaseException as error:
        with contextlib.suppress(OSError, KeyError):
            error.add_note(f"The screen: {desk.screenshot()}; what the programs said: {desk.logs}")
        raise
    finally:
        desk.close()
