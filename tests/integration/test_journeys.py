"""PRODUCT.md's journeys from the command line, with the real worker and the real weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.analysis import measure_tempo
from engine.audio import AudioClip
from plugin_bridge.wav_metadata import AcidChunk
from tests.integration.real_engine import native, real_shell, write_beat
from tests.plugin_bridge.command_runs import Shell

BPM, BARS = 112.0, 4


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """One warm engine for every journey, as a user has it."""
    shell = real_shell(tmp_path_factory.mktemp("journeys"))
    yield shell
    shell.run("serve", "--stop")


@pytest.fixture(scope="module")
def source(shell: Shell) -> Path:
    path = shell.folder / "mine.wav"
    write_beat(path, bpm=BPM, bars=BARS, rate=48_000, subtype="PCM_24", channels=2)
    return path


def expected_frames(bars: int, bpm: float, rate: int) -> int:
    return int(Fraction(bars * 4 * 60 * rate) / Fraction(str(bpm)) + Fraction(1, 2))


def made(shell: Shell, *words: str) -> dict[str, object]:
    done = shell.run(*words, "--json")
    assert done.code == 0, done.errors
    take: dict[str, object] = done.json["takes"][0]
    return take


def path_of(shell: Shell, take: dict[str, object]) -> Path:
    return shell.folder / str(take["path"])


def log_spectra(samples: np.ndarray) -> np.ndarray:
    mono = samples.mean(axis=0)
    frames = mono[: len(mono) // 2048 * 2048].reshape(-1, 2048)
    return np.log(np.abs(np.fft.rfft(frames, axis=1)) + 1e-2)


def test_a_sentence_becomes_a_loop_in_time(shell: Shell) -> None:
    take = made(shell, "generate", "punchy house drums, 124 bpm", "--bars", "2", "--seed", "5")
    audio, rate = soundfile.read(path_of(shell, take), dtype="float32", always_2d=True)
    assert rate == 44_100
    assert len(audio) == expected_frames(2, 124, rate)
    assert np.sqrt(np.square(audio).mean()) > 0.01
    found = measure_tempo(AudioClip(audio.T.copy(), rate)).bpm
    assert found == pytest.approx(124, rel=0.01)


def mean_spectrum(shell: Shell, prompt: str, seed: int) -> np.ndarray:
    """Return the log spectrum of a take in 24 bands, its level taken off."""
    take = made(shell, "generate", prompt, "--bpm", "120", "--bars", "2", "--seed", str(seed))
    audio, _ = soundfile.read(path_of(shell, take), always_2d=True)
    power = np.square(np.abs(np.fft.rfft(audio.mean(axis=1))))
    edges = np.geomspace(4, len(power) - 1, 25).astype(int)
    logs = np.log([power[a:b].mean() + 1e-9 for a, b in pairwise(edges)])
    return logs - logs.mean()


def test_different_prompts_sound_different(shell: Shell) -> None:
    drums, pad = "punchy techno drums", "soft warm pad in C minor"
    spectra = [mean_spectrum(shell, p, s) for p, s in ((drums, 1), (drums, 2), (pad, 1), (pad, 2))]

    def apart(a: int, b: int) -> float:
        return float(np.abs(spectra[a] - spectra[b]).mean())

    across = np.mean([apart(a, b) for a in (0, 1) for b in (2, 3)])
    assert across > 1.2 * np.mean([apart(0, 1), apart(2, 3)])


def test_a_recipe_gives_the_identical_bytes_again(shell: Shell) -> None:
    first = path_of(shell, made(shell, "generate", "rubbery bass in A minor", "--bars", "1"))
    (shell.folder / "again").mkdir()
    again = made(shell, "generate", "--recipe", str(first), "--out", "again")
    second = path_of(shell, again)
    assert second != first
    assert second.read_bytes() == first.read_bytes()


def test_the_exported_file_tells_a_daw_its_tempo(shell: Shell) -> None:
    take = made(shell, "generate", "dusty lo-fi drums", "--bpm", "84", "--bars", "1")
    data = path_of(shell, take).read_bytes()
    at = data.index(b"acid") + 8
    chunk = AcidChunk.decode(data[at : at + 24])
    assert chunk.tempo_bpm == pytest.approx(84.0)
    assert chunk.beats == 4


def test_inpainting_changes_nothing_outside_the_bar(shell: Shell, source: Path) -> None:
    take = made(
        shell, "inpaint", str(source), "--start-bar", "2", "--end-bar", "3", "--downbeat", "0",
        "--bpm", "112", "--prompt", "tom fill", "--seed", "2",
    )  # fmt: skip
    before, after = native(source), native(path_of(shell, take))
    bar = 4 * 60 / BPM * 48_000
    start, stop = round(bar), round(2 * bar)
    assert after.shape == before.shape
    assert np.array_equal(after[:, :start], before[:, :start])
    assert np.array_equal(after[:, stop:], before[:, stop:])
    assert np.mean(after[:, start:stop] != before[:, start:stop]) > 0.9


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_continuing_keeps_the_source_whole(shell: Shell, source: Path, direction: str) -> None:
    take = made(
        shell, "continue", str(source), "--bars", "2", "--direction", direction,
        "--bpm", "112", "--downbeat", "0", "--seed", "3",
    )  # fmt: skip
    before, after = native(source), native(path_of(shell, take))
    added = round(2 * 4 * 60 / BPM * 48_000)
    assert after.shape[1] == before.shape[1] + added
    kept = after[:, : before.shape[1]] if direction == "forward" else after[:, added:]
    assert np.array_equal(kept, before)
    grown = after[:, before.shape[1] :] if direction == "forward" else after[:, :added]
    assert np.sqrt(np.square(grown / 2.0**31).mean()) > 0.003


def test_a_continuation_measures_the_tempo_itself(shell: Shell, source: Path) -> None:
    (shell.folder / "grown").mkdir()
    done = shell.run("continue", str(source), "--bars", "1", "--out", "grown")
    assert done.code == 0, done.errors
    assert "measured 112" in done.out + done.errors
    (path,) = (shell.folder / "grown").glob("*.wav")
    audio = native(path)
    assert audio.shape[1] == expected_frames(5, BPM, 48_000)


def test_variation_strength_orders_the_distance(shell: Shell, source: Path) -> None:
    before = native(source) / 2.0**31
    distances: list[float] = []
    for strength in ("0", "0.5", "1"):
        take = made(
            shell, "vary", str(source), "--strength", strength, "--seed", "4", "--bpm", "112",
            "--downbeat", "0",
        )  # fmt: skip
        after = native(path_of(shell, take)) / 2.0**31
        distances.append(float(np.abs(log_spectra(before) - log_spectra(after)).mean()))
    assert distances == sorted(distances)


def test_closing_a_loop_touches_only_the_wrap(shell: Shell, source: Path) -> None:
    take = made(shell, "loop", str(source), "--bpm", "112", "--downbeat", "0")
    before, after = native(source), native(path_of(shell, take))
    reach = round(0.5 * 60 / BPM * 48_000)
    assert np.array_equal(after[:, reach:-reach], before[:, reach:-reach])
    assert not np.array_equal(after, before)


def test_a_morph_is_one_exact_loop(shell: Shell) -> None:
    take = made(
        shell, "morph", "--from", "techno drums", "--to", "glass pad in D minor", "--bars", "2",
        "--bpm", "130",
    )  # fmt: skip
    assert soundfile.info(path_of(shell, take)).frames == expected_frames(2, 130, 44_100)


def test_a_batch_can_be_taken_up_again(shell: Shell) -> None:
    batch = shell.folder / "batch.jsonl"
    lines = [{"prompt": f"{word} drums", "bpm": 120, "bars": 1, "seed": 1} for word in ("a", "b")]
    batch.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    first = shell.run("render", str(batch), "--out", "pack", "--json")
    assert first.code == 0, first.errors
    stamps = {p.name: p.stat().st_mtime_ns for p in (shell.folder / "pack").glob("*.wav")}
    assert len(stamps) == 2
    assert shell.run("render", str(batch), "--out", "pack", "--json").code == 0
    assert {p.name: p.stat().st_mtime_ns for p in (shell.folder / "pack").glob("*.wav")} == stamps


def test_every_take_is_found_in_the_library(shell: Shell) -> None:
    made(shell, "generate", "marimba-like pluck zebra", "--bars", "1", "--bpm", "100")
    done = shell.run("library", "search", "zebra", "--json")
    assert done.code == 0
    assert "zebra" in done.out


def test_analysis_restores_the_recipe(shell: Shell) -> None:
    take = made(shell, "generate", "techno drums", "--bars", "1", "--bpm", "133", "--seed", "77")
    done = shell.run("analyze", str(path_of(shell, take)), "--json")
    assert done.code == 0
    assert '"seed":77' in done.out.replace(" ", "")
