"""The transport that an audio process follows: opened, lost, looked for again, and told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction

import numpy as np
import pytest

from plugin_bridge.audio_deck import Deck, SilentClock
from plugin_bridge.audio_messages import SyncStatus
from plugin_bridge.audio_sync import SyncKeeper
from plugin_bridge.slots import Grid, Slot
from plugin_bridge.sync.internal import InternalClock
from plugin_bridge.sync.lead import Lead
from plugin_bridge.sync.sources import SyncRequest
from tests.plugin_bridge.audio_scenarios import RATE, noise
from tests.plugin_bridge.command_runs import wait_for


class Kept:
    def __init__(self) -> None:
        self.deck = Deck(RATE)
        self.told: list[SyncStatus] = []
        self.keeper = SyncKeeper(self.deck, self.told.append)

    def play(self) -> None:
        self.deck.post(lambda stage: stage.player.put(Slot("A", noise(2.0))))
        self.deck.post(lambda stage: stage.player.set_grid(Grid(Fraction(2 * RATE))))
        self.deck.post(lambda stage: stage.player.choose("A"))
        self.deck.post(lambda stage: stage.play(0))

    def block(self) -> np.ndarray:
        out = np.empty((1024, 2), np.float32)
        self.deck.fill(out)
        return out


@pytest.fixture
def kept() -> Iterator[Kept]:
    kept = Kept()
    with closing(kept.keeper):
        yield kept


def test_nothing_sounds_before_the_transport_is_open(kept: Kept) -> None:
    kept.keeper.choose(SyncRequest("internal"))
    kept.play()
    assert not kept.block().any()
    assert kept.deck.seen.is_playing, "it waits to be led"
    kept.keeper.look()
    wait_for(lambda: kept.block().any(), "the first bar")


def test_where_it_is_and_how_far_off_is_told(kept: Kept) -> None:
    kept.keeper.choose(SyncRequest("internal", 97.0))
    clock = SilentClock(kept.deck)
    try:
        kept.keeper.look()
        wait_for(lambda: kept.keeper.look() or kept.told, "a status")
        wait_for(lambda: kept.keeper.look() or kept.told[-1].is_playing, "its start")
    finally:
        clock.close()
    assert (kept.told[-1].source, kept.told[-1].bpm) == ("internal", 97.0)
    assert kept.told[-1].sentence == ""


def test_a_transport_that_is_missing_is_a_sentence_and_silence(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-none")
    kept.keeper.choose(SyncRequest("jack"))
    kept.play()
    for _ in range(20):
        kept.keeper.look()
        assert not kept.block().any()
        threading.Event().wait(0.005)
    assert "No JACK server" in kept.told[-1].sentence


def test_who_leads_takes_the_transport_along(kept: Kept) -> None:
    kept.keeper.choose(SyncRequest("internal", 120.0, leads=True))
    kept.keeper.look()
    kept.block()
    kept.keeper.look()  # its own clock runs from the start on
    kept.play()
    kept.deck.post(lambda stage: stage.stop())
    kept.block()
    kept.keeper.look()
    kept.block()
    assert kept.deck.seen.transport is not None
    assert not kept.deck.seen.transport.is_playing
    half = RATE // 4 * 6  # beat 3 of a two-second bar
    kept.deck.post(lambda stage: stage.seek(half))
    kept.deck.post(lambda stage: stage.play())
    kept.block()
    kept.keeper.look()
    assert kept.block().any()
    assert kept.deck.seen.transport.beat_at(kept.deck.seen.transport.at_seconds) == 3.0


def test_another_tempo_of_those_who_are_led_is_no_new_transport(kept: Kept) -> None:
    kept.keeper.choose(SyncRequest("internal", 120.0, leads=True))
    kept.play()
    kept.keeper.look()
    wait_for(lambda: kept.keeper.look() or kept.block().any(), "the first bar")
    before = kept.deck.seen.transport
    kept.keeper.choose(SyncRequest("internal", 126.0, leads=True))
    kept.keeper.look()
    assert kept.block().any(), "it plays on"
    after = kept.deck.seen.transport
    assert before is not None
    assert after is not None
    assert after.bpm == 126.0
    # Within the time that passed at the faster tempo.
    passed = after.at_seconds - before.at_seconds
    assert 0 <= after.beat - before.beat <= passed * 126 / 60 + 1e-9


def test_who_is_led_may_start_and_stop_the_leader(kept: Kept) -> None:
    clock = InternalClock()
    kept.deck.follow(clock.transport, Lead())
    kept.play()
    kept.deck.post(lambda stage: stage.stop())
    kept.block()
    assert not kept.deck.seen.is_playing
    clock.play()
    kept.block()
    assert kept.deck.seen.is_playing
    clock.stop()
    kept.block()
    assert not kept.block().any()
    assert kept.deck.seen.is_playing, "that may be a program that comes or goes"
    wait_for(lambda: kept.block().any() or not kept.deck.seen.is_playing, "its stop")


def test_what_has_no_tempo_is_heard_beside_a_transport(kept: Kept) -> None:
    kept.keeper.choose(SyncRequest("internal"))
    kept.keeper.look()
    kept.deck.post(lambda stage: stage.player.put(Slot("A", noise(2.0))))
    kept.deck.post(lambda stage: stage.player.choose("A"))
    kept.deck.post(lambda stage: stage.play())
    assert kept.block().any()


def test_followed_by_nobody_it_plays_on(kept: Kept) -> None:
    kept.keeper.choose(SyncRequest("internal"))
    kept.play()
    kept.keeper.look()
    wait_for(lambda: kept.block().any(), "the first bar")
    clock = SilentClock(kept.deck)  # what is let go is waited for, block by block
    try:
        kept.keeper.choose(None)
        kept.keeper.look()
    finally:
        clock.close()
    assert kept.block().any()
    assert kept.deck.seen.transport is None
