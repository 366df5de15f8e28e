"""Groove: how hard each sixteenth of a bar is struck, and how alike two bars are in that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.analysis.onsets import OnsetEnvelope, onset_envelope
from engine.analysis.spectra import Float64Array
from engine.audio import AudioClip

STEPS_PER_BEAT = 4


def bar_patterns(
    clip: AudioClip,
    bar_starts: Sequence[int],
    bar_frames: float,
    beats_per_bar: int,
    *,
    circular: bool = False,
) -> Float64Array:
    """Return the onset strength on each sixteenth of the bars that begin at these frames.

    Shape (bars, 4 * beats_per_bar); each is the strongest moment within half a step of it.
    """
    envelope = onset_envelope(clip, circular=circular)
    steps = STEPS_PER_BEAT * beats_per_bar
    step_hops = bar_frames / steps * envelope.rate_hz / clip.sample_rate
    rows = [
        _steps(envelope, start * envelope.rate_hz / clip.sample_rate, step_hops, steps, circular)
        for start in bar_starts
    ]
    return np.array(rows).reshape(len(rows), steps)


def _steps(
    envelope: OnsetEnvelope, first_hop: float, step_hops: float, steps: int, circular: bool
) -> Float64Array:
    total = envelope.total
    found = np.zeros(steps)
    for step in range(steps):
        middle = first_hop + step * step_hops
        around = np.arange(round(middle - step_hops / 2), round(middle + step_hops / 2) + 1)
        around = around % total.size if circular else around[(around >= 0) & (around < total.size)]
        found[step] = total[around].max(initial=0.0)
    return found


def groove_likeness(first: Float64Array, second: Float64Array) -> float | None:
    """Return the correlation of two patterns, -1 to 1; None where one of them is all alike."""
    a, b = first - first.mean(), second - second.mean()
    power = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / power if power > 1e-12 else None
