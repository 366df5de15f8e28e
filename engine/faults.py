"""Faults on order: the worker's test seam, armed by `--fault=NAME@WHEN`.

WHEN is a phase and the n-th progress event in it, counted over the worker's life: `sampling:3`,
`decoding` (the first), or a bare number, which counts sampling steps.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

import numpy as np

from engine.errors import BadArgument
from engine.messages import Phase
from engine.take_maker import NativeSamples

SLOW_SECONDS = 0.05
HANG_SECONDS = 3600
GARBAGE = b'\x00\xff{"type": "Progress", "job\n'


class FaultName(StrEnum):
    """CRASH: SIGSEGV. HANG: the whole process stops answering. STALL: it answers pings, but the
    job no longer moves nor listens. OOM, NAN, SLOW: as they say. GARBAGE: one line that is no
    message. DIE_MID_WRITE: SIGKILL when a file is written but not yet on the disk."""

    CRASH = "crash"
    HANG = "hang"
    STALL = "stall"
    OOM = "oom"
    NAN = "nan"
    SLOW = "slow"
    GARBAGE = "garbage"
    DIE_MID_WRITE = "die-mid-write"


@dataclass(frozen=True)
class Fault:
    """What goes wrong at the n-th (1 = first) progress event of a phase."""

    name: FaultName
    phase: Phase = Phase.SAMPLING
    count: int = 1


def parse_fault(text: str) -> Fault:
    """Read NAME, NAME@3, NAME@decoding or NAME@sampling:3. Raises BadArgument."""
    name, _, when = text.partition("@")
    phase, _, count = when.partition(":")
    if phase.isdecimal() and not count:
        phase, count = Phase.SAMPLING, phase
    try:
        fault = Fault(FaultName(name), Phase(phase or Phase.SAMPLING), int(count or 1))
    except ValueError as error:
        raise BadArgument(
            f"“{text}” is not a fault; give NAME@PHASE:COUNT with a name of "
            f"{', '.join(FaultName)} and a phase of {', '.join(Phase)}."
        ) from error
    if fault.count < 1:
        raise BadArgument(f"“{text}” counts from {fault.count}; the first event is 1.")
    return fault


class Faults:
    """Counts progress events and breaks things at the ordered ones. One thread."""

    def __init__(self, faults: Sequence[Fault], send_raw: Callable[[bytes], None]) -> None:
        self._faults = tuple(faults)
        self._send_raw = send_raw
        self._seen: Counter[Phase] = Counter()
        self._slow = False
        self._spoil_next = False

    def at(self, phase: Phase) -> None:
        """Count one progress event and let what is due go wrong."""
        self._seen[phase] += 1
        for fault in self._faults:
            if fault.phase is phase and fault.count == self._seen[phase]:
                self._happen(fault.name)
        if self._slow:
            time.sleep(SLOW_SECONDS)

    def spoil(self, samples: NativeSamples) -> NativeSamples:
        """Return the samples, turned to NaN once when that was ordered."""
        if not self._spoil_next:
            return samples
        self._spoil_next = False
        return np.full(samples.shape, np.nan, dtype=np.float32)

    def _happen(self, name: FaultName) -> None:
        match name:
            case FaultName.CRASH:
                _die(signal.SIGSEGV)
            case FaultName.HANG:
                _hold_the_interpreter_lock()
            case FaultName.STALL:
                time.sleep(HANG_SECONDS)
            case FaultName.OOM:
                raise MemoryError("ordered by --fault")
            case FaultName.NAN:
                self._spoil_next = True
            case FaultName.SLOW:
                self._slow = True
            case FaultName.GARBAGE:
                self._send_raw(GARBAGE)
            case FaultName.DIE_MID_WRITE:
                _die_at_the_next_fsync()


def _die(number: int) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def _hold_the_interpreter_lock() -> None:
    """Sleep in C without giving up the GIL, as a hung driver call does: no thread runs."""
    if sys.platform == "win32":
        ctypes.PyDLL("kernel32").Sleep(HANG_SECONDS * 1000)
    else:
        ctypes.PyDLL(None).sleep(HANG_SECONDS)


def _die_at_the_next_fsync() -> None:
    def die(_fd: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

    os.fsync = die
