"""What can be done with the chain, for the palette, the menus of the slots and the keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gui.commands import Command
from gui.preset_dialogs import PresetDialogs
from gui.state.rack import Rack, SlotState
from plugin_bridge.plugins.chain import MOST_SLOTS

GROUP = "Chain"
#: Ctrl+1 to Ctrl+9.
_KEYED_SLOTS = 9


def slot_commands(rack: Rack, index: int, presets: PresetDialogs) -> list[Command]:
    """Return what can be done with one plugin of the chain."""
    state = rack.slots[index].state
    deeds: list[tuple[str, Callable[[], object]]] = []
    if state.is_fault:
        deeds.append(("Reload", partial(rack.reload, index)))
    else:
        words = "Hear it again" if state is SlotState.BYPASSED else "Bypass"
        deeds.append((words, partial(rack.toggle_bypass, index)))
        deeds.append(("Open its window", partial(rack.show_editor, index)))
        deeds.append(("Load a preset…", partial(presets.load, index)))
        deeds.append(("Save its preset…", partial(presets.save, index)))
    if index > 0:
        deeds.append(("Move left", partial(rack.move, index, -1)))
    if index + 1 < len(rack.slots):
        deeds.append(("Move right", partial(rack.move, index, 1)))
    deeds.append(("Remove", partial(rack.remove, index)))
    return [Command(name, GROUP, (), run) for name, run in deeds]


def named_slot_commands(rack: Rack, presets: PresetDialogs) -> list[Command]:
    """Return what can be done with every plugin of the chain, with its place and name."""
    return [
        Command(f"{index + 1} {held.name}: {command.name}", GROUP, (), command.run)
        for index, held in enumerate(rack.slots)
        for command in slot_commands(rack, index, presets)
    ]


def keyed_commands(rack: Rack, add: Callable[[], object]) -> list[Command]:
    """Return what keys do with the chain. add: opens the list of plugins."""
    slots = range(min(_KEYED_SLOTS, MOST_SLOTS))
    return [
        Command("Add a plugin to the chain", GROUP, ("Ctrl+P",), add, in_text=True),
        Command("Bypass the whole chain, or hear it", GROUP, ("Ctrl+0",), rack.toggle_all, True),
        *[
            Command(
                f"Plugin {index + 1}: bypass, hear or reload it",
                GROUP,
                (f"Ctrl+{index + 1}",),
                partial(rack.toggle_bypass, index),
                in_text=True,
            )
            for index in slots
        ],
        Command("Scan for plugins", GROUP, (), rack.scan),
        Command("Give this take its own chain", GROUP, (), rack.give_own_chain),
        Command("Use the app's chain again", GROUP, (), rack.share_chain),
    ]


def plugin_commands(rack: Rack) -> list[Command]:
    """Return a command for each plugin that can be added, and one that looks for more."""
    added = [
        Command(
            f"{facts.name}  {facts.maker}", facts.category, (), partial(rack.add, facts.plugin_id)
        )
        for facts in rack.effects
    ]
    words = "Scanning for plugins…" if rack.is_scanning else "Scan for plugins"
    return [*added, Command(words, GROUP, (), rack.scan)]
