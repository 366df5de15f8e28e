"""What can be measured on audio itself: tempo, key, loudness, onsets, the seam of a loop."""

from engine.analysis.loudness import measure_loudness
from engine.analysis.onsets import OnsetEnvelope, onset_envelope, onset_pattern
from engine.analysis.seam import seam_score, seam_scores
