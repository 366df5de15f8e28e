"""The command line's grammar: every command with its options, and one sentence when it is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugin_bridge.command_line.grammar import (
    BIT_DEPTHS,
    DEVICES,
    Parser,
    add_bit_depth,
    add_candidates,
    add_command,
    add_downbeat,
    add_engine,
    add_json,
    add_key,
    add_making,
    add_model,
    add_out,
    add_prompt,
    add_source,
    add_tempo,
    number,
    whole,
)
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.plugin_grammar import add_plugins
from plugin_bridge.sync.transport import SOURCES

if TYPE_CHECKING:
    from plugin_bridge.command_line.grammar import Commands

VERSION = "0.1.0"

_EPILOG = """\
exit codes: 0 done, 1 could not be written, 2 bad arguments, 3 bad input file,
4 model or device problem, 5 cancelled
"""


def parse_options(words: Sequence[str]) -> Options:
    """Read a command line. Raises BadArgument; --help and --version exit."""
    parser = build_parser()
    return parser.parse_args(words or ["window"], namespace=Options(command=""))


def build_parser() -> Parser:
    """Return the grammar of `loopgraft`."""
    parser = Parser(
        prog="loopgraft",
        description="Make loops from text, and graft new audio into loops that exist.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"loopgraft {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for add in (
        _add_window,
        _add_generate,
        _add_inpaint,
        _add_continue,
        _add_vary,
        _add_morph,
        _add_loop,
        _add_analyze,
        _add_render,
        _add_library,
        _add_models,
        _add_doctor,
        _add_bench,
        _add_devices,
        _add_stream,
        _add_record,
        add_plugins,
        _add_sync,
        _add_serve,
        _add_scripts,
        _add_control,
        _add_watch,
    ):
        add(commands)
    return parser


def _add_window(commands: Commands) -> None:
    command = add_command(commands, "window", "open the app; so does loopgraft alone")
    command.add_argument("files", nargs="*", metavar="FILE", help="audio files to open")
    command.add_argument("--device", choices=DEVICES, default="auto", help="where the engine runs")


def _add_generate(commands: Commands) -> None:
    command = add_command(commands, "generate", "make loops or one-shots from text")
    command.add_argument("prompt", nargs="?", metavar="PROMPT", help="what it should sound like")
    command.add_argument("--bars", type=whole, metavar="N", help="length, 1 to 64 (default 4)")
    command.add_argument("--seconds", type=number, metavar="S", help="length instead of bars")
    command.add_argument("--one-shot", action="store_true", help="one sound, no loop")
    command.add_argument(
        "--recipe", metavar="FILE", help="an exported WAV or a JSON recipe to make again"
    )
    command.add_argument(
        "--source", metavar="FILE", default="", help="what the recipe was grafted into, if moved"
    )
    add_tempo(command)
    add_key(command)
    add_making(command)


def _add_inpaint(commands: Commands) -> None:
    command = add_command(commands, "inpaint", "make one or more regions of a file anew")
    add_source(command)
    add_prompt(command)
    for name, what in (("start", "where a region begins"), ("end", "where it ends (exclusive)")):
        command.add_argument(
            f"--{name}", action="append", metavar="S", help=f"{what}, in seconds; repeatable"
        )
        command.add_argument(
            f"--{name}-bar",
            action="append",
            metavar="BAR",
            help=f"{what}, in bars counted from 1, such as 2 or 2.5; repeatable",
        )
    add_tempo(command)
    add_downbeat(command)
    add_key(command)
    add_candidates(command)
    add_making(command)


def _add_continue(commands: Commands) -> None:
    command = add_command(commands, "continue", "lengthen a file at its end or its beginning")
    add_source(command)
    add_prompt(command)
    _add_extent(command)


def _add_extent(command: Parser) -> None:
    """Add what both commands that lengthen files take."""
    command.add_argument("--bars", type=whole, metavar="N", help="bars to add (default 4)")
    command.add_argument(
        "--direction", choices=("forward", "backward"), default="forward", help="default forward"
    )
    command.add_argument(
        "--context-seconds", type=number, metavar="S", help="how much of the file is listened to"
    )
    add_tempo(command)
    add_downbeat(command)
    add_key(command)
    add_candidates(command)
    add_making(command)


def _add_watch(commands: Commands) -> None:
    command = add_command(commands, "watch", "continue every file that a DAW bounces into a folder")
    command.add_argument("source", metavar="DIR")
    command.add_argument("--once", action="store_true", help="what is there now, then end")
    add_prompt(command)
    _add_extent(command)


def _add_vary(commands: Commands) -> None:
    command = add_command(commands, "vary", "make variations of a file")
    add_source(command)
    add_prompt(command)
    command.add_argument(
        "--strength", type=number, metavar="0..1", help="how far it goes, 1 = anew (default 0.5)"
    )
    add_tempo(command)
    add_downbeat(command)
    add_key(command)
    add_candidates(command)
    add_making(command)


def _add_morph(commands: Commands) -> None:
    command = add_command(commands, "morph", "make a loop that turns from one sound into another")
    command.add_argument("--from", dest="from_prompt", metavar="PROMPT", required=True)
    command.add_argument("--to", dest="to_prompt", metavar="PROMPT", required=True)
    command.add_argument("--bars", type=whole, metavar="N", help="length, 1 to 64 (default 4)")
    add_tempo(command)
    add_key(command)
    add_making(command)


def _add_loop(commands: Commands) -> None:
    command = add_command(commands, "loop", "close a file into a loop across its wrap point")
    add_source(command)
    add_prompt(command)
    add_tempo(command)
    add_downbeat(command)
    add_key(command)
    add_candidates(command)
    add_making(command)


def _add_analyze(commands: Commands) -> None:
    command = add_command(commands, "analyze", "measure a file, and show the recipe in it")
    command.add_argument("file", metavar="FILE")
    add_json(command)


def _add_render(commands: Commands) -> None:
    command = add_command(commands, "render", "make a batch, one JSON recipe per line; resumable")
    command.add_argument("file", metavar="RECIPE.jsonl")
    command.add_argument("--out", metavar="DIR", required=True, help="folder for the files")
    command.add_argument("--chain", metavar="FILE", default="", help="plugins to go through")
    command.add_argument(
        "--keep", choices=("wet", "dry", "both"), default="", help="of a chain; default wet"
    )
    add_engine(command)
    add_bit_depth(command)
    add_json(command)


def _add_library(commands: Commands) -> None:
    command = add_command(commands, "library", "find, star and export the takes made so far")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = add_command(actions, "list", "show the newest takes")
    searching = add_command(actions, "search", "find takes by words")
    searching.add_argument("query", nargs="+", metavar="WORD")
    for parser in (listing, searching):
        parser.add_argument("--limit", type=whole, metavar="N", default=50, help="default 50")
        parser.add_argument("--starred", action="store_true", help="only starred takes")
        add_json(parser)
    showing = add_command(actions, "show", "show one take with its recipe")
    exporting = add_command(actions, "export", "write one take for a DAW")
    starring = add_command(actions, "star", "mark a take")
    for parser in (showing, exporting, starring):
        parser.add_argument("name", metavar="TAKE", help="a take's id, or the start of it")
        add_json(parser)
    starring.add_argument("--remove", dest="unstar", action="store_true", help="take the star off")
    add_out(exporting)
    add_bit_depth(exporting)
    add_json(add_command(actions, "rebuild", "make the index anew from the files"))


def _add_models(commands: Commands) -> None:
    command = add_command(commands, "models", "the models that are installed")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    add_json(add_command(actions, "list", "list them"))
    showing = add_command(actions, "show", "show one model's card")
    showing.add_argument("name", metavar="MODEL")
    add_json(showing)
    verifying = add_command(actions, "verify", "check the files against their checksums")
    verifying.add_argument("name", nargs="?", default="", metavar="MODEL", help="default: all")
    add_json(verifying)


def _add_doctor(commands: Commands) -> None:
    command = add_command(commands, "doctor", "what this machine has, lacks, and how to mend it")
    add_json(command)


def _add_bench(commands: Commands) -> None:
    command = add_command(commands, "bench", "measure how fast this machine is")
    command.add_argument("--runs", type=whole, metavar="N", default=3, help="default 3")
    add_model(command)
    add_json(command)


def _add_devices(commands: Commands) -> None:
    command = add_command(commands, "devices", "the outputs and inputs that there are")
    either = command.add_mutually_exclusive_group()
    either.add_argument(
        "--create", action="store_true", help="make the output “Loopgraft”, which a DAW can record"
    )
    either.add_argument("--remove", action="store_true", help="take it away")
    add_json(command)


def _add_stream(commands: Commands) -> None:
    command = add_command(commands, "stream", "play a file in a loop, or a folder, into an output")
    command.add_argument("source", metavar="FILE_OR_DIR")
    command.add_argument(
        "--device", dest="output", metavar="NAME", default="", help="default: the system's"
    )
    command.add_argument("--once", action="store_true", help="end where the audio ends")
    command.add_argument(
        "--sync", choices=SOURCES, help="play a file in time with: " + ", ".join(SOURCES)
    )
    _add_lead(command)
    add_tempo(command)
    add_downbeat(command)
    add_json(command)


def _add_record(commands: Commands) -> None:
    command = add_command(
        commands, "record", "bars of an input or the DAW, from the next bar line on"
    )
    command.add_argument(
        "--bars", type=whole, metavar="N", help="length, 1 to 32, as much as is kept (default 4)"
    )
    command.add_argument(
        "--input",
        metavar="NAME",
        default="",
        help="an input, or of JACK a client, a port or a pattern like “ardour:Master*” "
        "(default: the system's)",
    )
    command.add_argument("--sync", choices=SOURCES, help="whose bars: " + ", ".join(SOURCES))
    command.add_argument("--bpm", metavar="N", help="tempo where nobody tells one")
    command.add_argument(
        "--latency",
        dest="latency_ms",
        type=number,
        metavar="MS",
        help="how late the input is (default: as it reports)",
    )
    command.add_argument("--out", metavar="DIR_OR_FILE", help="default: this folder")
    command.add_argument("--bit-depth", choices=BIT_DEPTHS, help="default 32f")
    add_json(command)


def _add_sync(commands: Commands) -> None:
    command = add_command(commands, "sync", "show where the music is, by Link, JACK or MIDI clock")
    command.add_argument("sync", choices=SOURCES, metavar="SOURCE", help=", ".join(SOURCES))
    command.add_argument("--bpm", metavar="N", help="tempo where nobody else tells one")
    _add_lead(command)
    add_json(command)


def _add_lead(command: Parser) -> None:
    command.add_argument("--lead", action="store_true", help="lead: the others follow")


def _add_serve(commands: Commands) -> None:
    command = add_command(
        commands, "serve", "the warm engine behind the commands (started on demand)"
    )
    what = command.add_mutually_exclusive_group()
    what.add_argument("--stop", action="store_true", help="end it, its jobs cancelled")
    what.add_argument("--status", action="store_true", help="say whether it runs")
    add_model(command)
    add_json(command)


def _add_scripts(commands: Commands) -> None:
    command = add_command(
        commands, "scripts", "scripts for DAWs, which send the selected region here"
    )
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    installing = add_command(actions, "install", "put each where its DAW looks")
    listing = add_command(actions, "list", "show them, and where they are installed")
    for parser in (installing, listing):
        parser.add_argument("files", nargs="*", metavar="DAW", help="ardour, reaper (default: all)")
        add_json(parser)


def _add_control(commands: Commands) -> None:
    command = add_command(commands, "control", "listen to DAW scripts on a socket, until Ctrl+C")
    command.add_argument("--once", action="store_true", help="end when the first script leaves")
    command.add_argument(
        "--until-eof", action="store_true", help="end when stdin ends: for programs that start it"
    )
    add_model(command)
    add_json(command)
