"""One job from order to end: progress shown, takes handed on, Ctrl+C heard."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Generator
from types import FrameType

from engine.errors import (
    AppError,
    BadArgument,
    BadInputFile,
    JobCancelled,
    ModelProblem,
    WriteProblem,
)
from engine.messages import JobCancelledMessage, JobDone, JobFailed, Progress, Ready, TakeDone
from engine.request import GenerationRequest
from plugin_bridge.command_line.console import Console
from plugin_bridge.engine_link import EngineLink, Events, Interrupted, LinkEvent, LinkLost
from plugin_bridge.serve_messages import Restarting

_ERRORS: dict[int, type[AppError]] = {
    kind.exit_code: kind
    for kind in (WriteProblem, BadArgument, BadInputFile, ModelProblem, JobCancelled)
}


class EngineLost(ModelProblem):
    """The server that made the takes is gone: no further job can be done over this link."""


def run_job(
    link: EngineLink,
    request: GenerationRequest,
    console: Console,
    on_take: Callable[[TakeDone], None],
) -> None:
    """Make the takes of `request`; `on_take` is called with each.

    A Ctrl+C that comes too late for this job still ends what comes after it.

    Raises what the engine met: ModelProblem, BadInputFile, …; JobCancelled after Ctrl+C, whose
    second press ends the process at once.
    """
    job = _Job(console, on_take)
    with _interrupts_as_events(link.events):
        job_id = link.submit(request)
        console.progress.show("starting the engine")
        while True:
            event = link.events.get()
            if isinstance(event, Interrupted):
                console.progress.show("stopping; press Ctrl+C again to leave at once")
                link.cancel(job_id)
            elif getattr(event, "job_id", job_id) == job_id and job.take(event):
                return


class _Job:
    def __init__(self, console: Console, on_take: Callable[[TakeDone], None]) -> None:
        self._console = console
        self._on_take = on_take

    def take(self, event: LinkEvent) -> bool:
        """Act on an event; returns whether the job is done."""
        match event:
            case Progress():
                self._console.progress.show(progress_text(event), _fraction(event))
            case TakeDone():
                self._on_take(event)
            case JobFailed():
                kind = _ERRORS.get(event.exit_code, ModelProblem)
                raise kind(event.sentence, event.details)
            case JobCancelledMessage():
                raise JobCancelled
            case LinkLost():
                raise EngineLost(
                    "The engine server ended while it made this take; run the command again."
                )
            case Restarting(reason=reason):
                self._console.progress.show(f"the engine starts again, because {reason}")
            case Ready() | Interrupted():
                pass
            case JobDone():
                return True
        return False


def progress_text(progress: Progress) -> str:
    """Return how far a job is, in words."""
    parts: list[str] = []
    if progress.takes > 1:
        parts.append(f"take {progress.take_index + 1}/{progress.takes}")
    parts.append(str(progress.phase))
    if progress.steps:
        parts.append(f"step {progress.step}/{progress.steps}")
    if progress.seconds_left is not None:
        parts.append(f"{progress.seconds_left:.0f} s left")
    return " · ".join(parts)


def _fraction(progress: Progress) -> float:
    within = progress.step / progress.steps if progress.steps else 0.0
    return (progress.take_index + within) / max(1, progress.takes)


@contextlib.contextmanager
def _interrupts_as_events(events: Events) -> Generator[None]:
    pressed = False

    def press(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            os._exit(JobCancelled.exit_code)
        pressed = True
        events.put(Interrupted())  # SimpleQueue.put is safe in a signal handler

    before = signal.signal(signal.SIGINT, press)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise JobCancelled
