"""`loopgraft` alone, or `loopgraft window`: open the app, which is a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from engine.child_process import child_environment, module_command
from engine.errors import AppError
from plugin_bridge.command_line.console import Console
from plugin_bridge.command_line.options import Options

_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


class NoScreen(AppError):
    """There is nothing to open a window on."""

    exit_code = 4


def run(options: Options, _console: Console) -> int:
    """Become the app, or wait for it where a process cannot. Raises NoScreen."""
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in _SCREENS):
        raise NoScreen(
            "There is no screen here, so the window cannot open; "
            'use the commands, such as “loopgraft generate "dusty drums, 84 bpm"”.'
        )
    words = module_command("gui", "--device", options.device)
    words += ["--", *(str(Path(name).absolute()) for name in options.files)]
    environment = child_environment()
    if os.name == "posix":
        os.execve(sys.executable, words, environment)
    return subprocess.run(words, env=environment, check=False).returncode
