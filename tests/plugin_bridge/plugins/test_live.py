"""Playback through a chain, with the real audio process and the real plugin host."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from engine.audio import AudioClip
from plugin_bridge.audio_client import (
    AudioClient,
    AudioOptions,
    AudioRestarting,
    Playback,
    Refused,
    SlotReady,
)
from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.host_client import HostOptions
from plugin_bridge.plugins.host_events import ChainReady, HostRestarting
from plugin_bridge.plugins.live import LivePlugins
from plugin_bridge.plugins.plugin_index import PluginIndex
from tests.plugin_bridge.audio_scenarios import NO_DEVICE, RATE, Heard, audio, shared_blocks
from tests.plugin_bridge.plugins.host_parts import (
    GAIN,
    HOST_BLOCK_FRAMES,
    Told,
    index_of,
    probe_slot,
)
from tests.plugin_bridge.plugins.plugin_parts import needs_plugins, probe

pytestmark = needs_plugins

OPTIONS = AudioOptions(NO_DEVICE, RATE, backoff_seconds=0.01)
HOST_OPTIONS = HostOptions(RATE, HOST_BLOCK_FRAMES, crash_limit=10_000)
#: Of a square wave of full scale.
WET, DRY = (GAIN, GAIN), (1.0, 1.0)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginIndex]:
    with index_of(tmp_path_factory.mktemp("index"), probe()) as index:
        yield index


@pytest.fixture(autouse=True)
def own_sound_system(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-nobody")
    yield
    assert shared_blocks() == set()


@contextmanager
def playing(
    index: PluginIndex, chain: Chain
) -> Generator[tuple[AudioClient, Heard, LivePlugins, Told]]:
    """Play a square wave in a loop through a chain."""
    wave = np.where(np.arange(RATE) % 100 < 50, 1.0, -1.0).astype(np.float32)
    told = Told()
    with audio(OPTIONS) as (client, heard):
        live = LivePlugins(client, index, HOST_OPTIONS, told)
        try:
            live.set_chain(chain)
            client.put("A", AudioClip(np.stack([wave, wave]), RATE))
            client.choose("A")
            heard.wait(SlotReady)
            client.play(0)
            yield client, heard, live, told
        finally:
            live.close()


def peaks_become(heard: Heard, peaks: tuple[float, float]) -> Playback:
    return heard.wait(Playback, lambda event: event.peaks == peaks, start=heard.now())


def test_what_is_heard_went_through_the_chain(index: PluginIndex) -> None:
    with playing(index, Chain((probe_slot(),))) as (_client, heard, live, told):
        peaks_become(heard, WET)
        louder = Chain((probe_slot(gain=0.75),))
        live.set_chain(louder)
        told.wait(ChainReady, lambda event: event.chain == louder)
        peaks_become(heard, (0.75, 0.75))
        live.set_chain(Chain())
        peaks_become(heard, DRY)
        assert live.host is None


def test_the_stream_goes_on_dry_while_the_host_is_gone(index: PluginIndex) -> None:
    with playing(index, Chain((probe_slot(),))) as (_client, heard, live, told):
        peaks_become(heard, WET)
        assert live.host is not None
        assert live.host.pid is not None
        seen = len(heard.of(Playback))
        os.kill(live.host.pid, signal.SIGKILL)
        peaks_become(heard, DRY)
        told.wait(HostRestarting)
        peaks_become(heard, WET)
        meanwhile = heard.of(Playback)[seen:]
        assert all(event.is_playing for event in meanwhile)
        assert len({event.frame for event in meanwhile}) > 1
        assert not heard.of(AudioRestarting)


def test_a_new_audio_process_goes_through_the_chain_too(index: PluginIndex) -> None:
    with playing(index, Chain((probe_slot(),))) as (client, heard, _live, _told):
        peaks_become(heard, WET)
        assert client.child_pid is not None
        os.kill(client.child_pid, signal.SIGKILL)
        heard.wait(AudioRestarting)
        peaks_become(heard, WET)


def test_another_rate_is_another_host_with_the_same_chain(index: PluginIndex) -> None:
    with playing(index, Chain((probe_slot(),))) as (_client, heard, live, told):
        peaks_become(heard, WET)
        first = live.host
        live.use_rate(RATE)
        assert live.host is first
        start = told.now()
        live.use_rate(48_000)
        told.wait(ChainReady, lambda event: bool(event.chain.slots), start=start)
        assert live.host is not first


def test_the_playhead_is_where_it_is_heard(index: PluginIndex) -> None:
    """Stopping shows the place that was rendered: ahead of the last one that was heard."""
    with playing(index, Chain((probe_slot(),))) as (client, heard, _live, _told):
        last = peaks_become(heard, WET)
        client.stop()
        stopped = heard.wait(Playback, lambda event: not event.is_playing, start=heard.now())
        assert stopped.frame > last.frame


def test_a_ring_that_is_gone_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with audio(OPTIONS) as (client, heard):
        client.set_insert("loopgraft-nowhere")
        assert "load them again" in heard.wait(Refused).sentence
