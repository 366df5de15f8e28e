"""From what is selected and what the form says to a complete request. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from engine.audio import FrameSpan
from engine.errors import BadArgument
from engine.key import Key
from engine.request import GenerationRequest, SourceReference, Task
from engine.tempo import Tempo
from gui.state.clip import NOT_PULLED, Clip, PulledEdges
from plugin_bridge.command_line.prompt_defaults import complete, fresh_seed

DEFAULT_STRENGTH = 0.5
DEFAULT_CONTEXT_BARS = 2
MOST_TAKES = 8


class Intent(Enum):
    """What Return will do; follows from what is selected, or is chosen."""

    NEW = "New"
    INPAINT = "Inpaint"
    EXTEND = "Extend"
    VARY = "Vary"
    MORPH = "Morph"


@dataclass(frozen=True)
class Ask:
    """What the form says. None: not said. context_bars: how much of the source is listened to.
    seconds: a length in place of bars. one_shot: a single sound, no loop."""

    prompt: str = ""
    to_prompt: str = ""
    bpm: str = ""
    bars: int | None = None
    seconds: float | None = None
    one_shot: bool = False
    key: Key | None = None
    takes: int = 4
    context_bars: int = DEFAULT_CONTEXT_BARS
    strength: float = DEFAULT_STRENGTH
    model: str = "graft"
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    avoid: str = ""


@dataclass(frozen=True)
class Target:
    """What is grafted into: the shown sound, its file's digest, and what is selected in it."""

    clip: Clip
    sha256: str
    spans: tuple[FrameSpan, ...] = ()
    pulled: PulledEdges = NOT_PULLED


def intent_for(
    clip: Clip | None, spans: tuple[FrameSpan, ...], pulled: PulledEdges, take_chosen: bool
) -> Intent:
    """Return what follows from the selection: nothing, a region, a pulled edge or a take."""
    if clip is None:
        return Intent.NEW
    if pulled:
        return Intent.EXTEND
    if spans:
        return Intent.INPAINT
    return Intent.VARY if take_chosen else Intent.NEW


def button_text(intent: Intent, ask: Ask, pulled: PulledEdges) -> str:
    """Return what the green button will do, in words."""
    takes = f"{ask.takes} take" + ("" if ask.takes == 1 else "s")
    if intent is Intent.INPAINT:
        return f"Graft {takes}"
    if intent is Intent.EXTEND:
        bars = pulled.left_bars or pulled.right_bars
        where = "before" if pulled.left_bars else "after"
        return f"Grow {bars or '…'} bar{'' if bars == 1 else 's'} {where}, {takes}"
    return {Intent.VARY: "Vary", Intent.MORPH: "Morph"}.get(intent, "Make") + f" {takes}"


def missing(intent: Intent, ask: Ask, target: Target | Clip | None, spans: bool) -> str | None:
    """Return one sentence on what is still needed before Return does anything; None: nothing."""
    if intent is Intent.NEW and not ask.prompt.strip():
        return "Say what to make, such as “dusty lo-fi drums, 84 bpm”."
    if intent is Intent.MORPH and not (ask.prompt.strip() and ask.to_prompt.strip()):
        return "A morph needs two prompts: what it starts as, and what it becomes."
    if intent not in (Intent.NEW, Intent.MORPH) and target is None:
        return "Drop a loop on the window first, or make one with New."
    if intent is Intent.INPAINT and not spans:
        return "Sweep a region on the waveform first: that is what is made again."
    return None


def build_request(intent: Intent, ask: Ask, target: Target | None) -> GenerationRequest:
    """Return the request of an intent. Raises BadArgument with a sentence for the user."""
    if intent is Intent.NEW or intent is Intent.MORPH:
        return _new(intent, ask)
    if target is None:
        raise BadArgument("Drop a loop on the window first, or make one with New.")
    return _graft(intent, ask, target)


def _new(intent: Intent, ask: Ask) -> GenerationRequest:
    return complete(
        GenerationRequest(
            task=Task.MORPH if intent is Intent.MORPH else Task.GENERATE,
            seed=_seed(ask),
            prompt=ask.prompt.strip(),
            to_prompt=ask.to_prompt.strip() if intent is Intent.MORPH else "",
            negative_prompt=ask.avoid.strip(),
            bpm=_bpm(ask),
            bars=None if ask.one_shot or ask.seconds is not None else ask.bars,
            seconds=ask.seconds,
            one_shot=ask.one_shot and intent is Intent.NEW,
            key=ask.key,
            variations=ask.takes,
            steps=ask.steps,
            guidance_scale=ask.guidance,
            model=ask.model,
        )
    )


_TASKS = {Intent.INPAINT: Task.INPAINT, Intent.EXTEND: Task.CONTINUE, Intent.VARY: Task.VARY}


def _graft(intent: Intent, ask: Ask, target: Target) -> GenerationRequest:
    clip, pulled = target.clip, target.pulled
    if intent is Intent.EXTEND and not pulled:
        raise BadArgument("Pull an edge of the waveform out first, with the mouse or [ and ].")
    return GenerationRequest(
        task=_TASKS[intent],
        seed=_seed(ask),
        prompt=ask.prompt.strip(),
        negative_prompt=ask.avoid.strip(),
        bpm=clip.tempo_bpm,
        signature=clip.signature,
        downbeat_frame=None if clip.tempo_bpm is None else clip.downbeat_frame,
        bars=(pulled.left_bars or pulled.right_bars) if intent is Intent.EXTEND else None,
        direction="backward" if pulled.left_bars else "forward",
        key=ask.key,
        variations=ask.takes,
        steps=ask.steps,
        guidance_scale=ask.guidance,
        model=ask.model,
        source=SourceReference.to(clip.path, target.sha256),
        spans=target.spans if intent is Intent.INPAINT else (),
        context_seconds=context_seconds(clip, ask.context_bars),
        strength=ask.strength if intent is Intent.VARY else None,
    )


def context_seconds(clip: Clip, bars: int) -> float:
    """Return how many seconds of the source are listened to; 0.1 to 60."""
    seconds = clip.bars_in_frames(bars) / clip.sample_rate
    return min(60.0, max(0.1, seconds))


def _bpm(ask: Ask) -> float | None:
    return float(Tempo.of(ask.bpm.replace(",", "."))) if ask.bpm.strip() else None


def _seed(ask: Ask) -> int:
    return fresh_seed() if ask.seed is None else ask.seed


def ask_of(request: GenerationRequest) -> Ask:
    """Return what a form would have said to get this request."""
    return Ask(
        prompt=request.prompt,
        to_prompt=request.to_prompt,
        bpm="" if request.bpm is None else f"{request.bpm:g}",
        bars=request.bars,
        seconds=request.seconds,
        one_shot=request.one_shot,
        key=request.key,
        takes=1,
        model=request.model,
        seed=request.seed if request.seed < 2**31 else None,
        steps=request.steps,
        guidance=request.guidance_scale,
        avoid=request.negative_prompt,
    )
