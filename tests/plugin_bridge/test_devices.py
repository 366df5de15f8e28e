"""Outputs: what a name means, what is virtual, and the commands that list and play into them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import BadArgument
from plugin_bridge.audio_child import list_outputs
from plugin_bridge.cli import main
from plugin_bridge.devices import (
    JACK,
    DeviceProblem,
    OutputDevice,
    default_output,
    find_output,
    portaudio_advice,
    virtual_advice,
)
from tests.plugin_bridge.audio_scenarios import needs_portaudio
from tests.plugin_bridge.command_runs import ROOT, write_clicks

SPEAKERS = OutputDevice("Speakers", "ALSA", 2, 48_000)
HDMI = OutputDevice("HDMI 1", "ALSA", 8, 48_000, is_default=True)
HDMI_2 = OutputDevice("HDMI 2", "ALSA", 8, 48_000)
BLACKHOLE = OutputDevice("BlackHole 2ch", "Core Audio", 2, 44_100)
CABLE = OutputDevice("CABLE Input (VB-Audio Virtual Cable)", "MME", 2, 44_100)
DAW = OutputDevice("ardour", JACK, 2, 44_100)
CARD = OutputDevice("system", JACK, 2, 44_100)
ALL = (SPEAKERS, HDMI, HDMI_2, BLACKHOLE, DAW, CARD)


@pytest.fixture(autouse=True)
def no_sound_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a JACK server that may run on this machine out of these tests."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-nobody")


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("", HDMI),
        ("Speakers", SPEAKERS),
        ("HDMI 2", HDMI_2),
        ("HDMI 2 (ALSA)", HDMI_2),
        ("blackhole", BLACKHOLE),
        (f"ardour ({JACK})", DAW),
    ],
)
def test_a_name_means_the_device_that_a_person_means(name: str, device: OutputDevice) -> None:
    assert find_output(ALL, name) == device


@pytest.mark.parametrize(
    ("name", "says"), [("hdmi", "HDMI 1 (ALSA), HDMI 2 (ALSA)"), ("toaster", "BlackHole 2ch")]
)
def test_a_name_that_none_or_several_fit_is_answered_with_a_choice(name: str, says: str) -> None:
    with pytest.raises(BadArgument, match="choose one of") as caught:
        find_output(ALL, name)
    assert says in caught.value.sentence


@pytest.mark.parametrize("name", ["", "toaster"])
def test_a_machine_without_outputs_is_a_device_problem(name: str) -> None:
    with pytest.raises(DeviceProblem, match="connect one"):
        find_output((), name)


def test_without_a_default_the_first_is_taken() -> None:
    assert default_output((SPEAKERS, DAW)) == SPEAKERS


def test_what_leads_into_another_program_is_virtual() -> None:
    devices = (SPEAKERS, HDMI, BLACKHOLE, CABLE, DAW, CARD)
    assert [device.is_virtual for device in devices] == [False, False, True, True, True, False]


@pytest.mark.parametrize(
    ("platform", "says"),
    [("linux", "pipewire-jack"), ("darwin", "BlackHole"), ("win32", "VB-Cable")],
)
def test_what_is_missing_is_said_per_platform(platform: str, says: str) -> None:
    assert says in virtual_advice((SPEAKERS, CARD), platform)
    assert virtual_advice((SPEAKERS, DAW), platform) == ""


def test_where_one_can_be_made_the_command_is_said() -> None:
    assert virtual_advice((CARD,), "linux", can_make=True) == "run “loopgraft devices --create”."


def test_a_missing_portaudio_has_its_command() -> None:
    assert "apt install libportaudio2" in portaudio_advice("linux")
    assert "brew install portaudio" in portaudio_advice("darwin")


@needs_portaudio
def test_devices_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"devices", "inputs", "virtual_advice", "created"}
    assert found["created"] is None
    has_virtual = any(device["is_virtual"] for device in found["devices"])
    assert has_virtual != bool(found["virtual_advice"])


@needs_portaudio
def test_devices_says_how_to_get_a_virtual_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    captured = capsys.readouterr()
    assert captured.out
    assert captured.err == ""


@needs_portaudio
def test_a_machine_without_an_output_is_told_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if list_outputs():
        pytest.skip("this machine has an output")
    write_clicks(tmp_path / "loop.wav", bars=1)
    assert main(["devices"]) == 0
    shown = capsys.readouterr().out
    assert "There is no audio output." in shown
    assert "No virtual device" in shown
    assert main(["stream", str(tmp_path / "loop.wav")]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert "no audio output; connect one" in line
    assert main(["stream", str(tmp_path / "loop.wav"), "--json"]) == 4
    failed = json.loads(capsys.readouterr().out)
    assert "connect one" in failed["error"]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise OSError('PortAudio library not found')", "libportaudio2"),
        ("raise RuntimeError('no sound daemon')", "does not work"),
        ("import os; os.abort()", "could not be listed"),
    ],
)
def test_a_sound_system_that_fails_is_one_sentence_and_exit_code_4(
    code: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The process that looks finds this in the place of sounddevice."""
    (tmp_path / "sounddevice.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    write_clicks(tmp_path / "loop.wav", bars=1)
    for words in (["devices"], ["stream", str(tmp_path / "loop.wav")]):
        assert main(words) == 4
        captured = capsys.readouterr()
        (line,) = captured.err.splitlines()
        assert says in line
        assert line.endswith((".", "”."))
        assert captured.out == ""


@pytest.mark.parametrize(
    ("codes", "says", "words"),
    [
        ({3}, "no file", ["missing.wav"]),
        ({3}, "no audio", ["empty"]),
        ({3}, "text.wav", ["text.wav"]),
        pytest.param(
            {2, 4},
            "nonsense-output",
            ["loop.wav", "--device", "nonsense-output"],
            marks=needs_portaudio,
        ),
        ({2}, "required", []),
    ],
)
def test_a_stream_that_cannot_begin_is_one_sentence(
    codes: set[int],
    says: str,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.wav").write_text("no audio at all\n" * 20)
    write_clicks(tmp_path / "loop.wav", bars=1)
    assert main(["stream", *words]) in codes
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert line.endswith(".")
    assert "Traceback" not in line


def test_the_command_line_and_the_client_leave_sounddevice_alone() -> None:
    code = (
        "import plugin_bridge.command_line.stream, plugin_bridge.command_line.devices, sys;"
        "print(sorted({'sounddevice', 'torch', 'PyQt6'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
