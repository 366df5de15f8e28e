"""The audio process and its client without a device: time, state, faults, deaths, leftovers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audio import AudioClip
from engine.errors import BadArgument
from plugin_bridge import audio_supervisor
from plugin_bridge.audio_blocks import SampleBlock, copy_block, stereo_at
from plugin_bridge.audio_client import (
    AudioClient,
    AudioGaveUp,
    AudioOptions,
    AudioRestarting,
    DeviceGone,
    DeviceList,
    Playback,
    SlotFailed,
    SlotReady,
)
from plugin_bridge.audio_deck import SILENT_BLOCK_SECONDS, Deck, SilentClock
from plugin_bridge.audio_faults import AudioFault, AudioFaultName, parse_audio_fault
from plugin_bridge.audio_messages import (
    AudioPing,
    AudioPong,
    ChooseSlot,
    Play,
    PutSlot,
    Refused,
    Seek,
    SetGrid,
    SetLoop,
    SlotTaken,
    Status,
    decode_from_audio,
    decode_to_audio,
    encode_audio,
)
from plugin_bridge.audio_stage import Stage
from plugin_bridge.audio_supervisor import CRASH_LIMIT, GAVE_UP_SENTENCE
from plugin_bridge.slots import Grid, Slot
from tests.event_recorder import TIMEOUT_SECONDS
from tests.plugin_bridge.audio_scenarios import (
    NO_DEVICE,
    RATE,
    Heard,
    audio,
    is_running,
    needs_portaudio,
    noise,
    noise_clip,
    shared_blocks,
)
from tests.plugin_bridge.command_runs import ROOT, wait_for

OPTIONS = AudioOptions(NO_DEVICE, RATE, heartbeat_seconds=0.2, backoff_seconds=0.01)

Message = TypeVar("Message", AudioPong, Refused, SlotTaken, Status)
Running = tuple[AudioClient, Heard]


@pytest.fixture(autouse=True)
def no_block_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves shared memory behind; keep this machine's JACK server out."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-nobody")
    yield
    assert shared_blocks() == set()


@pytest.fixture
def running() -> Iterator[Running]:
    with audio(OPTIONS) as pair:
        yield pair


def with_faults(*faults: str) -> AudioOptions:
    return replace(OPTIONS, faults=faults, answer_deadline_seconds=2.0)


def play(client: AudioClient, seconds: float = 4.0, frame: int = 0) -> None:
    client.put("A", noise_clip(seconds))
    client.choose("A")
    client.play(frame)


# --- time and state -------------------------------------------------------------------------


@needs_portaudio
def test_without_a_device_it_says_so_and_time_passes(running: Running) -> None:
    client, heard = running
    assert NO_DEVICE in heard.wait(DeviceGone).sentence
    play(client)
    later = heard.wait(Playback, lambda event: event.frame >= RATE)
    assert later.slot_id == "A"
    assert later.under_runs == 0
    assert max(later.peaks) > 0.9


def test_a_stop_stays_and_a_seek_goes(running: Running) -> None:
    client, heard = running
    play(client, frame=1000)
    assert heard.wait_playing().frame >= 1000
    client.stop()
    stopped = heard.wait(Playback, lambda event: not event.is_playing, start=heard.now())
    client.seek(77)
    assert heard.wait(Playback, lambda event: event.frame == 77).is_playing is False
    assert stopped.slot_id == "A"


def test_switches_at_once_and_at_the_bar(running: Running) -> None:
    client, heard = running
    client.set_grid(Fraction(RATE, 4))
    client.put("B", noise_clip(4.0, seed=2), gain=0.5)
    play(client, seconds=30.0)
    heard.wait_playing()
    client.choose("B", "bar")
    switched = heard.wait(Playback, lambda event: event.slot_id == "B")
    # A status comes 33 ms apart at best; the switch came at a bar line.
    assert switched.frame >= RATE // 4 - RATE // 100
    client.choose(None)
    heard.wait(Playback, lambda event: event.slot_id is None and max(event.peaks) == 0.0)


def test_without_a_loop_it_ends(running: Running) -> None:
    client, heard = running
    client.set_loop(False)
    play(client, seconds=0.3)
    start = heard.events.index(heard.wait(SlotReady))
    ended = heard.wait(Playback, lambda event: not event.is_playing, start=start)
    assert ended.frame == round(0.3 * RATE)


def test_what_a_choice_needs_is_waited_for_but_a_stop_is_not(running: Running) -> None:
    client, heard = running
    heard.wait(DeviceGone)
    client.put("A", AudioClip(noise(30.0, rate=96_000), 96_000))  # takes a while to resample
    client.choose("A")
    client.play(0)
    client.stop()
    heard.wait(SlotReady)
    after = heard.now()
    heard.wait(Playback, lambda event: event.slot_id == "A", start=after)
    assert not any(event.is_playing for event in heard.of(Playback))


@needs_portaudio
def test_the_outputs_are_listed(running: Running) -> None:
    client, heard = running
    client.list_devices()
    assert heard.wait(DeviceList).sentence == ""


@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("rate", [22_050, RATE, 48_000])
def test_any_clip_becomes_stereo_at_the_streams_rate(channels: int, rate: int) -> None:
    rng = np.random.default_rng(1)
    samples = rng.uniform(-1, 1, (channels, rate)).astype(np.float32)
    out = stereo_at(AudioClip(samples, rate), RATE)
    assert out.shape == (2, RATE)
    if rate == RATE:
        assert np.array_equal(out, samples[[0, min(1, channels - 1)]])


def test_bad_values_are_refused_at_the_door(running: Running) -> None:
    client, _heard = running
    for call in (
        lambda: client.put("A", AudioClip(np.zeros((2, 0), np.float32), RATE)),
        lambda: client.put("A", noise_clip(0.1), gain=-1.0),
        lambda: client.set_loop(True, (5, 5)),
        lambda: client.set_grid(0),
        lambda: AudioClient(AudioOptions(sample_rate=1), print),
    ):
        with pytest.raises(BadArgument):
            call()


# --- shared memory --------------------------------------------------------------------------


def test_a_block_is_copied_and_unlinked() -> None:
    block = SampleBlock(noise(0.1))
    assert np.array_equal(copy_block(block.name, block.frames), noise(0.1))
    with pytest.raises(ValueError, match="bytes"):
        copy_block(block.name, 10**6)
    block.close()
    block.close()
    with pytest.raises(FileNotFoundError):
        copy_block(block.name, block.frames)


def test_audio_that_does_not_fit_is_told(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    client, heard = running

    def full(_path: object) -> SimpleNamespace:
        return SimpleNamespace(free=0)

    monkeypatch.setattr(shutil, "disk_usage", full)
    heard.wait(DeviceGone)
    client.put("A", noise_clip(1.0))
    assert "shared memory" in heard.wait(SlotFailed).sentence
    monkeypatch.undo()
    client.put("A", noise_clip(1.0))
    heard.wait(SlotReady)


# --- faults and deaths ----------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["crash@25", "hang@25", "garbage@25"])
def test_a_fault_is_an_event_and_playback_goes_on(fault: str) -> None:
    with audio(with_faults(fault)) as (client, heard):
        client.put("B", noise_clip(1.0), start=-500)
        client.set_loop(True, (1000, 60 * RATE))
        began = time.monotonic()
        play(client, seconds=60.0, frame=2 * RATE)
        heard.wait_playing()
        restart = heard.wait(AudioRestarting)
        start = heard.events.index(restart)
        back = heard.wait_playing(start=start)
        assert back.slot_id == "A"
        before = [e for e in heard.events[:start] if isinstance(e, Playback)][-1]
        # On from where it was, and no faster than time; a clock that lags catches up by 1 s.
        assert before.frame <= back.frame + RATE // 10
        assert back.frame / RATE <= 2.0 + (time.monotonic() - began) + 1.1
        assert {event.slot_id for event in heard.of(SlotReady)} == {"A", "B"}
        client.choose("B")
        heard.wait(Playback, lambda event: event.slot_id == "B", start=start)


def kill(client: AudioClient, number: signal.Signals = signal.SIGKILL) -> None:
    pid = client.child_pid
    assert pid is not None
    os.kill(pid, number)


def test_too_many_deaths_are_told_and_play_begins_anew(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, heard = running
    monkeypatch.setattr(audio_supervisor, "WELL_SECONDS", 1e9)  # however slow the machine is
    play(client)
    for count in range(CRASH_LIMIT):
        start = heard.now()
        heard.wait(Playback, start=start)
        kill(client)
        heard.wait(AudioRestarting if count < CRASH_LIMIT - 1 else AudioGaveUp, start=start)
    assert heard.of(AudioGaveUp)[0].sentence == GAVE_UP_SENTENCE
    start = heard.now()
    client.play()
    assert heard.wait_playing(start=start).slot_id == "A"


def test_a_block_that_a_dead_process_never_took_is_unlinked() -> None:
    """The process stands still before it can; the fixture looks for what is left."""
    with audio(replace(OPTIONS, answer_deadline_seconds=3.0)) as (client, heard):
        heard.wait(DeviceGone)
        kill(client, signal.SIGSTOP)
        play(client)
        wait_for(shared_blocks, "a block under way")
        heard.wait(AudioRestarting)
        heard.wait_playing()


def test_close_in_the_middle_of_everything_leaves_nothing() -> None:
    with audio(OPTIONS) as (client, heard):
        heard.wait(DeviceGone)
        for number in range(20):
            client.put(f"slot {number}", AudioClip(noise(1.0, rate=48_000), 48_000))


def start_app(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.plugin_bridge.audio_app", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_app_that_ends_leaves_no_word_of_the_resource_tracker() -> None:
    app = start_app()
    out, errors = app.communicate(timeout=TIMEOUT_SECONDS)
    assert (app.returncode, errors) == (0, "")
    assert not is_running(int(out))


@pytest.mark.parametrize("words", [(), ("stopped",)])
def test_a_killed_app_takes_its_audio_process_and_blocks_along(words: tuple[str, ...]) -> None:
    app = start_app(*words)
    assert app.stdout is not None
    child = int(app.stdout.readline())
    app.kill()
    app.communicate(timeout=TIMEOUT_SECONDS)
    wait_for(lambda: not is_running(child), "the end of the audio process")
    wait_for(lambda: not shared_blocks(app.pid), "the end of its blocks")


# --- the child by itself --------------------------------------------------------------------


class Child:
    """The audio process with a test in the place of the app."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "plugin_bridge.audio_process", f"--device={NO_DEVICE}"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def send(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def read(self, kind: type[Message]) -> Message:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            if isinstance(message := decode_from_audio(line), kind):
                return message
        raise AssertionError(f"it ended without a {kind}")

    def end(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(TIMEOUT_SECONDS)


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child()
    yield child
    assert child.end() == 0


GARBAGE = [
    b"not json\n",
    b"\x00\xff\n",
    b"[]\n",
    b'{"type":"Nonsense"}\n',
    encode_audio(SetLoop(True, (5, 5))),
    encode_audio(SetGrid((0, 1), (0, 1))),
    b'{"type":"SetGrid","frames_per_bar":[1,0],"downbeat":[0,1]}\n',
    b'{"type":"SetGain","slot_id":"A","gain":-1}\n',
]


def test_garbage_is_refused_and_the_next_line_obeyed(child: Child) -> None:
    for number, garbage in enumerate(GARBAGE):
        child.send(garbage)
        assert child.read(Refused).sentence.endswith(".")
        child.send(encode_audio(AudioPing(number)))
        assert child.read(AudioPong).number == number


def test_a_block_that_is_not_there_is_refused(child: Child) -> None:
    wrong = [("nowhere", 9, 1.0), ("", 9, 1.0), ("nowhere", 0, -1.0)]
    for number, (block, frames, gain) in enumerate(wrong):
        child.send(encode_audio(PutSlot(number, "A", block, frames, RATE, 0, gain)))
        taken = child.read(SlotTaken)
        assert taken.number == number
        assert taken.sentence


def test_commands_that_no_app_sends_do_not_stop_it(child: Child) -> None:
    huge = 10**15
    for message in (Seek(-huge), Play(huge), ChooseSlot("nobody", "bar"), SetLoop(True, (-1, 1))):
        child.send(encode_audio(message))
    child.send(encode_audio(AudioPing(1)))
    assert child.read(AudioPong).number == 1


def test_it_ends_with_its_app(child: Child) -> None:
    """The fixture closes the pipe and looks at the exit code."""
    child.read(Status)


# --- parts ----------------------------------------------------------------------------------


def test_a_command_that_fails_costs_one_block_and_no_more() -> None:
    deck = Deck(RATE)
    deck.post(lambda stage: stage.player.put(Slot("A", noise(1.0))))
    deck.post(lambda stage: stage.player.choose("A"))
    deck.post(lambda stage: stage.play(0), counted=True)

    def fail(_stage: Stage) -> None:
        raise RuntimeError("of the test")

    out = np.ones((512, 2), np.float32)
    deck.fill(out)
    deck.post(fail)
    deck.fill(out)
    assert isinstance(deck.fault, RuntimeError)
    assert not out.any()
    deck.fill(out)
    assert out.any()
    assert deck.seen.commands == 1
    assert deck.take_peaks()[0] > 0.5
    assert deck.take_peaks() == (0.0, 0.0)


def test_the_silent_clock_is_never_ahead_of_time_and_ends() -> None:
    deck = Deck(RATE)
    began = time.monotonic()
    clock = SilentClock(deck)
    wait_for(lambda: deck.blocks >= 25, "silent blocks")
    blocks = deck.blocks
    assert blocks * SILENT_BLOCK_SECONDS <= time.monotonic() - began
    clock.close()
    blocks = deck.blocks
    clock = SilentClock(deck)
    wait_for(lambda: deck.blocks > blocks, "a second clock's blocks")
    clock.close()


@given(st.integers(1, 10**6), st.fractions(1, 10**6), st.fractions(-(10**6), 10**6))
def test_a_grid_travels_exactly(number: int, bar: Fraction, downbeat: Fraction) -> None:
    message = decode_to_audio(encode_audio(SetGrid.of(Grid(bar, downbeat))))
    assert isinstance(message, SetGrid)
    assert message.grid == Grid(bar, downbeat)
    assert decode_to_audio(encode_audio(AudioPing(number))) == AudioPing(number)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("crash", AudioFault(AudioFaultName.CRASH)),
        ("device-gone@30", AudioFault(AudioFaultName.DEVICE_GONE, 30)),
    ],
)
def test_faults_are_read(text: str, fault: AudioFault) -> None:
    assert parse_audio_fault(text) == fault


@pytest.mark.parametrize("text", ["", "crush", "crash@0", "crash@x"])
def test_a_fault_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadArgument):
        parse_audio_fault(text)
