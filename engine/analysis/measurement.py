"""Everything that is measured on a take, at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.analysis.key import measure_key
from engine.analysis.loudness import measure_loudness
from engine.analysis.seam import seam_scores
from engine.analysis.tempo import measure_tempo
from engine.audio import AudioClip
from engine.take import Measurements


def measure(clip: AudioClip, joins: Sequence[int], is_loop: bool) -> Measurements:
    """Measure a take. joins: frames where new audio meets old.

    A loop's wrap (frame 0) is scored too, before the joins; a loop's tempo is taken to make it
    a whole number of bars where its onsets agree.
    """
    scored = tuple(joins)
    if is_loop and 0 not in scored:
        scored = (0, *scored)
    tempo = measure_tempo(clip, loop_hypothesis=is_loop)
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
