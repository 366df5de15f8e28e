"""WAV files: bit-exact, deterministic, readable by others, whole or absent."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadArgument, BadInputFile
from engine.riff import pack_chunk
from engine.sample_format import NATIVE_TYPES, PCM_BITS, convert, dequantise, quantise
from engine.take_maker import NativeSamples
from engine.wav_file import (
    MAX_CHUNK_BYTES,
    RECIPE_CHUNK_ID,
    encode_wav,
    read_chunks,
    read_recipe,
    recipe_chunk,
    write_wav,
)
from tests.engine.libsndfile_reader import look
from tests.plugin_bridge.export_takes import loop_take

RATES = (8_000, 22_050, 44_100, 48_000, 96_000, 192_000)
READ_AS = {np.int32: "int32", np.float32: "float32", np.float64: "float64"}


def native_noise(subtype: str, channels: int, frames: int) -> NativeSamples:
    """Every bit pattern is used: full-scale noise with both extremes of the subtype in it."""
    rng = np.random.default_rng(channels * 1_000 + frames)
    if subtype not in PCM_BITS:
        return rng.uniform(-1.5, 1.5, (channels, frames)).astype(NATIVE_TYPES[subtype])
    bits = PCM_BITS[subtype]
    values = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (channels, frames))
    values[:, 0], values[:, -1] = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return (values << (32 - bits)).astype(np.int32)


@pytest.mark.parametrize("subtype", NATIVE_TYPES)
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_libsndfile_reads_every_native_sample_back_to_the_bit(
    tmp_path: Path, subtype: str, channels: int
) -> None:
    for rate in RATES:
        for frames in (1, 2, 333):
            samples = native_noise(subtype, channels, frames)
            path = tmp_path / "x.wav"
            write_wav(path, samples, rate, subtype, overwrite=True)
            read, read_rate = soundfile.read(
                path, dtype=READ_AS[NATIVE_TYPES[subtype]], always_2d=True
            )
            assert read_rate == rate
            assert soundfile.info(path).subtype == subtype
            assert np.array_equal(read.T, samples)


@pytest.mark.parametrize("subtype", PCM_BITS)
def test_the_standard_library_opens_stereo_pcm(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "x.wav"
    write_wav(path, native_noise(subtype, 2, 99), 44_100, subtype, [(b"abcd", b"odd")])
    with wave.open(str(path)) as reader:
        assert (reader.getnframes(), reader.getnchannels()) == (99, 2)
        assert reader.getsampwidth() == PCM_BITS[subtype] // 8


@given(
    st.lists(st.tuples(st.binary(min_size=4, max_size=4), st.binary(max_size=33)), max_size=5),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
)
def test_chunks_come_after_the_audio_padded_and_the_riff_size_is_exact(
    tmp_path_factory: pytest.TempPathFactory,
    chunks: list[tuple[bytes, bytes]],
    frames: int,
    channels: int,
) -> None:
    chunks = [(key, value) for key, value in chunks if key not in (b"data", b"fmt ")]
    wav = encode_wav(native_noise("PCM_24", channels, frames), 8_000, "PCM_24", chunks)
    assert struct.unpack_from("<I", wav, 4)[0] == len(wav) - 8
    assert len(wav) % 2 == 0
    path = tmp_path_factory.getbasetemp() / "chunks.wav"
    path.write_bytes(wav)
    assert [chunk for chunk in read_chunks(path) if chunk[0] != b"fmt "] == chunks
    assert wav.index(b"data") < wav.index(b"".join(pack_chunk(*c) for c in chunks) or b"data") + 1
    assert wav.endswith(b"".join(pack_chunk(*chunk) for chunk in chunks))


@pytest.mark.parametrize("subtype", NATIVE_TYPES)
def test_the_same_samples_give_the_same_bytes(subtype: str) -> None:
    samples = native_noise(subtype, 2, 100)
    assert encode_wav(samples, 44_100, subtype) == encode_wav(samples.copy(), 44_100, subtype)
    assert b"PEAK" not in encode_wav(samples, 44_100, subtype)


def test_samples_with_more_bits_than_the_file_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 16 bits"):
        encode_wav(np.array([[1 << 15]], np.int32), 44_100, "PCM_16")


def test_floats_are_not_written_as_integers_unasked() -> None:
    with pytest.raises(ValueError, match="PCM_16 is written from"):
        encode_wav(np.zeros((1, 4), np.float32), 44_100, "PCM_16")


def test_an_unknown_subtype_is_refused() -> None:
    with pytest.raises(BadArgument, match="ULAW"):
        encode_wav(np.zeros((1, 4), np.float32), 44_100, "ULAW")


@given(st.integers(-(2**31), 2**31 - 1), st.sampled_from(["PCM_16", "PCM_24"]))
def test_native_samples_survive_the_way_through_float32(value: int, subtype: str) -> None:
    shift = 32 - PCM_BITS[subtype]
    native = np.array([[(value >> shift) << shift]], np.int32)
    assert np.array_equal(quantise(dequantise(native), subtype), native)


@given(st.floats(-4, 4), st.sampled_from(list(PCM_BITS)))
def test_quantising_rounds_to_the_nearest_step_and_clips(value: float, subtype: str) -> None:
    limit = 2 ** (PCM_BITS[subtype] - 1)
    step = int(quantise(np.array([[value]]), subtype)[0, 0]) >> (32 - PCM_BITS[subtype])
    assert -limit <= step <= limit - 1
    if -limit <= value * limit <= limit - 1:
        assert abs(step - value * limit) <= 0.5
    else:
        assert step in (-limit, limit - 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", NATIVE_TYPES)
def test_quantising_refuses_what_is_no_number(value: float, subtype: str) -> None:
    with pytest.raises(ValueError, match="NaN"):
        quantise(np.array([[value]]), subtype)


def test_converting_to_more_bits_keeps_every_value() -> None:
    samples = native_noise("PCM_16", 2, 500)
    for subtype in NATIVE_TYPES:
        assert np.array_equal(convert(convert(samples, subtype), "PCM_16"), samples)


def test_a_recipe_comes_back_as_it_went_in(tmp_path: Path) -> None:
    facts, samples = loop_take(key=None)
    path = tmp_path / "x.wav"
    write_wav(path, samples, facts.sample_rate, facts.subtype, [recipe_chunk(facts)])
    assert read_recipe(path) == facts
    assert look(path).frames == facts.frames


def test_a_file_without_a_recipe_has_none(tmp_path: Path) -> None:
    write_wav(tmp_path / "x.wav", native_noise("PCM_16", 1, 9), 8_000, "PCM_16")
    (tmp_path / "x.flac").write_bytes(b"fLaC" + bytes(99))
    assert read_recipe(tmp_path / "x.wav") is None
    assert read_recipe(tmp_path / "x.flac") is None


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"x":' + b"[" * 100_000, b'{"version":"9"}'],
)
def test_a_damaged_recipe_gets_one_sentence_that_names_the_file(
    tmp_path: Path, payload: bytes
) -> None:
    path = tmp_path / "loop.wav"
    samples = native_noise("PCM_16", 1, 9)
    write_wav(path, samples, 8_000, "PCM_16", [(RECIPE_CHUNK_ID, payload)])
    with pytest.raises(BadInputFile, match=r"“loop.wav”: .*(recipe is damaged|nested)"):
        read_recipe(path)


@given(st.binary(max_size=200))
def test_reading_chunks_of_garbage_never_fails(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.wav"
    path.write_bytes(b"RIFF\xff\xff\xff\xffWAVE" + garbage)
    assert sum(len(payload) for _, payload in read_chunks(path)) <= len(garbage)


def test_chunks_beyond_the_size_limit_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    chunks = [(b"big ", bytes(MAX_CHUNK_BYTES + 1)), (b"tiny", b"1")]
    write_wav(path, native_noise("PCM_16", 1, 9), 8_000, "PCM_16", chunks)
    assert [key for key, _ in read_chunks(path)] == [b"fmt ", b"tiny"]
