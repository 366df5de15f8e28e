"""The ring, the insert and the rack, without a process: what is heard is dry or wet, never else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio import FloatArray
from plugin_bridge.audio_deck import Deck
from plugin_bridge.plugins.insert import JOIN_FRAMES, Insert
from plugin_bridge.plugins.plugin_ring import CAPACITY_FRAMES, NO_SLOT, PluginRing
from plugin_bridge.plugins.rack import SPOILED_LIMIT, Rack, RackSlot, Spoiled
from plugin_bridge.slots import Slot

HOST_FRAMES = 64
GAIN = np.float32(0.5)


@pytest.fixture
def ring() -> Iterator[PluginRing]:
    ring = PluginRing.create()
    yield ring
    ring.close()


class SteppedHost:
    """What the host's thread does, one block whenever a test says so."""

    def __init__(self, ring: PluginRing, latency_frames: int = 0) -> None:
        self.ring = ring
        self.latency_frames = latency_frames
        self.position = ring.sent
        ring.needed_frames = latency_frames + HOST_FRAMES
        ring.begin(self.position, latency_frames)

    def step(self) -> bool:
        if self.ring.sent - self.position < HOST_FRAMES:
            return False
        out = np.zeros((2, HOST_FRAMES), np.float32)
        start = self.position - self.latency_frames
        self.ring.read_dry(start, out)
        self.ring.finish(start, GAIN * out)
        self.position += HOST_FRAMES
        return True


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 700), min_size=1, max_size=40),
    steps=st.lists(st.integers(0, 12), min_size=40, max_size=40),
    latency=st.sampled_from([0, 1, 63, 64, 200]),
)
def test_what_comes_out_is_what_went_in_wet_or_dry(
    sizes: list[int], steps: list[int], latency: int
) -> None:
    ring = PluginRing.create()
    try:
        host, insert = SteppedHost(ring, latency), Insert(ring)
        rng = np.random.default_rng(1)
        total = sum(sizes)
        dry = rng.uniform(-1, 1, (2, total)).astype(np.float32)
        silence = np.zeros((2, 2000), np.float32)
        padded = np.concatenate((silence, dry), axis=1)
        position, was = 0, (False, 0)
        for size, count in zip(sizes, steps, strict=False):
            block = dry[:, position : position + size].copy()
            insert.process(block)
            now = (insert.is_wet, insert.lookahead_frames)
            early = max(0, now[1] - position)
            begins = position <= now[1] < position + size
            skipped = 0 if now == was and not begins else early + JOIN_FRAMES
            start = 2000 + position - now[1]
            factor = GAIN if insert.is_wet else np.float32(1.0)
            wanted = factor * padded[:, start : start + size]
            np.testing.assert_array_equal(block[:, skipped:], wanted[:, skipped:])
            position, was = position + size, now
            for _ in range(count):
                host.step()
    finally:
        ring.close()


def test_a_switch_between_dry_and_wet_does_not_click(ring: PluginRing) -> None:
    """A sine of 100 Hz: no step is larger than its own and the join's slope together."""
    host, insert = SteppedHost(ring), Insert(ring)
    dry = np.sin(np.arange(128 * 40) * 2 * np.pi * 100 / 44_100).astype(np.float32)
    stereo = np.stack([dry, dry])
    parts: list[FloatArray] = []
    wets: set[bool] = set()
    for number in range(40):
        block = stereo[:, number * 128 : number * 128 + 128].copy()
        insert.process(block)
        wets.add(insert.is_wet)
        parts.append(block)
        if number % 10 < 5:
            while host.step():
                pass
    assert wets == {True, False}
    steps = np.abs(np.diff(np.concatenate(parts, axis=1), axis=1))
    own = 2 * np.pi * 100 / 44_100
    assert steps.max() <= own + 1.5 / JOIN_FRAMES


def test_old_audio_is_never_taken_for_new(ring: PluginRing) -> None:
    """A host that begins anew far ahead: the ring still holds what it made a round ago."""
    host, insert = SteppedHost(ring), Insert(ring)
    block = np.ones((2, 1024), np.float32)
    for _ in range(CAPACITY_FRAMES // 1024 + 1):
        insert.process(block.copy())
        while host.step():
            pass
    assert insert.is_wet
    late = insert.late
    for _ in range(8):
        insert.process(block.copy())
    assert insert.late > late
    SteppedHost(ring)
    out = np.empty((2, 64), np.float32)
    assert not ring.read_wet(ring.sent - 64, out)
    assert not ring.read_wet(ring.sent, out)


def test_a_block_of_any_size_goes_through(ring: PluginRing) -> None:
    insert = Insert(ring)
    dry = np.random.default_rng(2).uniform(-1, 1, (2, 50_000)).astype(np.float32)
    out = dry.copy()
    insert.process(out)
    late = insert.lookahead_frames
    assert late == 2 * 8192
    np.testing.assert_array_equal(out[:, late + JOIN_FRAMES :], dry[:, JOIN_FRAMES:-late])
    assert not out[:, :late].any()


def test_plugins_come_and_go_without_a_click() -> None:
    frames, hz = 44_100, 100.0
    wave = (0.5 * np.sin(2 * np.pi * hz / frames * np.arange(frames))).astype(np.float32)
    deck = Deck(frames)
    deck.post(lambda stage: stage.player.put(Slot("A", np.stack([wave, wave]))))
    deck.post(lambda stage: stage.player.choose("A"))
    deck.post(lambda stage: stage.play(0))
    heard: list[FloatArray] = []

    def play(blocks: int, size: int) -> None:
        for _ in range(blocks):
            out = np.zeros((size, 2), np.float32)
            deck.fill(out)
            heard.append(out[:, 0])

    play(6, 500)
    for size in (500, 333, 512):
        ring = PluginRing.create()
        deck.use_insert(Insert(ring))
        play(9, size)
        deck.use_insert(None)
        play(5, size)
        ring.close()
    sound = np.concatenate(heard[4:])
    steepest = 0.5 * 2 * np.pi * hz / frames
    assert np.abs(np.diff(sound)).max() <= steepest + 1.0 / JOIN_FRAMES
    assert np.abs(sound).max() > 0.49


def test_both_ends_see_the_same(ring: PluginRing) -> None:
    other = PluginRing.attach(ring.name)
    try:
        block = np.full((2, 10), 0.25, np.float32)
        assert ring.send(block) == 10
        assert (other.sent, other.active, other.loading) == (10, NO_SLOT, NO_SLOT)
        other.begin(0, 0)
        other.finish(0, block)
        out = np.zeros((2, 10), np.float32)
        assert ring.read_wet(0, out)
        np.testing.assert_array_equal(out, block)
    finally:
        other.close()
    with pytest.raises(FileNotFoundError):
        PluginRing.attach("loopgraft-nobody")


# --- the rack -----------------------------------------------------------------------------------


class Late:
    """An effect in the place of a plugin: a gain, late by its latency."""

    def __init__(self, latency_frames: int, gain: float = 1.0) -> None:
        self.latency_frames = latency_frames
        self._gain = np.float32(gain)
        self._kept = np.zeros((2, latency_frames), np.float32)

    def process(self, block: FloatArray) -> FloatArray:
        both = np.concatenate((self._kept, block), axis=1)
        self._kept = both[:, block.shape[1] :]
        return self._gain * both[:, : block.shape[1]]


@given(
    latencies=st.lists(st.integers(0, 300), min_size=1, max_size=4),
    mixes=st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=4, max_size=4),
)
def test_a_rack_is_late_by_the_sum_of_its_slots_whatever_the_mix(
    latencies: list[int], mixes: list[float]
) -> None:
    slots = [RackSlot(Late(late), mix) for late, mix in zip(latencies, mixes, strict=False)]
    rack = Rack(slots, lambda _: None)
    assert rack.latency_frames == sum(latencies)
    audio = np.random.default_rng(4).uniform(-1, 1, (2, 64 * 30)).astype(np.float32)
    out = np.concatenate([rack.process(part) for part in np.split(audio, 30, axis=1)], axis=1)
    late = rack.latency_frames
    np.testing.assert_array_equal(out[:, late:], audio[:, : audio.shape[1] - late])


def test_a_change_of_mix_glides_over_one_block() -> None:
    slot = RackSlot(Late(0, gain=0.0), 1.0)
    ones = np.ones((2, 64), np.float32)
    assert not slot.process(ones).any()
    slot.mix = 0.0
    glided = slot.process(ones)
    np.testing.assert_allclose(glided[0], np.linspace(0, 1, 64), atol=1e-6)
    np.testing.assert_array_equal(slot.process(ones), ones)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_dry_and_in_the_end_given_up(value: float) -> None:
    slot = RackSlot(Late(0, gain=value), 1.0)
    ones = np.ones((2, 64), np.float32)
    for _ in range(SPOILED_LIMIT - 1):
        np.testing.assert_array_equal(slot.process(ones), ones)
    with pytest.raises(Spoiled):
        slot.process(ones)


def test_an_empty_slot_passes_by_and_the_one_that_runs_is_told() -> None:
    told: list[int] = []
    rack = Rack([RackSlot(None, 1.0), RackSlot(Late(0), 1.0)], told.append)
    ones = np.ones((2, 64), np.float32)
    np.testing.assert_array_equal(rack.process(ones), ones)
    assert told == [0, 1, -1]
