"""JACK's transport on a real server: another's timebase followed, our own told to others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jack
import pytest

from engine.errors import BadArgument
from engine.tempo import TimeSignature
from plugin_bridge.sync.jack import JackTransport
from plugin_bridge.sync.transport import SyncProblem, Transport
from tests.integration.jack_parts import RATE, jack_server, what_jack_lacks
from tests.plugin_bridge.command_runs import wait_for

pytestmark = pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks())
BBT = 0x10


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with jack_server(tmp_path / "jackd.log") as name:
        yield name


class Other:
    """Another program on the server: reads, and is timebase master once it leads."""

    def __init__(self, server: str) -> None:
        self.client = jack.Client("other", no_start_server=True, servername=server)
        self.bpm = 97.0
        self.cycles: list[tuple[int, Transport]] = []
        self.watched: JackTransport | None = None
        self.client.set_process_callback(self._look)

    def lead(self) -> None:
        self.client.set_timebase_callback(self._tell)

    def position(self) -> dict[str, Any]:
        return self.client.transport_query()[1]

    def close(self) -> None:
        self.client.deactivate()
        self.client.close()

    def _look(self, _frames: int) -> None:
        if self.watched is not None:
            seen = self.watched.transport()
            self.cycles.append((int(self.client.transport_query_struct()[1].frame), seen))

    def _tell(self, _state: int, _frames: int, position: Any, _is_new: bool) -> None:
        beat = position.frame * self.bpm / (60 * RATE)
        position.valid = BBT
        position.bar, position.beat = int(beat // 3) + 1, int(beat % 3) + 1
        position.tick = int(beat % 1 * 960)
        position.beats_per_bar, position.beat_type = 3, 4
        position.ticks_per_beat, position.beats_per_minute = 960, self.bpm


@pytest.fixture
def other(server: str) -> Iterator[Other]:
    with closing(Other(server)) as program:
        yield program


def test_another_timebase_is_followed_in_every_cycle(server: str, other: Other) -> None:
    other.lead()
    other.client.activate()
    with closing(JackTransport(server=server)) as ours:
        wait_for(lambda: ours.transport().bpm == pytest.approx(97.0), "its tempo")
        assert not ours.transport().is_playing
        assert ours.transport().signature == TimeSignature(3)
        other.watched = ours
        other.client.transport_start()
        wait_for(lambda: sum(seen.is_playing for _, seen in other.cycles) > 100, "100 cycles")
        other.client.transport_frame = 40 * RATE
        wait_for(lambda: other.cycles[-1][0] > 40 * RATE, "its locate")
        wait_for(lambda: other.cycles[-1][1].is_playing, "its start")
        other.client.transport_stop()
        wait_for(lambda: not other.cycles[-1][1].is_playing, "its stop")
        other.watched = None
    tick = 1 / 960
    rolling = [(frame, seen) for frame, seen in other.cycles if seen.is_playing]
    errors = [seen.beat - frame * 97.0 / (60 * RATE) for frame, seen in rolling]
    assert max(map(abs, errors)) <= tick / 2 + 1e-6
    assert abs(errors[90]) < tick / 20


def test_we_lead_and_others_are_told(server: str, other: Other) -> None:
    other.client.activate()
    with closing(JackTransport(132.0, TimeSignature(6, 8), leads=True, server=server)) as ours:
        ours.play()
        wait_for(lambda: other.position().get("beats_per_minute") == 132.0, "our tempo")
        wait_for(lambda: ours.transport().is_playing, "our start")
        ours.locate(13.0)
        wait_for(lambda: other.position().get("bar", 0) >= 3, "our locate")
        told = other.position()
        beat = told["frame"] * 132.0 / (60 * RATE)
        assert (told["beats_per_bar"], told["beat_type"]) == (6, 8)
        assert told["bar"] == int(beat // 6) + 1
        whole = (told["bar"] - 1) * 6 + told["beat"] - 1 + told["tick"] / told["ticks_per_beat"]
        assert 0 <= beat - whole + 1e-6 < 1 / told["ticks_per_beat"] + 2e-6
        ours.set_bpm(90.0)
        wait_for(lambda: other.position()["beats_per_minute"] == 90.0, "our second tempo")
        after = other.position()
        grown = (after["bar"] - 1) * 6 + after["beat"] - whole
        assert 0 < grown < 60, "the beat goes on from where it was"
        ours.stop()
        wait_for(lambda: other.client.transport_state == jack.STOPPED, "our stop")


def test_anothers_tempo_cannot_be_set(server: str) -> None:
    with closing(JackTransport(server=server)) as ours, pytest.raises(BadArgument, match="master"):
        ours.set_bpm(99.0)


def test_without_a_server_there_is_one_sentence() -> None:
    with pytest.raises(SyncProblem, match="No JACK server is running"):
        JackTransport(server="loopgraft-none")


def test_a_server_that_is_killed_leaves_a_transport_that_stands(tmp_path: Path) -> None:
    with jack_server(tmp_path / "jackd.log", kill=True) as name:
        ours = JackTransport(server=name, leads=True)
        ours.play()
        wait_for(lambda: ours.transport().is_playing, "our start")
    with closing(ours):
        wait_for(lambda: ours.is_gone, "the end of the server")
        assert not ours.transport().is_playing
