"""Every command of the window with its keys, in the order in which the palette lists them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gui.actions import Actions
from gui.chain_commands import keyed_commands
from gui.commands import Command
from gui.record_hands import record_commands
from gui.state.ask import Intent
from gui.state.clip import LANE_LETTERS
from gui.sync_hands import sync_commands
from gui.widgets.waveform_keys import WAVE_KEYS

if TYPE_CHECKING:
    from gui.main_window import MainWindow

_STARS = 5


def commands_for(window: MainWindow, actions: Actions) -> tuple[Command, ...]:
    """Return what the window can do."""
    return (
        *_making(window, actions),
        *_hearing(window, actions),
        *record_commands(actions.recorder, actions.record),
        *_selecting(window),
        *_sound(window, actions),
        *keyed_commands(actions.rack, window.chain.add_plugin),
        *_looking(window),
    )


def _making(window: MainWindow, actions: Actions) -> list[Command]:
    replace = partial(window.make, replace_waiting=True)
    return [
        Command("Make the takes", "Make", ("Return", "Ctrl+Return"), window.make, in_text=True),
        Command("Make, in place of what waits", "Make", ("Ctrl+Shift+Return",), replace, True),
        Command("Cancel the newest order", "Make", ("Escape",), window.escape, in_text=True),
        Command("Cancel every order", "Make", ("Ctrl+.",), actions.orders.cancel_all, in_text=True),
        Command("Edit the prompt", "Make", ("P", "Ctrl+L"), window.focus_prompt),
        *[
            Command(f"{intent.value}: {words}", "Make", (f"Alt+{number}",), _intend(window, intent))
            for number, (intent, words) in enumerate(_INTENTS.items(), start=1)
        ],
    ]


_INTENTS = {
    Intent.NEW: "a new loop from words",
    Intent.INPAINT: "make the selection again",
    Intent.EXTEND: "grow the pulled edge",
    Intent.VARY: "variations of what is shown",
    Intent.MORPH: "from one prompt to another",
}


def _intend(window: MainWindow, intent: Intent) -> partial[None]:
    return partial(window.session.override_intent, intent)


def _hearing(window: MainWindow, actions: Actions) -> list[Command]:
    return [
        Command("Play or stop", "Hear", ("Space",), actions.toggle_play),
        Command("Play from the start", "Hear", ("Home",), actions.play_from_start),
        Command("Loop", "Hear", ("L",), window.toggle_loop),
        Command("Before / after", "Hear", ("X",), actions.toggle_before),
        Command("Next take", "Hear", ("Down",), partial(actions.step_lane, 1)),
        Command("Previous take", "Hear", ("Up",), partial(actions.step_lane, -1)),
        *[
            Command(f"Take {letter}", "Hear", (letter,), partial(actions.choose_lane, index))
            for index, letter in enumerate(LANE_LETTERS)
        ],
        *[
            Command(
                f"Take {letter}, the other way: at the bar or at once",
                "Hear",
                (f"Shift+{letter}",),
                partial(actions.choose_other, index),
            )
            for index, letter in enumerate(LANE_LETTERS)
        ],
        Command("Switch takes at once, or at the bar", "Hear", ("S",), actions.toggle_switch),
        Command("Previous takes", "Hear", ("Alt+Up",), partial(actions.orders.step, -1), True),
        Command("Next takes", "Hear", ("Alt+Down",), partial(actions.orders.step, 1), True),
        Command("Set the tempo of all who follow", "Hear", ("T",), window.type_tempo),
        *sync_commands(actions.follow, actions.toggle_lead),
        Command("Look for outputs", "Hear", (), actions.playback.look_for_devices),
        Command("Make an output for the DAW", "Hear", (), actions.playback.make_virtual_output),
    ]


def _selecting(window: MainWindow) -> list[Command]:
    wave = window.regions.waveform
    return [Command(deed.name, "Select", deed.keys, partial(deed.run, wave)) for deed in WAVE_KEYS]


def _sound(window: MainWindow, actions: Actions) -> list[Command]:
    return [
        Command("Open a file", "Sound", ("Ctrl+O",), window.choose_files, in_text=True),
        Command("Watch a folder: open what the DAW puts there", "Sound", (), window.choose_folder),
        Command("Stop watching the folder", "Sound", (), actions.watching.stop),
        Command("Next file that is open", "Sound", ("Ctrl+PgDown",), _file(actions, 1), True),
        Command("Previous file that is open", "Sound", ("Ctrl+PgUp",), _file(actions, -1), True),
        Command("Let scripts in, or shut them out", "Sound", (), actions.door.toggle),
        Command("Undo", "Sound", ("Ctrl+Z",), actions.undo),
        Command("Redo", "Sound", ("Ctrl+Shift+Z", "Ctrl+Y"), actions.redo),
        Command("Keep the take: graft into it", "Sound", ("K",), actions.keep),
        Command("Copy as a file", "Sound", ("Ctrl+D",), actions.copy_as_file, in_text=True),
        Command("Show in its folder", "Sound", ("Ctrl+R",), actions.reveal, in_text=True),
        Command("Recipe into the form", "Sound", ("Ctrl+E",), window.use_shown_recipe),
        Command("Clear the canvas", "Sound", ("Ctrl+W",), actions.session.clear),
        *[
            Command(f"Stars: {stars}", "Sound", (str(stars),), partial(actions.rate_chosen, stars))
            for stars in range(1, _STARS + 1)
        ],
        Command("Stars: none", "Sound", ("Backspace",), partial(actions.rate_chosen, 0)),
    ]


def _file(actions: Actions, by: int) -> partial[None]:
    return partial(actions.opening.step, by)


def _looking(window: MainWindow) -> list[Command]:
    return [
        Command(
            "Search the library", "Look", ("Ctrl+F",), window.regions.find_in_library, in_text=True
        ),
        Command(
            "Library: show or fold away", "Look", ("Ctrl+B",), window.regions.toggle_library, True
        ),
        Command("Dark, light or as the desktop", "Look", (), window.next_appearance),
        Command("Commands", "Look", ("Ctrl+K",), window.show_commands, in_text=True),
        Command("Keys", "Look", ("?", "F1"), window.show_keys),
        Command("Quit", "Look", ("Ctrl+Q",), window.close_window, in_text=True),
    ]
