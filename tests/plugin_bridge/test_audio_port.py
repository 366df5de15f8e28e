"""The edge to PortAudio when it fails: each fault is a sentence, and the next look a new one."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from plugin_bridge.audio_deck import Deck
from plugin_bridge.audio_keeper import OutputRequest
from plugin_bridge.audio_process import PortAudio
from plugin_bridge.devices import DeviceProblem, OutputDevice
from tests.plugin_bridge.audio_scenarios import RATE

CARD = OutputDevice("card", "ALSA", 2, 48_000, is_default=True)


class PortAudioError(Exception):
    """Has the name that sounddevice gives it."""


class Stream:
    """What sounddevice.OutputStream is to the app."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.latency = 0.1
        self.is_broken = False
        self.is_closed = False

    def start(self) -> None:
        if self.is_broken:
            raise PortAudioError("busy")

    @property
    def active(self) -> bool:
        if self.is_broken:
            raise PortAudioError("gone")
        return True

    def close(self) -> None:
        self.is_closed = True


class Sound:
    """A sounddevice that fails on order: in the calls whose names are in `broken`."""

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.started = 1
        self.default = SimpleNamespace(device=(-1, 1))
        self.streams: list[Stream] = []

    def _call(self, name: str) -> None:
        if name in self.broken:
            raise PortAudioError(name)

    def _initialize(self) -> None:
        self._call("initialize")
        self.started += 1

    def _terminate(self) -> None:
        assert self.started == 1  # twice is an error of PortAudio's
        self.started -= 1
        self._call("terminate")

    def query_hostapis(self, index: int | None = None) -> Any:
        self._call("query")
        apis = [{"name": "ALSA"}]
        return apis if index is None else apis[index]

    def query_devices(self) -> list[dict[str, Any]]:
        self._call("query")
        common = {"hostapi": 0, "default_samplerate": 48_000.0}
        return [
            {"name": "microphone", "index": 0, "max_output_channels": 0, **common},
            {"name": "card", "index": 1, "max_output_channels": 2, **common},
        ]

    def check_output_settings(self, *_words: Any, samplerate: int) -> None:
        if samplerate != 48_000:
            raise PortAudioError("rate")

    def OutputStream(self, **settings: Any) -> Stream:  # noqa: N802 - sounddevice's own name
        self._call("open")
        stream = Stream(**settings)
        stream.is_broken = "start" in self.broken
        self.streams.append(stream)
        return stream


@pytest.fixture
def sound(monkeypatch: pytest.MonkeyPatch) -> Sound:
    sound = Sound()
    monkeypatch.setitem(sys.modules, "sounddevice", sound)
    return sound


def test_outputs_are_what_has_two_channels_and_each_look_is_a_new_one(sound: Sound) -> None:
    port = PortAudio()
    assert port.outputs() == (CARD,)
    assert port.outputs() == (CARD,)
    assert sound.started == 1


@pytest.mark.parametrize(("call", "looks"), [("initialize", 2), ("terminate", 1), ("query", 2)])
def test_a_sick_sound_system_is_a_sentence_and_is_asked_again(
    sound: Sound, call: str, looks: int
) -> None:
    port = PortAudio()
    port.outputs()
    sound.broken = {call}
    for _look in range(looks):
        with pytest.raises(DeviceProblem, match="restart it"):
            port.outputs()
    sound.broken = set()
    assert port.outputs() == (CARD,)


@pytest.mark.parametrize("call", ["open", "start"])
def test_an_output_that_does_not_open_is_a_sentence_and_leaves_no_stream(
    sound: Sound, call: str
) -> None:
    port = PortAudio()
    port.outputs()
    sound.broken = {call}
    with pytest.raises(DeviceProblem, match="could not be opened"):
        port.open(CARD, OutputRequest("card", RATE), Deck(RATE))
    assert all(stream.is_closed for stream in sound.streams)


def test_an_output_that_is_gone_when_it_is_opened_is_a_sentence(sound: Sound) -> None:
    port = PortAudio()
    port.outputs()
    with pytest.raises(DeviceProblem, match="gone"):
        port.open(OutputDevice("no card", "ALSA", 2, RATE), OutputRequest(), Deck(RATE))


def test_a_refused_rate_is_the_devices_own_and_a_broken_stream_is_not_alive(sound: Sound) -> None:
    port, deck = PortAudio(), Deck(RATE)
    port.outputs()
    output = port.open(CARD, OutputRequest("card", RATE), deck)
    assert output.sample_rate == deck.sample_rate == 48_000
    assert output.is_alive()
    sound.streams[0].is_broken = True
    assert not output.is_alive()


def test_under_runs_are_counted_but_not_in_the_first_block(sound: Sound) -> None:
    port, deck = PortAudio(), Deck(48_000)
    port.outputs()
    port.open(CARD, OutputRequest("card", 48_000), deck)
    draw = sound.streams[0].settings["callback"]
    block = np.ones((64, 2), np.float32)
    for under_run in (True, True, False):
        draw(block, 64, None, SimpleNamespace(output_underflow=under_run))
    assert deck.under_runs == 1
    assert deck.blocks == 3
    assert not block.any()
