"""The chain's cards and lists bound to the rack: what a click, a key or the palette does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QObject, QPoint, Qt
from PyQt6.QtWidgets import QMenu, QWidget

from gui.chain_commands import plugin_commands, slot_commands
from gui.commands import Command
from gui.preset_dialogs import PresetDialogs
from gui.state.rack import Rack
from gui.widgets.command_palette import CommandPalette
from gui.widgets.export_bar import ExportBar

ADD_TITLE, ADD_HINT = "Add a plugin", "Type a part of a plugin's or its maker's name"
OpenPalette = Callable[[tuple[Command, ...], str, str], None]


class ChainHands(QObject):
    """UI thread only. open_palette: shows commands under a title, with a hint
    of what can be typed."""

    def __init__(
        self,
        rack: Rack,
        export: ExportBar,
        palette: CommandPalette,
        open_palette: OpenPalette,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        bar = export.chain
        self._rack, self._export, self._bar, self._window = rack, export, bar, parent
        self._palette, self._open_palette = palette, open_palette
        self.presets = PresetDialogs(rack, parent)
        rack.changed.connect(self._show)
        rack.plugins_changed.connect(self._list_anew)
        bar.add_wanted.connect(self.add_plugin)
        bar.bypass_wanted.connect(rack.toggle_bypass)
        bar.reload_wanted.connect(rack.reload)
        bar.remove_wanted.connect(rack.remove)
        bar.editor_wanted.connect(rack.show_editor)
        bar.mix_chosen.connect(rack.set_mix)
        bar.move_wanted.connect(self._move)
        bar.menu_wanted.connect(self._show_menu)
        self._show()

    def add_plugin(self) -> None:
        """List the plugins, to type a part of a name and press Return."""
        self._open_palette(tuple(plugin_commands(self._rack)), ADD_TITLE, ADD_HINT)

    def _show(self) -> None:
        self._bar.show_slots(self._rack.slots)
        self._bar.show_owner(is_own=self._rack.is_own)
        self._export.show_chain(has_chain=bool(self._rack.slots))

    def _list_anew(self) -> None:
        """Show what a scan has found where its list is open."""
        palette = self._palette
        if palette.isVisible() and palette.title.text() == ADD_TITLE:
            words = palette.search.text()
            self.add_plugin()
            palette.search.setText(words)

    def _move(self, index: int, by: int) -> None:
        """Move a plugin, and the keys with it."""
        self._rack.move(index, by)
        if 0 <= index + by < len(self._bar.cards):
            self._bar.cards[index + by].name.setFocus()

    def _show_menu(self, index: int, place: QPoint) -> None:
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for command in slot_commands(self._rack, index, self.presets):
            menu.addAction(command.name, partial(_run, command))
        menu.popup(place)


def _run(command: Command) -> None:
    command.run()
