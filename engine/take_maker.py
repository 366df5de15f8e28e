"""What the worker needs from a generator of takes: one request in, takes out one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.messages import Phase
from engine.request import GenerationRequest
from engine.take import TakeFacts

NativeSamples = npt.NDArray[np.int32] | npt.NDArray[np.float32] | npt.NDArray[np.float64]

#: Called as (take_index, phase, step, steps); may raise JobCancelled to stop at that point.
ProgressCallback = Callable[[int, Phase, int, int], None]


@dataclass(frozen=True)
class RenderedTake:
    """A take before it is stored. samples: (channels, frames) in the file's own numbers:
    int32 (left-justified, as libsndfile reads PCM) for PCM subtypes, else floats."""

    facts: TakeFacts
    samples: NativeSamples


class TakeMaker(Protocol):
    """Makes takes. One thread, one request at a time."""

    @property
    def model_version(self) -> str: ...

    @property
    def device(self) -> str: ...

    def make(
        self, request: GenerationRequest, on_progress: ProgressCallback
    ) -> Iterator[RenderedTake]:
        """Yield the takes of `request` as each is done. Raises AppError, JobCancelled."""
        ...
