"""The real worker with the real weights, driven as a user drives it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from tests.plugin_bridge.command_runs import Shell, new_shell


def real_shell(folder: Path) -> Shell:
    """Return a shell whose engine is the shipped model."""
    shell = new_shell(folder)
    del shell.environment["LOOPGRAFT_MAKER"]
    return shell


def write_beat(path: Path, *, bpm: float, bars: int, rate: int, subtype: str, channels: int) -> int:
    """Write a plain four-on-the-floor loop with hats and a bass note; return its frames."""
    frames = round(bars * 4 * 60 / bpm * rate)
    rng = np.random.default_rng(3)
    time = np.arange(frames) / rate
    audio = 0.1 * np.sin(2 * np.pi * 55.0 * time) * (1 - (time * bpm / 60) % 1)
    for eighth in range(bars * 8):
        start = round(eighth * 30 / bpm * rate)
        size = min(rate // 5, frames - start)
        t = np.arange(size) / rate
        if eighth % 2 == 0:
            audio[start : start + size] += 0.5 * np.sin(2 * np.pi * 50 * t) * np.exp(-t * 18)
        hat = rng.standard_normal(size) * np.exp(-t * 90)
        audio[start : start + size] += 0.12 * hat
    level = np.linspace(1.0, 0.6, channels)
    soundfile.write(path, np.outer(audio, level), rate, subtype=subtype)
    return frames


def native(path: Path) -> npt.NDArray[np.int32]:
    """Return a PCM file's numbers (channels, frames), as libsndfile reads them."""
    samples, _rate = soundfile.read(path, dtype="int32", always_2d=True)
    return samples.T
