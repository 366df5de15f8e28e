"""The tape and its ring: what is written is read, gaps are silence, nothing is kept for nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_bridge.capture import capture_ring
from plugin_bridge.capture.capture_ring import CaptureRing, ring_frames
from plugin_bridge.capture.tape import Gap, Tape
from plugin_bridge.sync.transport import Transport
from tests.plugin_bridge.audio_scenarios import noise, shared_blocks

RATE = 8_000
MARGIN = 1 << 16


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[CaptureRing]:
    monkeypatch.setattr(capture_ring, "KEPT_SECONDS", 20)
    with closing(CaptureRing.create(RATE)) as made:
        yield made
    assert shared_blocks() == set()


def test_as_much_is_kept_as_is_said() -> None:
    assert ring_frames(44_100) == 200 * 44_100 >= 32 * 4 * 60 / 40 * 44_100
    assert ring_frames(192_000) * 8 <= 134_217_728


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=30))
def test_the_newest_is_read_as_it_was_written_and_the_oldest_is_gone(sizes: list[int]) -> None:
    samples = noise(float(sum(sizes)), rate=1)
    memory = capture_ring.KEPT_SECONDS
    capture_ring.KEPT_SECONDS = 20
    try:
        with closing(CaptureRing.create(RATE)) as ring:
            done = 0
            for size in sizes:
                ring.write(samples[:, done : done + size])
                done += size
            assert ring.written == done
            assert ring.oldest == max(0, done - 20 * RATE + MARGIN)
            kept = ring.read(ring.oldest, done - ring.oldest)
            assert kept is not None
            assert np.array_equal(kept, samples[:, ring.oldest :])
            assert ring.read(ring.oldest, done - ring.oldest + 1) is None
            assert ring.oldest == 0 or ring.read(ring.oldest - 1, 1) is None
    finally:
        capture_ring.KEPT_SECONDS = memory


def test_another_process_continues_where_the_last_one_ended(ring: CaptureRing) -> None:
    for part in (noise(0.5, rate=RATE), noise(0.5, seed=2, rate=RATE)):
        with closing(CaptureRing.attach(ring.name, ring.frames)) as writer:
            tape = Tape(RATE)
            tape.use_ring(writer)
            tape.write(part)
            assert tape.stamps[0].is_break
    both = ring.read(0, RATE)
    assert both is not None
    assert np.array_equal(both[:, RATE // 2 :], noise(0.5, seed=2, rate=RATE))


def test_a_ring_that_is_too_small_is_not_attached(ring: CaptureRing) -> None:
    with pytest.raises(ValueError, match="too few"):
        CaptureRing.attach(ring.name, ring.frames + 10**7)


def test_nothing_is_kept_before_there_is_a_ring(ring: CaptureRing) -> None:
    tape = Tape(RATE)
    tape.write(noise(0.1, rate=RATE))
    assert (tape.blocks, tape.position, len(tape.stamps)) == (1, 0, 0)
    tape.use_ring(ring)
    tape.write(np.full((1, 100), 0.5, np.float32))
    assert tape.position == 100
    assert tape.take_peak() == 0.5
    mono = ring.read(0, 100)
    assert mono is not None
    assert mono.shape == (2, 100)
    assert np.all(mono == 0.5)


class Leader:
    """A transport of JACK's that moves on with the music, not with the clock."""

    def __init__(self) -> None:
        self.beat = 0.0

    def __call__(self) -> Transport:
        return Transport("jack", True, 120.0, self.beat, 0.0)


def test_what_the_sound_system_lost_is_silence_as_long_as_it(ring: CaptureRing) -> None:
    tape, leader = Tape(RATE), Leader()
    tape.use_ring(ring)
    tape.follow(leader)
    block = np.ones((2, 400), np.float32)
    tape.write(block, is_jack=True)
    leader.beat = 1000 * 2 / RATE  # the transport went on over the 600 that were lost
    tape.write(block, 600, is_jack=True)
    assert tape.position == 1400
    assert list(tape.gaps) == [Gap(400, 600)]
    taken = ring.read(0, 1400)
    assert taken is not None
    assert np.array_equal(taken[0], [1.0] * 400 + [0.0] * 600 + [1.0] * 400)
    assert len(tape.stamps) == 1, "the beats go on"


def test_a_server_that_waited_with_its_transport_has_lost_nothing(ring: CaptureRing) -> None:
    tape, leader = Tape(RATE), Leader()
    tape.use_ring(ring)
    tape.follow(leader)
    block = np.ones((2, 400), np.float32)
    tape.write(block, is_jack=True)
    leader.beat = 400 * 2 / RATE
    tape.write(block, 600, is_jack=True)
    assert tape.position == 800
    assert list(tape.gaps) == [Gap(400, 0)]
    assert len(tape.stamps) == 1


def test_after_a_long_gap_it_begins_anew(ring: CaptureRing) -> None:
    tape = Tape(RATE)
    tape.use_ring(ring)
    tape.write(np.ones((2, 400), np.float32))
    tape.write(np.ones((2, 400), np.float32), 3 * RATE)
    assert tape.position == 800
    assert [stamp.is_break for stamp in tape.stamps] == [True, True]


def test_a_fault_of_the_leader_costs_its_block_and_is_told(ring: CaptureRing) -> None:
    tape = Tape(RATE)
    tape.use_ring(ring)

    def fails() -> Transport:
        raise RuntimeError("no")

    tape.follow(fails)
    tape.write(np.ones((2, 400), np.float32))
    assert isinstance(tape.fault, RuntimeError)
    tape.follow(None)
    tape.write(np.ones((2, 400), np.float32))
    assert tape.position == 400
