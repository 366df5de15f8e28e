"""Exported files: their names, their place, never overwritten, the same bytes every time."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from engine.atomic_file import FileExists
from engine.audio import FrameSpan
from engine.errors import BadArgument, WriteProblem
from engine.key import Key
from engine.request import GenerationRequest, SourceReference, Task
from engine.wav_file import read_recipe
from plugin_bridge.export_name import export_stem, numbered, slug, title
from plugin_bridge.exporter import export_take, wav_bytes
from tests.plugin_bridge.export_takes import facts_of, graft_take, loop_take, one_shot_take

ALLOWED = re.compile(r"[A-Za-z0-9_#-]+")
TEMPO = re.compile(r"(\d+)[ _-]?bpm", re.IGNORECASE)
BARE_NUMBER = re.compile(r"(?<![A-Za-z0-9])\d+(?![A-Za-z0-9])")

prompts = st.text(max_size=60) | st.lists(
    st.sampled_from(
        ["808", "kick", "84", "bpm", "84bpm", "BPM:", "92.5 bpm", "bbpmpm", "12", "b", "-", "é"]
    ),
    max_size=9,
).map(" ".join)
keys = st.none() | st.builds(Key, st.integers(0, 11), st.sampled_from(["major", "minor"]))


@given(prompts, st.floats(40, 300), keys, st.integers(0, 2**63 - 1))
def test_a_loop_is_named_by_words_one_tempo_its_key_and_a_code(
    prompt: str, bpm: float, key: Key | None, seed: int
) -> None:
    request = GenerationRequest(Task.GENERATE, seed, prompt, bpm=bpm, bars=1, key=key)
    stem = export_stem(facts_of(request, 10, tempo_bpm=bpm))
    assert ALLOWED.fullmatch(stem)
    assert [int(found) for found in TEMPO.findall(stem)] == [int(bpm + 0.5)]
    assert not BARE_NUMBER.findall(stem)
    parts = stem.split("_")
    assert re.fullmatch(r"[a-f][0-9a-f]{3}", parts[-1])
    assert parts[1] == f"{int(bpm + 0.5)}bpm"
    assert len(parts) == (3 if key is None else 4)
    assert key is None or parts[-2] == key.file_name
    assert len(stem) < 64


@given(prompts)
def test_a_one_shot_has_no_tempo_in_its_name(prompt: str) -> None:
    request = GenerationRequest(Task.GENERATE, 1, prompt, seconds=1.0, one_shot=True)
    stem = export_stem(facts_of(request, 10))
    assert "bpm" not in stem
    assert not BARE_NUMBER.findall(stem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dusty lo-fi drums, 84 bpm", "dusty-lo-fi-drums"),
        ("808 kick", "808kick"),
        ("tape 2", "tape2"),
        ("99", "n99"),
        ("Żółć & café", "zoc-cafe"),
        ("ドラム", ""),
        ("../../etc/passwd", "etc-passwd"),
        ("bpm 120 house", "house"),
    ],
)
def test_slugs_are_plain_words(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_a_name_looks_like_the_promised_one() -> None:
    facts, _ = loop_take(120, 1, Key(0, "minor"), prompt="dusty drums")
    assert re.fullmatch(r"dusty-drums_120bpm_Cmin_[a-f][0-9a-f]{3}", export_stem(facts))


def test_the_measured_key_names_a_take_that_asked_for_none() -> None:
    facts, _ = loop_take()
    measured = replace(facts.measured, key=Key(6, "major"))
    assert "_F#maj_" in export_stem(replace(facts, measured=measured))


def test_a_graft_is_named_after_its_source_without_our_own_ending() -> None:
    path = "/home/me/dusty-drums_120bpm_Cmin_ab12-b.wav"
    facts, _ = graft_take(path, 16_000, 120.0)
    assert re.fullmatch(r"dusty-drums_120bpm_[a-f0-9]{4}", export_stem(facts))
    facts, _ = graft_take(r"C:\loops\My Loop 3.wav", 16_000, 120.0)
    assert export_stem(facts).startswith("my-loop3_")


@pytest.mark.parametrize(
    ("source", "prompt", "expected"),
    [
        ("my_loop.wav", "tom fill", "my_loop · tom fill"),
        ("my_loop.wav", "", "my_loop"),
        ("my-loop-tom-fill_112bpm_Cmin_ab12.wav", "tom fill", "my-loop-tom-fill"),
        ("dusty-drums_84bpm_0011223344556677.wav", "snare roll", "dusty-drums · snare roll"),
    ],
)
def test_a_graft_keeps_its_sources_name(source: str, prompt: str, expected: str) -> None:
    reference = SourceReference(source, "0" * 64)
    spans = (FrameSpan(0, 10),)
    request = GenerationRequest(Task.INPAINT, 1, prompt=prompt, source=reference, spans=spans)
    assert title(facts_of(request, 100)) == expected


def test_a_graft_into_part_of_a_loop_does_not_rename_its_key() -> None:
    source = SourceReference("keys.wav", "0" * 64)
    asked = GenerationRequest(
        Task.INPAINT, 7, key=Key(2, "minor"), source=source, spans=(FrameSpan(0, 2_000),)
    )
    facts = facts_of(asked, 8_000, measured_key=Key(7, "minor"))
    part = replace(facts, grafted=(FrameSpan(0, 2_000),))
    assert part.key == Key(7, "minor")
    whole = replace(facts, grafted=(FrameSpan(0, 8_000),))
    assert whole.key == Key(2, "minor")
    assert replace(part, measured=replace(part.measured, key=None)).key == Key(2, "minor")


@pytest.mark.parametrize("path", ["/home/ada/keys.wav", r"C:\Users\ada\keys.wav"])
def test_an_exported_graft_does_not_say_where_its_source_lies(path: str, tmp_path: Path) -> None:
    facts, samples = graft_take(path, 16_000, 120.0)
    exported = export_take(facts, samples, tmp_path / "o")
    assert b"ada" not in exported.read_bytes()
    kept = read_recipe(exported)
    assert kept is not None
    assert kept.request.source == SourceReference("keys.wav", "0" * 64)
    assert kept.request.digest == facts.request.digest


def test_suffixes_never_repeat_and_hold_no_number() -> None:
    names = [name for name, _ in zip(numbered("x_ab12"), range(2_000), strict=False)]
    assert names[:3] == ["x_ab12", "x_ab12-b", "x_ab12-c"]
    assert names[25:28] == ["x_ab12-z", "x_ab12-ba", "x_ab12-bb"]
    assert len(set(names)) == 2_000
    assert not any(BARE_NUMBER.findall(name) for name in names)


def test_exporting_twice_gives_one_file(tmp_path: Path) -> None:
    facts, samples = loop_take()
    first = export_take(facts, samples, tmp_path)
    before = first.stat()
    assert export_take(facts, samples, tmp_path) == first
    assert first.stat().st_mtime_ns == before.st_mtime_ns
    assert [*tmp_path.iterdir()] == [first]
    assert first.parent == tmp_path


def test_another_take_of_the_same_name_goes_beside_the_first(tmp_path: Path) -> None:
    facts, samples = loop_take()
    first = export_take(facts, samples, tmp_path)
    content = first.read_bytes()
    second = export_take(facts, samples[:, ::-1].copy(), tmp_path)
    assert second.name == f"{first.stem}-b.wav"
    assert first.read_bytes() == content
    assert export_take(facts, samples[:, ::-1].copy(), tmp_path) == second
    first.unlink()
    first.mkdir()  # whatever it is, it is not ours to replace
    assert export_take(facts, samples, tmp_path).name == f"{first.stem}-c.wav"


def test_how_long_a_take_took_does_not_change_its_bytes() -> None:
    facts, samples = loop_take()
    slower = replace(facts, timings_seconds={"sampling": 99.0})
    assert wav_bytes(facts, samples, "PCM_16") == wav_bytes(slower, samples, "PCM_16")


def test_a_named_file_is_written_once(tmp_path: Path) -> None:
    facts, samples = loop_take()
    target = tmp_path / "My Loop.WAV"
    assert export_take(facts, samples, target) == target
    content = target.read_bytes()
    with pytest.raises(FileExists, match=r"“My Loop.WAV” exists already"):
        export_take(facts, samples, target)
    assert target.read_bytes() == content
    assert [*tmp_path.iterdir()] == [target]


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    facts, samples = loop_take()
    path = export_take(facts, samples, tmp_path / "pack.v1" / "drums")
    assert path.parent == tmp_path / "pack.v1" / "drums"


@pytest.mark.parametrize("name", ["x.mp3", "x.AIFF", "x.flac"])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    facts, samples = loop_take()
    with pytest.raises(BadArgument, match=r"results are WAV files"):
        export_take(facts, samples, tmp_path / name)
    assert [*tmp_path.iterdir()] == []


def test_a_file_in_place_of_the_folder_gets_one_sentence(tmp_path: Path) -> None:
    facts, samples = loop_take()
    (tmp_path / "out").write_bytes(b"")
    for place in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(WriteProblem):
            export_take(facts, samples, place)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_another_depth_is_named_in_the_recipe_and_rounds_by_half_a_step(
    tmp_path: Path, subtype: str
) -> None:
    facts, samples = loop_take(subtype="DOUBLE")
    path = export_take(facts, samples, tmp_path, subtype)
    recipe = read_recipe(path)
    assert recipe is not None
    assert recipe.subtype == subtype == soundfile.info(path).subtype
    read, _ = soundfile.read(path, dtype="float64", always_2d=True)
    half_step = {"PCM_16": 2**-16, "PCM_24": 2**-24, "FLOAT": 2**-26}[subtype]
    assert np.abs(read.T - samples).max() <= half_step


def test_an_unknown_depth_is_refused(tmp_path: Path) -> None:
    facts, samples = loop_take()
    with pytest.raises(BadArgument, match="PCM_12"):
        export_take(facts, samples, tmp_path, "PCM_12")
    assert [*tmp_path.iterdir()] == []


def test_samples_that_are_not_the_takes_are_refused(tmp_path: Path) -> None:
    facts, samples = loop_take()
    with pytest.raises(ValueError, match="channels and frames"):
        export_take(facts, samples[:, 1:], tmp_path)


def test_one_shots_are_exported(tmp_path: Path) -> None:
    facts, samples = one_shot_take()
    assert re.fullmatch(r"kick_[a-f0-9]{4}\.wav", export_take(facts, samples, tmp_path).name)
