"""What the command line's grammar is made of: commands, the options that several share, numbers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NoReturn

from engine.errors import BadArgument

BIT_DEPTHS = ("16", "24", "32f")
DEVICES = ("auto", "cpu", "cuda")


class Parser(argparse.ArgumentParser):
    """Raises BadArgument with one sentence instead of printing a usage and exiting."""

    def error(self, message: str) -> NoReturn:
        sentence = " ".join(message.removeprefix("argument ").split()).rstrip(".")
        sentence = sentence[:1].upper() + sentence[1:]
        raise BadArgument(f"{sentence}; see “{self.prog} --help”.")


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[Parser]  # pyright: ignore[reportPrivateUsage]


def add_command(commands: Commands, name: str, what: str) -> Parser:
    return commands.add_parser(
        name, help=what, description=what[:1].upper() + what[1:] + ".", allow_abbrev=False
    )


def add_source(command: Parser) -> None:
    command.add_argument("source", metavar="SOURCE", help="a WAV, AIFF, FLAC, OGG or MP3 file")


def add_candidates(command: Parser) -> None:
    command.add_argument(
        "--candidates",
        type=whole,
        metavar="N",
        help="how many to make for each take, 1 to 16 (default: a second where one does not fit)",
    )


def add_prompt(command: Parser) -> None:
    command.add_argument("--prompt", metavar="TEXT", help="what the new audio should sound like")


def add_tempo(command: Parser) -> None:
    command.add_argument("--bpm", metavar="N", help="tempo, 40 to 300")


def add_downbeat(command: Parser) -> None:
    command.add_argument(
        "--downbeat", type=number, metavar="S", help="where bar 1 begins (default: measured)"
    )


def add_key(command: Parser) -> None:
    command.add_argument("--key", metavar="KEY", help="such as “A minor”")


def add_making(command: Parser) -> None:
    command.add_argument("--negative", metavar="TEXT", help="what it should not sound like")
    command.add_argument("--seed", type=whole, metavar="N", help="default: a new one, shown")
    command.add_argument("--variations", type=whole, metavar="N", help="1 to 64 (default 1)")
    command.add_argument("--steps", type=whole, metavar="N", help="sampler steps")
    command.add_argument("--guidance", type=number, metavar="G", help="0 to 15")
    add_engine(command)
    add_out(command)
    add_bit_depth(command)
    add_json(command)


def add_engine(command: Parser) -> None:
    add_model(command)
    command.add_argument(
        "--no-serve", action="store_true", help="use an engine that ends with this command"
    )


def add_model(command: Parser) -> None:
    command.add_argument("--model", metavar="ID", help="default graft")
    command.add_argument("--device", choices=DEVICES, default="auto", help="default auto")


def add_out(command: Parser) -> None:
    command.add_argument(
        "--out", metavar="DIR_OR_FILE", help="a folder, or a new .wav (default: this folder)"
    )


def add_bit_depth(command: Parser) -> None:
    command.add_argument(
        "--bit-depth", choices=BIT_DEPTHS, help="default 24; grafts keep their source's"
    )


def add_json(command: Parser) -> None:
    command.add_argument("--json", action="store_true", help="print one JSON object")


def whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text[:40]}” is not a whole number") from None


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text[:40]}” is not a number") from None
