"""The output keeper on a sound system made up here: devices that come, go, refuse and hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from plugin_bridge import audio_keeper
from plugin_bridge.audio_deck import Deck
from plugin_bridge.audio_keeper import OpenOutput, OutputKeeper, OutputRequest
from plugin_bridge.audio_messages import DeviceGone, DeviceOpened
from plugin_bridge.devices import DeviceProblem, OutputDevice
from tests.plugin_bridge.audio_scenarios import RATE
from tests.plugin_bridge.command_runs import wait_for

OTHER_RATE = 48_000
CARD = OutputDevice("card", "ALSA", 2, OTHER_RATE)
OTHER = OutputDevice("other", "ALSA", 2, RATE)


class Output:
    """A stream that draws nothing but what a test says."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.latency_seconds = 0.1
        self.alive = True
        self.closed = False

    def is_alive(self) -> bool:
        return self.alive

    def close(self) -> None:
        self.closed = True


class Port:
    """refuses: how many openings fail, after the deck's rate was changed."""

    def __init__(self) -> None:
        self.devices: tuple[OutputDevice, ...] = ()
        self.refuses = 0
        self.opened: list[Output] = []

    def outputs(self) -> tuple[OutputDevice, ...]:
        return self.devices

    def open(self, device: OutputDevice, request: OutputRequest, deck: Deck) -> OpenOutput:
        deck.use_rate(device.sample_rate)
        if self.refuses:
            self.refuses -= 1
            raise DeviceProblem("It is in use; close the program that uses it.")
        self.opened.append(Output(device.sample_rate))
        return self.opened[-1]


class Kept:
    def __init__(self) -> None:
        self.port = Port()
        self.deck = Deck(RATE)
        self.told: list[DeviceOpened | DeviceGone] = []
        self.keeper = OutputKeeper(
            self.port, self.deck, OutputRequest("card", RATE), self.told.append
        )

    def wait_told(self, count: int) -> DeviceOpened | DeviceGone:
        wait_for(lambda: len(self.told) >= count, f"{count} words about the device")
        return self.told[count - 1]

    def wait_opened(self, rate: int) -> None:
        def is_open() -> bool:
            last = self.told[-1] if self.told else None
            return isinstance(last, DeviceOpened) and last.sample_rate == rate

        wait_for(is_open, "the device to open")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    monkeypatch.setattr(audio_keeper, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(audio_keeper, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(audio_keeper, "STALE_SECONDS", 1e9)
    kept = Kept()
    yield kept
    kept.keeper.close()
    assert all(output.closed for output in kept.port.opened)


def test_a_device_that_is_missing_is_told_once_and_opened_when_it_comes(kept: Kept) -> None:
    gone = kept.wait_told(1)
    assert isinstance(gone, DeviceGone)
    assert gone.sample_rate == RATE
    blocks = kept.deck.blocks
    wait_for(lambda: kept.deck.blocks > blocks + 2, "time to pass without a device")
    assert len(kept.told) == 1
    kept.port.devices = (CARD, OTHER)
    opened = kept.wait_told(2)
    assert isinstance(opened, DeviceOpened)
    assert (opened.name, opened.sample_rate) == ("card", OTHER_RATE)
    assert "not 44100 Hz" in opened.sentence
    # Only one may draw from the deck.
    assert "silent-clock" not in {thread.name for thread in threading.enumerate()}


def test_a_device_that_does_not_open_is_told_with_the_rate_that_it_left(kept: Kept) -> None:
    kept.wait_told(1)
    kept.port.refuses = 3
    kept.port.devices = (CARD,)
    gone = kept.wait_told(2)
    assert isinstance(gone, DeviceGone)
    assert gone.sample_rate == OTHER_RATE
    assert "in use" in gone.sentence
    assert isinstance(kept.wait_told(3), DeviceOpened)


def test_a_device_that_goes_is_told_and_nothing_plays_elsewhere(kept: Kept) -> None:
    kept.port.devices = (CARD, OTHER)
    kept.wait_opened(OTHER_RATE)
    count = len(kept.told)
    kept.port.devices = (OTHER,)
    kept.port.opened[0].alive = False
    gone = kept.wait_told(count + 1)
    assert isinstance(gone, DeviceGone)
    assert "card" in gone.sentence
    blocks = kept.deck.blocks
    wait_for(lambda: kept.deck.blocks > blocks + 2, "time to pass without a device")
    assert len(kept.port.opened) == 1
    kept.port.devices = (CARD, OTHER)
    assert isinstance(kept.wait_told(count + 2), DeviceOpened)


def test_another_device_is_chosen_and_the_first_closed(kept: Kept) -> None:
    kept.port.devices = (CARD, OTHER)
    kept.wait_opened(OTHER_RATE)
    kept.keeper.choose("other")
    kept.wait_opened(RATE)
    assert kept.port.opened[0].closed


def test_a_device_that_draws_nothing_is_gone(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.port.devices = (OTHER, CARD)
    kept.wait_opened(OTHER_RATE)
    monkeypatch.setattr(audio_keeper, "STALE_SECONDS", 0.1)
    wait_for(lambda: len(kept.port.opened) >= 2, "it to be opened again")
    assert any(isinstance(word, DeviceGone) and "gone" in word.sentence for word in kept.told)


def test_a_stream_that_never_closes_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    held = threading.Event()

    class Stuck(Output):
        def close(self) -> None:
            held.wait()

    monkeypatch.setattr(audio_keeper, "CLOSE_SECONDS", 0.05)
    monkeypatch.setattr(audio_keeper.os, "_exit", ended.append)
    audio_keeper.close_or_exit(Stuck(RATE))
    held.set()
    assert ended == [audio_keeper.EXIT_STUCK]
