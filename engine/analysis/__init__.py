"""What can be measured on audio itself: tempo, key, loudness, onsets, the seam of a loop."""

from engine.analysis.key import KeyEstimate, in_key_share, measure_key
from engine.analysis.loudness import measure_loudness
from engine.analysis.measurement import measure
from engine.analysis.onsets import OnsetEnvelope, onset_envelope, onset_pattern
from engine.analysis.seam import seam_score, seam_scores
from engine.analysis.tempo import TempoEstimate, measure_tempo, tempo_matches

__all__ = [
    "KeyEstimate",
    "OnsetEnvelope",
    "TempoEstimate",
    "in_key_share",
    "measure",
    "measure_key",
    "measure_loudness",
    "measure_tempo",
    "onset_envelope",
    "onset_pattern",
    "seam_score",
    "seam_scores",
    "tempo_matches",
]
