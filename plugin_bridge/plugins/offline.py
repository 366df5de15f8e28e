"""A clip through a chain, as fast as it goes, with what still sounds after its end."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.audio import AudioClip, FloatArray
from engine.errors import BadArgument
from plugin_bridge.audio_blocks import stereo_at
from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.host_client import HostOptions, PluginHost, find_plugins
from plugin_bridge.plugins.host_events import (
    ChainReady,
    ChainSnapshot,
    HostEvent,
    HostGaveUp,
    HostRestarting,
)
from plugin_bridge.plugins.hosted_plugin import PluginProblem
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.plugin_ring import PluginRing
from plugin_bridge.plugins.ring_loop import LOOK_SECONDS
from plugin_bridge.slots import CHANNELS, SAMPLE_RATE_RANGE

#: keep: the result is longer than the clip. cut: as long. wrap: as long, what sounds after the
#: end is added to the beginning, as a loop would have it.
Tail = Literal["keep", "cut", "wrap"]

LONGEST_TAIL_SECONDS = 30.0
#: The tail has ended when so much of it stays below so little: -90 dBFS.
_QUIET_SECONDS = 0.5
_QUIET_PEAK = 10 ** (-90 / 20)
_PIECE_FRAMES = 16_384


@dataclass(frozen=True)
class Rendered:
    """clip: stereo, at the rate of what went in. chain: with the settings that made it."""

    clip: AudioClip
    chain: Chain


def render(
    chain: Chain,
    clip: AudioClip,
    index: PluginIndex,
    tail: Tail = "keep",
    options: HostOptions | None = None,
) -> Rendered:
    """Return a clip as the chain makes it sound. Blocks; a host of its own does the work.

    Raises BadArgument for values that a plugin cannot have, PluginProblem when one is not to be
    had or fails, WriteProblem without shared memory.
    """
    low, high = SAMPLE_RATE_RANGE
    if not low <= clip.sample_rate <= high:
        raise BadArgument(f"A sample rate of {clip.sample_rate} Hz is outside {low} to {high} Hz.")
    events = _Events()
    options = replace(options or HostOptions(), sample_rate=clip.sample_rate)
    with PluginHost(index, options, events) as host:
        host.set_chain(chain)
        events.wait_ready(chain)
        dry = stereo_at(clip, clip.sample_rate)
        wet = _Pass(host.ring, events, options.block_frames).run(dry, clip.sample_rate, tail)
        settled = events.wait_snapshot(chain)
    return Rendered(AudioClip(with_tail(wet, dry.shape[1], tail), clip.sample_rate), settled)


def check_chain(chain: Chain, index: PluginIndex) -> None:
    """Raise, before any work, what would be wrong with every clip: BadArgument, PluginProblem."""
    if problems := find_plugins(chain, index).problems:
        raise PluginProblem(" ".join(sentence for _, sentence in problems))


class _Events:
    """What the host says, for one thread that waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ready: ChainReady | None = None
        self._snapshot: ChainSnapshot | None = None
        self._failure: HostEvent | None = None

    def __call__(self, event: HostEvent) -> None:
        with self._changed:
            match event:
                case ChainReady():
                    self._ready = event
                case ChainSnapshot():
                    self._snapshot = event
                case HostRestarting() | HostGaveUp():
                    self._failure = self._failure or event
                case _:
                    return
            self._changed.notify_all()

    def check(self) -> None:
        """Raise PluginProblem when the host was lost."""
        match self._failure:
            case HostRestarting(plugin_id=plugin_id, reason=reason, exit_code=exit_code):
                who = f"The plugin {plugin_id}" if plugin_id else "The plugin host"
                tail = "\n".join(self._failure.stderr_tail)
                raise PluginProblem(
                    f"{who} failed while it was used; take it out of the chain, or try again.",
                    f"{reason}; exit code {exit_code}\n{tail}",
                )
            case HostGaveUp(sentence=sentence, details=details):
                raise PluginProblem(sentence, details)
            case _:
                pass

    def wait_ready(self, chain: Chain) -> None:
        """Wait until the chain is loaded. Raises PluginProblem when a part of it is not."""
        with self._changed:
            while self._ready is None or self._ready.chain != chain:
                self.check()
                self._changed.wait()
            if self._ready.problems:
                raise PluginProblem(" ".join(sentence for _, sentence in self._ready.problems))

    def wait_snapshot(self, chain: Chain) -> Chain:
        """Wait for the chain with its settings, which follows its loading."""
        if not chain.slots:
            return chain
        with self._changed:
            while self._snapshot is None:
                self.check()
                self._changed.wait()
            return self._snapshot.chain


class _Pass:
    """Audio through a ring, with no clock but the host's own pace."""

    def __init__(self, ring: PluginRing, events: _Events, block_frames: int) -> None:
        self._ring = ring
        self._events = events
        self._block_frames = block_frames
        self._begin = ring.sent
        self._out: list[FloatArray] = []

    def run(self, dry: FloatArray, sample_rate: int, tail: Tail) -> FloatArray:
        """Return (2, frames) from the first frame on, at least as long as `dry`."""
        for start in range(0, dry.shape[1], _PIECE_FRAMES):
            self._put(dry[:, start : start + _PIECE_FRAMES])
        self._until(dry.shape[1])
        if tail == "cut":
            return self._joined()
        quiet_frames = round(_QUIET_SECONDS * sample_rate)
        longest = dry.shape[1] + round(LONGEST_TAIL_SECONDS * sample_rate)
        while self._taken < longest:
            self._until(self._taken + quiet_frames)
            last = self._joined()[:, -quiet_frames:]
            if float(np.abs(last).max()) < _QUIET_PEAK:
                break
        return self._joined()

    @property
    def _taken(self) -> int:
        return sum(part.shape[1] for part in self._out)

    def _put(self, block: FloatArray) -> None:
        """Send a piece once the host has done with what came before, and take what is there."""
        sent = self._ring.send(block)
        while sent - self._ring.done - self._ring.latency_frames >= self._block_frames:
            self._events.check()
            time.sleep(LOOK_SECONDS)
        self._take()

    def _until(self, frames: int) -> None:
        """Send silence until so much has come back."""
        while self._taken < frames:
            self._put(np.zeros((CHANNELS, self._block_frames), np.float32))

    def _take(self) -> None:
        position = self._begin + self._taken
        frames = self._ring.done - position
        if frames > 0:
            part = np.empty((CHANNELS, frames), np.float32)
            if not self._ring.read_wet(position, part):
                raise PluginProblem("The plugins were reset while they were used; try again.")
            self._out.append(part)

    def _joined(self) -> FloatArray:
        self._out = [np.concatenate(self._out, axis=1)]
        return self._out[0]


def with_tail(wet: FloatArray, frames: int, tail: Tail) -> FloatArray:
    """Return what was asked for of a result that has all its tail. frames: without it."""
    if tail == "cut":
        return np.ascontiguousarray(wet[:, :frames])
    audible = np.flatnonzero(np.abs(wet).max(axis=0) >= _QUIET_PEAK)
    stop = max(frames, int(audible[-1]) + 1 if audible.size else 0)
    if tail == "keep":
        return np.ascontiguousarray(wet[:, :stop])
    out = wet[:, :frames].copy()
    for start in range(frames, stop, frames):
        rest = wet[:, start : min(start + frames, stop)]
        out[:, : rest.shape[1]] += rest
    return out
