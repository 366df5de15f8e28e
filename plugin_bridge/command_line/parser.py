"""The command line's grammar: every command with its options, and one sentence when it is wrong."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from engine.errors import BadArgument
from plugin_bridge.command_line.options import Options
from plugin_bridge.sync.transport import SOURCES

VERSION = "0.1.0"
BIT_DEPTHS = ("16", "24", "32f")
DEVICES = ("auto", "cpu", "cuda")

_EPILOG = """\
exit codes: 0 done, 1 could not be written, 2 bad arguments, 3 bad input file,
4 model or device problem, 5 cancelled
"""


class Parser(argparse.ArgumentParser):
    """Raises BadArgument with one sentence instead of printing a usage and exiting."""

    def error(self, message: str) -> NoReturn:
        sentence = " ".join(message.removeprefix("argument ").split()).rstrip(".")
        sentence = sentence[:1].upper() + sentence[1:]
        raise BadArgument(f"{sentence}; see “{self.prog} --help”.")


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[Parser]  # pyright: ignore[reportPrivateUsage]


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
        _add_plugins,
        _add_sync,
        _add_serve,
        _add_scripts,
        _add_control,
        _add_watch,
    ):
        add(commands)
    return parser


def _add_window(commands: Commands) -> None:
    command = _command(commands, "window", "open the app; so does loopgraft alone")
    command.add_argument("files", nargs="*", metavar="FILE", help="audio files to open")
    command.add_argument("--device", choices=DEVICES, default="auto", help="where the engine runs")


def _add_generate(commands: Commands) -> None:
    command = _command(commands, "generate", "make loops or one-shots from text")
    command.add_argument("prompt", nargs="?", metavar="PROMPT", help="what it should sound like")
    command.add_argument("--bars", type=_whole, metavar="N", help="length, 1 to 64 (default 4)")
    command.add_argument("--seconds", type=_number, metavar="S", help="length instead of bars")
    command.add_argument("--one-shot", action="store_true", help="one sound, no loop")
    command.add_argument(
        "--recipe", metavar="FILE", help="an exported WAV or a JSON recipe to make again"
    )
    command.add_argument(
        "--source", metavar="FILE", default="", help="what the recipe was grafted into, if moved"
    )
    _add_tempo(command)
    _add_key(command)
    _add_making(command)


def _add_inpaint(commands: Commands) -> None:
    command = _command(commands, "inpaint", "make one or more regions of a file anew")
    _add_source(command)
    _add_prompt(command)
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
    _add_tempo(command)
    _add_downbeat(command)
    _add_key(command)
    _add_candidates(command)
    _add_making(command)


def _add_continue(commands: Commands) -> None:
    command = _command(commands, "continue", "lengthen a file at its end or its beginning")
    _add_source(command)
    _add_prompt(command)
    _add_extent(command)


def _add_extent(command: Parser) -> None:
    """Add what both commands that lengthen files take."""
    command.add_argument("--bars", type=_whole, metavar="N", help="bars to add (default 4)")
    command.add_argument(
        "--direction", choices=("forward", "backward"), default="forward", help="default forward"
    )
    command.add_argument(
        "--context-seconds", type=_number, metavar="S", help="how much of the file is listened to"
    )
    _add_tempo(command)
    _add_downbeat(command)
    _add_key(command)
    _add_candidates(command)
    _add_making(command)


def _add_watch(commands: Commands) -> None:
    command = _command(commands, "watch", "continue every file that a DAW bounces into a folder")
    command.add_argument("source", metavar="DIR")
    command.add_argument("--once", action="store_true", help="what is there now, then end")
    _add_prompt(command)
    _add_extent(command)


def _add_vary(commands: Commands) -> None:
    command = _command(commands, "vary", "make variations of a file")
    _add_source(command)
    _add_prompt(command)
    command.add_argument(
        "--strength", type=_number, metavar="0..1", help="how far it goes, 1 = anew (default 0.5)"
    )
    _add_tempo(command)
    _add_downbeat(command)
    _add_key(command)
    _add_candidates(command)
    _add_making(command)


def _add_morph(commands: Commands) -> None:
    command = _command(commands, "morph", "make a loop that turns from one sound into another")
    command.add_argument("--from", dest="from_prompt", metavar="PROMPT", required=True)
    command.add_argument("--to", dest="to_prompt", metavar="PROMPT", required=True)
    command.add_argument("--bars", type=_whole, metavar="N", help="length, 1 to 64 (default 4)")
    _add_tempo(command)
    _add_key(command)
    _add_making(command)


def _add_loop(commands: Commands) -> None:
    command = _command(commands, "loop", "close a file into a loop across its wrap point")
    _add_source(command)
    _add_prompt(command)
    _add_tempo(command)
    _add_downbeat(command)
    _add_key(command)
    _add_candidates(command)
    _add_making(command)


def _add_analyze(commands: Commands) -> None:
    command = _command(commands, "analyze", "measure a file, and show the recipe in it")
    command.add_argument("file", metavar="FILE")
    _add_json(command)


def _add_render(commands: Commands) -> None:
    command = _command(commands, "render", "make a batch, one JSON recipe per line; resumable")
    command.add_argument("file", metavar="RECIPE.jsonl")
    command.add_argument("--out", metavar="DIR", required=True, help="folder for the files")
    _add_engine(command)
    _add_bit_depth(command)
    _add_json(command)


def _add_library(commands: Commands) -> None:
    command = _command(commands, "library", "find, star and export the takes made so far")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _command(actions, "list", "show the newest takes")
    searching = _command(actions, "search", "find takes by words")
    searching.add_argument("query", nargs="+", metavar="WORD")
    for parser in (listing, searching):
        parser.add_argument("--limit", type=_whole, metavar="N", default=50, help="default 50")
        parser.add_argument("--starred", action="store_true", help="only starred takes")
        _add_json(parser)
    showing = _command(actions, "show", "show one take with its recipe")
    exporting = _command(actions, "export", "write one take for a DAW")
    starring = _command(actions, "star", "mark a take")
    for parser in (showing, exporting, starring):
        parser.add_argument("name", metavar="TAKE", help="a take's id, or the start of it")
        _add_json(parser)
    starring.add_argument("--remove", dest="unstar", action="store_true", help="take the star off")
    _add_out(exporting)
    _add_bit_depth(exporting)
    _add_json(_command(actions, "rebuild", "make the index anew from the files"))


def _add_models(commands: Commands) -> None:
    command = _command(commands, "models", "the models that are installed")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_json(_command(actions, "list", "list them"))
    showing = _command(actions, "show", "show one model's card")
    showing.add_argument("name", metavar="MODEL")
    _add_json(showing)
    verifying = _command(actions, "verify", "check the files against their checksums")
    verifying.add_argument("name", nargs="?", default="", metavar="MODEL", help="default: all")
    _add_json(verifying)


def _add_doctor(commands: Commands) -> None:
    command = _command(commands, "doctor", "what this machine has, lacks, and how to mend it")
    _add_json(command)


def _add_bench(commands: Commands) -> None:
    command = _command(commands, "bench", "measure how fast this machine is")
    command.add_argument("--runs", type=_whole, metavar="N", default=3, help="default 3")
    _add_model(command)
    _add_json(command)


def _add_devices(commands: Commands) -> None:
    command = _command(commands, "devices", "the outputs and inputs that there are")
    either = command.add_mutually_exclusive_group()
    either.add_argument(
        "--create", action="store_true", help="make the output “Loopgraft”, which a DAW can record"
    )
    either.add_argument("--remove", action="store_true", help="take it away")
    _add_json(command)


def _add_stream(commands: Commands) -> None:
    command = _command(commands, "stream", "play a file in a loop, or a folder, into an output")
    command.add_argument("source", metavar="FILE_OR_DIR")
    command.add_argument(
        "--device", dest="output", metavar="NAME", default="", help="default: the system's"
    )
    command.add_argument("--once", action="store_true", help="end where the audio ends")
    command.add_argument(
        "--sync", choices=SOURCES, help="play a file in time with: " + ", ".join(SOURCES)
    )
    _add_lead(command)
    _add_tempo(command)
    _add_downbeat(command)
    _add_json(command)


def _add_record(commands: Commands) -> None:
    command = _command(commands, "record", "bars of an input or the DAW, from the next bar line on")
    command.add_argument(
        "--bars", type=_whole, metavar="N", help="length, 1 to 32, as much as is kept (default 4)"
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
        type=_number,
        metavar="MS",
        help="how late the input is (default: as it reports)",
    )
    command.add_argument("--out", metavar="DIR_OR_FILE", help="default: this folder")
    command.add_argument("--bit-depth", choices=BIT_DEPTHS, help="default 32f")
    _add_json(command)


def _add_plugins(commands: Commands) -> None:
    command = _command(commands, "plugins", "VST3 and AU plugins, each in a process of its own")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    scanning = _command(actions, "scan", "find out what plugins there are")
    scanning.add_argument(
        "files", nargs="*", metavar="PLACE", help="folders or plugins (default: the system's)"
    )
    scanning.add_argument("--again", action="store_true", help="also those that did not change")
    listing = _command(actions, "list", "list what was scanned")
    showing = _command(actions, "show", "show one plugin with its parameters")
    showing.add_argument("name", metavar="PLUGIN", help="its id or its name")
    allowing = _command(actions, "allow", "let a plugin out of quarantine")
    allowing.add_argument("file", metavar="PATH")
    for parser in (scanning, allowing):
        parser.add_argument(
            "--limit-seconds", type=_number, metavar="S", help="for one plugin, 1 to 600"
        )
    running = _command(actions, "run", "put a file or a take through plugins")
    _add_plugin_run(running)
    playing = _command(actions, "play", "have an instrument play a MIDI file")
    playing.add_argument("name", metavar="INSTRUMENT", help="its id or its name")
    playing.add_argument("file", metavar="FILE.mid")
    playing.add_argument(
        "--set", dest="settings", action="append", metavar="KEY=VALUE", help="a parameter"
    )
    playing.add_argument(
        "--seconds", type=_number, metavar="S", help="default: until it has faded, at most 10 s on"
    )
    _add_out(playing)
    playing.add_argument("--bit-depth", choices=BIT_DEPTHS, help="default 24")
    for parser in (scanning, listing, showing, allowing, running, playing):
        _add_json(parser)


def _add_plugin_run(command: Parser) -> None:
    command.add_argument("source", metavar="SOURCE", help="an audio file, or a take's id")
    command.add_argument("--chain", metavar="FILE", default="", help="a chain as JSON")
    command.add_argument(
        "--plugin", dest="plugins", action="append", metavar="NAME", help="instead; repeatable"
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
    _add_out(command)
    command.add_argument("--bit-depth", choices=BIT_DEPTHS, help="default: the source's")


def _add_sync(commands: Commands) -> None:
    command = _command(commands, "sync", "show where the music is, by Link, JACK or MIDI clock")
    command.add_argument("sync", choices=SOURCES, metavar="SOURCE", help=", ".join(SOURCES))
    command.add_argument("--bpm", metavar="N", help="tempo where nobody else tells one")
    _add_lead(command)
    _add_json(command)


def _add_lead(command: Parser) -> None:
    command.add_argument("--lead", action="store_true", help="lead: the others follow")


def _add_serve(commands: Commands) -> None:
    command = _command(commands, "serve", "the warm engine behind the commands (started on demand)")
    what = command.add_mutually_exclusive_group()
    what.add_argument("--stop", action="store_true", help="end it, its jobs cancelled")
    what.add_argument("--status", action="store_true", help="say whether it runs")
    _add_model(command)
    _add_json(command)


def _add_scripts(commands: Commands) -> None:
    command = _command(commands, "scripts", "scripts for DAWs, which send the selected region here")
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    installing = _command(actions, "install", "put each where its DAW looks")
    listing = _command(actions, "list", "show them, and where they are installed")
    for parser in (installing, listing):
        parser.add_argument("files", nargs="*", metavar="DAW", help="ardour, reaper (default: all)")
        _add_json(parser)


def _add_control(commands: Commands) -> None:
    command = _command(commands, "control", "listen to DAW scripts on a socket, until Ctrl+C")
    command.add_argument("--once", action="store_true", help="end when the first script leaves")
    command.add_argument(
        "--until-eof", action="store_true", help="end when stdin ends: for programs that start it"
    )
    _add_model(command)
    _add_json(command)


def _command(commands: Commands, name: str, what: str) -> Parser:
    return commands.add_parser(
        name, help=what, description=what[:1].upper() + what[1:] + ".", allow_abbrev=False
    )


def _add_source(command: Parser) -> None:
    command.add_argument("source", metavar="SOURCE", help="a WAV, AIFF, FLAC, OGG or MP3 file")


def _add_candidates(command: Parser) -> None:
    command.add_argument(
        "--candidates",
        type=_whole,
        metavar="N",
        help="how many to make for each take, 1 to 16 (default: a second where one does not fit)",
    )


def _add_prompt(command: Parser) -> None:
    command.add_argument("--prompt", metavar="TEXT", help="what the new audio should sound like")


def _add_tempo(command: Parser) -> None:
    command.add_argument("--bpm", metavar="N", help="tempo, 40 to 300")


def _add_downbeat(command: Parser) -> None:
    command.add_argument(
        "--downbeat", type=_number, metavar="S", help="where bar 1 begins (default: measured)"
    )


def _add_key(command: Parser) -> None:
    command.add_argument("--key", metavar="KEY", help="such as “A minor”")


def _add_making(command: Parser) -> None:
    command.add_argument("--negative", metavar="TEXT", help="what it should not sound like")
    command.add_argument("--seed", type=_whole, metavar="N", help="default: a new one, shown")
    command.add_argument("--variations", type=_whole, metavar="N", help="1 to 64 (default 1)")
    command.add_argument("--steps", type=_whole, metavar="N", help="sampler steps")
    command.add_argument("--guidance", type=_number, metavar="G", help="0 to 15")
    _add_engine(command)
    _add_out(command)
    _add_bit_depth(command)
    _add_json(command)


def _add_engine(command: Parser) -> None:
    _add_model(command)
    command.add_argument(
        "--no-serve", action="store_true", help="use an engine that ends with this command"
    )


def _add_model(command: Parser) -> None:
    command.add_argument("--model", metavar="ID", help="default graft")
    command.add_argument("--device", choices=DEVICES, default="auto", help="default auto")


def _add_out(command: Parser) -> None:
    command.add_argument(
        "--out", metavar="DIR_OR_FILE", help="a folder, or a new .wav (default: this folder)"
    )


def _add_bit_depth(command: Parser) -> None:
    command.add_argument(
        "--bit-depth", choices=BIT_DEPTHS, help="default 24; grafts keep their source's"
    )


def _add_json(command: Parser) -> None:
    command.add_argument("--json", action="store_true", help="print one JSON object")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text[:40]}” is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text[:40]}” is not a number") from None
