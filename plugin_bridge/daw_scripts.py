"""The scripts that ship for DAWs, and the folders where each DAW looks for them."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.atomic_file import write_atomically, write_problem
from engine.child_process import module_command
from engine.resources import resource_path

DAWS = ("ardour", "reaper")

#: The line of a script that says how Loopgraft is started; each has it once.
_COMMAND_LINE = b'local LOOPGRAFT = "loopgraft"'
#: Where a script wants the text of another file, given from its own folder: neither DAW promises
#: that a script finds a second file, so each is installed as one.
_INCLUDE_LINE = re.compile(rb"^([ \t]*)-- include: (\S+)$", re.MULTILINE)
_ACTIONS = "loopgraft_*.lua"
_ARDOUR_FOLDER = re.compile(r"ardour(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class DawScript:
    """A script and where it belongs. folder: made when the script is put there."""

    daw: str
    source: Path
    folder: Path

    @property
    def target(self) -> Path:
        return self.folder / self.source.name

    @property
    def content(self) -> bytes:
        """Return the script with what it includes, and this installation's own command in it."""
        text = _whole(self.source)
        if text.count(_COMMAND_LINE) != 1:
            raise ValueError(f"{self.source.name} does not have the command's line once")
        return text.replace(_COMMAND_LINE, b"local LOOPGRAFT = " + _lua_text(own_command()))

    @property
    def is_installed(self) -> bool:
        return self.target.is_file()

    @property
    def is_current(self) -> bool:
        """Return whether what is installed is what this installation would put there."""
        try:
            return self.target.read_bytes() == self.content
        except OSError:
            return False

    def install(self) -> None:
        """Put it where its DAW looks; an older one is replaced. Raises WriteProblem."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_problem(self.folder, error) from error
        write_atomically(self.target, (self.content,), overwrite=True)


def find_scripts() -> list[DawScript]:
    """Return a script for every DAW of this user that keeps settings here.

    None on Windows: the scripts need a POSIX shell to run beside their DAW.
    """
    if sys.platform == "win32":
        return []
    folders = {"ardour": _ardour_folders(), "reaper": _reaper_folders()}
    return [
        DawScript(daw, source, folder)
        for daw in DAWS
        for folder in folders[daw]
        for source in sorted(resource_path("daw_scripts", daw).glob(_ACTIONS))
    ]


def _whole(script: Path) -> bytes:
    """Return a script's text with the files that it includes, indented as their line is."""

    def included(line: re.Match[bytes]) -> bytes:
        part = _whole(script.parent / os.fsdecode(line[2]))
        return re.sub(rb"^(?=.)", lambda _: line[1], part.rstrip(), flags=re.MULTILINE)

    return _INCLUDE_LINE.sub(included, script.read_bytes())


def own_command() -> str:
    """Return the command line that starts this Loopgraft from anywhere, quoted for sh."""
    launcher = Path(sys.executable).with_name("loopgraft")
    return shlex.join([str(launcher)] if launcher.is_file() else module_command("plugin_bridge"))


def _lua_text(text: str) -> bytes:
    """Return `text` as a Lua string; bytes that are no text stay what they are."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return os.fsencode(f'"{escaped}"')


def _ardour_folders() -> Iterator[Path]:
    """Ardour keeps settings per major version."""
    settings = Path.home() / "Library" / "Preferences" if sys.platform == "darwin" else _config()
    for folder in sorted(settings.glob("*")):
        if _ARDOUR_FOLDER.fullmatch(folder.name) and folder.is_dir():
            yield folder / "scripts"


def _reaper_folders() -> Iterator[Path]:
    is_mac = sys.platform == "darwin"
    settings = Path.home() / "Library" / "Application Support" if is_mac else _config()
    if (settings / "REAPER").is_dir():
        yield settings / "REAPER" / "Scripts"


def _config() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
