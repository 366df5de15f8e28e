"""What a request leaves open, from the prompt's own words, then from fixed defaults."""

from __future__ import annotations

import secrets
from dataclasses import replace

from engine.prompt import resolve_fields
from engine.request import GenerationRequest, Task
from engine.tempo import COMMON_TIME, TimeSignature

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
    said = resolve_fields(request)
    one_shot = said.one_shot is True and request.task is Task.GENERATE
    bars, seconds = (None if one_shot else said.bars), said.seconds
    if bars is None and seconds is None:
        bars, seconds = (None, DEFAULT_ONE_SHOT_SECONDS) if one_shot else (DEFAULT_BARS, None)
    return replace(
        request,
        bpm=said.bpm or (None if one_shot else DEFAULT_BPM),
        key=said.key,
        signature=_signature(request, said.beats_per_bar),
        bars=bars,
        seconds=seconds,
        one_shot=one_shot,
    )


def _signature(request: GenerationRequest, beats_per_bar: int | None) -> TimeSignature:
    """Return the request's own metre, else the prompt's."""
    if beats_per_bar is None or request.signature != COMMON_TIME:
        return request.signature
    return TimeSignature(beats_per_bar, request.signature.beat_unit)
