"""Making a graft again from its recipe: the source is found by content, or asked for by name."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from engine.request import SourceReference
from engine.wav_file import read_recipe, recipe_chunk, write_wav
from plugin_bridge.command_line.stored_take import read_stored
from tests.plugin_bridge.command_runs import Ended, Shell, new_shell, write_clicks


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A work folder with a source `s.wav` and a graft into it, `o.wav`."""
    shell = new_shell(tmp_path)
    write_clicks(shell.folder / "s.wav")
    words = ("vary", "s.wav", "--bpm", "112", "--downbeat", "0", "--seed", "6", "--out", "o.wav")
    words = (*words, "--prompt", "named")  # its id is made of its request, as the real ones are
    done = shell.run(*words, "--no-serve")
    assert done.code == 0, done.errors
    return shell


def again(shell: Shell, recipe: str, *words: str) -> Ended:
    return shell.run("generate", "--recipe", recipe, *words, "--out", "again.wav", "--no-serve")


def check_made(shell: Shell, done: Ended) -> None:
    assert done.code == 0, done.errors
    first, second = (
        soundfile.read(str(path), dtype="int32")[0].tolist()
        for path in ((*shell.folder.rglob("o.wav"),)[0], shell.folder / "again.wav")
    )
    assert first == second


def check_missing(shell: Shell, done: Ended, digest: str) -> None:
    assert done.code == 3
    assert len(done.errors.strip().splitlines()) == 1
    assert "“s.wav”" in done.errors
    assert digest[:12] in done.errors
    assert "--source" in done.errors
    assert not (shell.folder / "again.wav").exists()


def forget_library(shell: Shell) -> None:
    shutil.rmtree(shell.data)


def move(shell: Shell, name: str) -> str:
    """Move a file to another folder and return how to name it from the work folder."""
    (shell.folder / "elsewhere").mkdir(exist_ok=True)
    (shell.folder / name).rename(shell.folder / "elsewhere" / name)
    return f"elsewhere/{name}"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_source_is_found_beside_the_recipe(shell: Shell) -> None:
    forget_library(shell)
    recipe = move(shell, "o.wav")
    move(shell, "s.wav")
    assert str(shell.folder.parent).encode() not in (shell.folder / recipe).read_bytes()
    check_made(shell, again(shell, recipe))
    assert (shell.folder / "again.wav").read_bytes() == (shell.folder / recipe).read_bytes()


def test_the_source_is_found_where_the_library_saw_it(shell: Shell) -> None:
    recipe = move(shell, "o.wav")
    check_made(shell, again(shell, recipe))
    found = shell.run("analyze", recipe, "--json").json
    assert found["source_path"] == str(shell.folder / "s.wav")
    assert found["source_fault"] is None
    assert found["recipe"]["request"]["source"]["path"] == "s.wav"


def test_a_missing_source_is_named_in_one_sentence(shell: Shell) -> None:
    digest = sha256(shell.folder / "s.wav")
    source = move(shell, "s.wav")
    check_missing(shell, again(shell, "o.wav"), digest)
    told = shell.run("analyze", "o.wav")
    assert told.code == 0, told.errors
    assert digest[:12] in told.out
    assert "--source" in told.out
    check_made(shell, again(shell, "o.wav", "--source", source))


def test_another_file_is_not_taken_for_the_source(shell: Shell) -> None:
    digest = sha256(shell.folder / "s.wav")
    refused = again(shell, "o.wav", "--source", "o.wav")
    check_missing(shell, replace(refused, errors=f"{refused.errors.strip()} --source"), digest)
    write_clicks(shell.folder / "s.wav.new", bpm=113.0)
    (shell.folder / "s.wav.new").replace(shell.folder / "s.wav")
    done = again(shell, "o.wav")
    check_missing(shell, done, digest)
    assert "has changed" in done.errors


def test_a_recipe_with_a_whole_path_is_still_read(shell: Shell) -> None:
    facts = read_recipe(shell.folder / "o.wav")
    assert facts is not None
    assert facts.request.source is not None
    samples = read_stored(shell.folder / "o.wav", facts)
    whole = SourceReference.to(shell.folder / "s.wav", facts.request.source.sha256)
    early = replace(facts, request=replace(facts.request, source=whole))
    (shell.folder / "early").mkdir()
    path = shell.folder / "early" / "e.wav"
    write_wav(path, samples, facts.sample_rate, facts.subtype, [recipe_chunk(early)])
    forget_library(shell)
    check_made(shell, again(shell, "early/e.wav"))


def test_a_batch_finds_a_source_by_its_name(shell: Shell) -> None:
    facts = read_recipe(shell.folder / "o.wav")
    assert facts is not None
    assert facts.request.source is not None
    source = {"path": "s.wav", "sha256": facts.request.source.sha256}
    lines = [
        {"task": "vary", "bpm": 112, "downbeat_frame": 0, "source": entry}
        for entry in (source, {**source, "path": "gone.wav", "sha256": "0" * 64})
    ]
    (shell.folder / "b.jsonl").write_text("\n".join(map(json.dumps, lines)))
    done = shell.run("render", "b.jsonl", "--out", "made", "--no-serve", "--json")
    assert done.code == 3
    assert len(done.json["takes"]) == 1
    (fault,) = done.json["faults"]
    assert "“gone.wav” (SHA-256 000000000000…)" in fault["error"]
    # What is made already is not made again, and then the source may be gone.
    (shell.folder / "s.wav").unlink()
    assert (
        shell.run("render", "b.jsonl", "--out", "made", "--no-serve", "--json").json["skipped"] == 1
    )


def test_a_source_without_a_graft_is_refused(shell: Shell) -> None:
    alone = shell.run("generate", "a", "--source", "s.wav")
    assert (alone.code, "--recipe" in alone.errors) == (2, True)
    (shell.folder / "text.json").write_text('{"prompt": "a"}')
    plain = again(shell, "text.json", "--source", "s.wav")
    assert (plain.code, "leave --source out" in plain.errors) == (2, True)
