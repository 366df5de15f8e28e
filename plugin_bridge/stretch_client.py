"""The app's side of stretching: a block in, a stretched block out, by a process of its own."""

from __future__ import annotations

import itertools
import logging
import queue
import time

import msgspec
import numpy as np

from engine.audio import FloatArray
from engine.child_process import ChildPlan, ChildProcess, child_environment, module_command
from engine.errors import AppError
from plugin_bridge.audio_blocks import SampleBlock
from plugin_bridge.slots import CHANNELS
from plugin_bridge.stretch import Bend
from plugin_bridge.stretch_messages import StretchOrder, decode_done, encode_stretch

_log = logging.getLogger(__name__)

_MODULE = "plugin_bridge.stretch_process"
#: A minute of stereo takes about 3 s on one core; a busy machine is given time.
_DEADLINE_SECONDS = 60.0
_FLUSH_SECONDS = 0.05
_END_SECONDS = 1.0


class StretchProblem(AppError):
    """Audio could not be stretched to another tempo."""


class StretchClient:
    """Starts the process at the first order and again after a failure. One thread, but for
    `give_up`."""

    def __init__(self) -> None:
        self._child: ChildProcess[StretchOrder] | None = None
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._is_given_up = False

    def stretch(self, samples: FloatArray, sample_rate: int, how: Bend) -> SampleBlock:
        """Return float32 (2, round(frames x ratio)) in a block of the caller's. Blocks.

        Raises StretchProblem, WriteProblem.
        """
        source = SampleBlock(samples)
        result = SampleBlock(np.zeros((CHANNELS, how.place(source.frames)), np.float32))
        try:
            self._ask(_order(next(self._numbers), source, result, sample_rate, how))
        except StretchProblem:
            result.close()
            raise
        finally:
            source.close()
        return result

    def give_up(self) -> None:
        """Have the present order fail at once, and every later one. Any thread."""
        self._is_given_up = True

    def close(self) -> None:
        """End the process. Again is no fault."""
        child, self._child = self._child, None
        if child is not None:
            child.close_input()
            child.end(_END_SECONDS)
            child.stderr_tail()

    def _ask(self, order: StretchOrder) -> None:
        problem = self._answer(order)
        if problem:
            self.close()
            raise StretchProblem(
                "The audio could not be stretched to the new tempo; it plays on in its own.",
                problem,
            )

    def _answer(self, order: StretchOrder) -> str:
        """Return why there is no result, "" when there is."""
        try:
            child = self._running()
        except OSError as error:
            return str(error)
        child.send(order)
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline and not self._is_given_up:
            child.flush()
            try:
                line = self._lines.get(timeout=_FLUSH_SECONDS)
            except queue.Empty:
                continue
            if line is None:
                return "it ended by itself"
            try:
                return decode_done(line).problem
            except msgspec.MsgspecError as error:
                return str(error)
        return "it took too long"

    def _running(self) -> ChildProcess[StretchOrder]:
        if self._child is None:
            self._lines = lines = queue.SimpleQueue()
            plan = ChildPlan[StretchOrder](
                name="stretch",
                command=tuple(module_command(_MODULE)),
                encode=encode_stretch,
                environment=child_environment(),
            )
            self._child = ChildProcess(plan, lambda _child, line: lines.put(line))
        return self._child


def _order(
    number: int, source: SampleBlock, result: SampleBlock, sample_rate: int, how: Bend
) -> StretchOrder:
    return StretchOrder(
        number,
        source.name,
        source.frames,
        sample_rate,
        result.name,
        result.frames,
        how.ratio.as_integer_ratio(),
        how.frames_per_beat.as_integer_ratio(),
        how.downbeat.as_integer_ratio(),
    )
