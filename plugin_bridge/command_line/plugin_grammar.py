"""The grammar of `loopgraft plugins`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from plugin_bridge.command_line.grammar import (
    BIT_DEPTHS,
    Parser,
    add_command,
    add_json,
    add_out,
    number,
    whole,
)

_PATTERN = """\
a pattern: words between spaces, each a sixteenth, again and again until the bars are full
  c3 f#4 bb2     a note: a letter, # or b, an octave; c4 is middle C (MIDI 60)
  [c3 e3 g3]     a chord
  c3:60          with a velocity, 1 to 127 (default 100); also [c3 e3]:60
  c3~~   c3 ~ ~  held for two sixteenths more
  .   ...        a rest of one, of three sixteenths
what sounds after the last bar is added to the first: the result loops
"""

if TYPE_CHECKING:
    from plugin_bridge.command_line.grammar import Commands


def add_plugins(commands: Commands) -> None:
    command = add_command(commands, "plugins", "VST3 and AU plugins, each in a process of its own")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    scanning = add_command(actions, "scan", "find out what plugins there are")
    scanning.add_argument(
        "files", nargs="*", metavar="PLACE", help="folders or plugins (default: the system's)"
    )
    scanning.add_argument("--again", action="store_true", help="also those that did not change")
    listing = add_command(actions, "list", "list what was scanned")
    showing = add_command(actions, "show", "show one plugin with its parameters")
    showing.add_argument("name", metavar="PLUGIN", help="its id or its name")
    allowing = add_command(actions, "allow", "let a plugin out of quarantine")
    allowing.add_argument("file", metavar="PATH")
    for parser in (scanning, allowing):
        parser.add_argument(
            "--limit-seconds", type=number, metavar="S", help="for one plugin, 1 to 600"
        )
    running = add_command(actions, "run", "put files or takes through plugins")
    _add_plugin_run(running)
    playing = add_command(actions, "play", "have an instrument play a MIDI file or a pattern")
    _add_plugin_play(playing)
    saving = add_command(actions, "save-preset", "keep a plugin's settings in a file")
    saving.add_argument("name", metavar="PLUGIN", help="its id or its name")
    saving.add_argument("file", metavar="FILE", help="a new .vstpreset, or .json: a chain's file")
    _add_settings(saving)
    for parser in (scanning, listing, showing, allowing, running, playing, saving):
        add_json(parser)


def _add_settings(command: Parser) -> None:
    command.add_argument(
        "--preset", metavar="FILE", default="", help="a .vstpreset, or a chain's file that has it"
    )
    command.add_argument(
        "--set", dest="settings", action="append", metavar="KEY=VALUE", help="a parameter"
    )


class _PresetOfPlugin(argparse.Action):
    """Keeps which of the plugins each preset is for."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        plugins: list[str] = namespace.plugins or []
        if not plugins:
            parser.error("--preset is for the --plugin before it")
        presets: dict[int, str] = namespace.presets or {}
        namespace.presets = {**presets, len(plugins) - 1: str(values)}


def _add_plugin_run(command: Parser) -> None:
    command.add_argument(
        "files",
        nargs="+",
        metavar="SOURCE",
        help="audio files, ids of takes, or folders; of several, those done already are left",
    )
    command.add_argument("--chain", metavar="FILE", default="", help="a chain as JSON")
    command.add_argument(
        "--plugin", dest="plugins", action="append", metavar="NAME", help="instead; repeatable"
    )
    command.add_argument(
        "--preset",
        dest="presets",
        action=_PresetOfPlugin,
        metavar="FILE",
        help="of the --plugin before it: a .vstpreset, or a chain's file that has it",
    )
    command.add_argument(
        "--set", dest="settings", action="append", metavar="KEY=VALUE", help="a parameter of these"
    )
    for name, what in (("start", "where the part begins"), ("end", "where it ends (exclusive)")):
        command.add_argument(f"--{name}", action="append", metavar="S", help=f"{what}, in seconds")
    command.add_argument("--keep", choices=("wet", "dry", "both"), default="wet")
    command.add_argument(
        "--tail",
        choices=("keep", "cut", "wrap"),
        default="keep",
        help="what sounds after the end: lengthen, drop, or add to the beginning (loops)",
    )
    command.add_argument("--save-chain", metavar="FILE", default="", help="with every setting")
    add_out(command)
    command.add_argument("--bit-depth", choices=BIT_DEPTHS, help="default: the source's")


def _add_plugin_play(command: Parser) -> None:
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = _PATTERN
    command.add_argument("name", metavar="INSTRUMENT", help="its id or its name")
    command.add_argument("score", metavar="FILE.mid|PATTERN", help="a MIDI file, or notes")
    command.add_argument("--bpm", metavar="N", help="of a pattern, 40 to 300 (default 120)")
    command.add_argument(
        "--bars", type=whole, metavar="N", help="of a pattern, 1 to 64 (default: as it needs)"
    )
    _add_settings(command)
    command.add_argument(
        "--seconds",
        type=number,
        metavar="S",
        help="of a MIDI file; default: until it has faded, at most 10 s on",
    )
    add_out(command)
    command.add_argument("--bit-depth", choices=BIT_DEPTHS, help="default 24")
