"""From one chain to another while it plays: without a click, whatever both of them hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest

from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.host_client import HostOptions, PluginHost
from plugin_bridge.plugins.host_events import ChainReady
from plugin_bridge.plugins.insert import JOIN_FRAMES, Insert
from plugin_bridge.plugins.plugin_index import PluginIndex
from tests.event_recorder import TIMEOUT_SECONDS
from tests.plugin_bridge.plugins.host_parts import (
    BLOCK_FRAMES,
    RATE,
    Told,
    hosting,
    index_of,
    probe_slot,
)
from tests.plugin_bridge.plugins.plugin_parts import needs_plugins, probe

pytestmark = needs_plugins

TONE_HZ, LEVEL, MOST_GAIN = 110.0, 0.4, 1.5
QUIET, LOUD = Chain((probe_slot(gain=0.25),)), Chain((probe_slot(gain=MOST_GAIN),))
TWO = Chain((probe_slot(gain=0.5), probe_slot(gain=0.5)))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginIndex]:
    with index_of(tmp_path_factory.mktemp("index"), probe()) as index:
        yield index


class Tone:
    """A sine through a host at the pace of a device; keeps what came out."""

    def __init__(self, host: PluginHost) -> None:
        self.insert = Insert(host.ring)
        self.out: list[np.ndarray] = []
        self.wet: list[bool] = []
        self._at = 0

    def until(self, is_so: Callable[[], bool]) -> None:
        due = began = time.monotonic()
        while not is_so():
            assert time.monotonic() < began + TIMEOUT_SECONDS, "waited in vain"
            frames = np.arange(self._at, self._at + BLOCK_FRAMES)
            self._at += BLOCK_FRAMES
            wave = (LEVEL * np.sin(2 * np.pi * TONE_HZ / RATE * frames)).astype(np.float32)
            block = np.stack([wave, wave])
            self.insert.process(block)
            self.out.append(block[0])
            self.wet.append(self.insert.is_wet)
            due += BLOCK_FRAMES / RATE
            time.sleep(max(0.0, due - time.monotonic()))

    def until_gain(self, gain: float) -> None:
        """Go on until what comes out has been so loud for a while."""

        def is_so() -> bool:
            last = np.concatenate(self.out[-4:]) if len(self.out) > 4 else np.zeros(1)
            return all(self.wet[-4:]) and abs(float(np.abs(last).max()) - gain * LEVEL) < 0.005

        self.until(is_so)


def gain_of(chain: Chain) -> float:
    return float(np.prod([float(slot.parameters["gain"]) for slot in chain.slots]))


def is_ready(told: Told, since: int, chain: Chain) -> bool:
    events = told.events[since:]
    return any(isinstance(event, ChainReady) and event.chain == chain for event in events)


def test_another_chain_is_gone_over_to_without_a_click(index: PluginIndex) -> None:
    """Between chains with the same plugin, set otherwise, and with plugins more or fewer."""
    with hosting(index, QUIET, HostOptions(RATE)) as (host, told):
        tone = Tone(host)
        tone.until_gain(gain_of(QUIET))
        start = len(tone.out) + 1
        for chain in (LOUD, QUIET, TWO, LOUD, Chain(), QUIET):
            seen = told.now()
            host.set_chain(chain, anew=True)
            tone.until(partial(is_ready, told, seen, chain))
            tone.until_gain(gain_of(chain))
    out = np.concatenate(tone.out[start:])
    steepest = 2 * np.pi * TONE_HZ / RATE * LEVEL * MOST_GAIN
    joins = (MOST_GAIN + 1.0) * LEVEL / JOIN_FRAMES
    assert np.abs(np.diff(out)).max() <= steepest + joins
