"""How well what was made goes with what is around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.groove import bar_patterns, groove_likeness
from engine.analysis.key import in_key_share, measure_key
from engine.analysis.loudness import measure_loudness
from engine.audio import AudioClip, FrameSpan
from engine.key import Key

#: So much louder or quieter than what is kept counts as not at its level at all.
APART_DB = 12.0


@dataclass(frozen=True)
class BarGrid:
    """Where the bars of a result begin. bar_frames: None without a tempo."""

    bar_frames: float | None
    downbeat_frame: int
    beats_per_bar: int


def measure_adherence(
    clip: AudioClip, made: Sequence[FrameSpan], grid: BarGrid, key: Key | None = None
) -> float | None:
    """Return how well the made spans go with the rest in level, onsets and key, 0 to 1.

    The mean of what can be measured: how near the levels are; how alike the onsets of a made bar
    are to those of the kept ones; the share of the chroma that lies in the key (`key`, else that
    of what is kept). None where nothing is kept, or nothing of it can be measured.
    """
    outside = np.ones(clip.frames, dtype=np.bool_)
    for span in made:
        outside[span.start : span.stop] = False
    if not outside.any() or outside.all():
        return None
    kept = AudioClip(clip.samples[:, outside], clip.sample_rate)
    new = AudioClip(clip.samples[:, ~outside], clip.sample_rate)
    parts = (_level(new, kept), _onsets(clip, outside, grid), _in_key(new, kept, key))
    known = [part for part in parts if part is not None]
    return round(float(np.mean(known)), 4) if known else None


def _level(new: AudioClip, kept: AudioClip) -> float | None:
    level, around = measure_loudness(new), measure_loudness(kept)
    if around is None:
        return None
    apart = APART_DB if level is None else abs(level - around)
    return max(0.0, 1.0 - apart / APART_DB)


def _onsets(clip: AudioClip, outside: np.ndarray, grid: BarGrid) -> float | None:
    """Compare the bars of which most is made with those of which nothing is."""
    if grid.bar_frames is None:
        return None
    first = grid.downbeat_frame - int(grid.downbeat_frame / grid.bar_frames) * grid.bar_frames
    starts = np.arange(first, clip.frames - 0.98 * grid.bar_frames, grid.bar_frames)
    bars = [outside[round(s) : round(s + grid.bar_frames)] for s in starts]
    made = [i for i, bar in enumerate(bars) if bar.size and bar.mean() < 0.5]
    kept = [i for i, bar in enumerate(bars) if bar.size and bar.all()]
    if not made or not kept:
        return None
    rows = bar_patterns(clip, [round(s) for s in starts], grid.bar_frames, grid.beats_per_bar)
    usual = rows[kept].mean(axis=0)
    alike = [groove_likeness(rows[i], usual) for i in made]
    known = [max(0.0, value) for value in alike if value is not None]
    return float(np.mean(known)) if known else None


def _in_key(new: AudioClip, kept: AudioClip, key: Key | None) -> float | None:
    wanted = key or measure_key(kept).key
    return None if wanted is None else in_key_share(new, wanted)
