"""Plugins live: every block is wet or dry to the bit, whatever the plugins and their process do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.errors import BadArgument
from plugin_bridge.plugins.chain import Chain, ChainSlot
from plugin_bridge.plugins.host_client import HostOptions
from plugin_bridge.plugins.host_events import (
    ChainReady,
    ChainSnapshot,
    EditorClosed,
    HostGaveUp,
    HostRefused,
    HostRestarting,
    PluginQuarantined,
    PresetTaken,
)
from plugin_bridge.plugins.host_supervisor import HOST_LIMIT
from plugin_bridge.plugins.plugin_index import PluginIndex
from tests.plugin_bridge.audio_scenarios import shared_blocks
from tests.plugin_bridge.command_runs import wait_for
from tests.plugin_bridge.plugins.host_parts import (
    BLOCK_FRAMES,
    GAIN,
    HOST_BLOCK_FRAMES,
    PROBE_ID,
    RATE,
    Stream,
    Told,
    hosting,
    index_of,
    probe_slot,
)
from tests.plugin_bridge.plugins.plugin_parts import (
    ALLOCATE,
    CRASH,
    DELAY_FRAMES,
    EXIT,
    HANG,
    NAN,
    SLOW,
    debian_plugin,
    needs_plugins,
    probe,
)

pytestmark = needs_plugins

#: No plugin is put into quarantine for what a test orders.
OPTIONS = HostOptions(
    sample_rate=RATE, block_frames=HOST_BLOCK_FRAMES, crash_limit=10_000, hang_seconds=1.0
)
BYPASS_SECONDS = 0.1
KILL_SECONDS = 5.0
RESTART_SECONDS = 2.0


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginIndex]:
    plugins = (probe(), *map(debian_plugin, ("ZamCompX2", "ZamDelay")))
    with index_of(tmp_path_factory.mktemp("index"), *plugins) as index:
        yield index


@pytest.fixture(autouse=True)
def no_block_left() -> Iterator[None]:
    yield
    assert shared_blocks() == set()


def test_wet_audio_comes_out_in_step_with_dry(index: PluginIndex) -> None:
    """The plugin's own latency is made up for."""
    with hosting(index, Chain((probe_slot(),)), OPTIONS) as (host, told):
        stream = Stream(host)
        stream.keep_up(40)
        stream.check()
        assert stream.insert.late == 0
        assert stream.wet.count(True) == 40 - 2
        assert told.wait(ChainReady, lambda event: bool(event.chain.slots)).latency_frames == (
            DELAY_FRAMES
        )


@pytest.mark.parametrize(("bypass", "mix", "factor"), [(True, 1.0, 1.0), (False, 0.5, 0.75)])
def test_bypass_and_mix_keep_dry_and_wet_in_step(
    bypass: bool, mix: float, factor: float, index: PluginIndex
) -> None:
    slot = ChainSlot(PROBE_ID, bypass, mix, {"gain": GAIN})
    with hosting(index, Chain((slot, slot)), OPTIONS) as (host, _told):
        stream = Stream(host)
        stream.keep_up(20)
        stream.check(lambda dry: _mixed(_mixed(dry, bypass, mix), bypass, mix))
        assert stream.insert.late == 0
        assert factor**2 == pytest.approx(float(_mixed(_mixed(np.ones((2, 1), np.float32), bypass,
                                                             mix), bypass, mix)[0, 0]))  # fmt: skip


def _mixed(dry: np.ndarray, bypass: bool, mix: float) -> np.ndarray:
    """What a slot makes of audio, in the same floats and the same order."""
    return dry if bypass else (np.float32(GAIN) * dry - dry) * np.float32(mix) + dry


def test_a_mono_plugin_serves_both_sides_alike(index: PluginIndex) -> None:
    delay = {"feedback": 0.0, "dry_wet": 0.0}
    slot = ChainSlot(index.find("ZamDelay").facts.plugin_id, parameters=delay)
    with hosting(index, Chain((slot,)), OPTIONS) as (host, told):
        assert told.wait(ChainReady, lambda event: bool(event.chain.slots)).problems == ()
        stream = Stream(host)
        stream.keep_up(20)
        stream.check(lambda dry: dry)
        assert stream.insert.late == 0


def test_settings_change_while_it_plays(index: PluginIndex) -> None:
    with hosting(index, Chain((probe_slot(),)), OPTIONS) as (host, told):
        stream = Stream(host)
        stream.keep_up(8)
        stream.check()
        pid = host.pid
        louder = Chain((probe_slot(gain=1.0),))
        host.set_chain(louder)
        told.wait(ChainReady, lambda event: event.chain == louder)
        after = Stream(host)
        after.keep_up(8)
        after.check(lambda dry: dry)
        assert after.insert.late == 0
        assert host.pid == pid


# --- troubles -----------------------------------------------------------------------------------


def lose_host(stream: Stream, told: Told) -> None:
    """Trigger what the plugin was told to do, and go on until its host is lost."""
    start = told.now()
    stream.block(trigger=True)
    stream.in_time(lambda: HostRestarting in map(type, told.events[start:]))
    stream.in_time(lambda: not stream.insert.is_wet)  # what was done before comes out wet
    assert told.wait(HostRestarting, start=start).plugin_id == PROBE_ID


def crash_and_come_back(index: PluginIndex, trouble: int, times: int) -> list[float]:
    """Crash a plugin in the stream so many times; returns how long each return took."""
    back: list[float] = []
    with hosting(index, Chain((probe_slot(trouble),)), OPTIONS) as (host, told):
        stream = Stream(host)
        for _ in range(times):
            stream.until_wet()
            lose_host(stream, told)
            began = time.monotonic()
            stream.until_wet()
            back.append(time.monotonic() - began)
        stream.keep_up(4)
        stream.check()
        # A busy machine stops this process too, now and then; a wait would come with every crash.
        assert stream.late_calls <= times // 2
        assert len(told.of(HostRestarting)) == times
    return back


def test_ten_crashes_in_the_stream_cost_dry_blocks_and_nothing_else(index: PluginIndex) -> None:
    back = crash_and_come_back(index, CRASH, 10)
    assert min(back) <= RESTART_SECONDS


@pytest.mark.slow
def test_two_hundred_crashes_in_the_stream(index: PluginIndex) -> None:
    back = sorted(crash_and_come_back(index, CRASH, 200))
    print(f"back after {back[100]:.3f} s, {back[0]:.3f} to {back[-1]:.3f}")  # noqa: T201
    assert back[100] <= RESTART_SECONDS


@pytest.mark.parametrize("trouble", [EXIT, ALLOCATE])
def test_a_plugin_that_ends_its_process_or_eats_all_memory_comes_back(
    trouble: int, index: PluginIndex
) -> None:
    crash_and_come_back(index, trouble, 2)


def test_a_plugin_that_hangs_is_passed_by_at_once_and_killed_soon(index: PluginIndex) -> None:
    with hosting(index, Chain((probe_slot(HANG),)), OPTIONS) as (host, told):
        stream = Stream(host)
        stream.until_wet()
        hung = psutil.Process(host.pid)
        start, began, block = told.now(), time.monotonic(), len(stream.wet)
        stream.block(trigger=True)
        stream.in_time(lambda: not stream.insert.is_wet)
        bypassed = (len(stream.wet) - block) * BLOCK_FRAMES / RATE  # in the time of the stream
        lost: list[float] = []

        def is_gone() -> bool:
            if not hung.is_running() or hung.status() == psutil.STATUS_ZOMBIE:
                lost.append(time.monotonic() - began)
            return bool(lost)

        stream.in_time(is_gone)
        told.wait(HostRestarting, lambda event: event.plugin_id == PROBE_ID, start=start)
        stream.until_wet()
        stream.check()
        assert bypassed <= BYPASS_SECONDS
        assert lost[0] <= KILL_SECONDS


def test_a_host_that_is_stopped_is_passed_by_killed_and_replaced(index: PluginIndex) -> None:
    with hosting(index, Chain((probe_slot(),)), OPTIONS) as (host, told):
        stream = Stream(host)
        stream.until_wet()
        assert host.pid is not None
        os.kill(host.pid, signal.SIGSTOP)
        stream.in_time(lambda: not stream.insert.is_wet)
        stream.in_time(lambda: told.of(HostRestarting))
        stream.until_wet()
        stream.check()


def test_one_spoiled_block_is_dry_and_many_are_a_crash(index: PluginIndex) -> None:
    with hosting(index, Chain((probe_slot(NAN),)), OPTIONS) as (host, told):
        stream = Stream(host)
        stream.keep_up(4)
        stream.block(trigger=True)
        stream.wait_done()
        stream.keep_up(6)
        assert not told.of(HostRestarting)
        assert all(stream.wet[2:])
        stream.in_time(lambda: told.of(HostRestarting), trigger=True)
        (lost,) = told.of(HostRestarting)
        assert (lost.plugin_id, "NaN" in lost.reason) == (PROBE_ID, True)
        stream.until_wet()


def test_a_slow_block_is_dry_and_no_fault(index: PluginIndex) -> None:
    with hosting(index, Chain((probe_slot(SLOW),)), OPTIONS) as (host, told):
        stream = Stream(host)
        stream.until_wet()
        stream.block(trigger=True)
        stream.in_time(lambda: not stream.insert.is_wet)
        stream.until_wet()
        stream.check()
        assert not told.of(HostRestarting)


def test_two_crashes_put_a_plugin_into_quarantine_and_the_chain_goes_on(tmp_path: Path) -> None:
    plugins = (probe(), debian_plugin("ZamCompX2"))
    with index_of(tmp_path, *plugins) as index:
        chain = Chain((ChainSlot(index.find("ZamCompX2").facts.plugin_id), probe_slot(CRASH)))
        with hosting(index, chain, replace(OPTIONS, crash_limit=2)) as (host, told):
            stream = Stream(host)
            for _ in range(2):
                stream.until_wet()
                lose_host(stream, told)
            gone = told.wait(PluginQuarantined)
            assert gone.plugin_id == PROBE_ID
            ready = told.wait(ChainReady, lambda event: bool(event.problems))
            assert ready.problems == ((1, gone.sentence),)
            stream.until_wet()
            assert index.get(probe()).denied
            with pytest.raises(BadArgument, match="in quarantine"):
                index.find("Probe")
        with hosting(index, chain, OPTIONS) as (_host, told):
            ready = told.wait(ChainReady, lambda event: bool(event.problems))
            assert "in quarantine" in ready.problems[0][1]


def test_a_host_that_dies_for_no_plugins_fault_is_given_up_in_the_end(index: PluginIndex) -> None:
    with hosting(index, Chain((probe_slot(),)), OPTIONS) as (host, told):
        for count in range(1, HOST_LIMIT + 1):
            wait_for(lambda: host.pid, "a host")
            assert host.pid is not None
            os.kill(host.pid, signal.SIGKILL)
            if count < HOST_LIMIT:
                wait_for(lambda c=count: len(told.of(HostRestarting)) == c, "the restart")
        told.wait(HostGaveUp)
        stream = Stream(host)
        for _ in range(5):
            assert not stream.block()
        host.set_chain(Chain((probe_slot(),)))
        stream.until_wet()
        stream.check()


# --- settings -----------------------------------------------------------------------------------


def test_the_parent_holds_the_settings_and_a_new_host_gets_them(index: PluginIndex) -> None:
    compressor = index.find("ZamCompX2").facts.plugin_id
    chain = Chain((ChainSlot(compressor, parameters={"threshold_db": -30.0}),))
    with hosting(index, chain, OPTIONS) as (host, told):
        kept = told.wait(ChainSnapshot, lambda event: bool(event.chain.slots)).chain
        assert kept.slots[0].state
        assert kept.slots[0].parameters == {"threshold_db": pytest.approx(-30.0, abs=0.01)}
    only_state = Chain((ChainSlot(compressor, state=kept.slots[0].state),))
    with hosting(index, only_state, OPTIONS) as (host, told):
        number = host.take_preset(0)
        preset = told.wait(PresetTaken, lambda event: event.number == number).data
        assert preset.startswith(b"VST3")
        assert b"thr\x00-30" in preset


def test_a_preset_is_saved_and_loaded(index: PluginIndex, tmp_path: Path) -> None:
    compressor = index.find("ZamCompX2").facts.plugin_id
    chain = Chain((ChainSlot(compressor, parameters={"ratio": 9.0}),))
    with hosting(index, chain, OPTIONS) as (host, told):
        host.take_preset(0)
        file = tmp_path / "nine.vstpreset"
        file.write_bytes(told.wait(PresetTaken).data)
    fresh = Chain((ChainSlot(compressor, parameters={"ratio": 2.0}),))
    with hosting(index, fresh, OPTIONS) as (host, told):
        host.load_preset(0, str(file))
        found = told.wait(
            ChainSnapshot,
            lambda event: event.chain.slots[0].parameters["ratio"] == pytest.approx(9.0, abs=0.01),
        )
        assert found.chain.slots[0].state
        (tmp_path / "bad.vstpreset").write_bytes(b"nothing")
        number = host.load_preset(0, str(tmp_path / "bad.vstpreset"))
        refused = told.wait(HostRefused, lambda event: event.number == number)
        assert "does not take this preset" in refused.sentence
        host.load_preset(7, str(file))
        assert "slot 8" in told.wait(HostRefused, lambda e: e.number != number).sentence


def test_an_editor_without_a_screen_is_one_sentence(
    index: PluginIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with hosting(index, Chain((probe_slot(),)), OPTIONS) as (host, told):
        host.show_editor(0)
        assert "no X screen" in told.wait(EditorClosed).sentence
        stream = Stream(host)
        stream.keep_up(4)
        stream.check()


def test_values_that_a_plugin_cannot_have_are_refused_at_once(index: PluginIndex) -> None:
    with hosting(index, Chain(), OPTIONS) as (host, _told):
        with pytest.raises(BadArgument, match=r"“gain” 3 is outside 0 to 2\."):
            host.set_chain(Chain((probe_slot(gain=3.0),)))
        with pytest.raises(BadArgument, match="has no parameter “volume”; it has gain, trouble"):
            host.set_chain(Chain((probe_slot(volume=1.0),)))


def test_a_chain_with_a_plugin_that_is_not_here_goes_on_without_it(index: PluginIndex) -> None:
    chain = Chain((ChainSlot("VST3-Nowhere-1"), probe_slot()))
    with hosting(index, chain, OPTIONS) as (host, told):
        ready = told.wait(ChainReady, lambda event: bool(event.chain.slots))
        ((slot, sentence),) = ready.problems
        assert (slot, "VST3-Nowhere-1" in sentence) == (0, True)
        stream = Stream(host)
        stream.keep_up(10)
        stream.check()
