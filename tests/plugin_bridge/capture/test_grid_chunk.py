"""The chunk with a recording's bars: read back, and nonsense in it is as good as none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.tempo import Tempo
from engine.wav_file import write_wav
from plugin_bridge.capture.grid_chunk import GRID_CHUNK_ID, GridFacts, read_grid
from plugin_bridge.command_line.source import find_grid, open_source

FRAMES = 1000
FACTS = GridFacts(133.25, 17, 3, 8, is_loop=True)


def write(path: Path, chunk: bytes) -> Path:
    silence = np.zeros((2, FRAMES), np.float32)
    write_wav(path, silence, 44_100, "FLOAT", [(GRID_CHUNK_ID, chunk)])
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert read_grid(write(tmp_path / "a.wav", FACTS.encode()), FRAMES) == FACTS


@pytest.mark.parametrize(
    "chunk",
    [
        b"",
        b"nonsense",
        GridFacts(0.0).encode(),
        GridFacts(120.0, FRAMES).encode(),
        GridFacts(120.0, -1).encode(),
        GridFacts(120.0, 0, 17).encode(),
        GridFacts(120.0, 0, 4, 5).encode(),
    ],
)
def test_nonsense_is_as_good_as_none(chunk: bytes, tmp_path: Path) -> None:
    assert read_grid(write(tmp_path / "a.wav", chunk), FRAMES) is None
    assert read_grid(tmp_path / "missing.wav", FRAMES) is None


def test_a_graft_into_a_recording_lies_on_its_bars(tmp_path: Path) -> None:
    """Silence has no tempo that could be measured."""
    source = open_source(write(tmp_path / "a.wav", FACTS.encode()))
    found = find_grid(source, None, None)
    assert (found.tempo, found.downbeat_frame) == (Tempo.of(133.25), 17)
    given = find_grid(source, Tempo.of(90), 0.0)
    assert (given.tempo, given.downbeat_frame) == (Tempo.of(90), 0)
