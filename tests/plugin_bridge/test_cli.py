"""The command line's journeys, with a worker that makes tones."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from engine.wav_file import read_recipe
from plugin_bridge import cli
from tests.plugin_bridge.command_runs import (
    ROOT,
    Ended,
    Shell,
    ended,
    new_shell,
    wait_for,
    write_clicks,
)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = new_shell(tmp_path)
    yield shell
    if (shell.data / "run" / "serve.sock").exists():
        shell.run("serve", "--stop")


def modules_after(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{code}; import sys; print(' '.join(sys.modules))"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_grammar_needs_nothing_but_the_standard_library() -> None:
    loaded = modules_after(
        "from plugin_bridge.command_line.parser import build_parser; "
        "import plugin_bridge.cli; build_parser().format_help()"
    )
    assert not loaded & {"numpy", "torch", "msgspec", "soundfile", "platformdirs", "psutil"}


def test_making_takes_imports_neither_torch_nor_scipy() -> None:
    loaded = modules_after("import plugin_bridge.command_line.making")
    assert not loaded & {"torch", "scipy", "onnxruntime"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is a screen elsewhere")
def test_without_a_command_the_window_wants_a_screen(shell: Shell) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        shell.environment.pop(name, None)
    done = shell.run()
    assert (done.code, done.out) == (4, "")
    assert done.errors.startswith("There is no screen here")


def test_generate_writes_a_take_and_says_where(shell: Shell) -> None:
    done = shell.run("generate", "dusty drums, 84 bpm", "--no-serve", "--seed", "3")
    assert done.code == 0, done.errors  # a slow machine shows progress there
    assert len(shell.wavs()) == 1
    assert done.out.startswith(shell.wavs()[0])
    assert "seed 3" in done.out
    assert "LUFS" in done.out
    info = soundfile.info(str(shell.folder / shell.wavs()[0]))
    assert info.subtype == "PCM_24"


def test_json_is_one_object_with_what_was_promised(shell: Shell) -> None:
    words = ("generate", "keys", "--variations", "2", "--seed", "7", "--key", "F# minor")
    done = shell.run(*words, "--bpm", "92.5", "--no-serve", "--json")
    assert done.code == 0
    found = done.json
    promised = {"paths", "seed", "frames", "sample_rate", "requested", "measured", "seam_score"}
    assert promised | {"timings_seconds", "device", "model_version"} <= found.keys()
    assert found["seed"] == 7
    assert found["requested"] == {"bpm": 92.5, "key": "F# minor", "bars": 4}
    assert [take["seed"] for take in found["takes"]] == [7, 8]
    assert all(Path(path).is_absolute() and Path(path).is_file() for path in found["paths"])
    assert found["takes"][0]["measured"]["key"] == "A minor"


def test_the_prompt_names_the_tempo_and_an_option_wins_over_it(shell: Shell) -> None:
    said = shell.run("generate", "drums, 84 bpm", "--no-serve", "--json")
    assert said.json["requested"]["bpm"] == 84
    wins = shell.run("generate", "drums, 84 bpm", "--bpm", "90", "--no-serve", "--json")
    assert wins.json["requested"]["bpm"] == 90
    neither = shell.run("generate", "drums", "--no-serve", "--json")
    assert neither.json["requested"]["bpm"] == 120


def test_what_was_understood_and_what_lost_to_an_option_is_said(shell: Shell) -> None:
    words = ("generate", "druns, 84 bpm, 8 bars in Am", "--bpm", "90", "--key", "C minor")
    plain = shell.run(*words, "--no-serve")
    assert plain.out.splitlines()[:3] == [
        "Note: The prompt says 84 bpm; 90 bpm was asked with --bpm and is used.",
        "Note: The prompt says A minor; C minor was asked with --key and is used.",
        "Note: “druns” is read as “drums”.",
    ]
    assert "understood: drums, A minor, 84 bpm, 8 bars" in plain.out.splitlines()
    found = shell.run(*words, "--no-serve", "--json").json
    assert found["notes"] == [
        line.removeprefix("Note: ") for line in plain.out.splitlines() if line.startswith("Note")
    ]
    assert found["requested"] == {"bpm": 90, "key": "C minor", "bars": 8}
    assert found["understood"] == {
        "family": "drums", "family_is_guessed": False, "style": None, "key": "A minor",
        "bpm": 84, "bars": 8, "seconds": None, "one_shot": None,
    }  # fmt: skip


def test_a_prompt_that_names_nothing_known_is_told_so(shell: Shell) -> None:
    done = shell.run("generate", "flurble in H minor, 301 bpm", "--no-serve")
    assert done.code == 0
    assert "Note: 301 bpm in the prompt is outside 40 to 300 bpm and is left out." in done.out
    assert "“H minor” in the prompt is no key" in done.out
    assert "understood: no instrument, style, key, tempo or length" in done.out


def test_a_source_keeps_its_tempo_whatever_the_prompt_says(shell: Shell) -> None:
    write_clicks(shell.folder / "s.wav", bpm=120.0, bars=1)
    words = ("continue", "s.wav", "--prompt", "techno, 140 bpm, 2 bars", "--no-serve", "--json")
    found = shell.run(*words).json
    assert found["requested"]["bars"] == 2
    assert len(found["notes"]) == 1
    assert found["notes"][0].startswith("The prompt says 140 bpm; the source's 1")


def test_several_takes_into_a_named_file_are_numbered(shell: Shell) -> None:
    done = shell.run("generate", "a", "--variations", "2", "--out", "x.wav", "--no-serve")
    assert done.code == 0
    assert shell.wavs() == ["x-1.wav", "x-2.wav"]


def test_a_recipe_gives_the_same_samples_again(shell: Shell) -> None:
    shell.run("generate", "a", "--seed", "41", "--bit-depth", "16", "--out", "a.wav", "--no-serve")
    done = shell.run("generate", "--recipe", "a.wav", "--out", "b.wav", "--no-serve")
    assert done.code == 0, done.errors
    first, second = shell.folder / "a.wav", shell.folder / "b.wav"
    assert soundfile.info(str(second)).subtype == "PCM_16"
    assert soundfile.read(str(first), dtype="int32")[0].tolist() == (
        soundfile.read(str(second), dtype="int32")[0].tolist()
    )
    one, two = read_recipe(first), read_recipe(second)
    assert one is not None
    assert two is not None
    assert one.request == two.request
    assert "Note" not in done.out


def test_a_recipe_of_another_version_is_said_to_sound_otherwise(shell: Shell) -> None:
    shell.run("generate", "a", "--seed", "41", "--out", "a.wav", "--no-serve")
    recipe = shell.run("analyze", "a.wav", "--json").json["recipe"]
    recipe |= {"model_version": "tone-0", "runtime": "slide rule"}
    (shell.folder / "old.json").write_text(json.dumps(recipe))
    again = shell.run("generate", "--recipe", "old.json", "--no-serve")
    assert "graft tone-0 on slide rule, now by graft tone-1 on cpu: the sound may" in again.out
    other = shell.run("generate", "--recipe", "old.json", "--seed", "7", "--no-serve")
    assert "first made by" not in other.out


def test_inpaint_takes_spans_in_seconds_and_in_bars(shell: Shell) -> None:
    frames = write_clicks(shell.folder / "s.wav", bpm=120.0)
    grid = ("--bpm", "120", "--downbeat", "0")
    spans = ("--start", "0.5", "--end", "1", "--start-bar", "2.5", "--end-bar", "5")
    done = shell.run("inpaint", "s.wav", *spans, *grid, "--out", "o.wav", "--no-serve")
    assert done.code == 0, done.errors
    facts = read_recipe(shell.folder / "o.wav")
    assert facts is not None
    assert [(span.start, span.stop) for span in facts.request.spans] == [
        (22_050, 44_100),
        (132_300, frames),
    ]


def test_a_measured_tempo_is_shown_and_used(shell: Shell) -> None:
    write_clicks(shell.folder / "s.wav", bpm=112.0)
    words = ("inpaint", "s.wav", "--start-bar", "2", "--end-bar", "3", "--out", "o.wav")
    done = shell.run(*words, "--no-serve")
    assert done.code == 0, done.errors
    assert re.search(r"measured 11[12]\.\d bpm \(confidence [01]\.\d\d\), downbeat", done.out)
    facts = read_recipe(shell.folder / "o.wav")
    assert facts is not None
    bar = 4 * 60 / 112 * 44_100
    (span,) = facts.request.spans
    assert span.start == pytest.approx(bar, abs=0.01 * bar)


def test_variations_of_a_graft_are_ranked_by_seam(shell: Shell) -> None:
    write_clicks(shell.folder / "s.wav")
    words = ("vary", "s.wav", "--bpm", "112", "--downbeat", "0", "--variations", "3")
    done = shell.run(*words, "--seed", "10", "--no-serve", "--out", "o")
    lines = done.out.splitlines()
    assert "the best first" in lines[-4]
    scores = [float(line.split()[1]) for line in lines[-3:]]
    assert scores == sorted(scores)


@pytest.mark.parametrize(
    "words",
    [
        ("continue", "s.wav", "--bars", "2", "--direction", "backward", "--context-seconds", "3"),
        ("loop", "s.wav"),
        ("morph", "--from", "rain", "--to", "drums", "--bars", "2"),
    ],
)
def test_every_other_task_makes_a_take(shell: Shell, words: tuple[str, ...]) -> None:
    write_clicks(shell.folder / "s.wav")
    done = shell.run(*words, "--bpm", "112", "--no-serve", "--out", "o.wav")
    assert done.code == 0, done.errors
    facts = read_recipe(shell.folder / "o.wav")
    assert facts is not None
    assert facts.request.task == words[0]


def test_a_name_that_is_no_text_works_and_prints(shell: Shell) -> None:
    name = b"caf\xe9.wav"
    write_clicks(shell.folder / "s.wav")
    (shell.folder / "s.wav").rename(shell.folder / os.fsdecode(name))
    words = (b"vary", name, b"--bpm", b"112", b"--downbeat", b"0", b"--out", b"\xff-out")
    done = shell.run(*words, b"--no-serve")
    assert done.code == 0, done.errors
    assert r"caf\xe9.wav" in done.out
    found = shell.run(b"analyze", name, b"--json")
    assert found.code == 0, found.errors
    assert found.json["frames"] > 0


def test_a_library_in_a_folder_whose_name_is_no_text_works(tmp_path: Path) -> None:
    shell = new_shell(tmp_path, LOOPGRAFT_DATA=str(tmp_path / os.fsdecode(b"caf\xe9 \xff")))
    try:
        for words in (("--no-serve",), ()):  # told by the worker, and by the server
            done = shell.run("generate", "a", "--json", "--out", "made", *words)
            assert done.code == 0, done.errors
        take_id = done.json["takes"][0]["take_id"]
        exported = shell.run("library", "export", take_id, "--json", "--out", "again.wav")
        assert exported.code == 0, exported.errors
    finally:
        shell.run("serve", "--stop")
    (made,) = done.json["paths"]
    assert Path(made).read_bytes() != (shell.folder / "again.wav").read_bytes()  # 24 bits, float
    assert soundfile.info(str(shell.folder / "again.wav")).frames == done.json["frames"]


def test_analyze_shows_the_recipe(shell: Shell) -> None:
    shell.run("generate", "bright keys", "--seed", "5", "--out", "a.wav", "--no-serve")
    done = shell.run("analyze", "a.wav", "--json")
    assert done.code == 0, done.errors
    assert done.json["recipe"]["request"]["prompt"] == "bright keys"
    assert done.json["subtype"] == "PCM_24"
    (shell.folder / "a.json").write_text(done.out)
    again = shell.run("generate", "--recipe", "a.json", "--json", "--no-serve")
    assert again.json["seed"] == 5


def test_render_goes_on_where_it_was_stopped(shell: Shell) -> None:
    batch = shell.folder / "batch.jsonl"
    batch.write_text('{"prompt": "a"}\nnonsense\n\n{"prompt": "b", "variations": 2, "key": "Am"}\n')
    first = shell.run("render", "batch.jsonl", "--out", "out", "--no-serve", "--json")
    assert first.code == 2
    assert [fault["line"] for fault in first.json["faults"]] == [2]
    assert "line 2: " in first.errors  # after the progress of a slow machine
    made = sorted((shell.folder / "out").glob("*.wav"))
    assert len(made) == 3
    made[1].unlink()
    second = shell.run("render", "batch.jsonl", "--out", "out", "--no-serve", "--json")
    assert (second.json["skipped"], len(second.json["takes"])) == (2, 1)
    assert sorted((shell.folder / "out").glob("*.wav")) == made


def test_the_library_is_searched_starred_shown_and_exported(shell: Shell) -> None:
    shell.run("generate", "dusty drums", "--no-serve", "--out", "o")
    shell.run("generate", "glass pad", "--no-serve", "--out", "o")
    (take,) = shell.run("library", "search", "glass", "--json").json["takes"]
    assert shell.run("library", "star", take["take_id"][:8]).code == 0
    (starred,) = shell.run("library", "list", "--starred", "--json").json["takes"]
    assert starred["take_id"] == take["take_id"]
    assert "glass pad" in shell.run("library", "show", take["take_id"]).out
    words = ("library", "export", take["take_id"], "--out", "e.wav", "--bit-depth", "16")
    assert shell.run(*words).code == 0
    assert soundfile.info(str(shell.folder / "e.wav")).subtype == "PCM_16"
    assert shell.run("library", "rebuild", "--json").json["takes"] == 2
    shell.run("continue", "e.wav", "--bars", "1", "--no-serve", "--out", "o")
    assert "continue of “e.wav”" in shell.run("library", "list", "--limit", "1").out


def test_ctrl_c_cancels_with_exit_code_5(shell: Shell) -> None:
    process = shell.start("generate", "slow:sampling", "--no-serve")
    log = shell.data / "logs" / "engine.log"
    wait_for(lambda: log.exists() and "begins at take" in log.read_text(), "the job to begin")
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert (done.code, done.errors) == (5, "Cancelled.\n")
    assert shell.wavs() == []


def test_doctor_names_what_is_missing_and_the_command_for_it(shell: Shell) -> None:
    done = shell.run("doctor", "--json")
    findings = {finding["name"]: finding for finding in done.json["findings"]}
    assert {"Python", "Machine", "torch", "ONNX Runtime", "GPU", "Library"} <= findings.keys()
    assert all(finding["fix"] for finding in findings.values() if not finding["ok"])
    assert "graft: " in findings["Runs on"]["text"]
    assert "text: onnxruntime" in findings["Runs on"]["text"]
    needed = [finding["ok"] for finding in findings.values() if finding["needed"]]
    assert done.code == (0 if all(needed) else 4)


def test_models_are_listed_and_verified(shell: Shell) -> None:
    models = shell.run("models", "list", "--json").json["models"]
    assert "text" in [model["id"] for model in models]
    assert shell.run("models", "verify", "text").code == 0
    assert one_sentence(shell.run("models", "show", "nonsense")).code == 2
    runtime = shell.run("models", "show", "graft", "--json").json["runtime"]
    assert runtime["provider"] in ("CPUExecutionProvider", "cuda")
    assert runtime["name"].startswith(("onnxruntime ", "torch "))


def test_a_fault_of_our_own_is_one_sentence_and_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("LOOPGRAFT_DATA", str(tmp_path))
    monkeypatch.setitem(cli.COMMANDS, "doctor", "no_such_module")
    assert cli.main(["doctor"]) == 1
    errors = capsys.readouterr().err
    log = tmp_path / "logs" / "command_line.log"
    assert str(log) in errors
    assert len(errors.splitlines()) == 1
    assert "no_such_module" in log.read_text()


def one_sentence(done: Ended) -> Ended:
    assert len(done.errors.splitlines()) == 1, done.errors
    assert "Traceback" not in done.errors
    return done
