"""MIDI files, and an instrument that plays them in a process of its own."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from engine.audio import FloatArray
from engine.errors import BadArgument, BadInputFile
from plugin_bridge.cli import main
from plugin_bridge.plugins.chain import ChainSlot
from plugin_bridge.plugins.hosted_plugin import PluginProblem
from plugin_bridge.plugins.instrument import play
from plugin_bridge.plugins.midi_file import Note, read_midi
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.scan import ScanLimits
from tests.plugin_bridge.plugins.host_parts import index_of
from tests.plugin_bridge.plugins.plugin_parts import (
    CRASH,
    HANG,
    PROBE_SYNTH,
    needs_plugins,
    probe,
)

TICKS = 480
RATE = 44_100
ON, OFF = 0x90, 0x80
LIMITS = ScanLimits(60.0)
BAD_NOTE = 127


def number(value: int) -> bytes:
    """Return a number as MIDI files write it."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.insert(0, value & 0x7F | 0x80)
    return bytes(out)


def midi(*tracks: bytes, kind: int = 1, division: int = TICKS) -> bytes:
    head = b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division)
    end = b"\x00\xff\x2f\x00"
    return head + b"".join(
        b"MTrk" + struct.pack(">I", len(track + end)) + track + end for track in tracks
    )


def tempo(delta: int, bpm: float) -> bytes:
    return number(delta) + b"\xff\x51\x03" + round(60e6 / bpm).to_bytes(3)


def event(delta: int, *data: int) -> bytes:
    return number(delta) + bytes(data)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "song.mid"
    path.write_bytes(data)
    return path


def test_notes_come_at_the_seconds_of_their_tempo(tmp_path: Path) -> None:
    """Tempos in another track than the notes, running status, text and sysex in between."""
    tempos = tempo(0, 60.0) + tempo(2 * TICKS, 120.0)
    notes = event(TICKS, ON, 60, 100) + event(TICKS, 62, 100) + event(0, 0xFF, 1, 2, 65, 66)
    notes += event(0, 0xF0, 2, 1, 0xF7) + event(TICKS, OFF, 60, 0) + event(0, 0xC1, 5)
    assert read_midi(written(tmp_path, midi(tempos, notes))) == [
        (bytes([ON, 60, 100]), 1.0),
        (bytes([ON, 62, 100]), 2.0),
        (bytes([OFF, 60, 0]), 2.5),
        (bytes([0xC1, 5]), 2.5),
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"RIFF" * 10, "does not begin like one"),
        (midi(event(0, ON, 60, 100), kind=2), "several songs"),
        (midi(event(0, ON, 60, 100), division=0xE728), "film frames"),
        (midi(event(0, ON, 60, 100))[:-6], "cut short"),
        (midi(event(0, 60, 100)), "makes no sense"),
        (midi(b"\xff\xff\xff\xff\xff"), "has no end"),
        (midi(b""), "has no notes"),
        (midi(tempo(0, 10.0) + event(10_000 * TICKS, ON, 60, 1)), "more than 600 s"),
    ],
)
def test_a_bad_file_is_one_sentence(data: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputFile) as caught:
        read_midi(written(tmp_path, data))
    assert says in caught.value.sentence


@given(data=st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("midi")
    for file in (data, midi(data)):
        try:
            notes = read_midi(written(folder, file))
        except BadInputFile:
            continue
        assert notes == sorted(notes, key=lambda note: note[1])


# --- the instrument -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginIndex]:
    with index_of(tmp_path_factory.mktemp("index"), probe(PROBE_SYNTH), probe()) as index:
        yield index


def performed(
    index: PluginIndex, notes: list[Note], limits: ScanLimits = LIMITS, **parameters: float
) -> FloatArray:
    plugin = index.find(PROBE_SYNTH)
    slot = ChainSlot(plugin.facts.plugin_id, parameters=dict(parameters))
    return play(plugin, slot, notes, 1.0, RATE, limits).samples


@needs_plugins
def test_an_instrument_plays_each_note_at_its_frame(index: PluginIndex) -> None:
    notes = [(bytes([ON, 69, 100]), 0.25), (bytes([OFF, 69, 0]), 0.5)]
    audio = performed(index, notes, gain=1.0)
    assert audio.shape == (2, RATE)
    start, stop = round(0.25 * RATE), round(0.5 * RATE)
    # The first sample of a sine is 0.
    assert abs(int(np.flatnonzero(audio[0])[0]) - start) <= 1
    assert abs(int(np.flatnonzero(audio[0])[-1]) + 1 - stop) <= 1
    spectrum = np.abs(np.fft.rfft(audio[0, start:stop], RATE))
    assert abs(int(spectrum.argmax()) - 440) <= 1
    quiet = performed(index, notes, gain=0.5)
    np.testing.assert_allclose(quiet, 0.5 * audio, atol=1e-6)


@needs_plugins
@pytest.mark.parametrize("trouble", [CRASH, HANG])
def test_an_instrument_that_fails_is_one_sentence(trouble: int, index: PluginIndex) -> None:
    short = ScanLimits(-7.0) if trouble == HANG else LIMITS  # 10 s for each second it plays
    with pytest.raises(PluginProblem, match="failed while it played"):
        performed(index, [(bytes([ON, BAD_NOTE, 1]), 0.1)], short, trouble=float(trouble))


@needs_plugins
def test_an_effect_plays_no_notes(index: PluginIndex) -> None:
    plugin = index.find("VST3-Probe-3beafb13")
    with pytest.raises(BadArgument, match="is an effect"):
        play(plugin, ChainSlot(plugin.facts.plugin_id), [], 1.0, RATE, LIMITS)


@needs_plugins
def test_the_command_writes_what_was_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    index_of(tmp_path / "data", probe(PROBE_SYNTH)).close()
    written(tmp_path, midi(event(0, ON, 69, 100) + event(2 * TICKS, OFF, 69, 0)))
    words = ["plugins", "play", PROBE_SYNTH, "song.mid", "--set", "gain=1", "--json"]
    assert main(words) == 0
    result = json.loads(capsys.readouterr().out)
    assert (Path(result["path"]).name, result["notes"]) == ("song.wav", 1)
    audio, rate = soundfile.read("song.wav")
    assert rate == RATE
    assert len(audio) == pytest.approx(RATE, abs=2), "two beats at 120 bpm, then silence"
    assert main(["plugins", "play", PROBE_SYNTH, "song.mid", "--seconds", "0"]) == 2
    assert "0 s of audio is outside" in capsys.readouterr().err
