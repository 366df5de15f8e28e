"""Everything that can be heard in a clip, measured in one go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.analysis import measure_key, measure_loudness, measure_tempo, seam_score
from engine.audio import AudioClip
from engine.take import Measurements


@dataclass(frozen=True)
class Heard:
    """What was measured. The seam is that of the wrap: the end running into the start."""

    measured: Measurements
    downbeat_frame: int


def hear(clip: AudioClip) -> Heard:
    """Measure tempo, downbeat, key, loudness, peak and the seam at the wrap."""
    tempo = measure_tempo(clip, loop_hypothesis=True)
    key = measure_key(clip)
    seam = seam_score(clip.samples, clip.sample_rate, 0, circular=True)
    measured = Measurements(
        bpm=tempo.bpm,
        bpm_confidence=tempo.confidence,
        key=key.key,
        key_confidence=key.confidence,
        lufs=measure_loudness(clip),
        peak=float(np.max(np.abs(clip.samples), initial=0.0)),
        seam_scores=(seam,),
    )
    return Heard(measured, tempo.downbeat_frame)
