"""Which file a plugin's settings come from or go to: asked without blocking the window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog, QWidget

from gui.state.rack import Rack
from plugin_bridge.plugins.presets import CHAIN_SUFFIX, PRESET_SUFFIX

_FILTERS = [f"Presets (*{PRESET_SUFFIX} *{CHAIN_SUFFIX})", "All files (*)"]


class PresetDialogs:
    """Presets of the chain's plugins. index: the plugin's place, from 0. UI thread only."""

    def __init__(self, rack: Rack, window: QWidget) -> None:
        self._rack, self._window = rack, window

    def load(self, index: int) -> None:
        """Ask for a preset to be set."""
        dialog = self._dialog(f"Load a preset for {self._rack.slots[index].name}")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(partial(_hand_on, self._rack.load_preset, index))
        dialog.open()

    def save(self, index: int) -> None:
        """Ask where the settings are to be kept."""
        dialog = self._dialog(f"Save the preset of {self._rack.slots[index].name}")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(PRESET_SUFFIX.removeprefix("."))
        dialog.fileSelected.connect(partial(_hand_on, self._rack.save_preset, index))
        dialog.open()

    def _dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self._window, title)
        dialog.setNameFilters(_FILTERS)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog


def _hand_on(deed: Callable[[int, Path], None], index: int, name: str) -> None:
    deed(index, Path(name))
