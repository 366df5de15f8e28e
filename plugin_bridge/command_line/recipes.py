"""Recipes as files: in an exported WAV, as JSON, or as one line of a batch."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import cast

from engine.audio_files import read_source
from engine.display_name import display_name
from engine.errors import BadArgument, BadInputFile
from engine.input_file import open_regular_file
from engine.key import Key
from engine.request import GenerationRequest, SourceReference, Task, decode_request
from engine.take import TakeFacts, decode_take
from engine.tempo import Tempo
from engine.wav_file import read_recipe
from plugin_bridge.command_line.prompt_defaults import complete, fresh_seed
from plugin_bridge.command_line.source_search import SourceSearch

_LIMIT_BYTES = 1 << 20
_FIELDS = frozenset(field.name for field in fields(GenerationRequest))

JsonObject = dict[str, object]


@dataclass(frozen=True)
class Recipe:
    """A request to make again. facts: of the take it made before, None where it is only text."""

    request: GenerationRequest
    facts: TakeFacts | None = None


def read_recipe_file(path: str, source: str = "") -> Recipe:
    """Read the recipe of an exported WAV or of a JSON file; its source is where it lies here.

    source: the file that the recipe was grafted into, "" to look for it. Raises BadInputFile,
    BadArgument.
    """
    recipe = _read(path)
    request = SourceSearch.beside(path, source).complete(recipe.request)
    return replace(recipe, request=request)


def _read(path: str) -> Recipe:
    name = display_name(path)
    with open_regular_file(path) as file:
        data = file.read(_LIMIT_BYTES + 1)
    if data[:4] == b"RIFF":
        facts = read_recipe(path)
        if facts is None:
            raise BadInputFile(f"“{name}” carries no recipe; give a WAV that Loopgraft exported.")
        return Recipe(facts.request, facts)
    if len(data) > _LIMIT_BYTES:
        raise BadInputFile(f"“{name}” is no recipe: it has more than {_LIMIT_BYTES} bytes.")
    try:
        return _from_json(data, Path(path).absolute().parent)
    except BadArgument as error:
        raise BadInputFile(f"“{name}”: {error.sentence}", error.details) from error


def made_otherwise(before: TakeFacts, now: TakeFacts) -> str | None:
    """Say why a recipe that was made again need not sound as it did; None where it must."""
    if before.request.without_folders() != now.request.without_folders():  # that is heard, too
        return None
    was, is_now = _maker(before), _maker(now)
    if was == is_now:
        return None
    return f"The recipe was first made by {was}, now by {is_now}: the sound may differ."


def _maker(facts: TakeFacts) -> str:
    made_on = facts.runtime or facts.device
    return f"{facts.request.model} {facts.model_version} on {made_on}"


def parse_object(data: bytes | str) -> JsonObject:
    """Read one JSON object. Raises BadArgument."""
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadArgument("This is not JSON; a recipe is one JSON object.", str(error)) from error
    if not isinstance(value, dict):
        raise BadArgument("This is not a recipe, which is one JSON object.")
    return cast("JsonObject", value)


def request_from_object(value: JsonObject, folder: Path, seed: int) -> GenerationRequest:
    """Return the request of a whole or partial recipe: a prompt alone is enough.

    A key or a tempo may be text and a source a path, relative to `folder`; `seed` is taken
    where none is given. Raises BadArgument, BadInputFile.
    """
    unknown = sorted(value.keys() - _FIELDS)
    if unknown:
        raise BadArgument(f"A recipe has no field “{unknown[0][:40]}”; check its spelling.")
    whole = {"task": str(Task.GENERATE), "seed": seed, **value}
    if isinstance(key := whole.get("key"), str):
        parsed = Key.parse(key)
        whole["key"] = {"root": parsed.root, "mode": parsed.mode}
    if isinstance(bpm := whole.get("bpm"), str):
        whole["bpm"] = float(Tempo.of(bpm))
    if isinstance(source := whole.get("source"), str):
        reference = SourceReference.to(folder / source, read_source(folder / source).sha256)
        whole["source"] = {"path": reference.path, "sha256": reference.sha256}
    return complete(decode_request(json.dumps(whole)))


def _from_json(data: bytes, folder: Path) -> Recipe:
    value = parse_object(data)
    if "recipe" in value:  # what `analyze --json` prints
        value = _inner(value, "recipe")
    if "request" in value:
        facts: TakeFacts = decode_take(json.dumps(value))
        return Recipe(facts.request, facts)
    return Recipe(request_from_object(value, folder, fresh_seed()))


def _inner(value: JsonObject, name: str) -> JsonObject:
    inner = value[name]
    if not isinstance(inner, dict):
        raise BadArgument("This file carries no recipe.")
    return cast("JsonObject", inner)
