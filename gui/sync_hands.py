"""The sync chip bound to what is followed or led: its words, its menu, the same as commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QMenu, QWidget

from gui.commands import Command
from gui.state.sync import LED, NAMES, Sync
from gui.widgets.transport_bar import TransportBar
from plugin_bridge.sync.transport import SourceName


class Follow(Protocol):
    """Has another source followed, or led in; None: neither."""

    def __call__(self, source: SourceName | None, *, leads: bool = False) -> None: ...


def sync_commands(follow: Follow, toggle_lead: Callable[[], None]) -> list[Command]:
    """Return a command for each source, one for none, and those that lead."""
    sources: list[SourceName | None] = [None, *NAMES]
    return [
        *[
            Command(f"Sync: {_words(source)}", "Hear", (), partial(follow, source))
            for source in sources
        ],
        *[
            Command(f"Sync: lead {NAMES[source]}", "Hear", (), partial(follow, source, leads=True))
            for source in LED
        ],
        Command("Sync: lead the others, or follow them", "Hear", ("Shift+S",), toggle_lead),
    ]


def _words(source: SourceName | None) -> str:
    return "off" if source is None else f"follow {NAMES[source]}"


class SyncHands(QObject):
    """UI thread only."""

    def __init__(
        self,
        sync: Sync,
        bar: TransportBar,
        follow: Follow,
        set_tempo: Callable[[str], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._sync, self._bar, self._follow, self._window = sync, bar, follow, parent
        sync.changed.connect(self._show)
        bar.sync_wanted.connect(self._show_menu)
        bar.tempo.wanted.connect(set_tempo)
        self._show()

    def _show(self) -> None:
        source, status = self._sync.source, self._sync.status
        self._bar.tempo.set_open(self._sync.sets_tempo)
        if source is None:
            self._bar.show_sync("", None)
        else:
            self._bar.show_sync(NAMES[source], status, leads=self._sync.leads)

    def _show_menu(self) -> None:
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sources: list[SourceName | None] = [None, *NAMES]
        for source in sources:
            self._add(menu, "Off" if source is None else NAMES[source], source, leads=False)
        menu.addSection("Play, stop and tempo for all")
        for source in LED:
            self._add(menu, f"Lead {NAMES[source]}", source, leads=True)
        chip = self._bar.sync
        menu.popup(chip.mapToGlobal(chip.rect().bottomLeft()))

    def _add(self, menu: QMenu, words: str, source: SourceName | None, *, leads: bool) -> None:
        entry = menu.addAction(words, partial(self._follow, source, leads=leads))
        if entry is not None:
            entry.setCheckable(True)
            entry.setChecked((source, leads) == (self._sync.source, self._sync.leads))
