"""The ruler: what it names at which zoom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.state.clip import TimeAxis
from gui.widgets.ruler import marks
from tests.gui.canvas_parts import (
    BAR,
    BEAT,
    tone_clip,
)


def test_the_ruler_names_bars_then_beats_then_seconds() -> None:
    clip = tone_clip()
    wide, near = TimeAxis(0, 4 * BAR, 104, 600), TimeAxis(BAR, 2 * BAR, 104, 600)
    assert [text for text, _ in marks(wide, clip)] == ["1", "2", "3", "4", "5"]
    assert [text for text, _ in marks(near, clip)] == ["2", "2.2", "2.3", "2.4", "3"]
    assert marks(wide, tone_clip(tempo_bpm=None))[1] == ("1 s", 8_000.0)


def test_the_ruler_names_parts_of_a_beat_and_what_is_nearer_still() -> None:
    clip = tone_clip()
    beat = TimeAxis(BEAT, 2 * BEAT, 104, 600)
    assert [text for text, _ in marks(beat, clip)] == ["1.2", "1.2.2", "1.2.3", "1.2.4", "1.3"]
    few_frames = TimeAxis(BEAT, BEAT + 64, 104, 600)
    texts = [text for text, _ in marks(few_frames, clip)]
    assert texts[:3] == ["0.500 s", "0.501 s", "0.502 s"]
    assert len(texts) == len(set(texts))


def test_the_ruler_counts_long_sounds_in_minutes_and_an_intro_below_the_first_bar() -> None:
    minutes = tone_clip(tempo_bpm=None)
    texts = [text for text, _ in marks(TimeAxis(0, 150 * 8_000, 104, 600), minutes)]
    assert texts[:4] == ["0:00", "0:30", "1:00", "1:30"]
    intro = TimeAxis(-2 * BAR, BAR, 104, 600)
    assert [text for text, _ in marks(intro, tone_clip())] == ["−1", "0", "1", "2"]
    assert marks(TimeAxis(-8_000, 8_000, 104, 600), minutes)[0][0] == "−1.0 s"


@pytest.mark.parametrize("tempo_bpm", [None, 40.0, 174.0])
@given(start=st.floats(-1e5, 1e7), frames=st.floats(64.0, 3e7))
def test_the_rulers_texts_are_unique_and_in_view(
    tempo_bpm: float | None, start: float, frames: float
) -> None:
    axis = TimeAxis(start, start + frames, 104, 600)
    found = marks(axis, tone_clip(tempo_bpm=tempo_bpm))
    texts = [text for text, _ in found]
    assert len(texts) == len(set(texts))
    assert all(103.9 <= axis.x_of(frame) <= 704.1 for _, frame in found)
