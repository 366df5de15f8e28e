"""Traits and endings on sounds whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.audio import AudioClip, FloatArray
from engine.key import Key
from engine.training.evaluation.sheets import CELL, COLUMNS, picture_of, write_sheet
from engine.training.evaluation.sounds import (
    Truth,
    closes,
    falls_silent,
    listen,
    traits_of,
)
from engine.training.synth.preview import ROWS

RATE = 44_100
TIME = np.arange(2 * RATE) / RATE  # a bar at 120 bpm


def stereo(mono: FloatArray | np.ndarray, side: float = 0.0) -> AudioClip:
    other = np.roll(mono, 997) * side
    return AudioClip(np.stack([mono + other, mono - other]).astype(np.float32), RATE)


def tone(hz: float) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * hz * TIME)


def clicks(count: int, fall_seconds: float) -> np.ndarray:
    """Noise bursts, `count` in the bar, each dying away."""
    noise = np.random.default_rng(1).standard_normal(len(TIME))
    return 0.3 * noise * np.exp(-(TIME % (2 / count)) / fall_seconds)


def test_a_higher_tone_is_brighter() -> None:
    low, high = (traits_of(stereo(tone(hz)), 1).brightness for hz in (200, 3200))
    assert 3.0 < high - low < 4.2  # four octaves, less what the window smears


def test_more_hits_are_denser() -> None:
    few, many = (traits_of(stereo(clicks(n, 0.02)), 1).density for n in (4, 16))
    assert few == pytest.approx(4 / 16, abs=0.07)
    assert many > 0.9


def test_what_rings_on_has_more_space() -> None:
    dry, wet = (traits_of(stereo(clicks(4, fall)), 1).space for fall in (0.03, 0.4))
    assert wet > dry + 12


def test_a_side_is_width() -> None:
    narrow, wide = (traits_of(stereo(clicks(4, 0.1), side), 1).width for side in (0.05, 0.9))
    assert wide > narrow + 12


def test_a_one_shot_has_to_end_in_silence() -> None:
    assert falls_silent(stereo(clicks(1, 0.1)))
    assert not falls_silent(stereo(clicks(1, 2.0)))


def test_a_loop_that_jumps_at_its_wrap_does_not_close() -> None:
    assert closes(stereo(tone(100)))
    assert not closes(stereo(tone(100.3)))


def test_what_was_not_asked_is_not_judged() -> None:
    latents = np.zeros((8, 128), np.float16)
    sound = listen(stereo(clicks(4, 0.05)), Truth(120.0, None, 1), latents, None)
    assert (sound.key, sound.key_share) == (None, None)
    sound = listen(stereo(tone(220)), Truth(None, Key(9, "minor"), 1), latents, None)
    assert sound.in_time is None
    assert (sound.key_share or 0) > 0.9


def test_a_sheet_holds_both_rows(tmp_path: Path) -> None:
    from PIL import Image

    pictures = [(f"tone {n}", picture_of(stereo(tone(200.0 * n)).samples)) for n in (1, 2, 3)]
    assert pictures[0][1].shape == (ROWS, CELL)
    write_sheet(tmp_path / "sheets" / "lead.png", pictures, pictures[:1])
    with Image.open(tmp_path / "sheets" / "lead.png") as sheet:
        seen = np.asarray(sheet)
    assert seen.shape[1] > COLUMNS * CELL
    middle = len(seen) // 2
    lit = [[bool((part[:, c * CELL + 60 : (c + 1) * CELL - 60] > 250).any()) for c in range(4)]
           for part in (seen[:middle], seen[middle:])]  # fmt: skip
    assert lit == [[True, True, True, False], [True, False, False, False]]
