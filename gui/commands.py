"""Everything a key can do, once: shortcuts, the command palette and the cheat sheet read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtGui import QKeySequence


@dataclass(frozen=True)
class Command:
    """Something the user can do. keys: portable key sequences. run: called on the UI thread.

    in_text: whether the keys work while text is typed, too.
    """

    name: str
    group: str
    keys: tuple[str, ...]
    run: Callable[[], object]
    in_text: bool = False

    @property
    def keys_shown(self) -> str:
        """The keys as this desktop writes them."""
        native = QKeySequence.SequenceFormat.NativeText
        return "  ".join(QKeySequence(key).toString(native) for key in self.keys)


def matching(commands: tuple[Command, ...], words: str) -> list[Command]:
    """Return the commands whose name or group holds every word, best first."""
    wanted = words.lower().split()
    found = [c for c in commands if all(w in f"{c.group} {c.name}".lower() for w in wanted)]
    return sorted(found, key=lambda c: not c.name.lower().startswith(words.lower().strip()))
