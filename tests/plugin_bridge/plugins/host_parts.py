"""A running plugin host and a stream through it, driven as the audio process does."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from engine.audio import FloatArray
from plugin_bridge.plugins.chain import Chain, ChainSlot
from plugin_bridge.plugins.facts import ParameterValue
from plugin_bridge.plugins.host_client import HostOptions, PluginHost
from plugin_bridge.plugins.host_events import ChainReady, HostEvent
from plugin_bridge.plugins.insert import JOIN_FRAMES, Insert
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.scan import ScanLimits, scan
from tests.event_recorder import TIMEOUT_SECONDS, EventRecorder
from tests.plugin_bridge.plugins.plugin_parts import TRIGGER

RATE = 44_100
BLOCK_FRAMES = 512
HOST_BLOCK_FRAMES = 256
GAIN = 0.5
PROBE_ID = "VST3-Probe-3beafb13"

Told = EventRecorder[HostEvent]


def index_of(folder: Path, *plugins: Path) -> PluginIndex:
    """Return an index that knows these plugins."""
    index = PluginIndex(folder / "plugins.sqlite3")
    for found in scan(index, plugins, ScanLimits(TIMEOUT_SECONDS)):
        assert not found.entry.denied, found.entry.reason
    return index


def probe_slot(trouble: int = 0, **parameters: ParameterValue) -> ChainSlot:
    return ChainSlot(PROBE_ID, parameters={"gain": GAIN, "trouble": trouble, **parameters})


@contextmanager
def hosting(
    index: PluginIndex, chain: Chain, options: HostOptions
) -> Generator[tuple[PluginHost, Told]]:
    """Run a host until its chain is loaded."""
    told = Told()
    with PluginHost(index, options, told) as host:
        host.set_chain(chain)
        told.wait(ChainReady, lambda event: event.chain == chain)
        yield host, told


class Stream:
    """Noise through a host, block by block; keeps all that went in and came out."""

    def __init__(self, host: PluginHost, seed: int = 3) -> None:
        self.insert = Insert(host.ring)
        self._ring = host.ring
        self._rng = np.random.default_rng(seed)
        self._in: list[FloatArray] = []
        self._out: list[FloatArray] = []
        #: Calls that took longer than a block lasts: a device's callback would have been late.
        self.late_calls = 0
        self.wet: list[bool] = []

    def block(self, trigger: bool = False) -> bool:
        """Put one block through. Returns whether what came out was wet."""
        noise = self._rng.uniform(-0.9, 0.9, (2, BLOCK_FRAMES)).astype(np.float32)
        if trigger:
            noise[0, ::HOST_BLOCK_FRAMES] = TRIGGER
        self._in.append(noise)
        out = noise.copy()
        began = time.monotonic()
        self.insert.process(out)
        self.late_calls += time.monotonic() - began > BLOCK_FRAMES / RATE
        self._out.append(out)
        self.wet.append(self.insert.is_wet)
        return self.insert.is_wet

    def keep_up(self, blocks: int) -> None:
        """Put blocks through, each once the host has done with the one before."""
        for _ in range(blocks):
            self.block()
            self.wait_done()

    def wait_done(self) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self._ring.sent - self._ring.done - self._ring.latency_frames >= HOST_BLOCK_FRAMES:
            assert time.monotonic() < deadline, "the host does not take the audio"
            time.sleep(0.0005)

    def in_time(self, until: Callable[[], object], trigger: bool = False) -> None:
        """Put blocks through at the pace of a device until a condition holds."""
        due = began = time.monotonic()
        while not until():
            assert time.monotonic() < began + TIMEOUT_SECONDS, "waited in vain"
            self.block(trigger)
            due += BLOCK_FRAMES / RATE
            time.sleep(max(0.0, due - time.monotonic()))

    def until_wet(self) -> None:
        self.in_time(lambda: self.insert.is_wet)

    def check(self, wet_of: Callable[[FloatArray], FloatArray] = lambda dry: GAIN * dry) -> None:
        """Every block that came out is dry or wet to the last bit, but for the joins."""
        late = self.insert.lookahead_frames
        silence = np.zeros((2, late), np.float32)
        dry = np.concatenate((silence, *self._in), axis=1)
        out = np.concatenate(self._out, axis=1)
        assert np.isfinite(out).all()
        assert not out[:, :late].any()
        wet = wet_of(dry)
        was_wet = False
        for number, is_wet in enumerate(self.wet):
            start, stop = number * BLOCK_FRAMES, (number + 1) * BLOCK_FRAMES
            is_joined = is_wet != was_wet or start <= late < stop
            joined = max(start, late) + JOIN_FRAMES if is_joined else start
            span = slice(min(joined, stop), stop)
            expected = wet if is_wet else dry
            np.testing.assert_array_equal(out[:, span], expected[:, span], f"block {number}")
            was_wet = is_wet
