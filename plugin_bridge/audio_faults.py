"""Faults on order: the audio process's test seam, armed by `--fault=NAME@COUNT`.

COUNT is the n-th status (about 30 a second) since something plays, 1 where it is left out.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.errors import BadArgument
from engine.faults import Fault, FaultName, Faults
from engine.messages import Phase

#: How long a device that vanishes on order stays away.
GONE_SECONDS = 1.5


class AudioFaultName(StrEnum):
    """CRASH, HANG and GARBAGE: as the engine's faults. DEVICE_GONE: the open stream ends and for
    GONE_SECONDS there is no device."""

    CRASH = "crash"
    HANG = "hang"
    GARBAGE = "garbage"
    DEVICE_GONE = "device-gone"


@dataclass(frozen=True)
class AudioFault:
    """What goes wrong at the n-th (1 = first) status while something plays."""

    name: AudioFaultName
    count: int = 1


def parse_audio_fault(text: str) -> AudioFault:
    """Read NAME or NAME@3. Raises BadArgument."""
    name, _, count = text.partition("@")
    try:
        fault = AudioFault(AudioFaultName(name), int(count or 1))
    except ValueError as error:
        raise BadArgument(
            f"“{text}” is not a fault; give NAME@COUNT with a name of {', '.join(AudioFaultName)}."
        ) from error
    if fault.count < 1:
        raise BadArgument(f"“{text}” counts from {fault.count}; the first status is 1.")
    return fault


class AudioFaults:
    """Counts statuses and breaks things at the ordered ones. One thread."""

    def __init__(
        self,
        faults: Sequence[AudioFault],
        send_raw: Callable[[bytes], None],
        lose_device: Callable[[], None],
    ) -> None:
        self._faults = tuple(faults)
        self._send_raw = send_raw
        self._lose_device = lose_device
        self._count = 0

    def at_status(self) -> None:
        """Count one status and let what is due go wrong."""
        self._count += 1
        for fault in self._faults:
            if fault.count == self._count:
                self._happen(fault.name)

    def _happen(self, name: AudioFaultName) -> None:
        match name:
            case AudioFaultName.DEVICE_GONE:
                self._lose_device()
            case AudioFaultName.CRASH:  # not on the main thread, where alone signals can be set
                os.kill(os.getpid(), signal.SIGSEGV)
            case AudioFaultName.HANG | AudioFaultName.GARBAGE:
                Faults([Fault(FaultName(name))], self._send_raw).at(Phase.SAMPLING)
