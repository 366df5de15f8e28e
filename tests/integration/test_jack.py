"""A real JACK server: what another client records is what the player renders, sample for sample."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from engine.audio import AudioClip, FloatArray
from engine.wav_file import write_wav
from plugin_bridge.audio_client import (
    AudioClient,
    AudioOptions,
    DeviceGone,
    DeviceList,
    DeviceOpened,
    Playback,
    SlotReady,
)
from plugin_bridge.cli import main
from plugin_bridge.player import Player
from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.host_client import HostOptions
from plugin_bridge.plugins.host_events import ChainReady, HostRestarting
from plugin_bridge.plugins.insert import JOIN_FRAMES
from plugin_bridge.plugins.live import LivePlugins
from plugin_bridge.slots import Slot, fade_frames
from tests.integration.jack_parts import (
    RATE,
    Recording,
    jack_server,
    recorder,
    what_jack_lacks,
)
from tests.plugin_bridge.audio_scenarios import Heard, audio, noise, shared_blocks
from tests.plugin_bridge.command_runs import command, wait_for, write_clicks
from tests.plugin_bridge.plugins.host_parts import GAIN, Told, index_of, probe_slot
from tests.plugin_bridge.plugins.plugin_parts import needs_plugins, probe

pytestmark = pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks())

DEVICE = "daw-in"
HOLD_US = 200_000


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with jack_server(tmp_path / "jackd.log") as name:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        yield name


@contextmanager
def gil_held_on_and_off() -> Generator[None]:
    """Hold this process's interpreter 0.2 s at a time in a C call, as a bad extension does."""
    ended = threading.Event()
    sleep = ctypes.PyDLL(None).usleep

    def hold() -> None:
        while not ended.wait(0.005):
            sleep(HOLD_US)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def rendered(samples: FloatArray, frames: int) -> FloatArray:
    """Return what the player renders from its start on."""
    player = Player(RATE)
    player.put(Slot("A", samples))
    player.choose("A")
    player.play(0)
    return player.render(frames)


def start_playing(client: AudioClient, heard: Heard, samples: FloatArray) -> None:
    heard.wait(DeviceOpened)
    client.put("A", AudioClip(samples, RATE))
    client.choose("A")
    heard.wait(SlotReady)
    client.play(0)
    heard.wait_playing()


def heard_part(recording: Recording) -> FloatArray:
    """Return what was recorded from the first sound to the fade that stopped it."""
    taken = recording.samples()
    sounding = np.flatnonzero(taken.any(axis=0))
    return taken[:, int(sounding[0]) : int(sounding[-1]) + 1 - fade_frames(RATE)]


def play_for(seconds: float, server: str, folder: Path) -> Playback:
    """Play noise in a loop, compare all that is recorded of it, and return the last status."""
    samples = noise(4.0)
    with recorder(server, DEVICE, seconds + 30, folder) as recording:
        with audio(AudioOptions(DEVICE, RATE)) as (client, heard):
            start_playing(client, heard, samples)
            threading.Event().wait(seconds)
            client.stop()
            last = heard.wait(Playback, lambda event: not event.is_playing, start=heard.now())
        played = heard_part(recording)
    # A server that is itself held up by a busy machine loses time, but never a sample.
    assert played.shape[1] > seconds / 2 * RATE
    assert np.array_equal(played, rendered(samples, played.shape[1]))
    return last


def test_noise_arrives_sample_for_sample(server: str, tmp_path: Path) -> None:
    play_for(2.0, server, tmp_path)
    assert shared_blocks() == set()


def test_a_held_interpreter_in_the_app_costs_no_sample(server: str, tmp_path: Path) -> None:
    """Played by a thread of this process instead, 22 % of it came, with 48 under-runs in 10 s."""
    with gil_held_on_and_off():
        play_for(5.0, server, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_five_minutes_beside_a_held_interpreter_have_no_under_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In real time: an ordinary server is itself held up by a training on all cores."""
    with jack_server(tmp_path / "jackd.log", realtime=True) as name, gil_held_on_and_off():
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        assert play_for(300.0, name, tmp_path).under_runs == 0


def test_another_clients_inputs_are_a_virtual_device(server: str, tmp_path: Path) -> None:
    with recorder(server, DEVICE, 1.0, tmp_path), audio(AudioOptions()) as (client, heard):
        client.list_devices()
        devices = heard.wait(DeviceList).devices
    assert {device.name: device.is_virtual for device in devices} == {"system": False, DEVICE: True}


def test_a_device_that_vanishes_is_played_on_when_it_is_back(server: str, tmp_path: Path) -> None:
    options = AudioOptions(DEVICE, RATE, faults=("device-gone@45",))
    with recorder(server, DEVICE, 60.0, tmp_path) as recording:
        with audio(options) as (client, heard):
            start_playing(client, heard, noise(4.0))
            start = heard.events.index(heard.wait(DeviceGone))
            assert DEVICE in heard.of(DeviceGone)[0].sentence
            heard.wait_playing(start=start)
            heard.wait(DeviceOpened, start=start)
            heard.wait_playing(start=heard.now())
            client.stop()
            heard.wait(Playback, lambda event: not event.is_playing, start=heard.now())
        taken = recording.samples()
    sounding = np.flatnonzero(taken.any(axis=0))
    # One gap, and sound on both sides of it.
    assert (np.diff(sounding) > RATE).sum() == 1


def test_a_device_of_another_rate_is_played_on_where_the_music_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time passes silently at the app's rate until the device is there, then at the device's."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-other")
    with audio(AudioOptions("system", 48_000)) as (client, heard):
        heard.wait(DeviceGone)
        client.put("A", AudioClip(noise(60.0, rate=48_000), 48_000))
        client.choose("A")
        client.play(0)
        heard.wait(Playback, lambda event: event.frame > 24_000)
        with jack_server(tmp_path / "jackd.log", "loopgraft-other"):
            opened = heard.wait(DeviceOpened)
            statuses = heard.of(Playback)
            heard.wait(Playback, lambda event: max(event.peaks) > 0.5, start=heard.now())
            later = heard.wait_playing(start=heard.now())
    assert opened.sample_rate == RATE
    assert later.slot_id == "A"
    assert later.frame >= max(event.frame for event in statuses) > 24_000


def test_a_rate_that_the_device_refuses_is_told_and_resampled(server: str, tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(96_000) / 48_000).astype(np.float32)
    with recorder(server, DEVICE, 60.0, tmp_path) as recording:
        with audio(AudioOptions(DEVICE, 48_000)) as (client, heard):
            opened = heard.wait(DeviceOpened)
            client.put("A", AudioClip(tone[None], 48_000), start=-4800)
            client.choose("A")
            client.play(-4800)
            heard.wait(Playback, lambda event: event.frame >= 48_000)
            frames = {event.frame for event in heard.of(Playback)}
        taken = recording.samples()
    assert opened.sample_rate == RATE
    assert "not 48000 Hz" in opened.sentence
    # The timeline stays the app's: 2 s from -4800 on, in frames at 48 kHz.
    assert min(frames) >= -4800
    assert max(frames) < 96_000 - 4800
    sounding = taken[0, np.flatnonzero(taken[0])[0] :][2000 : 2000 + RATE // 2]
    spectrum = np.abs(np.fft.rfft(sounding * np.hanning(sounding.size)))
    assert np.argmax(spectrum) * RATE / sounding.size == pytest.approx(1000, abs=2)


def test_stream_plays_a_file_and_a_folder_into_a_device(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "loops"
    folder.mkdir()
    for number in (1, 2):
        steps = np.full((2, RATE // 2), number << 28, np.int32)
        write_wav(folder / f"{number}.wav", steps, RATE, "PCM_16")
    (folder / "3.wav").write_text("no audio at all\n" * 20)
    write_clicks(folder / "4.wav", bpm=240.0, bars=1, rate=48_000)
    with recorder(server, DEVICE, 60.0, tmp_path) as recording:
        assert main(["stream", str(folder), "--device", DEVICE, "--once", "--json"]) == 0
        taken = recording.samples()
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result.keys() == {"device", "files", "under_runs"}
    assert (result["device"], result["files"]) == (DEVICE, 3)
    assert "3.wav" in captured.err
    assert "“4.wav” has 48000 Hz" in captured.err
    fade = fade_frames(RATE)
    for level in (0.125, 0.25):
        assert (taken[0] == level).sum() == RATE // 2 - fade


@contextmanager
def stream(folder: Path, device: str) -> Generator[subprocess.Popen[str]]:
    """Run the command; a test that fails does not leave it behind."""
    write_clicks(folder / "loop.wav", bars=1)
    with command("stream", str(folder / "loop.wav"), "--device", device) as process:
        yield process


def read_until(process: subprocess.Popen[str], words: str) -> list[str]:
    """Return the lines of stderr up to the one that has the words."""
    assert process.stderr is not None
    lines: list[str] = []
    while not lines or words not in lines[-1]:
        line = process.stderr.readline()
        assert line, lines
        lines.append(line)
    return lines


def assert_ctrl_c_ends_it(process: subprocess.Popen[str]) -> str:
    """Return what else it wrote on stderr."""
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "Stopped.\n")
    return errors


def test_ctrl_c_ends_a_stream_with_exit_code_0(server: str, tmp_path: Path) -> None:
    with recorder(server, DEVICE, 5.0, tmp_path), stream(tmp_path, DEVICE) as process:
        assert len(read_until(process, "Ctrl+C")) == 1
        assert_ctrl_c_ends_it(process)


def test_a_stream_tells_of_a_server_that_is_killed_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-shell")
    log = tmp_path / "jackd.log"
    with contextlib.ExitStack() as first_server:
        first_server.enter_context(jack_server(log, "loopgraft-shell", kill=True))
        with stream(tmp_path, "system") as process:
            read_until(process, "Ctrl+C")
            first_server.close()
            lines = read_until(process, "is gone; waiting until it is back.")
            with jack_server(log, "loopgraft-shell"):
                lines += read_until(process, "Ctrl+C")
                lines += assert_ctrl_c_ends_it(process).splitlines()
    # One sentence each; what the audio process left in its log stays there.
    starts = ("loop.wav ", "playing ", "Playback starts again", "The output ", "There is no ", "“")
    assert [line for line in lines if not line.startswith(starts)] == []


def test_a_server_that_is_killed_and_comes_back_is_played_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-again")
    log = tmp_path / "jackd.log"
    with audio(AudioOptions("system", RATE)) as (client, heard):
        with jack_server(log, "loopgraft-again", kill=True):
            start_playing(client, heard, noise(4.0))
        gone = heard.wait(DeviceGone, lambda event: "gone" in event.sentence)
        assert "system" in gone.sentence
        start = heard.now()
        moving = heard.wait_playing(start=start)
        heard.wait(Playback, lambda event: event.frame != moving.frame, start=start)
        with jack_server(log, "loopgraft-again"):
            heard.wait(DeviceOpened, start=start)
            assert heard.wait_playing(start=heard.now()).slot_id == "A"
            wait_for(
                lambda: any(max(event.peaks) > 0.5 for event in heard.of(Playback)[-3:]), "sound"
            )


@needs_plugins
def test_a_plugin_is_recorded_wet_or_dry_to_the_bit(server: str, tmp_path: Path) -> None:
    """Between two joins there is nothing else, though the plugin's process is killed twice."""
    samples, told = noise(4.0), Told()
    with (
        index_of(tmp_path, probe()) as index,
        recorder(server, DEVICE, 60, tmp_path) as recording,
    ):
        with audio(AudioOptions(DEVICE, RATE)) as (client, heard):
            live = LivePlugins(client, index, HostOptions(RATE), told)
            live.set_chain(Chain((probe_slot(),)))
            told.wait(ChainReady, lambda event: bool(event.chain.slots))
            start_playing(client, heard, samples)
            for count in (1, 2):
                threading.Event().wait(1.0)
                assert live.host is not None
                assert live.host.pid is not None
                os.kill(live.host.pid, signal.SIGKILL)
                wait_for(lambda count=count: len(told.of(HostRestarting)) == count, "the loss")
                start = told.now()
                told.wait(ChainReady, start=start)
            threading.Event().wait(1.0)
            client.stop()
            live.close()
        played = heard_part(recording)
    dry = rendered(samples, played.shape[1])
    is_dry, is_wet = ((played == gain * dry).all(axis=0) for gain in (1.0, np.float32(GAIN)))
    assert is_wet.sum() > RATE
    neither = int((~is_dry & ~is_wet).sum())
    switches = int(np.count_nonzero(np.diff(is_wet.astype(np.int8)))) + 1
    assert neither <= switches * JOIN_FRAMES
