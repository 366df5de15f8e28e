"""A running audio client whose events a test can wait for."""

from __future__ import annotations

import ctypes.util
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.audio import AudioClip, FloatArray
from plugin_bridge.audio_blocks import BLOCK_PREFIX
from plugin_bridge.audio_client import AudioClient, AudioEvent, AudioOptions, Playback
from tests.event_recorder import EventRecorder

RATE = 44_100
#: Waited for in vain, so that time passes silently and no test makes a noise.
NO_DEVICE = "an output that no machine has"
needs_portaudio = pytest.mark.skipif(
    ctypes.util.find_library("portaudio") is None,
    reason="needs PortAudio: apt install libportaudio2",
)


class Heard(EventRecorder[AudioEvent]):
    """What an audio client tells."""

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
