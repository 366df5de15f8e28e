"""The sync chip bound to what is followed: its words, its menu, and the same as commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QMenu, QWidget

from gui.commands import Command
from gui.state.sync import NAMES, Sync
from gui.widgets.transport_bar import TransportBar
from plugin_bridge.sync.transport import SourceName

Follow = Callable[[SourceName | None], None]


def sync_commands(follow: Follow) -> list[Command]:
    """Return a command for each source, and one for none."""
    sources: list[SourceName | None] = [None, *NAMES]
    return [
        Command(f"Sync: {_words(source)}", "Hear", (), partial(follow, source))
        for source in sources
    ]


def _words(source: SourceName | None) -> str:
    return "off" if source is None else f"follow {NAMES[source]}"


class SyncHands(QObject):
    """UI thread only. follow: has another source followed."""

    def __init__(self, sync: Sync, bar: TransportBar, follow: Follow, parent: QWidget) -> None:
        super().__init__(parent)
        self._sync, self._bar, self._follow, self._window = sync, bar, follow, parent
        sync.changed.connect(self._show)
        bar.sync_wanted.connect(self._show_menu)
        self._show()

    def _show(self) -> None:
        source, status = self._sync.source, self._sync.status
        if source is None:
            self._bar.show_sync("", None)
        else:
            self._bar.show_sync(NAMES[source], status)

    def _show_menu(self) -> None:
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sources: list[SourceName | None] = [None, *NAMES]
        for source in sources:
            words = "Off" if source is None else NAMES[source]
            entry = menu.addAction(words, partial(self._follow, source))
            if entry is not None:
                entry.setCheckable(True)
                entry.setChecked(source == self._sync.source)
        chip = self._bar.sync
        menu.popup(chip.mapToGlobal(chip.rect().bottomLeft()))
