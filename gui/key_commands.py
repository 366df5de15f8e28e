"""Every command of the window with its keys, in the order in which the palette lists them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gui.actions import Actions
from gui.commands import Command
from gui.state.ask import Intent
from gui.state.clip import LANE_LETTERS

if TYPE_CHECKING:
    from gui.main_window import MainWindow
    from gui.widgets.waveform_editor import WaveformEditor

_STARS = 5


def commands_for(window: MainWindow, actions: Actions) -> tuple[Command, ...]:
    """Return what the window can do."""
    return (
        *_making(window, actions),
        *_hearing(window, actions),
        *_selecting(window),
        *_sound(window, actions),
        *_looking(window),
    )


def _making(window: MainWindow, actions: Actions) -> list[Command]:
    replace = partial(window.make, replace_waiting=True)
    return [
        Command("Make the takes", "Make", ("Return", "Ctrl+Return"), window.make, in_text=True),
        Command("Make, in place of what waits", "Make", ("Ctrl+Shift+Return",), replace, True),
        Command("Cancel the newest order", "Make", ("Escape",), window.escape, in_text=True),
        Command("Cancel every order", "Make", ("Ctrl+.",), actions.cancel_all, in_text=True),
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
        Command("Look for outputs", "Hear", (), actions.playback.look_for_devices),
    ]


def _selecting(window: MainWindow) -> list[Command]:
    wave = window.regions.waveform
    return [
        Command("Select everything", "Select", ("Ctrl+A",), wave.select_all),
        Command("Selection right", "Select", ("Right",), partial(wave.nudge, 1)),
        Command("Selection left", "Select", ("Left",), partial(wave.nudge, -1)),
        Command("Longer selection", "Select", ("Shift+Right",), partial(wave.nudge, 1, True)),
        Command("Shorter selection", "Select", ("Shift+Left",), partial(wave.nudge, -1, True)),
        Command("Region more right", "Select", ("Ctrl+Shift+Right",), partial(wave.add_region, 1)),
        Command("Region more left", "Select", ("Ctrl+Shift+Left",), partial(wave.add_region, -1)),
        Command("Selection right, off the grid", "Select", ("Alt+Right",), _free(wave, 1)),
        Command("Selection left, off the grid", "Select", ("Alt+Left",), _free(wave, -1)),
        Command("Scroll right", "Select", ("PgDown",), partial(wave.scroll_by, 0.5)),
        Command("Scroll left", "Select", ("PgUp",), partial(wave.scroll_by, -0.5)),
        Command("Continue: a bar more", "Select", ("]",), partial(wave.pull, "right", 1)),
        Command("Continue: a bar less", "Select", ("}",), partial(wave.pull, "right", -1)),
        Command("Intro: a bar more", "Select", ("[",), partial(wave.pull, "left", 1)),
        Command("Intro: a bar less", "Select", ("{",), partial(wave.pull, "left", -1)),
        Command("Zoom in", "Select", ("+", "="), partial(wave.zoom, 2.0)),
        Command("Zoom out", "Select", ("-",), partial(wave.zoom, 0.5)),
        Command("Zoom to the selection", "Select", ("Z",), wave.zoom_to_selection),
        Command("Show all of it", "Select", ("0", "Shift+Z"), wave.zoom_all),
    ]


def _free(wave: WaveformEditor, steps: int) -> partial[None]:
    return partial(wave.nudge, steps, free=True)


def _sound(window: MainWindow, actions: Actions) -> list[Command]:
    return [
        Command("Open a file", "Sound", ("Ctrl+O",), window.choose_files, in_text=True),
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
