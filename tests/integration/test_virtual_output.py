"""The output that Loopgraft makes: on a real JACK server and on a real PipeWire."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import jack
import numpy as np
import psutil
import pytest
from pytestqt.qtbot import QtBot

from engine.audio import AudioClip
from plugin_bridge.audio_child import list_outputs
from plugin_bridge.audio_client import AudioOptions, DeviceOpened, Playback, SlotReady
from plugin_bridge.cli import main
from plugin_bridge.devices import VIRTUAL_NAME, DeviceProblem
from plugin_bridge.slots import fade_frames
from plugin_bridge.virtual_output import create_virtual_output, remove_virtual_output
from tests.gui.conftest import OpenApp, dressed, open_app  # noqa: F401 - fixtures
from tests.gui.hands import wait
from tests.integration.jack_parts import RATE, jack_server, recorder, what_jack_lacks
from tests.integration.test_jack import rendered
from tests.plugin_bridge.audio_scenarios import audio, noise
from tests.plugin_bridge.command_runs import wait_for

pytestmark = pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks())

SERVER = "loopgraft-virtual"
_PIPEWIRE = ("pipewire", "wireplumber", "pw-jack", "pw-cli", "dbus-daemon")
needs_pipewire = pytest.mark.skipif(
    any(shutil.which(program) is None for program in _PIPEWIRE),
    reason="needs PipeWire: apt install pipewire pipewire-jack wireplumber dbus-daemon",
)


@pytest.fixture
def on_jack(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", SERVER)
    yield
    remove_virtual_output()


@pytest.fixture
def on_pipewire(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """A session of the test's own, without sound cards."""
    # Not inside pytest's folder: a socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="loopgraft-pw-"))
    address = f"unix:path={folder / 'bus'}"
    monkeypatch.delenv("JACK_DEFAULT_SERVER", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    monkeypatch.setenv("HOME", str(folder))
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> None:
        quiet = subprocess.DEVNULL
        started.append(subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet))

    try:
        start("dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}")
        wait_for((folder / "bus").exists, "the session bus")
        start("pipewire")
        wait_for((folder / "pipewire-0").exists, "PipeWire")
        start("wireplumber")
        yield
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def names() -> list[str]:
    return [device.name for device in list_outputs() if device.is_virtual]


def connect(server: str, recorder_name: str) -> None:
    """Connect the virtual output to a recorder, as a DAW's user does."""
    with closing(jack.Client("patchbay", no_start_server=True, servername=server)) as client:
        for side in (1, 2):
            client.connect(f"{VIRTUAL_NAME}:out_{side}", f"{recorder_name}:in_{side}")


def test_what_is_played_into_it_comes_out_sample_for_sample(on_jack: None, tmp_path: Path) -> None:
    samples = noise(4.0)
    with jack_server(tmp_path / "jackd.log", SERVER):
        made = create_virtual_output()
        assert made.ports == ("Loopgraft:out_1", "Loopgraft:out_2")
        with recorder(SERVER, "daw", 20.0, tmp_path) as recording:
            connect(SERVER, "daw")
            with audio(AudioOptions(made.name, RATE)) as (client, heard):
                client.put("A", AudioClip(samples, RATE))
                client.choose("A")
                client.set_loop(True)
                heard.wait(SlotReady)
                client.play(0)
                heard.wait(Playback, lambda event: event.frame > RATE)
                client.stop()
                heard.wait(Playback, lambda event: not event.is_playing, start=heard.now())
            taken = recording.samples()
    sounding = np.flatnonzero(taken.any(axis=0))
    played = taken[:, int(sounding[0]) : int(sounding[-1]) + 1 - fade_frames(RATE)]
    assert played.shape[1] > RATE / 2
    assert np.array_equal(played, rendered(samples, played.shape[1]))


def test_there_is_one_however_often_it_is_asked_for(on_jack: None, tmp_path: Path) -> None:
    with jack_server(tmp_path / "jackd.log", SERVER):
        assert create_virtual_output() == create_virtual_output()
        assert names() == [VIRTUAL_NAME]
        assert remove_virtual_output()
        assert names() == []
        assert not remove_virtual_output()


def test_it_is_back_with_its_server_and_so_is_the_music(on_jack: None, tmp_path: Path) -> None:
    log = tmp_path / "jackd.log"
    with jack_server(log, SERVER):
        made = create_virtual_output()
        playing = audio(AudioOptions(made.name, RATE))
        client, heard = playing.__enter__()
        heard.wait(DeviceOpened)
    start = heard.now()
    with jack_server(log, SERVER):
        assert VIRTUAL_NAME in heard.wait(DeviceOpened, start=start).name
        client.close()


def test_without_a_server_it_says_what_to_do(
    on_jack: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DeviceProblem, match="start the DAW on JACK"):
        create_virtual_output()
    assert main(["devices", "--create"]) == 4
    assert "No JACK server is running" in capsys.readouterr().err


def test_create_and_remove_exclude_each_other() -> None:
    assert main(["devices", "--create", "--remove"]) == 2


@needs_pipewire
def test_on_pipewire_it_is_a_sink_that_the_stream_finds_by_itself(on_pipewire: None) -> None:
    """The audio process joins PipeWire's JACK: nobody has to start the app by pw-jack."""
    made = create_virtual_output()
    assert made.ports == ("Loopgraft:monitor_FL", "Loopgraft:monitor_FR")
    wait_for(lambda: names() == [VIRTUAL_NAME], "the sink among the outputs")
    with audio(AudioOptions(made.name, RATE)) as (client, heard):
        assert VIRTUAL_NAME in heard.wait(DeviceOpened).name
        client.put("A", AudioClip(noise(4.0), RATE))
        client.choose("A")
        client.play(0)
        heard.wait(Playback, lambda event: event.frame > RATE // 2)
    assert remove_virtual_output()
    assert names() == []


def test_the_window_makes_one_and_plays_into_it(
    open_app: OpenApp,  # noqa: F811 - the fixture
    qtbot: QtBot,
    on_jack: None,
    tmp_path: Path,
) -> None:
    said: list[str] = []
    with jack_server(tmp_path / "jackd.log", SERVER):
        app = open_app()
        playback, outputs = app.parts.playback, app.window.regions.transport.device
        playback.said.connect(lambda sentence, _level: said.append(sentence))
        wait(qtbot, lambda: outputs.count() > 2)
        last = outputs.count() - 1
        assert outputs.itemText(last) == "Make an output for the DAW"
        outputs.setCurrentIndex(last)
        outputs.activated.emit(last)
        wait(qtbot, lambda: VIRTUAL_NAME in playback.output)
        wait(qtbot, lambda: outputs.currentText() == "Loopgraft (virtual)")
        assert any("connect Loopgraft:out_1" in sentence for sentence in said)
        assert outputs.findText("Make an output for the DAW") < 0
        app.close()


def test_no_relay_outlives_its_removal(on_jack: None, tmp_path: Path) -> None:
    with jack_server(tmp_path / "jackd.log", SERVER):
        create_virtual_output()
        remove_virtual_output()
    words = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not any(line[-1:] == [SERVER] and "plugin_bridge.jack_relay" in line for line in words)
    assert os.environ["JACK_DEFAULT_SERVER"] == SERVER
