"""The takes of one order and where each of them is. No Qt."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from engine.messages import Phase, Progress
from engine.request import GenerationRequest, Task
from gui.state.clip import (
    LANE_LETTERS,
    NOT_PULLED,
    Clip,
    Lane,
    LaneState,
    PulledEdges,
    TakeFile,
)

#: How much of a take's time each phase is, roughly: the veil moves on without jumping back.
_PHASE_SHARES = {
    Phase.LOADING: (0.0, 0.0),
    Phase.READING: (0.0, 0.02),
    Phase.SAMPLING: (0.02, 0.8),
    Phase.DECODING: (0.82, 0.15),
    Phase.SAVING: (0.97, 0.03),
}


@dataclass(frozen=True)
class Batch:
    """One order: its job, what it grafts into (None for new audio), and its lanes.

    state: of the whole order. note: what the making is at, in words. sentence: why it failed.
    ordered_at: by the monotonic clock, in seconds.
    """

    job_id: str
    request: GenerationRequest
    title: str
    base: Clip | None = None
    lanes: tuple[Lane, ...] = ()
    state: LaneState = LaneState.WAITING
    note: str = ""
    share: float = 0.0
    seconds_left: float | None = None
    sentence: str = ""
    ordered_at: float = field(default_factory=time.monotonic)

    @classmethod
    def ordered(
        cls, job_id: str, request: GenerationRequest, title: str, base: Clip | None
    ) -> Batch:
        """Return a batch of which every take waits."""
        letters = LANE_LETTERS[: request.variations]
        lanes = tuple(Lane(letter, LaneState.WAITING) for letter in letters)
        return cls(job_id, request, title, base, lanes)

    @property
    def is_over(self) -> bool:
        return self.state not in (LaneState.WAITING, LaneState.MAKING)

    @property
    def may_have_takes(self) -> bool:
        """Whether there is a take, or may still be one."""
        is_ready = any(lane.state is LaneState.DONE for lane in self.lanes)
        return is_ready or self.state not in (LaneState.FAILED, LaneState.CANCELLED)

    @property
    def seconds(self) -> float:
        """How long ago it was ordered."""
        return time.monotonic() - self.ordered_at

    @property
    def lane_notes(self) -> tuple[str, ...]:
        """What the making of each lane is at, or why it failed, said once; empty where there is
        no more."""
        making = self.note.partition(" · ")[2]
        notes: list[str] = []
        for lane in self.lanes:
            note = lane.sentence or (making if lane.state is LaneState.MAKING else "")
            notes.append("" if lane.sentence and note in notes else note)
        return tuple(notes)

    @property
    def fault(self) -> str:
        """Why one of the takes is missing; empty where none failed."""
        return next((lane.sentence for lane in self.lanes if lane.sentence), "")

    @property
    def pulled(self) -> PulledEdges:
        """The edge that the order grows."""
        if self.request.task is not Task.CONTINUE:
            return NOT_PULLED
        bars = self.request.bars or 0
        return (
            PulledEdges(bars, 0) if self.request.direction == "backward" else PulledEdges(0, bars)
        )

    @property
    def best(self) -> Lane | None:
        """The lane that joins and fits best; None where there is nothing to choose from."""
        scored = [
            (lane.clip.standing, lane)
            for lane in self.lanes
            if lane.clip is not None and lane.clip.seam_score is not None
        ]
        return min(scored, key=lambda pair: pair[0])[1] if len(scored) > 1 else None

    def with_lane(self, index: int, lane: Lane) -> Batch:
        """Return the batch with another lane; takes beyond the letters have none."""
        if not 0 <= index < len(self.lanes):
            return self
        return replace(self, lanes=(*self.lanes[:index], lane, *self.lanes[index + 1 :]))

    def progressed(self, told: Progress) -> Batch:
        """Return the batch after news of the take that is being made."""
        start, width = _PHASE_SHARES[told.phase]
        inside = min(1.0, told.step / told.steps) if told.steps else 0.0
        in_take = start + width * inside
        share = (told.take_index + in_take) / max(1, told.takes)
        moved = replace(
            self,
            state=LaneState.MAKING,
            note=_words(told),
            share=max(self.share, share),
            seconds_left=told.seconds_left,
        )
        if not 0 <= told.take_index < len(self.lanes):
            return moved
        lane = self.lanes[told.take_index]
        if lane.state in (LaneState.DONE, LaneState.FAILED):
            return moved
        lane = replace(lane, state=LaneState.MAKING, progress=in_take)
        return moved.with_lane(told.take_index, lane)

    def finished(self, index: int, clip: Clip) -> Batch:
        """Return the batch with take `index` ready to be heard."""
        if not 0 <= index < len(self.lanes):
            return self
        file = None if clip.facts is None else TakeFile(clip.clip_id, clip.path, clip.facts)
        done = LaneState.DONE
        lane = replace(self.lanes[index], state=done, clip=clip, progress=1.0, file=file)
        return self.with_lane(index, lane)

    def missed(self, index: int, sentence: str) -> Batch:
        """Return the batch with no take `index`: what was made of it cannot be read."""
        if not 0 <= index < len(self.lanes):
            return self
        lane = replace(self.lanes[index], state=LaneState.FAILED, clip=None, sentence=sentence)
        return self.with_lane(index, lane)

    def without_audio(self) -> Batch:
        """Return the batch with its takes on the disk alone."""
        lanes = tuple(
            lane if lane.file is None else replace(lane, clip=None) for lane in self.lanes
        )
        return replace(self, lanes=lanes)

    def ended(self, state: LaneState, sentence: str = "") -> Batch:
        """Return the batch that is over; takes that are not ready share its end."""
        over = (LaneState.DONE, LaneState.FAILED)
        lanes = tuple(
            lane
            if lane.state in over
            else replace(lane, state=state, progress=0.0, sentence=sentence)
            for lane in self.lanes
        )
        if state is LaneState.DONE:
            lanes = self.lanes  # the last files may still be being read
        return replace(self, lanes=lanes, state=state, note="", share=1.0, sentence=sentence)


def _words(told: Progress) -> str:
    take = f"Take {told.take_index + 1}/{told.takes}"
    if told.phase is Phase.LOADING:
        return "Loading the model"
    if told.phase is Phase.SAMPLING and told.steps:
        return f"{take} · step {told.step}/{told.steps}"
    return f"{take} · {told.phase.value}"
