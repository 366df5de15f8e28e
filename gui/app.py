"""The window as a program: build the parts, show it, end it."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QIcon
from PyQt6.QtWidgets import QApplication

from engine.makers import MAKERS
from engine.models.registry import installed_models
from engine.places import data_folder, log_folder
from engine.resources import resource_path
from gui.actions import Actions
from gui.main_window import MainWindow
from gui.parts import Parts, audio_options, build_parts, worker_options
from gui.state.settings import Settings
from gui.theme import font, load_fonts, style_sheet, wanted_palette

_log = logging.getLogger(__name__)

#: Ctrl+C in the terminal is seen this often.
_SIGNAL_POLL_MS = 200
#: How long a thread that reads the library may keep the UI thread waiting: Python's 5 ms, taken
#: several times in a row, would be seen.
_SWITCH_SECONDS = 0.0005


class App:
    """The window with all behind it. UI thread only; close() ends every process."""

    def __init__(self, qt: QApplication, parts: Parts) -> None:
        self.qt, self.parts = qt, parts
        self.actions = Actions(parts)
        self.window = MainWindow(self.actions, parts, known_models())
        remembered = parts.settings.read()
        self.window.recall(remembered)
        self.window.appearance_chosen.connect(self.show_appearance)
        self.window.closed.connect(self._remember)
        hints = qt.styleHints()
        if hints is not None:
            hints.colorSchemeChanged.connect(self._follow_desktop)
        self.show_appearance(remembered.appearance)
        self._is_closed = False

    def show_appearance(self, choice: str) -> None:
        """Draw everything dark, light or as the desktop is."""
        palette = wanted_palette(choice)
        self.qt.setStyleSheet(style_sheet(palette))
        self.window.set_palette(palette)

    def _follow_desktop(self, _scheme: object) -> None:
        self.show_appearance(self.window.appearance)

    def close(self) -> None:
        """Close the window and end every process; again does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self.window.close()
            self.actions.close()
            self.parts.close()

    def _remember(self) -> None:
        self.parts.settings.write(self.window.remembered())


def known_models() -> tuple[tuple[str, str], ...]:
    """Return id and name of each model that can be chosen."""
    return tuple((card.id, card.name) for card in installed_models() if card.id in MAKERS)


def dress(qt: QApplication) -> None:
    """Give the application its name, icon, style and the shipped typeface."""
    qt.setApplicationName("Loopgraft")
    qt.setDesktopFileName("loopgraft")
    qt.setStyle("Fusion")
    qt.setWindowIcon(QIcon(str(resource_path("icons", "loopgraft.svg"))))
    load_fonts()
    qt.setFont(font())


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window; files that are named are opened in it. Returns an exit code."""
    options = _parser().parse_args(arguments)
    _log_to_file()
    sys.setswitchinterval(_SWITCH_SECONDS)
    qt = QApplication(sys.argv[:1])
    dress(qt)
    output = Settings(data_folder() / "window.ini").read().output
    app = App(qt, build_parts(worker_options(options.device), audio_options(output)))
    app.window.show()
    app.actions.opening.open_files([Path(name).absolute() for name in options.files])
    _end_on_signals(qt)
    _survive_faults(app)
    try:
        return qt.exec()
    finally:
        app.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="loopgraft", description=__doc__)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("files", nargs="*", metavar="FILE", help="audio files to open")
    return parser


def _log_to_file() -> None:
    folder = log_folder()
    with contextlib.suppress(OSError):  # a disk that is full must not keep the window shut
        folder.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=folder / "window.log", level=logging.INFO)


def _survive_faults(app: App) -> None:
    """A fault of our own in answer to a click is logged and said; Qt would end the program."""

    def report(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        _log.error("A fault of the window", exc_info=(kind, error, trace))
        app.actions.said.emit("Loopgraft met a fault of its own; the log has it.", "fault")

    sys.excepthook = report


def _end_on_signals(qt: QApplication) -> None:
    """End properly on Ctrl+C and SIGTERM: Python sees signals only between Qt's events."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: qt.quit())
    timer = QTimer(qt)
    timer.timeout.connect(lambda: None)
    timer.start(_SIGNAL_POLL_MS)


if __name__ == "__main__":
    sys.exit(main())
