"""What a DAW's script may say to the control port, and the answers: one JSON object per line.

Whatever is not exactly one of these is refused with a sentence. Takes are named by id; the only
path that a script gives is the sound file that is to be grafted into.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from engine.errors import BadArgument
from plugin_bridge.command_line.console import JsonValue
from plugin_bridge.command_line.options import Options

#: A request is a few hundred bytes: two prompts of 2,000 characters are the longest it can hold.
LINE_LIMIT_BYTES = 32 * 1024
_PATH_LIMIT_CHARACTERS = 4096
_TAKE_ID = re.compile(r"[0-9A-Za-z_-]{1,128}")

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Place = Annotated[str, msgspec.Meta(max_length=_PATH_LIMIT_CHARACTERS)]
Name = Annotated[str, msgspec.Meta(max_length=128)]
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _Request(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="command"
):
    """id: comes back in the answer."""

    id: Annotated[str, msgspec.Meta(max_length=64)] = ""


class StatusRequest(_Request, frozen=True, kw_only=True, tag="status"):
    """What is served, and which jobs there are."""


class _Making(_Request, frozen=True, kw_only=True):
    """bpm: beats per minute. The limits of the numbers are the command line's."""

    prompt: Text = ""
    negative: Text = ""
    bpm: float | None = None
    key: Name | None = None
    seed: Whole | None = None
    variations: Whole = 1
    steps: Whole | None = None
    guidance: float | None = None


class GenerateRequest(_Making, frozen=True, kw_only=True, tag="generate"):
    bars: Whole | None = None
    seconds: float | None = None
    one_shot: bool = False


class _Grafting(_Making, frozen=True, kw_only=True):
    """source: absolute path of a sound file. downbeat: where bar 1 begins in it, in seconds."""

    source: Place
    downbeat: float | None = None


class InpaintRequest(_Grafting, frozen=True, kw_only=True, tag="inpaint"):
    """start, end: the region in seconds."""

    start: float
    end: float


class ContinueRequest(_Grafting, frozen=True, kw_only=True, tag="continue"):
    bars: Whole | None = None
    direction: Literal["forward", "backward"] = "forward"
    context_seconds: float | None = None


class VaryRequest(_Grafting, frozen=True, kw_only=True, tag="vary"):
    strength: float | None = None


class TakeRequest(_Request, frozen=True, kw_only=True, tag="take"):
    """Export a take into the app's own folder; the answer names the file."""

    take: Name
    bit_depth: Literal["16", "24", "32f"] | None = None


class ProgressRequest(_Request, frozen=True, kw_only=True, tag="progress"):
    job: Name


class CancelRequest(_Request, frozen=True, kw_only=True, tag="cancel"):
    job: Name


MakingRequest = GenerateRequest | InpaintRequest | ContinueRequest | VaryRequest
Request = StatusRequest | MakingRequest | TakeRequest | ProgressRequest | CancelRequest

_REQUEST: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)


def decode_request_line(line: bytes) -> Request:
    """Read one line. Raises BadArgument with a sentence that does not repeat what was sent."""
    try:
        return _REQUEST.decode(line)
    except msgspec.ValidationError as error:
        # It tells of our own field names and types, and of nothing that was sent but a command.
        raise BadArgument(f"This request is not understood: {str(error)[:200]}.") from error
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadArgument("A request is one JSON object on one line, in UTF-8.") from error


def encode_answer(answer: Mapping[str, JsonValue]) -> bytes:
    """Return one line of JSON, newline included; a path's odd bytes stay escaped surrogates."""
    import json

    return json.dumps(answer, allow_nan=False).encode() + b"\n"


def options_of(request: MakingRequest) -> Options:
    """Return the request as the command line's options. Raises BadArgument."""
    options = Options(
        prompt=request.prompt or None,
        negative=request.negative or None,
        bpm=None if request.bpm is None else str(request.bpm),
        key=request.key,
        seed=request.seed,
        variations=request.variations,
        steps=request.steps,
        guidance=request.guidance,
    )
    match request:
        case GenerateRequest():
            options.command = "generate"
            options.bars, options.seconds = request.bars, request.seconds
            options.one_shot = request.one_shot
        case InpaintRequest():
            options.command = "inpaint"
            options.start, options.end = [str(request.start)], [str(request.end)]
        case ContinueRequest():
            options.command = "continue"
            options.bars, options.direction = request.bars, request.direction
            options.context_seconds = request.context_seconds
        case VaryRequest():
            options.command = "vary"
            options.strength = request.strength
    if not isinstance(request, GenerateRequest):
        options.source, options.downbeat = checked_source(request.source), request.downbeat
    return options


def checked_source(text: str) -> str:
    """Return a script's path of a sound file. Raises BadArgument for any roundabout one."""
    path = Path(text)
    if "\0" in text or not path.is_absolute() or ".." in path.parts:
        raise BadArgument("A source is given as an absolute path without “..”.")
    return text


def checked_take(name: str) -> str:
    """Return a take's id. Raises BadArgument where it is none, such as a path."""
    if not _TAKE_ID.fullmatch(name):
        raise BadArgument("A take is named by its id, as progress tells it.")
    return name
