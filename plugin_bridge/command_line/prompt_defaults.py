"""What a request leaves open, from the prompt's own words, then from fixed defaults."""

from __future__ import annotations

import secrets
from dataclasses import replace

from engine.prompt import resolve_fields
from engine.request import GenerationRequest, Task

DEFAULT_BARS = 4
DEFAULT_BPM = 120.0
DEFAULT_ONE_SHOT_SECONDS = 1.0


def fresh_seed() -> int:
    """Return a new seed, short enough to be read aloud; any of 63 bits can be given."""
    return secrets.randbelow(2**31)


def complete(request: GenerationRequest) -> GenerationRequest:
    """Return a request for new audio with tempo and length said; grafts are left as they are."""
    if request.task not in (Task.GENERATE, Task.MORPH):
        return request
    said = resolve_fields(request.prompt)
    one_shot = request.one_shot
    bars, seconds = request.bars, request.seconds
    if one_shot and seconds is None:
        seconds = DEFAULT_ONE_SHOT_SECONDS
    if bars is None and seconds is None:
        bars = said.bars or DEFAULT_BARS
    return replace(
        request,
        bpm=request.bpm or (None if one_shot else said.bpm or DEFAULT_BPM),
        key=request.key or said.key,
        bars=bars,
        seconds=seconds,
    )
