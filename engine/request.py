"""A generation as plain data: everything about it, frozen, versioned, with a concrete seed."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec

from engine.audio import FrameSpan
from engine.errors import BadArgument
from engine.key import Key
from engine.tempo import BARS_RANGE, COMMON_TIME, Tempo, TimeSignature

REQUEST_VERSION = 1
SEED_LIMIT = 2**63
STEPS_RANGE = (1, 200)
GUIDANCE_RANGE = (0.0, 15.0)
SECONDS_RANGE = (0.2, 60.0)
VARIATIONS_RANGE = (1, 64)
CANDIDATES_RANGE = (1, 16)
PROMPT_LIMIT_CHARACTERS = 2000

_URI = "file:"
_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]|\\\\")

Direction = Literal["forward", "backward"]


class Task(StrEnum):
    GENERATE = "generate"
    INPAINT = "inpaint"
    CONTINUE = "continue"
    VARY = "vary"
    MORPH = "morph"
    LOOP = "loop"


GRAFTING_TASKS = (Task.INPAINT, Task.CONTINUE, Task.VARY, Task.LOOP)


@dataclass(frozen=True)
class SourceReference:
    """The user's file that is grafted into, pinned by content. sha256: 64 hex digits.

    path: absolute; in files that are given away the name alone, because folders name people. A
    file: URI where it is no UTF-8, which JSON could not carry.
    """

    path: str
    sha256: str

    @classmethod
    def to(cls, location: Path, sha256: str) -> SourceReference:
        """Refer to a file by its absolute path."""
        return cls(_path_text(location.absolute()), sha256)

    def without_folder(self) -> SourceReference:
        """Return the same reference with the file's name alone."""
        return SourceReference(_path_text(Path(self.name)), self.sha256)

    @property
    def location(self) -> Path:
        """Return the file's path, to open it; its name alone where no more is known."""
        if not self.path.startswith(_URI):
            return Path(self.path)
        path = self.path.removeprefix(_URI).removeprefix("//")
        return Path(os.fsdecode(unquote_to_bytes(path)))

    @property
    def name(self) -> str:
        """Return the file's name, also of a path that another system wrote."""
        text = str(self.location)
        kind = PureWindowsPath if _WINDOWS_PATH.match(text) else PurePosixPath
        return kind(text).name


def _path_text(path: Path) -> str:
    """Return a path as text that JSON can carry."""
    text = str(path)
    is_text = not any("\udc80" <= character <= "\udcff" for character in text)
    if is_text and not text.startswith(_URI):
        return text
    quoted = quote_from_bytes(os.fsencode(path))
    return f"{_URI}//{quoted}" if path.is_absolute() else f"{_URI}{quoted}"


@dataclass(frozen=True)
class GenerationRequest:
    """One order for takes. Spans are frames of the source, at the source's own rate.

    `bpm` None on a grafting task means: use the tempo measured in the source.
    `downbeat_frame` is where bar 1 starts in the source (None: measured).
    `bars` is the length for generate and morph, and the length added by continue.
    `strength` (0-1) is how far vary goes: 1 starts from noise alone.
    Take i of `variations` uses seed + i. `candidates` is how many are made for each take of a
    graft, of which the best is the take; None: a second one only where the first does not fit.
    """

    task: Task
    seed: int
    prompt: str = ""
    negative_prompt: str = ""
    to_prompt: str = ""
    bpm: float | None = None
    signature: TimeSignature = COMMON_TIME
    bars: int | None = None
    seconds: float | None = None
    one_shot: bool = False
    key: Key | None = None
    variations: int = 1
    steps: int | None = None
    guidance_scale: float | None = None
    model: str = "graft"
    source: SourceReference | None = None
    spans: tuple[FrameSpan, ...] = ()
    downbeat_frame: int | None = None
    direction: Direction = "forward"
    context_seconds: float | None = None
    strength: float | None = None
    candidates: int | None = None
    version: int = REQUEST_VERSION

    def __post_init__(self) -> None:
        _check_numbers(self)
        _check_task(self)

    @property
    def tempo(self) -> Tempo | None:
        return None if self.bpm is None else Tempo.of(self.bpm)

    def take(self, index: int) -> GenerationRequest:
        """Return the request that makes take `index` alone: its recipe."""
        return replace(self, seed=self.seed + index, variations=1)

    def without_folders(self) -> GenerationRequest:
        """Return the request as it is given away: its source by name, not by whole path."""
        if self.source is None:
            return self
        return replace(self, source=self.source.without_folder())

    def candidate_seed(self, number: int) -> int:
        """Return the seed of candidate `number`: the take's own for the first, then others that
        no neighbouring take uses."""
        if number == 0:
            return self.seed
        digest = hashlib.sha256(f"{self.seed} {number}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % SEED_LIMIT

    @property
    def digest(self) -> str:
        """Return 64 hex digits that name what is asked for, wherever the source's file lies."""
        content = self
        if self.source is not None:
            content = replace(self, source=replace(self.source, path=""))
        return hashlib.sha256(encode_request(content)).hexdigest()


def encode_request(request: GenerationRequest) -> bytes:
    """Return the request as canonical JSON (sorted keys)."""
    return msgspec.json.encode(request, order="sorted")


def decode_request(data: bytes | str) -> GenerationRequest:
    """Read a request. Raises BadArgument when it is no request or a newer version."""
    try:
        version = msgspec.json.decode(data, type=_Versioned).version
        if version > REQUEST_VERSION:
            raise BadArgument(
                f"This recipe has version {version}, but this Loopgraft reads up to "
                f"{REQUEST_VERSION}; update Loopgraft to use it."
            )
        return msgspec.json.decode(data, type=GenerationRequest)
    except msgspec.MsgspecError as error:
        if isinstance(error.__cause__, BadArgument):
            raise error.__cause__ from error
        raise BadArgument("This is not a Loopgraft recipe.", str(error)) from error
    except (RecursionError, UnicodeEncodeError) as error:
        raise BadArgument("This is not a Loopgraft recipe.", str(error)) from error


@dataclass(frozen=True)
class _Versioned:
    version: int = REQUEST_VERSION


def _within(value: float, limits: tuple[float, float], what: str, unit: str) -> None:
    low, high = limits
    if not low <= value <= high:  # NaN fails too
        raise BadArgument(f"{what} of {value:g}{unit} is outside {low:g} to {high:g}{unit}.")


def _check_numbers(request: GenerationRequest) -> None:
    _ = request.tempo
    checked: tuple[tuple[float | None, tuple[float, float], str, str], ...] = (
        (request.bars, BARS_RANGE, "A length", " bars"),
        (request.seconds, SECONDS_RANGE, "A length", " s"),
        (request.steps, STEPS_RANGE, "A number of steps", ""),
        (request.guidance_scale, GUIDANCE_RANGE, "A guidance scale", ""),
        (request.strength, (0.0, 1.0), "A strength", ""),
        (request.context_seconds, (0.1, 60.0), "A context", " s"),
        (request.candidates, CANDIDATES_RANGE, "A number of candidates", ""),
    )
    for value, limits, what, unit in checked:
        if value is not None:
            _within(value, limits, what, unit)
    _within(request.variations, VARIATIONS_RANGE, "A number of takes", "")
    if not 0 <= request.seed <= SEED_LIMIT - request.variations:
        raise BadArgument(f"A seed of {request.seed} is outside 0 to 2^63 - 1.")
    for text in (request.prompt, request.negative_prompt, request.to_prompt):
        if len(text) > PROMPT_LIMIT_CHARACTERS:
            raise BadArgument(
                f"The prompt has {len(text)} characters, more than {PROMPT_LIMIT_CHARACTERS}; "
                "shorten it."
            )


def _check_task(request: GenerationRequest) -> None:
    if request.task in GRAFTING_TASKS and request.source is None:
        raise BadArgument(f"The task {request.task} needs a source file.")
    if request.task not in GRAFTING_TASKS and request.candidates is not None:
        raise BadArgument(
            f"The task {request.task} has no candidates, which are for grafts; leave them out."
        )
    if request.task is Task.INPAINT and not request.spans:
        raise BadArgument("Inpainting needs at least one span; give a start and an end.")
    if request.task is Task.CONTINUE and request.bars is None:
        raise BadArgument("Continuing needs a number of bars; give 1 to 64.")
    if request.task is Task.MORPH and not (request.prompt and request.to_prompt):
        raise BadArgument("A morph needs two prompts; give one to start from and one to reach.")
    if request.one_shot and request.bars is not None:
        raise BadArgument("A one-shot has no bars; give its length in seconds.")
