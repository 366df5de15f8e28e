"""Ableton Link among real peers in processes of their own, one of them Ableton's LinkHut."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from plugin_bridge.sync.link import LinkClock
from plugin_bridge.sync.transport import SyncProblem, phase_error_seconds
from tests.integration.jack_parts import jack_server, what_jack_lacks
from tests.plugin_bridge.command_runs import ROOT, wait_for

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("aalink") is None, reason="needs Ableton Link: pip install aalink"
)
#: What the issue asks of two peers.
PHASE_SECONDS = 0.002
BAR_BEATS = 4


class Reading(NamedTuple):
    seconds: float
    beat: float
    bpm: float
    is_playing: bool
    peers: int


class Peer:
    """The other program, as it sees the session."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.readings: deque[Reading] = deque(maxlen=2000)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def last(self) -> Reading:
        return self.readings[-1]

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            seconds, beat, bpm, is_playing, peers = line.split()
            self.readings.append(
                Reading(float(seconds), float(beat), float(bpm), is_playing == "1", int(peers))
            )


@contextmanager
def peer(bpm: float) -> Generator[Peer]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.plugin_bridge.sync.link_peer", str(bpm)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with closing(Peer(process)) as running:
        wait_for(lambda: running.readings, "a Link peer")
        yield running


def errors_ms(clock: LinkClock, other: Peer, readings: int = 60) -> np.ndarray:
    """Return phase errors in the bar, in ms, of so many coming readings of another peer."""
    errors: list[float] = []
    for _ in range(readings):
        seen = other.last
        wait_for(lambda seen=seen: other.last != seen, "a reading")
        now = other.last
        transport = clock.transport()
        errors.append(1000 * phase_error_seconds(transport, now.beat, now.seconds, BAR_BEATS))
    return np.abs(errors)


def assert_in_phase(clock: LinkClock, other: Peer) -> None:
    assert clock.transport().bpm == pytest.approx(other.last.bpm, abs=1e-4)
    errors = errors_ms(clock, other)
    print(f"median {np.median(errors):.4f} ms, p99 {np.percentile(errors, 99):.4f} ms")  # noqa: T201
    assert np.percentile(errors, 99) < 1000 * PHASE_SECONDS


def test_two_peers_agree_and_a_third_joins_late() -> None:
    with ExitStack() as session:
        first = session.enter_context(peer(97.0))
        clock = session.enter_context(closing(LinkClock(120.0)))
        wait_for(lambda: clock.peers == 1 and first.last.peers == 1, "two peers")
        wait_for(lambda: abs(clock.transport().bpm - first.last.bpm) < 1e-4, "one tempo")
        assert_in_phase(clock, first)
        clock.set_bpm(131.5)
        wait_for(lambda: abs(first.last.bpm - 131.5) < 1e-4, "our tempo")
        assert_in_phase(clock, first)
        third = session.enter_context(peer(60.0))
        wait_for(lambda: clock.peers == 2 and third.last.peers == 2, "three peers")
        wait_for(lambda: abs(third.last.bpm - 131.5) < 1e-4, "the session's tempo")
        assert_in_phase(clock, third)
        third.tell("tempo 88.25")
        for seen in (lambda: clock.transport().bpm, lambda: first.last.bpm):
            wait_for(lambda seen=seen: abs(seen() - 88.25) < 1e-4, "the third's tempo")
        assert_in_phase(clock, first)


def test_start_and_stop_are_followed_and_led() -> None:
    with peer(120.0) as other, closing(LinkClock()) as clock:
        wait_for(lambda: clock.peers == 1 and other.last.peers == 1, "two peers")
        assert clock.transport().is_playing, "nobody has said otherwise"
        clock.play()
        wait_for(lambda: other.last.is_playing, "our start")
        other.tell("stop")
        wait_for(lambda: not clock.transport().is_playing, "its stop")
        other.tell("play")
        wait_for(lambda: clock.transport().is_playing, "its start")
        clock.stop()
        wait_for(lambda: not other.last.is_playing, "our stop")


@pytest.mark.skipif(
    shutil.which("LinkHut") is None or bool(what_jack_lacks()),
    reason="needs LinkHut and a JACK server: apt install ableton-link-utils jackd2",
)
def test_abletons_own_peer_is_one(tmp_path: Path) -> None:
    waiting = threading.Event()
    with jack_server(tmp_path / "jackd.log") as server, closing(LinkClock(104.0)) as clock:
        wait_for(lambda: clock.transport().bpm == pytest.approx(104.0), "our own tempo")
        hut = subprocess.Popen(
            ["LinkHut"],
            env={**os.environ, "JACK_DEFAULT_SERVER": server, "JACK_NO_START_SERVER": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert hut.stdin is not None
            hut.stdin.write(b"a")  # Link on
            hut.stdin.flush()
            wait_for(lambda: clock.peers == 1, "LinkHut")

            def is_faster() -> bool:  # it takes its first look at the session, and forgets a key
                assert hut.stdin is not None
                hut.stdin.write(b"e")  # faster by one
                hut.stdin.flush()
                waiting.wait(0.5)
                return clock.transport().bpm > 104.5

            wait_for(is_faster, "LinkHut's tempo")
            assert round(clock.transport().bpm, 2) == round(clock.transport().bpm)
        finally:
            hut.kill()
            hut.communicate()
        wait_for(lambda: clock.peers == 0, "its end")


def test_without_the_library_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aalink", None)
    with pytest.raises(SyncProblem, match="pip install aalink"):
        LinkClock()
