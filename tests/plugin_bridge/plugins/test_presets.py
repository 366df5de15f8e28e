"""Presets as files: saved, loaded, and what is said of those that are none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.wav_file import write_wav
from plugin_bridge.cli import main
from plugin_bridge.plugins.chain import read_chain
from tests.plugin_bridge.plugins.host_parts import index_of
from tests.plugin_bridge.plugins.plugin_parts import (
    PROBE_SYNTH,
    debian_plugin,
    needs_plugins,
    probe,
)

RATE = 44_100
pytestmark = needs_plugins


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a loop in it and scanned plugins."""
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    index_of(tmp_path / "data", probe(PROBE_SYNTH), debian_plugin("ZamEQ2")).close()
    rng = np.random.default_rng(2)
    native = rng.uniform(-0.2, 0.2, (2, 5000)).astype(np.float32)
    write_wav("loop.wav", native, RATE, "FLOAT")
    return work


def plugins(*words: str) -> int:
    return main(["plugins", *words])


def rms(path: str) -> float:
    return float(np.sqrt(np.mean(soundfile.read(path)[0] ** 2)))


@pytest.mark.parametrize("name", ["quiet.vstpreset", "quiet.json"])
def test_an_effect_sounds_as_its_preset_says(name: str, work: Path) -> None:
    quieter = ("--set", "master_gain_db=-12")
    assert plugins("save-preset", "ZamEQ2", name, *quieter) == 0
    words = ("run", "loop.wav", "--tail", "cut", "--plugin", "zameq2")
    assert plugins(*words, "--preset", name, "--save-chain", "kept.json", "--out", "a.wav") == 0
    assert plugins(*words, *quieter, "--out", "b.wav") == 0
    np.testing.assert_array_equal(soundfile.read("a.wav")[0], soundfile.read("b.wav")[0])
    assert rms("a.wav") == pytest.approx(rms("loop.wav") * 10 ** (-12 / 20), rel=0.02)
    assert read_chain(Path("kept.json")).slots[0].state
    assert plugins(*words, "--preset", name, "--set", "master_gain_db=0", "--out", "c.wav") == 0
    assert rms("c.wav") == pytest.approx(rms("loop.wav"), rel=0.02), "--set comes after it"


def test_an_instrument_sounds_as_its_preset_says(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plugins("save-preset", PROBE_SYNTH, "soft.vstpreset", "--set", "gain=0.25") == 0
    assert plugins("save-preset", PROBE_SYNTH, "s.json", "--preset", "soft.vstpreset") == 0
    for name in ("soft.vstpreset", "s.json"):
        capsys.readouterr()
        assert plugins("play", PROBE_SYNTH, "a4~~~", "--preset", name, "--json") == 0
        audio, _ = soundfile.read(json.loads(capsys.readouterr().out)["path"])
        assert np.abs(audio).max() == pytest.approx(0.125, rel=0.01)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--preset", "x.json", "--plugin", "zameq2"), 2, "is for the --plugin before it"),
        (("--plugin", "zameq2", "--preset", "no.vstpreset"), 3, "There is no file"),
        (("--plugin", "zameq2", "--preset", "loop.wav"), 2, "ends in neither .vstpreset nor .json"),
        (("--plugin", "zameq2", "--preset", "bad.vstpreset"), 2, "does not take this preset"),
        (("--plugin", "zameq2", "--preset", "other.json"), 3, "“other.json” has no VST3-ZamEQ2"),
    ],
)
def test_a_preset_that_cannot_be_is_one_sentence(
    words: tuple[str, ...], code: int, says: str, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (work / "bad.vstpreset").write_bytes(b"nothing")
    (work / "other.json").write_text('{"slots": [{"plugin_id": "VST3-Other-1"}]}')
    assert plugins("run", "loop.wav", *words, "--out", "out") == code
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not (work / "out").exists()


def test_a_preset_is_never_written_over(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "mine.vstpreset").write_bytes(b"mine")
    assert plugins("save-preset", "ZamEQ2", "mine.vstpreset") == 2
    assert "exists already" in capsys.readouterr().err
    assert (work / "mine.vstpreset").read_bytes() == b"mine"
