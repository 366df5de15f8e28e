"""From options to a complete GenerationRequest: defaults, the prompt's own words, the source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypedDict

from engine.audio import FrameSpan
from engine.errors import BadArgument
from engine.key import Key
from engine.prompt import parse_prompt
from engine.request import GenerationRequest, SourceReference, Task
from engine.take import TakeFacts
from engine.tempo import Tempo
from plugin_bridge.command_line.engine_choice import DEFAULT_MODEL, check_model
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.prompt_defaults import DEFAULT_BARS, complete, fresh_seed
from plugin_bridge.command_line.recipes import read_recipe_file
from plugin_bridge.command_line.source import Grid, Source, find_grid, open_source
from plugin_bridge.command_line.spans import check_pairs, read_spans

DEFAULT_STRENGTH = 0.5
_NO_SOURCE = SourceReference("", "")
_NO_SPANS = (FrameSpan(0, 1),)


@dataclass(frozen=True)
class Order:
    """What is to be made. before: the take whose recipe is made again.

    source and grid: of a graft, as read and measured.
    """

    request: GenerationRequest
    before: TakeFacts | None = None
    source: Source | None = None
    grid: Grid | None = None


class _Common(TypedDict):
    """The fields that every task has an option for."""

    seed: int
    negative_prompt: str
    variations: int
    steps: int | None
    guidance_scale: float | None
    model: str


def build_order(options: Options) -> Order:
    """Return the complete order. Raises BadArgument, BadInputFile."""
    _check_texts(options)
    if options.command == Task.GENERATE:
        if options.source and not options.recipe:
            raise BadArgument("--source belongs to --recipe; leave it out, or give a recipe.")
        return _again(options) if options.recipe else Order(_generate(options))
    if options.command == Task.MORPH:
        return Order(_morph(options))
    return _graft(options)


def parse_tempo(text: str | None) -> Tempo | None:
    return None if text is None else Tempo.of(text)


def _common(options: Options) -> _Common:
    return _Common(
        seed=fresh_seed() if options.seed is None else options.seed,
        negative_prompt=options.negative or "",
        variations=1 if options.variations is None else options.variations,
        steps=options.steps,
        guidance_scale=options.guidance,
        model=check_model(options.model or DEFAULT_MODEL),
    )


def _generate(options: Options) -> GenerationRequest:
    if not (options.prompt or "").strip():
        raise BadArgument("There is no prompt; say what to make, such as “dusty drums, 84 bpm”.")
    if options.bars is not None and options.seconds is not None:
        raise BadArgument("Both --bars and --seconds are given; give one length.")
    draft = GenerationRequest(
        task=Task.GENERATE,
        prompt=options.prompt or "",
        bpm=_bpm(options),
        key=_key(options),
        bars=options.bars,
        seconds=options.seconds,
        one_shot=options.one_shot,
        **_common(options),
    )
    return complete(draft)


def _morph(options: Options) -> GenerationRequest:
    draft = GenerationRequest(
        task=Task.MORPH,
        prompt=options.from_prompt,
        to_prompt=options.to_prompt,
        bpm=_bpm(options),
        key=_key(options),
        bars=options.bars,
        **_common(options),
    )
    return complete(draft)


def _again(options: Options) -> Order:
    """Return a recipe's request; options that are given win over it."""
    recipe = read_recipe_file(options.recipe or "", options.source)
    given: dict[str, Any] = {
        "prompt": options.prompt,
        "negative_prompt": options.negative,
        "bpm": _bpm(options),
        "key": _key(options),
        "bars": options.bars,
        "seconds": options.seconds,
        "one_shot": options.one_shot or None,
        "seed": options.seed,
        "variations": options.variations,
        "steps": options.steps,
        "guidance_scale": options.guidance,
        "model": options.model,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    request = complete(replace(recipe.request, **changes))
    check_model(request.model)
    return Order(request, recipe.facts)


def _graft(options: Options) -> Order:
    task, tempo = Task(options.command), parse_tempo(options.bpm)
    if task is Task.INPAINT:
        check_pairs(options)
    # Everything that is wrong with the options alone is said before the file is read.
    draft = GenerationRequest(
        task=task,
        prompt=options.prompt or "",
        key=_key(options),
        bars=_bars_to_add(options) if task is Task.CONTINUE else None,
        strength=_strength(options) if task is Task.VARY else None,
        direction="backward" if options.direction == "backward" else "forward",
        context_seconds=options.context_seconds,
        candidates=options.candidates,
        source=_NO_SOURCE,
        spans=_NO_SPANS if task is Task.INPAINT else (),
        **_common(options),
    )
    source = open_source(options.source)
    grid = find_grid(source, tempo, options.downbeat)
    request = replace(
        draft,
        bpm=None if grid.tempo is None else float(grid.tempo),
        downbeat_frame=grid.downbeat_frame,
        source=source.reference,
        spans=read_spans(options, source, grid) if task is Task.INPAINT else (),
    )
    return Order(request, source=source, grid=grid)


def _bars_to_add(options: Options) -> int:
    if options.bars is not None:
        return options.bars
    return parse_prompt(options.prompt or "").bars or DEFAULT_BARS


def _strength(options: Options) -> float:
    return DEFAULT_STRENGTH if options.strength is None else options.strength


def _bpm(options: Options) -> float | None:
    tempo = parse_tempo(options.bpm)
    return None if tempo is None else float(tempo)


def _key(options: Options) -> Key | None:
    return None if options.key is None else Key.parse(options.key)


def _check_texts(options: Options) -> None:
    texts = (options.prompt, options.negative, options.from_prompt, options.to_prompt)
    for text in texts:
        if text and any("\ud800" <= character <= "\udfff" for character in text):
            raise BadArgument("The prompt has bytes that are no text; give it in UTF-8.")
