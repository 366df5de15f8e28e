"""acid, smpl and INFO chunks: our bytes, our reader and libsndfile's."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from engine.key import Key
from engine.tempo import TimeSignature
from engine.wav_file import read_chunks, read_recipe
from plugin_bridge.exporter import wav_bytes
from plugin_bridge.wav_metadata import AcidChunk, InfoChunk, SamplerLoop, SmplChunk
from tests.engine.libsndfile_reader import look
from tests.plugin_bridge.export_takes import graft_take, loop_take, one_shot_take

KEYS = (None, Key(0, "minor"), Key(6, "major"), Key(11, "minor"))
BPMS = (40, 84, 92.5, 120, 128.003, 174, 300)
COMBINATIONS = tuple(itertools.product(BPMS, (1, 2, 4, 8), KEYS, ("PCM_16", "PCM_24", "FLOAT")))

u32 = st.integers(0, 2**32 - 1)


def test_libsndfile_reads_tempo_beats_meter_root_and_loop_of_336_exports(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    assert len(COMBINATIONS) == 336
    for bpm, bars, key, subtype in COMBINATIONS:
        facts, samples = loop_take(bpm, bars, key, subtype)
        path.write_bytes(wav_bytes(facts, samples, subtype))
        seen = look(path)
        assert seen.frames == facts.frames == round(bars * 4 * 60 / bpm * 8_000)
        assert (seen.meter, seen.forward_loop, seen.beats) == ((4, 4), True, bars * 4)
        assert seen.bpm == np.float32(bpm)
        assert seen.root_note == (-1 if key is None else 60 + key.root)
        assert seen.unity_note == (60 if key is None else 60 + key.root)
        assert seen.loops == ((0, facts.frames),)  # libsndfile's end is exclusive


@pytest.mark.parametrize(("beats_per_bar", "unit"), [(3, 4), (6, 8), (7, 8), (5, 4)])
def test_other_meters_are_written(tmp_path: Path, beats_per_bar: int, unit: int) -> None:
    facts, samples = loop_take(100, 2, signature=TimeSignature(beats_per_bar, unit), channels=2)
    path = tmp_path / "x.wav"
    path.write_bytes(wav_bytes(facts, samples, "PCM_16"))
    assert look(path).meter == (beats_per_bar, unit)
    assert look(path).beats == 2 * beats_per_bar


def test_one_shots_are_marked_and_have_no_loop(tmp_path: Path) -> None:
    facts, samples = one_shot_take(Key(2, "minor"))
    path = tmp_path / "x.wav"
    path.write_bytes(wav_bytes(facts, samples, "PCM_24"))
    seen = look(path)
    assert (seen.forward_loop, seen.beats, seen.root_note) == (False, 0, 62)
    assert (seen.unity_note, seen.loops) == (62, ())


def test_audio_that_is_no_whole_number_of_beats_is_not_offered_for_stretching(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.wav"
    for frames, beats in ((32_000, 8), (32_040, 8), (33_500, 0), (1_000, 0)):
        facts, samples = graft_take("/s/x.wav", frames, 120.0)
        path.write_bytes(wav_bytes(facts, samples, "PCM_16"))
        seen = look(path)
        assert (seen.beats, seen.forward_loop) == (beats, beats > 0)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_depth_keeps_samples_and_recipe_beside_the_chunks(
    tmp_path: Path, subtype: str
) -> None:
    facts, samples = loop_take(120, 1, None, subtype, channels=6)
    path = tmp_path / "x.wav"
    path.write_bytes(wav_bytes(facts, samples, subtype))
    read, _ = soundfile.read(path, dtype=str(samples.dtype), always_2d=True)
    assert np.array_equal(read.T, samples)
    assert read_recipe(path) == replace(facts, timings_seconds={})
    keys = [key for key, _ in read_chunks(path)]
    assert keys[-4:] == [b"acid", b"smpl", b"LIST", b"LGrc"]


def test_libsndfile_reads_the_info_texts(tmp_path: Path) -> None:
    facts, samples = loop_take(prompt="żółty loop\n2")
    path = tmp_path / "x.wav"
    path.write_bytes(wav_bytes(facts, samples, "PCM_16"))
    with soundfile.SoundFile(path) as sound:
        assert sound.title == "żółty loop 2"
        assert sound.comment == "generate, graft, seed 7"
        assert sound.software.startswith("Loopgraft")


@given(
    st.booleans(),
    st.none() | st.integers(60, 71),
    u32,
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**16 - 1),
    st.floats(0, 1000, width=32),
)
def test_acid_comes_back(
    one_shot: bool, root: int | None, beats: int, unit: int, per_bar: int, tempo: float
) -> None:
    chunk = AcidChunk(one_shot, root, beats, unit, per_bar, tempo)
    assert len(chunk.encode()) == 24
    assert AcidChunk.decode(chunk.encode()) == chunk


def test_acid_bytes_are_those_of_the_format() -> None:
    chunk = AcidChunk(False, 69, 16, 4, 4, 120.0)
    fields = "16000000 4500 0080 00000000 10000000 0400 0400 0000f042"
    assert chunk.encode() == bytes.fromhex(fields)


def test_a_root_outside_the_octave_is_moved_in_when_read_and_refused_when_written() -> None:
    low = AcidChunk(False, 69, 16, 4, 4, 120.0).encode()
    assert AcidChunk.decode(low[:4] + b"\x21\0" + low[6:]).root_note == 69
    with pytest.raises(ValueError, match="outside MIDI 60 to 71"):
        AcidChunk(False, 33, 16, 4, 4, 120.0)


@given(
    st.sampled_from([8_000, 11_025, 22_050]),
    st.integers(0, 127),
    st.lists(st.tuples(st.integers(0, 2**31), st.integers(1, 2**30)), max_size=3),
)
def test_smpl_comes_back(rate: int, note: int, spans: list[tuple[int, int]]) -> None:
    loops = tuple(SamplerLoop(start, start + frames) for start, frames in spans)
    chunk = SmplChunk(rate, note, loops)
    assert len(chunk.encode()) == 36 + 24 * len(loops)
    assert SmplChunk.decode(chunk.encode()) == chunk


text = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z")))


@given(text, text, text)
def test_info_comes_back(title: str, comment: str, software: str) -> None:
    chunk = InfoChunk(title, comment, software)
    assert InfoChunk.decode(chunk.encode()) == chunk


@given(st.binary(max_size=120), st.sampled_from([AcidChunk, SmplChunk, InfoChunk]))
def test_decoding_garbage_gives_a_value_or_a_value_error(
    garbage: bytes, kind: type[AcidChunk] | type[SmplChunk] | type[InfoChunk]
) -> None:
    with contextlib.suppress(ValueError):
        kind.decode(b"INFO" + garbage if kind is InfoChunk else garbage)
