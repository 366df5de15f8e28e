"""What was understood of a prompt, as a person and as a program read it."""

from __future__ import annotations

from engine.display_name import display_text
from engine.prompt import parse_prompt
from engine.prompt_notes import Conflict, conflicts, remarks, understood
from engine.request import GRAFTING_TASKS, GenerationRequest
from engine.take import TakeFacts
from plugin_bridge.command_line.console import JsonValue
from plugin_bridge.command_line.options import Options


def notes(request: GenerationRequest, options: Options) -> list[str]:
    """Return a sentence on all that was asked in the prompt's words and is done otherwise."""
    found = [_sentence(conflict, request, options) for conflict in conflicts(request)]
    for prompt in (request.prompt, request.to_prompt, request.negative_prompt):
        found += [display_text(remark) for remark in remarks(prompt)]
    return list(dict.fromkeys(found))


def understood_line(facts: TakeFacts) -> str | None:
    """Return what was understood of a take's prompt; None where it had none."""
    if not facts.request.prompt.strip():
        return None
    words = understood(facts.request.prompt, facts.guessed_family)
    if not words:
        return "understood: no instrument, style, key, tempo or length; the words alone steer"
    return f"understood: {', '.join(words)}"


def understood_json(facts: TakeFacts) -> dict[str, JsonValue]:
    """Return the facts that the prompt's words say; None: not said."""
    said = parse_prompt(facts.request.prompt)
    return {
        "family": facts.guessed_family or said.family,
        "family_is_guessed": facts.guessed_family is not None,
        "style": said.style,
        "key": None if said.key is None else said.key.name,
        "bpm": said.bpm,
        "bars": said.bars,
        "seconds": said.seconds,
        "one_shot": said.one_shot,
    }


def _sentence(conflict: Conflict, request: GenerationRequest, options: Options) -> str:
    says = f"The prompt says {conflict.said};"
    is_given = getattr(options, conflict.field, None) not in (None, False)
    if is_given:
        option = conflict.field.replace("_", "-")
        return f"{says} {conflict.used} was asked with --{option} and is used."
    if conflict.field == "bpm" and request.task in GRAFTING_TASKS:
        return f"{says} the source's {conflict.used} is kept."
    return f"{says} {conflict.used} is used."
