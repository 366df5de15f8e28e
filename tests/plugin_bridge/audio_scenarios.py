"""A running audio client whose events a test can wait for."""

from __future__ import annotations

import ctypes.util
import os
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil
import pytest

from engine.audio import AudioClip, FloatArray
from plugin_bridge.audio_blocks import BLOCK_PREFIX
from plugin_bridge.audio_client import AudioClient, AudioEvent, AudioOptions, Playback

TIMEOUT_SECONDS = 60.0
RATE = 44_100
#: Waited for in vain, so that time passes silently and no test makes a noise.
NO_DEVICE = "an output that no machine has"
needs_portaudio = pytest.mark.skipif(
    ctypes.util.find_library("portaudio") is None,
    reason="needs PortAudio: apt install libportaudio2",
)

Event = TypeVar("Event", bound=AudioEvent)


class Heard:
    """Keeps every event and lets a test wait for one."""

    def __init__(self) -> None:
        self.events: list[AudioEvent] = []
        self._changed = threading.Condition()

    def __call__(self, event: AudioEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, kind: type[Event]) -> list[Event]:
        with self._changed:
            return [event for event in self.events if isinstance(event, kind)]

    def now(self) -> int:
        """Return the index of the next event."""
        with self._changed:
            return len(self.events)

    def wait(
        self,
        kind: type[Event],
        where: Callable[[Event], bool] = lambda _event: True,
        *,
        start: int = 0,
    ) -> Event:
        """Return the first matching event from index `start` on."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        with self._changed:
            while True:
                for event in self.events[start:]:
                    if isinstance(event, kind) and where(event):
                        return event
                start = len(self.events)
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise AssertionError(f"no {kind}; the last were {self.events[-5:]}")

    def wait_playing(self, *, start: int = 0) -> Playback:
        return self.wait(Playback, lambda event: event.is_playing, start=start)


@contextmanager
def audio(options: AudioOptions) -> Generator[tuple[AudioClient, Heard]]:
    heard = Heard()
    with AudioClient(options, heard) as client:
        yield client, heard


def noise(seconds: float, seed: int = 1, rate: int = RATE) -> FloatArray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (2, round(seconds * rate))).astype(np.float32)


def noise_clip(seconds: float, seed: int = 1, rate: int = RATE) -> AudioClip:
    return AudioClip(noise(seconds, seed, rate), rate)


def is_running(pid: int) -> bool:
    """Tell whether a process lives; one that nobody has waited for yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def shared_blocks(pid: int | None = None) -> set[str]:
    """Return the blocks that an app, by default this process, has in shared memory (Linux)."""
    folder = Path("/dev/shm")
    pattern = f"{BLOCK_PREFIX}-{pid or os.getpid()}-*"
    return {path.name for path in folder.glob(pattern)} if folder.is_dir() else set()
