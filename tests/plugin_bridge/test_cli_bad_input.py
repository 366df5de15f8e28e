"""Every bad input: one sentence, the right exit code, nothing written, no engine started."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.wav_file import write_wav
from plugin_bridge.cli import main
from tests.plugin_bridge.command_runs import write_clicks

GRID = ("--bpm", "120", "--downbeat", "0")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a good loop, a text that poses as one, an empty file and a silence."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    write_clicks(work / "s.wav", bpm=120.0, bars=1)
    (work / "text.wav").write_text("not audio at all\n" * 20)
    (work / "empty.wav").touch()
    write_wav(work / "silence.wav", np.zeros((1, 44_100), np.int32), 44_100, "PCM_16")
    (work / "bad.json").write_text("[1, 2]")
    (work / "typo.json").write_text('{"prompt": "a", "bmp": 120}')
    (work / "range.json").write_text('{"prompt": "a", "bpm": 9000}')
    return work


BAD = [
    (2, "40 to 300", "generate", "a", "--bpm", "-3"),
    (2, "40 to 300", "generate", "a", "--bpm", "9000"),
    (2, "40 to 300", "generate", "a", "--bpm", "39"),
    (2, "40 to 300", "generate", "a", "--bpm", "301"),
    (2, "40 to 300", "generate", "a", "--bpm", "nan"),
    (2, "1 to 64", "generate", "a", "--bars", "0"),
    (2, "1 to 64", "generate", "a", "--bars", "65"),
    (2, "whole number", "generate", "a", "--bars", "4.5"),
    (2, "A to G", "generate", "a", "--key", "H minor"),
    (2, "1 to 64", "generate", "a", "--variations", "0"),
    (2, "1 to 200", "generate", "a", "--steps", "0"),
    (2, "0 to 15", "generate", "a", "--guidance", "nan"),
    (2, "seed", "generate", "a", "--seed", "-1"),
    (2, "one length", "generate", "a", "--bars", "4", "--seconds", "3"),
    (2, "prompt", "generate", "   "),
    (2, "prompt", "generate"),
    (2, "2000", "generate", "a" * 2001),
    (2, "10000 characters", "generate", "drums " * 1666 + "drum"),
    (2, "0.2 to 60", "generate", "kick", "--one-shot", "--seconds", "0.1"),
    (2, "no bars", "generate", "kick", "--one-shot", "--bars", "4"),
    (2, "UTF-8", "generate", "caf\udce9"),
    (2, "choose from", "generate", "a", "--model", "nonsense"),
    (2, "invalid choice", "generate", "a", "--device", "tpu"),
    (2, "invalid choice", "generate", "a", "--bit-depth", "12"),
    (2, "exists already", "generate", "a", "--out", "s.wav"),
    (2, "could not be written", "generate", "a", "--out", "/proc/nowhere"),
    (2, "could not be written", "generate", "a", "--out", "s.wav/inside"),
    (2, "no name", "generate", "a", "--out", ""),
    (2, "Unrecognized", "generate", "a", "--nonsense"),
    (2, "invalid choice", "nonsense"),
    (2, "required", "morph", "--from", "a"),
    (2, "No region", "inpaint", "s.wav"),
    (2, "one of each", "inpaint", "s.wav", "--start", "1"),
    (2, "empty", "inpaint", "s.wav", "--start", "1", "--end", "0.5"),
    (2, "count from 0", "inpaint", "s.wav", "--start", "-1", "--end", "0.5"),
    (2, "number of seconds", "inpaint", "s.wav", "--start", "x", "--end", "0.5"),
    (2, "outside", "inpaint", "s.wav", "--start", "0", "--end", "9", *GRID),
    (2, "outside", "inpaint", "s.wav", "--start-bar", "9", "--end-bar", "10", *GRID),
    (2, "count from 1", "inpaint", "s.wav", "--start-bar", "0", "--end-bar", "1", *GRID),
    (2, "could not be measured", "inpaint", "silence.wav", "--start-bar", "1", "--end-bar", "2"),
    (2, "downbeat", "vary", "s.wav", "--bpm", "120", "--downbeat", "99"),
    (2, "0 to 1", "vary", "s.wav", "--strength", "1.5"),
    (2, "0.1 to 60", "continue", "s.wav", "--context-seconds", "0"),
    (2, "1 to 64", "continue", "s.wav", "--bars", "0"),
    (2, "invalid choice", "continue", "s.wav", "--direction", "up"),
    (2, "--limit", "library", "list", "--limit", "0"),
    (2, "no take", "library", "show", "abcdef"),
    (2, "choose from", "models", "show", "nonsense"),
    (2, "1 to 100", "bench", "--runs", "0"),
    (3, "no file", "vary", "missing.wav", "--bpm", "120"),
    (3, "text.wav", "vary", "text.wav", "--bpm", "120"),
    (3, "empty", "loop", "empty.wav"),
    (3, "folder", "analyze", "."),
    (3, "no file", "analyze", "missing.wav"),
    (3, "no recipe", "generate", "--recipe", "s.wav"),
    (3, "no file", "generate", "--recipe", "missing.wav"),
    (3, "JSON object", "generate", "--recipe", "bad.json"),
    (3, "bmp", "generate", "--recipe", "typo.json"),
    (3, "40 to 300", "generate", "--recipe", "range.json"),
    (3, "no lines", "render", "empty-lines.jsonl", "--out", "o"),
    (3, "no file", "render", "missing.jsonl", "--out", "o"),
]


@pytest.mark.parametrize(("code", "says", "words"), [(row[0], row[1], row[2:]) for row in BAD])
@pytest.mark.parametrize("with_json", [False, True])
def test_bad_input_is_one_sentence(
    code: int,
    says: str,
    words: tuple[str, ...],
    with_json: bool,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "empty-lines.jsonl").write_text("\n\n")
    before = sorted(path.name for path in folder.iterdir())
    assert main([*words, *(["--json"] if with_json else [])]) == code
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert says in line
    assert line.endswith(".")
    assert "Traceback" not in captured.err
    assert sorted(path.name for path in folder.iterdir()) == before
    assert not (folder.parent / "data" / "run" / "serve.sock").exists()
    if with_json:
        assert json.loads(captured.out) == {"error": line, "exit_code": code}
    else:
        assert captured.out == ""


def test_an_engine_that_cannot_load_is_exit_code_4(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPGRAFT_MAKER", "tests.engine.fake_maker:build_missing")
    assert main(["generate", "a", "--no-serve"]) == 4
    assert capsys.readouterr().err == "The model file is missing; install it again.\n"


def test_a_fault_of_the_model_is_exit_code_4(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPGRAFT_MAKER", "tests.engine.fake_maker:build")
    before = sorted(folder.iterdir())
    assert main(["generate", "error", "--no-serve"]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert "Traceback" not in line
    assert sorted(folder.iterdir()) == before
    log = folder.parent / "data" / "logs" / "command_line.log"
    assert "a defect of the model" in log.read_text()
