"""Measured tempo and downbeat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.analysis.beat_choice import beat_scores
from engine.analysis.onsets import LEAD_SECONDS, Float64Array, OnsetEnvelope, onset_envelope
from engine.analysis.periodicity import Periodicity, candidate_tempi, periodicity, refine
from engine.audio import AudioClip

BPM_RANGE = (60.0, 180.0)
LOOP_BARS = (1, 2, 3, 4, 6, 8, 12, 16)
BEATS_PER_BAR = 4
#: Under this comb height the onsets do not repeat: noise, drones, a lone hit.
LEAST_COMB = 0.12
SURE_COMB = 0.45
#: A tempo that closes the loop exactly wins over a free one up to this far behind in score
#: (log-odds) ...
LOOP_MARGIN = 3.0
#: ... if the free measurement finds one this near to it.
LOOP_TOLERANCE = 0.012


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
    if loop_hypothesis:
        bpm, chosen = _closing_tempo(clip, tempi, scores, bpm_range) or (bpm, chosen)
    comb = float(found.comb(tempi[chosen : chosen + 1])[0])
    if comb < LEAST_COMB:
        return NO_TEMPO
    odds = np.exp(scores - scores.max())
    confidence = float(odds[chosen] / odds.sum()) * min(1.0, comb / SURE_COMB)
    return TempoEstimate(bpm, confidence, _downbeat_frame(envelope, bpm, clip))


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


def _downbeat_frame(envelope: OnsetEnvelope, bpm: float, clip: AudioClip) -> int:
    """Return the frame of the first bar line, where kicks fall and back beats do not."""
    bar_hops = BEATS_PER_BAR * 60.0 / bpm * envelope.rate_hz
    size = max(BEATS_PER_BAR, round(bar_hops))
    phase = np.arange(envelope.hops) * (size / bar_hops)
    bar = np.zeros((2, size))
    cells = np.round(phase).astype(np.int64) % size
    kick, other = envelope.bands[0], envelope.bands[1:].mean(axis=0)
    np.add.at(bar[0], cells, kick)
    np.add.at(bar[1], cells, other)
    bar /= np.maximum(np.bincount(cells, minlength=size), 1)
    low, rest = bar / np.maximum(bar.max(axis=1, keepdims=True), 1e-12)
    beat = size / BEATS_PER_BAR

    def later(x: Float64Array, beats: float) -> Float64Array:
        return np.roll(x, -round(beats * beat))

    score = low + 0.5 * rest + 0.4 * later(low, 2)
    score += 0.3 * (later(rest, 1) + later(rest, 3)) - 0.3 * (later(low, 1) + later(low, 3))
    score[np.r_[0:3, -3:0]] += FIRST_FRAME_BONUS
    hop = int(score.argmax())
    seconds = hop / size * bar_hops / envelope.rate_hz + LEAD_SECONDS
    bar_seconds = bar_hops / envelope.rate_hz
    if seconds > bar_seconds - DOWNBEAT_SLACK_SECONDS or seconds < DOWNBEAT_SLACK_SECONDS:
        return 0
    return min(round(seconds * clip.sample_rate), max(0, clip.frames - 1))


#: Files mostly start on a bar line.
FIRST_FRAME_BONUS = 0.35
DOWNBEAT_SLACK_SECONDS = 0.012
