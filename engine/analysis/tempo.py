"""Measured tempo and downbeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.analysis.beat_choice import beat_scores
from engine.analysis.downbeat import BEATS_PER_BAR, downbeat_seconds
from engine.analysis.onsets import OnsetEnvelope, onset_envelope
from engine.analysis.periodicity import candidate_tempi, periodicity
from engine.analysis.spectra import Float64Array
from engine.audio import AudioClip

BPM_RANGE = (60.0, 180.0)
LOOP_BARS = (1, 2, 3, 4, 6, 8, 12, 16)
#: Under this comb height the onsets do not repeat: noise, drones, a lone hit.
LEAST_COMB = 0.12
SURE_COMB = 0.45
#: A tempo that closes the loop exactly wins over a free one up to this far behind in score
#: (log-odds) ...
LOOP_MARGIN = 3.0
#: ... if the free measurement finds one this near to it.
LOOP_TOLERANCE = 0.008


@dataclass(frozen=True)
class TempoEstimate:
    """bpm: None without a beat. confidence: 0 to 1. downbeat_frame: the first bar line."""

    bpm: float | None
    confidence: float
    downbeat_frame: int


NO_TEMPO = TempoEstimate(None, 0.0, 0)


def measure_tempo(
    clip: AudioClip,
    bpm_range: tuple[float, float] = BPM_RANGE,
    *,
    loop_hypothesis: bool = False,
) -> TempoEstimate:
    """Measure the tempo of 4/4 music from its onsets.

    loop_hypothesis: prefer tempi at which the clip is exactly 1, 2, 3, 4, 6, 8, 12 or 16 bars
    long, where its onsets support one. Raises ValueError unless 0 < low < high bpm.
    """
    low, high = bpm_range
    if not 0.0 < low < high:
        raise ValueError(f"bpm_range {low} to {high}: expected 0 < low < high bpm")
    envelope = onset_envelope(clip)
    found = periodicity(envelope)
    tempi = candidate_tempi(found, bpm_range)
    if tempi.size == 0:
        return NO_TEMPO
    scores = beat_scores(found, tempi)
    chosen = int(scores.argmax())
    bpm = float(tempi[chosen])
    closing = _closing_tempo(clip, tempi, scores, bpm_range) if loop_hypothesis else None
    if closing is not None:
        bpm, chosen = closing
    comb = float(found.comb(tempi[chosen : chosen + 1])[0])
    if comb < LEAST_COMB:
        return NO_TEMPO
    if closing is not None:
        envelope = onset_envelope(clip, circular=True)
    odds = np.exp(scores - scores.max())
    confidence = float(odds[chosen] / odds.sum()) * min(1.0, comb / SURE_COMB)
    return TempoEstimate(bpm, confidence, _downbeat_frame(clip, envelope, bpm))


def tempo_matches(clip: AudioClip, bpm: float, tolerance: float = 0.01) -> bool:
    """Say whether the onsets alone, over 60 to 180 bpm, give `bpm`; half or double is wrong."""
    measured = measure_tempo(clip).bpm
    return measured is not None and abs(measured / bpm - 1.0) <= tolerance


def _closing_tempo(
    clip: AudioClip, tempi: Float64Array, scores: Float64Array, bpm_range: tuple[float, float]
) -> tuple[float, int] | None:
    """Return the best exact tempo and the candidate it stands for, or None."""
    exact = np.array(LOOP_BARS) * (BEATS_PER_BAR * 60.0 / clip.seconds)
    exact = exact[(exact >= bpm_range[0] * 0.999) & (exact <= bpm_range[1] * 1.001)]
    if exact.size == 0:
        return None
    nearest = np.abs(tempi[:, None] / exact - 1.0)
    close = np.flatnonzero(nearest.min(axis=1) <= LOOP_TOLERANCE)
    close = close[scores[close] >= scores.max() - LOOP_MARGIN]
    if close.size == 0:
        return None
    chosen = int(close[scores[close].argmax()])
    return float(exact[nearest[chosen].argmin()]), chosen


def _downbeat_frame(clip: AudioClip, envelope: OnsetEnvelope, bpm: float) -> int:
    frame = round(downbeat_seconds(envelope, bpm) * clip.sample_rate)
    return min(frame, max(0, clip.frames - 1))
