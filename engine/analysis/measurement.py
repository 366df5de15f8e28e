"""Everything that is measured on a take, at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.analysis.key import measure_key
from engine.analysis.loudness import measure_loudness
from engine.analysis.seam import seam_scores
from engine.analysis.tempo import TempoEstimate, measure_tempo
from engine.audio import AudioClip
from engine.take import Measurements

#: How far half or double of what is heard may be from what was asked for and still be it.
OCTAVE_TOLERANCE = 0.01


def measure(
    clip: AudioClip, joins: Sequence[int], is_loop: bool, asked_bpm: float | None = None
) -> Measurements:
    """Measure a take. joins: frames where new audio meets old.

    A loop's wrap (frame 0) is scored too, before the joins; a loop's tempo is taken to make it
    a whole number of bars where its onsets agree. asked_bpm: settles between half and double,
    which onsets leave open, and nothing else: audio at another tempo is measured as it is.
    """
    scored = tuple(joins)
    if is_loop and 0 not in scored:
        scored = (0, *scored)
    tempo = _tempo(clip, is_loop, asked_bpm)
    key = measure_key(clip)
    return Measurements(
        bpm=tempo.bpm,
        bpm_confidence=tempo.confidence,
        key=key.key,
        key_confidence=key.confidence,
        lufs=measure_loudness(clip),
        peak=float(np.abs(clip.samples).max(initial=0.0)),
        seam_scores=seam_scores(clip.samples, clip.sample_rate, scored, circular=is_loop),
    )


def _tempo(clip: AudioClip, is_loop: bool, asked_bpm: float | None) -> TempoEstimate:
    heard = measure_tempo(clip, loop_hypothesis=is_loop)
    if heard.bpm is None or asked_bpm is None:
        return heard
    ratio = heard.bpm / asked_bpm
    if min(abs(ratio / octave - 1.0) for octave in (0.5, 2.0)) > OCTAVE_TOLERANCE:
        return heard
    near = (asked_bpm * (1 - OCTAVE_TOLERANCE), asked_bpm * (1 + OCTAVE_TOLERANCE))
    settled = measure_tempo(clip, near, loop_hypothesis=is_loop)
    return heard if settled.bpm is None else settled
