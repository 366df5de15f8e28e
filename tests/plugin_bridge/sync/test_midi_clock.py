"""MIDI clock through the MIDI ports of a real JACK server, to and from python-rtmidi too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jack
import numpy as np
import pytest

from plugin_bridge.sync.midi_clock import MidiClock
from plugin_bridge.sync.midi_tracker import CLOCK, START, STOP
from plugin_bridge.sync.transport import SyncProblem, phase_error_seconds
from tests.integration.jack_parts import jack_server, what_jack_lacks
from tests.plugin_bridge.command_runs import wait_for

rtmidi: Any = pytest.importorskip("rtmidi")
pytestmark = pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks())

PHASE_SECONDS = 0.002


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with jack_server(tmp_path / "jackd.log") as name:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        yield name


def connect(server: str, source: str, target: str) -> None:
    """Connect two MIDI ports by parts of their names, once both are there."""
    with closing(jack.Client("patchbay", no_start_server=True, servername=server)) as client:

        def join() -> bool:
            outs = client.get_ports(source, is_midi=True, is_output=True)
            ins = client.get_ports(target, is_midi=True, is_input=True)
            if outs and ins:
                client.connect(outs[0], ins[0])
            return bool(outs and ins)

        wait_for(join, f"{source} and {target}")


def test_our_clock_is_followed_in_phase_by_another_of_us(server: str) -> None:
    with closing(MidiClock(126.0, leads=True)) as lead, closing(MidiClock(90.0)) as follower:
        connect(server, "loopgraft-midi.*:clock", "loopgraft-midi.*:clock")
        wait_for(lambda: abs(follower.transport().bpm - 126.0) < 0.5, "its tempo")
        assert not follower.transport().is_playing
        lead.play()
        wait_for(lambda: follower.transport().is_playing, "its start")
        threading.Event().wait(1.0)
        errors = [error_ms(lead, follower) for _ in range(200)]
        print(f"median {np.median(errors):.3f} ms, p99 {np.percentile(errors, 99):.3f} ms")  # noqa: T201
        assert np.percentile(errors, 99) < 1000 * PHASE_SECONDS
        lead.locate(64.0)
        wait_for(lambda: follower.transport().beat >= 64.0, "its song position")
        lead.stop()
        wait_for(lambda: not follower.transport().is_playing, "its stop")


def error_ms(lead: MidiClock, follower: MidiClock) -> float:
    """Return how far the follower is off, a little later than before."""
    threading.Event().wait(0.01)
    heard = follower.transport()
    beat = lead.transport().beat_at(heard.at_seconds)
    return 1000 * abs(phase_error_seconds(heard, beat, heard.at_seconds))


def test_another_program_hears_every_clock(server: str) -> None:
    heard: list[bytes] = []
    midi = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="other")
    midi.ignore_types(timing=False)
    midi.open_virtual_port("in")
    midi.set_callback(lambda event, _data: heard.append(bytes(event[0])))
    try:
        with closing(MidiClock(150.0, leads=True)) as lead:
            connect(server, "loopgraft-midi:clock", "other:in")
            wait_for(lambda: CLOCK in heard, "a clock, so that the tempo is known")
            lead.play()
            wait_for(lambda: START in heard, "the start")
            wait_for(lambda: heard[heard.index(START) :].count(CLOCK) >= 96, "four beats")
            lead.stop()
            wait_for(lambda: STOP in heard, "the stop")
    finally:
        midi.close_port()
        midi.delete()
    assert START not in heard[heard.index(START) + 1 :]


def test_another_programs_clock_is_followed(server: str) -> None:
    midi = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="other")
    midi.open_virtual_port("out")
    try:
        with closing(MidiClock()) as ours:
            connect(server, "other:out", "loopgraft-midi:clock")
            midi.send_message([0xFA])
            for _ in range(150):  # 100 bpm, as well as a sleeping thread can
                midi.send_message([0xF8])
                threading.Event().wait(0.025)
            heard = ours.transport()
            assert heard.is_playing
            assert heard.beat == pytest.approx(150 / 24, abs=0.5)
            assert 75 < heard.bpm < 125
            wait_for(lambda: not ours.transport().is_playing, "silence to be noticed")
    finally:
        midi.close_port()
        midi.delete()


def test_without_any_midi_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-none")
    if Path("/dev/snd/seq").exists():
        pytest.skip("this machine has MIDI of its own")
    with pytest.raises(SyncProblem, match="There is no MIDI here"):
        MidiClock()
