"""Reads other programs' windows as a screen reader does: AT-SPI, over the accessibility bus."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.integration.desktop_parts import Box

_ACCESSIBLE, _COMPONENT = "org.a11y.atspi.Accessible", "org.a11y.atspi.Component"
_ROOT = "/org/a11y/atspi/accessible/root"
_ON_SCREEN = "0"
#: Their insides are many, and no test looks for one.
_CLOSED_ROLES = {"combo box", "list", "text", "scroll bar", "label", "push button", "check box"}
#: What GVariant's text has beyond Python's: types of what is empty or a path, and variants.
_NOT_PYTHON = re.compile(r"@a\(so\) |objectpath |(?<=\()<|>(?=,\)$)")


@dataclass(frozen=True)
class Widget:
    """Something in a window that a screen reader could tell of."""

    reader: ScreenReader
    owner: str
    path: str

    @property
    def name(self) -> str:
        """What it says of itself, "" when it is gone."""
        told = self._ask("org.freedesktop.DBus.Properties.Get", _ACCESSIBLE, "Name")
        return "" if told is None else str(told)

    @property
    def role(self) -> str:
        return str(self._ask(f"{_ACCESSIBLE}.GetRoleName") or "")

    @property
    def box(self) -> Box:
        """Where it is on the screen."""
        return Box(*self._ask(f"{_COMPONENT}.GetExtents", _ON_SCREEN))

    def inside(self) -> Iterator[Widget]:
        """Yield what is in it, the last first."""
        for owner, path in reversed(self._ask(f"{_ACCESSIBLE}.GetChildren") or []):
            yield Widget(self.reader, owner, path)

    def _ask(self, method: str, *words: str) -> Any:
        return self.reader.ask(self.owner, self.path, method, *words)


class ScreenReader:
    """Finds widgets of the programs on a desktop by what they say of themselves."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._bus = ["--session"]
        address = self.ask("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus.GetAddress")
        assert address, "there is no accessibility bus"
        self._bus = ["--address", str(address)]

    def find(self, role: str, name: str | tuple[str, ...]) -> Widget | None:
        """Return the last widget with a role whose name begins so (or so)."""
        desktop = Widget(self, "org.a11y.atspi.Registry", _ROOT)
        return self._find(desktop, role, name)

    def ask(self, owner: str, path: str, method: str, *words: str) -> Any:
        """Call a method; None where it cannot be called. A single value comes without its tuple."""
        call = ["--dest", owner, "--object-path", path, "--method", method, *words]
        told = subprocess.run(
            ["gdbus", "call", *self._bus, *call],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if told.returncode != 0:
            return None
        values = ast.literal_eval(_NOT_PYTHON.sub("", told.stdout.strip()))
        return values[0] if len(values) == 1 else values

    def _find(self, widget: Widget, role: str, name: str | tuple[str, ...]) -> Widget | None:
        for child in widget.inside():
            own_role = child.role
            if own_role == role and child.name.startswith(name):
                return child
            if own_role not in _CLOSED_ROLES:
                found = self._find(child, role, name)
                if found is not None:
                    return found
        return None
