"""Many files through one chain, and a batch of recipes through it: resumed, not stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from engine.wav_file import read_chunks, write_wav
from plugin_bridge.cli import main
from plugin_bridge.plugins.chain import Chain, encode_chain
from plugin_bridge.plugins.wet_mark import mark_of, read_mark
from tests.plugin_bridge.command_runs import Shell, new_shell
from tests.plugin_bridge.plugins.host_parts import index_of, probe_slot
from tests.plugin_bridge.plugins.plugin_parts import CRASH, TRIGGER, needs_plugins, probe

RATE = 44_100
FRAMES = 9000


@given(first=st.lists(st.text(), min_size=1), second=st.lists(st.text(), min_size=1))
def test_a_mark_is_the_same_only_for_the_same_making(first: list[str], second: list[str]) -> None:
    marks = [mark_of(words[0], Chain(), *words[1:]) for words in (first, second)]
    assert (marks[0] == marks[1]) == (first == second)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a chain that halves and a folder of three loops, one broken."""
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path / "data"))
    work = tmp_path / "work"
    (work / "loops").mkdir(parents=True)
    monkeypatch.chdir(work)
    index_of(tmp_path / "data", probe()).close()
    rng = np.random.default_rng(2)
    for name in ("one", "three"):
        native = rng.integers(-(2**15), 2**15, (2, FRAMES)).astype(np.int32) << 16
        write_wav(work / "loops" / f"{name}.wav", native, RATE, "PCM_16")
    (work / "loops" / "two.wav").write_bytes(b"RIFF, but no more of it")
    save_chain(work / "half.json")
    return work


def save_chain(path: Path, trouble: int = 0) -> None:
    path.write_bytes(encode_chain(Chain((probe_slot(trouble),))))


def run(*words: str) -> tuple[int, list[str]]:
    return main(["plugins", "run", *words]), sorted(path.name for path in Path("out").iterdir())


@needs_plugins
def test_a_folder_is_rendered_once_and_a_bad_file_ends_nothing(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("loops", "--chain", "half.json", "--out", "out", "--json")
    code, there = run(*words)
    told = json.loads(capsys.readouterr().out)
    assert (code, there) == (3, ["one-wet.wav", "three-wet.wav"])
    assert [file["source"] for file in told["files"]] == ["one.wav", "three.wav"]
    assert [fault["source"] for fault in told["faults"]] == ["two.wav"]
    assert (told["skipped"], told["exit_code"]) == (0, 3)
    for name in ("one", "three"):
        dry, _ = soundfile.read(f"loops/{name}.wav", dtype="int16")
        wet, _ = soundfile.read(f"out/{name}-wet.wav", dtype="int16")
        np.testing.assert_array_equal(wet, np.rint(dry * 0.5))
    (work / "loops" / "two.wav").unlink()
    (work / "out" / "three-wet.wav").unlink()
    assert run(*words) == (0, there)
    told = json.loads(capsys.readouterr().out)
    assert (len(told["files"]), told["skipped"], told["faults"]) == (1, 1, [])
    both = run(*words, "--keep", "both")
    assert both == (0, ["one-dry.wav", "one-wet.wav", "three-dry.wav", "three-wet.wav"])
    told = json.loads(capsys.readouterr().out)
    assert [list(file["paths"]) for file in told["files"]] == [["dry"], ["dry"]], "wet is there"


@needs_plugins
def test_results_beside_their_sources_are_no_sources(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["plugins", "run", "loops", "--chain", "half.json", "--out", "loops", "--json"]
    assert [main(words), main(words)] == [3, 3]
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (again["files"], again["skipped"]) == ([], 2)
    assert len(list((work / "loops").iterdir())) == 5


@needs_plugins
def test_a_crash_at_one_file_costs_only_that_file(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_chain(work / "crash.json", CRASH)
    loud = np.full((2, 1000), TRIGGER, np.float32)
    write_wav(work / "loops" / "a-loud.wav", loud, RATE, "FLOAT")
    words = ("loops", "loops/one.wav", "--chain", "crash.json", "--save-chain", "s.json", "--json")
    code, there = run(*words, "--out", "out")
    told = json.loads(capsys.readouterr().out)
    assert (code, there) == (4, ["one-wet.wav", "three-wet.wav"])
    assert [fault["source"] for fault in told["faults"]] == ["a-loud.wav", "two.wav"]
    assert "failed while it was used" in told["faults"][0]["error"]
    assert (work / "s.json").exists()


@needs_plugins
@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--chain", "half.json", "--out", "x.wav"), 2, "several sources need a folder"),
        (("--chain", "lost.json", "--out", "out"), 4, "no usable plugin “VST3-Lost-1”"),
    ],
)
def test_what_is_wrong_with_every_file_is_said_once(
    words: tuple[str, ...], code: int, says: str, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (work / "lost.json").write_text('{"slots": [{"plugin_id": "VST3-Lost-1"}]}')
    assert main(["plugins", "run", "loops", *words]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not (work / "out").exists()


# --- a batch of recipes ---------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = new_shell(tmp_path)
    index_of(shell.data, probe()).close()
    save_chain(shell.folder / "half.json")
    (shell.folder / "batch.jsonl").write_text('{"prompt": "a", "variations": 2, "bpm": 120}\n')
    return shell


@needs_plugins
def test_a_batch_goes_through_a_chain_and_is_resumed(shell: Shell) -> None:
    def render(*words: str) -> tuple[int, int, int, list[str]]:
        done = shell.run("render", "batch.jsonl", "--out", "out", "--no-serve", "--json", *words)
        names = sorted(path.name for path in (shell.folder / "out").glob("*.wav"))
        return done.code, len(done.json["takes"]), done.json["skipped"], names

    chain = ("--chain", "half.json")
    *told, wet = render(*chain)
    assert told == [0, 2, 0]
    assert all(name.endswith("-wet.wav") for name in wet), "dry stays in the library"
    *told, names = render(*chain, "--keep", "both")
    assert (told, names) == ([0, 2, 0], sorted(wet + [dry_of(name) for name in wet]))
    out = shell.folder / "out"
    (out / wet[0]).unlink()
    assert render(*chain, "--keep", "both") == (0, 1, 1, names)
    for name in wet:
        dry, _ = soundfile.read(out / dry_of(name), dtype="float64")
        half, _ = soundfile.read(out / name, dtype="float64")
        np.testing.assert_allclose(half, 0.5 * dry, atol=2**-23)
        chunks = dict(read_chunks(out / name))
        assert (read_mark(out / name) != "", b"acid" in chunks) == (True, True)


def test_what_is_kept_of_a_chain_needs_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("batch.jsonl").write_text('{"prompt": "a"}')
    assert main(["render", "batch.jsonl", "--out", "new", "--keep", "dry"]) == 2
    assert "give one with --chain FILE" in capsys.readouterr().err
    assert not Path("new").exists()


def dry_of(name: str) -> str:
    return name.replace("-wet.wav", ".wav")
