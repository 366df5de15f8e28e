"""Which frames of a take the engine made, in this graft and in those before it. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from engine.audio import FrameSpan, merge_spans
from engine.errors import BadInputFile
from engine.request import GRAFTING_TASKS, Task
from engine.take import TakeFacts
from engine.wav_file import read_recipe
from gui.state.clip import Clip
from gui.state.digest import has_sha256

#: Grafts into grafts that are looked back through; nobody means more.
_MOST_STEPS = 64


@dataclass(frozen=True)
class Provenance:
    """grafted: what the engine made. is_known: whether the rest is known to be the user's own."""

    grafted: tuple[FrameSpan, ...]
    is_known: bool = True


def grafted_spans(facts: TakeFacts) -> tuple[FrameSpan, ...]:
    """Return what the engine made last: the grafts, or all of what had no source."""
    if facts.grafted or facts.request.task in GRAFTING_TASKS:
        return facts.grafted
    return (FrameSpan(0, facts.frames),)


def made_last(clip: Clip) -> Clip:
    """Return the clip with what its own order made as its grafts, earlier ones left out."""
    return clip if clip.facts is None else replace(clip, grafted=grafted_spans(clip.facts))


def provenance(facts: TakeFacts) -> Provenance:
    """Look back through the takes that a take was grafted into, to the user's own sound.

    A source that is gone or was changed tells nothing, so that the rest is not known. Reads
    files: not for the UI thread. Never raises.
    """
    spans, shift, step = merge_spans(grafted_spans(facts)), 0, facts
    for _ in range(_MOST_STEPS):
        source = step.request.source
        if source is None or _is_whole(spans, facts.frames):
            return Provenance(spans)
        if not has_sha256(source.location, source.sha256):
            return Provenance(spans, is_known=False)
        try:
            before = read_recipe(Path(source.location))
        except BadInputFile:
            return Provenance(spans, is_known=False)
        if before is None:
            return Provenance(spans)
        shift += step.frames - before.frames if _grows_backward(step) else 0
        spans = _joined(spans, grafted_spans(before), shift, facts.frames)
        step = before
    return Provenance(spans, is_known=False)


def _joined(
    spans: tuple[FrameSpan, ...], earlier: tuple[FrameSpan, ...], shift: int, frames: int
) -> tuple[FrameSpan, ...]:
    moved = (FrameSpan(span.start + shift, span.stop + shift) for span in earlier)
    return merge_spans((*spans, *(span.within(frames) for span in moved if span.start < frames)))


def _is_whole(spans: tuple[FrameSpan, ...], frames: int) -> bool:
    return len(spans) == 1 and spans[0].start <= 0 and spans[0].stop >= frames


def _grows_backward(facts: TakeFacts) -> bool:
    request = facts.request
    return request.task is Task.CONTINUE and request.direction == "backward"
