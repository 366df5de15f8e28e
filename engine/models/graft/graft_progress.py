"""How far a graft is: over its candidates, their canvases and the sampler's steps."""

from __future__ import annotations

from dataclasses import dataclass

from engine.messages import Phase
from engine.take_maker import ProgressCallback


@dataclass(frozen=True)
class GraftProgress:
    """Progress of one take over its candidates and their canvases. is_shown: its steps are told;
    else only that it is not over, because nobody had counted with it."""

    on_progress: ProgressCallback
    index: int
    canvas: int = 0
    canvases: int = 1
    candidate: int = 0
    candidates: int = 1
    is_shown: bool = True

    def sampling(self, done: int, total: int) -> None:
        self._tell(Phase.SAMPLING, done, total)

    def decoding(self, done: int, total: int) -> None:
        self._tell(Phase.DECODING, done, total)

    def _tell(self, phase: Phase, done: int, total: int) -> None:
        if not self.is_shown:
            self.on_progress(self.index, Phase.DECODING, total, total)
            return
        number = self.candidate * self.canvases + self.canvas
        every = self.candidates * self.canvases * total
        self.on_progress(self.index, phase, number * total + done, every)
