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


def test_followed_by_nobody_it_plays_on(kept: Kept) -> None:
    kept.keeper.choose(SyncRequest("internal"))
    kept.play()
    kept.keeper.look()
    wait_for(lambda: kept.block().any(), "the first bar")
    kept.keeper.choose(None)
    kept.keeper.look()
    kept.block()
    assert kept.block().any()
    assert kept.deck.seen.transport is None
