"""The processes that measure: one thread each, the model loaded once, progress told."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.pool import Pool
from pathlib import Path
from typing import TypeVar

from engine.models.graft.backend import GraftMaker
from engine.models.graft.model import load_model
from engine.training.dataset import LatentItem
from engine.training.train_denoiser import read_items

T = TypeVar("T")
R = TypeVar("R")

#: Seconds between two lines of progress.
TELL_SECONDS = 15.0


@dataclass(frozen=True)
class Place:
    """Where everything lies. weights: the folder with the card. work: the folder with shards.
    recordings: a folder of real recordings."""

    weights: Path
    work: Path
    recordings: Path


class Tools:
    """What each process has at hand, loaded when it is first needed."""

    def __init__(self, place: Place) -> None:
        self.place = place

    @cached_property
    def maker(self) -> GraftMaker:
        return GraftMaker(load_model("cpu", 1, self.place.weights))

    @cached_property
    def held_out(self) -> list[LatentItem]:
        return read_items(self.place.work / "held_out")


_at_hand: list[Tools] = []


def tools() -> Tools:
    """Return this process's tools. Only inside a job of a Crew."""
    return _at_hand[0]


def _take_tools(place: Place) -> None:
    _at_hand[:] = [Tools(place)]


class Crew:
    """A pool of spawned processes; use as a context manager. One job at a time."""

    def __init__(self, place: Place, workers: int, count: int) -> None:
        self.place = place
        self.workers = workers
        #: How many prompts are asked; other bars scale with it.
        self.count = count
        self._pool: Pool | None = None

    def __enter__(self) -> Crew:
        context = multiprocessing.get_context("spawn")
        self._pool = context.Pool(self.workers, _take_tools, (self.place,))
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()

    def each(self, what: str, job: Callable[[T], R], tasks: Sequence[T]) -> list[R]:
        """Do the job on every task and return the results in order. what: for the progress.

        Raises RuntimeError outside the context, and whatever a job raises.
        """
        if self._pool is None:
            raise RuntimeError("A crew works only inside its with block.")
        begun = told = time.monotonic()
        results: list[R] = []
        for result in self._pool.imap(job, tasks):
            results.append(result)
            now = time.monotonic()
            if now - told >= TELL_SECONDS or len(results) == len(tasks):
                told = now
                print(f"{what}: {len(results)} of {len(tasks)}, {now - begun:.0f} s", flush=True)
        return results
