"""Progress of one job: how often it is told, and how long is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.messages import Phase, Progress

#: Screens draw at 60 Hz; telling more often only costs.
MIN_INTERVAL_SECONDS = 1 / 60

_PHASES = tuple(Phase)


class TimeLeft:
    """Estimates the seconds left from the job's own pace."""

    def __init__(self, takes_left: int) -> None:
        self._takes_left = takes_left
        self._take_index: int | None = None
        self._phase: Phase | None = None
        self._take_began = self._phase_began = 0.0
        self._first_step = 0
        self._phase_seconds: dict[Phase, float] = {}
        self._take_seconds: float | None = None

    def update(self, take_index: int, phase: Phase, step: int, steps: int) -> float | None:
        """Return the seconds left after this step, None before the pace is known."""
        now = time.monotonic()
        self._enter(take_index, phase, step, now)
        if step <= self._first_step:
            return None
        pace = (now - self._phase_began) / (step - self._first_step)
        in_take = pace * max(0, steps - step) + self._later_phases(phase)
        per_take = self._take_seconds or (now - self._take_began + in_take)
        return in_take + per_take * max(0, self._takes_left - 1)

    def _enter(self, take_index: int, phase: Phase, step: int, now: float) -> None:
        if take_index == self._take_index and phase is self._phase:
            return
        if self._phase is not None:
            self._phase_seconds[self._phase] = now - self._phase_began
        if take_index != self._take_index:
            if self._take_index is not None:
                self._take_seconds = now - self._take_began
                self._takes_left -= 1
            self._take_began = now
        self._take_index, self._phase = take_index, phase
        self._phase_began, self._first_step = now, step

    def _later_phases(self, phase: Phase) -> float:
        later = _PHASES[_PHASES.index(phase) + 1 :]
        return sum(self._phase_seconds.get(other, 0.0) for other in later)


@dataclass(frozen=True)
class _Told:
    take_index: int
    phase: Phase
    at: float


class ProgressTeller:
    """Sends a job's progress: every first and last step, and others at most 60 times a second."""

    def __init__(
        self, job_id: str, takes: int, first_take: int, send: Callable[[Progress], None]
    ) -> None:
        self._job_id = job_id
        self._takes = takes
        self._send = send
        self._time_left = TimeLeft(takes - first_take)
        self._told: _Told | None = None

    def tell(self, take_index: int, phase: Phase, step: int, steps: int) -> None:
        """Report one step. take_index counts all takes of the job."""
        seconds_left = self._time_left.update(take_index, phase, step, steps)
        if not self._is_due(take_index, phase, step, steps):
            return
        self._told = _Told(take_index, phase, time.monotonic())
        self._send(
            Progress(self._job_id, take_index, self._takes, phase, step, steps, seconds_left)
        )

    def _is_due(self, take_index: int, phase: Phase, step: int, steps: int) -> bool:
        told = self._told
        if told is None or (told.take_index, told.phase) != (take_index, phase):
            return True
        return step >= steps or time.monotonic() - told.at >= MIN_INTERVAL_SECONDS
