"""Reading files nobody trusts: the good ones to the bit, the bad ones with one sentence."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from engine import input_file
from engine.audio import FrameSpan
from engine.audio_files import read_source
from engine.display_name import display_name
from engine.errors import BadInputFile
from engine.file_header import Refused, check_header
from engine.sample_format import NATIVE_TYPES
from engine.wav_file import encode_wav, write_wav
from tests.engine.test_wav_file import native_noise

ROOT = Path(__file__).resolve().parents[2]


def sine(frames: int = 8_000, channels: int = 1) -> np.ndarray:
    return 0.5 * np.sin(np.arange(frames)[:, None] * np.linspace(0.05, 0.06, channels))


@pytest.mark.parametrize("subtype", NATIVE_TYPES)
def test_our_wavs_come_back_to_the_bit(tmp_path: Path, subtype: str) -> None:
    for rate, channels in ((8_000, 1), (44_100, 2), (192_000, 6)):
        path = tmp_path / "x.wav"
        samples = native_noise(subtype, channels, 70_001)  # more than one block
        write_wav(path, samples, rate, subtype, overwrite=True)
        source = read_source(path)
        assert (source.sample_rate, source.subtype, source.path) == (rate, subtype, path)
        assert source.samples.dtype == samples.dtype
        assert np.array_equal(source.samples, samples)
        assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("ending", "written", "subtype"),
    [
        ("wav", "PCM_U8", "PCM_16"),
        ("wav", "PCM_24", "PCM_24"),
        ("aiff", "PCM_S8", "PCM_16"),
        ("aiff", "PCM_24", "PCM_24"),
        ("aiff", "FLOAT", "FLOAT"),
        ("flac", "PCM_16", "PCM_16"),
        ("flac", "PCM_24", "PCM_24"),
    ],
)
def test_other_lossless_formats_come_back_to_the_bit(
    tmp_path: Path, ending: str, written: str, subtype: str
) -> None:
    path = tmp_path / f"x.{ending}"
    soundfile.write(path, sine(channels=2), 44_100, subtype=written)
    source = read_source(path)
    expected, _ = soundfile.read(path, dtype="float32" if written == "FLOAT" else "int32")
    assert source.subtype == subtype
    assert np.array_equal(source.samples, expected.T)


@pytest.mark.parametrize("ending", ["mp3", "ogg", "opus"])
def test_lossy_formats_come_as_floats(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.{ending}"
    options = {"format": "OGG", "subtype": "OPUS"} if ending == "opus" else {}
    soundfile.write(path, sine(48_000, 2), 48_000, **options)
    source = read_source(path)
    assert (source.subtype, source.samples.dtype, source.channels) == ("FLOAT", np.float32, 2)
    assert abs(source.frames - 48_000) < 2_400
    middle = source.samples[0, 10_000:30_000]
    assert abs(np.sqrt(np.mean(middle**2)) - 0.5 / np.sqrt(2)) < 0.01


def test_an_mp3_behind_an_id3_tag_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.mp3", sine(48_000), 48_000)
    tagged = b"ID3\x04\0\0" + bytes([0, 0, 1, 0]) + bytes(128)
    path = tmp_path / "tagged.mp3"
    path.write_bytes(tagged + (tmp_path / "x.mp3").read_bytes())
    assert read_source(path).sample_rate == 48_000


def test_a_name_that_is_no_utf8_is_read_and_shown(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9 \xff.wav")
    path.write_bytes(encode_wav(native_noise("PCM_16", 1, 9), 8_000, "PCM_16"))
    source = read_source(path)
    assert source.frames == 9
    assert display_name(source.path) == r"caf\xe9 \xff.wav"
    path.write_bytes(b"no audio at all")
    with pytest.raises(BadInputFile) as caught:
        read_source(path)
    assert caught.value.sentence.startswith(r"“caf\xe9 \xff.wav” is not an audio file")
    caught.value.sentence.encode("utf-8")


@pytest.mark.parametrize("name", ["-n", "a b", "ünï", "new\nline.wav", "$(x)"])
def test_odd_names_are_read(tmp_path: Path, name: str) -> None:
    write_wav(tmp_path / name, native_noise("PCM_16", 1, 9), 8_000, "PCM_16")
    assert read_source(tmp_path / name).frames == 9
    assert "\n" not in display_name(name)


def test_a_clip_is_the_span_as_floats(tmp_path: Path) -> None:
    samples = native_noise("PCM_24", 2, 100)
    write_wav(tmp_path / "x.wav", samples, 48_000, "PCM_24")
    source = read_source(tmp_path / "x.wav")
    clip = source.clip(FrameSpan(10, 200))
    assert (clip.sample_rate, clip.samples.dtype) == (48_000, np.float32)
    assert np.array_equal(clip.samples.astype(np.float64) * 2**31, samples[:, 10:])
    assert source.clip().frames == 100
    with pytest.raises(ValueError, match="read-only"):
        source.samples[0, 0] = 0


def wav_with(path: Path, **fields: int) -> None:
    """A plain 16-bit WAV of 100 frames whose header is then falsified."""
    wav = bytearray(encode_wav(native_noise("PCM_16", 1, 100), 44_100, "PCM_16"))
    places = {"tag": ("<H", 20), "channels": ("<H", 22), "rate": ("<I", 24), "data": ("<I", 40)}
    for name, value in fields.items():
        layout, offset = places[name]
        struct.pack_into(layout, wav, offset, value)
    path.write_bytes(wav)


def float_wav(path: Path, value: float, subtype: str) -> None:
    kind = NATIVE_TYPES[subtype]
    samples = np.zeros((1, 44_100), kind)
    samples[0, 22_050] = value
    path.write_bytes(encode_wav(samples, 44_100, subtype))  # type: ignore[arg-type]


def cut(path: Path, ending: str, keep: float) -> None:
    buffer = io.BytesIO()
    rng = np.random.default_rng(1)
    soundfile.write(buffer, rng.uniform(-0.9, 0.9, 30_000), 44_100, format=ending)
    path.write_bytes(buffer.getvalue()[: int(len(buffer.getvalue()) * keep)])


def flac_of_hours(path: Path) -> None:
    """A FLAC whose STREAMINFO claims 2^36 - 1 frames."""
    cut(path, "flac", 1.0)
    flac = bytearray(path.read_bytes())
    flac[21] |= 0x0F
    flac[22:26] = b"\xff" * 4
    path.write_bytes(flac)


def adpcm(subtype: str) -> Callable[[Path], None]:
    return lambda path: soundfile.write(path, sine(), 44_100, subtype=subtype, format="WAV")


def adpcm_behind_id3(path: Path) -> None:
    adpcm("IMA_ADPCM")(path)
    path.write_bytes(b"ID3\x04" + bytes(6) + path.read_bytes())


def two_formats(path: Path) -> None:
    wav_with(path)
    wav = path.read_bytes()
    adpcm_layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 0x11, 1, 44_100, 22_050, 512, 4)
    path.write_bytes(wav[:36] + adpcm_layout + wav[36:])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "There is no file"),
    "empty": (lambda path: path.write_bytes(b""), "is empty (0 bytes)"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "fifo": (os.mkfifo, "is a device or a pipe"),
    "text": (lambda path: path.write_text("la " * 500), "is not an audio file"),
    "riff-22": (lambda path: path.write_bytes(b"RIFF\x0e\0\0\0WAVEfmt \x10\0\0\0\1\0"), "WAV"),
    "png": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99)), "not an audio"),
    "html": (lambda path: path.write_bytes(b"<html>404</html>"), "is not an audio file"),
    "ms-adpcm": (adpcm("MS_ADPCM"), "is a compressed WAV (MS ADPCM)"),
    "ima-adpcm": (adpcm("IMA_ADPCM"), "is a compressed WAV (IMA ADPCM)"),
    "mu-law": (adpcm("ULAW"), "is a compressed WAV (mu-law)"),
    "gsm": (adpcm("GSM610"), "is a compressed WAV (GSM 6.10)"),
    "adpcm-id3": (adpcm_behind_id3, "holds no MP3 audio behind its ID3 tag"),
    "two-formats": (two_formats, "is a WAV with a damaged header"),
    "codec": (lambda path: wav_with(path, tag=0x161), "(codec 0x0161)"),
    "no-frames": (lambda path: path.write_bytes(encode_wav(
        np.zeros((1, 0), np.int32), 44_100, "PCM_16")), "0 frames"),
    "ten-hours": (lambda path: wav_with(path, data=36_000 * 88_200), "says it lasts 10.0 hours"),
    "ten-hours-flac": (flac_of_hours, "more than 30 minutes"),
    "cut-wav": (lambda path: cut(path, "wav", 0.6), "is cut short"),
    "cut-aiff": (lambda path: cut(path, "aiff", 0.6), "is cut short"),
    "cut-flac": (lambda path: cut(path, "flac", 0.6), "is cut short"),
    "only-a-header": (lambda path: cut(path, "wav", 0.0005), "WAV"),
    "nan": (lambda path: float_wav(path, np.nan, "FLOAT"), "NaN or infinity) at 0.500 s"),
    "inf": (lambda path: float_wav(path, -np.inf, "DOUBLE"), "NaN or infinity) at 0.500 s"),
    "huge": (lambda path: float_wav(path, 1e300, "DOUBLE"), "peak of 1e+300, above 1000"),
    "4-khz": (lambda path: wav_with(path, rate=4_000), "4000 Hz, outside 8000 to 192000 Hz"),
    "384-khz": (lambda path: wav_with(path, rate=384_000), "384000 Hz, outside 8000 to 192000"),
    "nine-channels": (lambda path: soundfile.write(path, sine(100, 9), 8_000, format="WAV"),
                      "has 9 channels, outside 1 to 8"),
    "no-channels": (lambda path: wav_with(path, channels=0), "damaged"),
    "au": (lambda path: soundfile.write(path, sine(), 8_000, format="AU"), "is not an audio file"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_gets_one_sentence_that_names_it(tmp_path: Path, case: str) -> None:
    make, expected = BAD[case]
    path = tmp_path / "loop.wav"
    make(path)
    with pytest.raises(BadInputFile) as caught:
        read_source(path)
    sentence = caught.value.sentence
    assert expected in sentence
    assert "loop.wav" in sentence
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert "\n" not in sentence
    assert caught.value.exit_code == 3
    assert [path.name for path in tmp_path.iterdir()] in ([], ["loop.wav"])


def test_a_device_is_refused() -> None:
    with pytest.raises(BadInputFile, match="“zero” is a device"):
        read_source("/dev/zero")


@pytest.mark.parametrize("name", ["a\0b", ""])
def test_what_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(BadInputFile):
        read_source(name)


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "loop.wav"
    path.write_bytes(b"RIFF")
    path.chmod(0)
    if os.access(path, os.R_OK):  # the superuser reads everything

        def refuse(*_: object) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(input_file.os, "open", refuse)
    with pytest.raises(BadInputFile, match=r"“loop.wav” may not be read by you"):
        read_source(path)


def test_a_fifo_put_in_place_after_the_look_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "loop.wav")
    honest = os.fstat

    def regular(self: Path, **_: object) -> os.stat_result:
        return os.stat_result((stat.S_IFREG | 0o644, 1, 1, 1, 0, 0, 99, 0, 0, 0))

    monkeypatch.setattr(Path, "stat", regular)
    monkeypatch.setattr(os, "fstat", honest)
    with pytest.raises(BadInputFile, match="device or a pipe"):
        read_source(tmp_path / "loop.wav")


def test_a_decoder_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    write_wav(tmp_path / "loop.wav", native_noise("PCM_16", 1, 9), 8_000, "PCM_16")
    with pytest.raises(BadInputFile, match=r"not decoded within 0.01 s"):
        read_source(tmp_path / "loop.wav", wall_limit_seconds=0.01)


def test_a_folder_named_engine_beside_the_user_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit(9)")
    (tmp_path / "numpy.py").write_text("raise SystemExit(9)")
    write_wav(tmp_path / "x.wav", native_noise("PCM_16", 1, 9), 8_000, "PCM_16")
    monkeypatch.chdir(tmp_path)
    assert read_source("x.wav").frames == 9


def _in_child(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux caps memory here")
def test_the_child_cannot_take_a_gigabyte() -> None:
    code = "import engine.file_reader as r; r._limit_resources(); bytearray(1 << 30)"
    assert "MemoryError" in _in_child(code).stderr


def test_the_child_loads_only_numpy_and_soundfile_and_the_parent_no_decoder() -> None:
    heavy = "{'torch', 'scipy', 'msgspec', 'soxr', 'soundfile'}"
    say = f"; import sys; print(sorted({heavy} & set(sys.modules)))"
    assert _in_child("import engine.file_reader" + say).stdout == "['soundfile']\n"
    assert "soundfile" not in _in_child("import engine.audio_files" + say).stdout


def test_the_child_starts_within_two_seconds(tmp_path: Path) -> None:
    """Measured 0.2-0.3 s on two cores; the bound leaves room for a busy machine."""
    write_wav(tmp_path / "x.wav", native_noise("PCM_16", 1, 9), 8_000, "PCM_16")
    best = 9.0
    for _ in range(3):
        start = time.perf_counter()
        read_source(tmp_path / "x.wav")
        best = min(best, time.perf_counter() - start)
    assert best < 2.0


@given(st.binary(max_size=300), st.sampled_from([b"RIFF\0\0\0\0WAVE", b"FORM\0\0\0\0AIFC", b"ID3"]))
def test_header_checks_survive_garbage(garbage: bytes, head: bytes) -> None:
    content = head + garbage
    with contextlib.suppress(Refused):
        check_header(io.BytesIO(content), len(content))
