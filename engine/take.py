"""A finished take: its request and what was measured on its audio."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from engine.audio import FrameSpan
from engine.errors import BadInputFile
from engine.key import Key
from engine.request import GRAFTING_TASKS, GenerationRequest

TAKE_VERSION = 1
#: A join up to this score is not the hardest event in the audio.
INAUDIBLE_SEAM = 1.0


@dataclass(frozen=True)
class Measurements:
    """What was heard in the audio itself. None: not measurable (too short, no onsets, atonal).

    bpm: beats per minute. lufs: integrated loudness (ITU-R BS.1770). peak: linear, 1.0 = full
    scale. seam_scores: one per join (the wrap of a loop, both edges of a graft); <= 1 means
    that the join is not the hardest event in the audio.
    """

    bpm: float | None
    bpm_confidence: float
    key: Key | None
    key_confidence: float
    lufs: float | None
    peak: float
    seam_scores: tuple[float, ...] = ()

    @property
    def seam_score(self) -> float | None:
        """Return the worst join, or None where there is none."""
        return max(self.seam_scores, default=None)


@dataclass(frozen=True)
class TakeFacts:
    """Everything known of a take but its samples.

    request: the recipe (one variation, concrete seed). tempo_bpm, bars and downbeat_frame:
    the grid the audio lies on (asked for, or measured in a source); None for one-shots.
    runtime: what made the sampler's steps ("" in takes that are older than this field).
    grafted: the frames the engine made; all others are the source's, to the bit.
    guessed_family: what the prompt's sense is nearest to, where no word of it names a family.
    subtype: libsndfile's name of the sample format (PCM_16, PCM_24, PCM_32, FLOAT, DOUBLE).
    adherence: how well what was made goes with what is around it, 0 to 1 (None: nothing is).
    candidates: how many were made, of which this is the best.
    """

    take_id: str
    request: GenerationRequest
    frames: int
    sample_rate: int
    channels: int
    subtype: str
    tempo_bpm: float | None
    bars: float | None
    downbeat_frame: int
    is_loop: bool
    grafted: tuple[FrameSpan, ...]
    measured: Measurements
    model_version: str
    device: str
    guessed_family: str | None = None
    gain_db: float = 0.0
    adherence: float | None = None
    candidates: int = 1
    timings_seconds: dict[str, float] = field(default_factory=dict[str, float])
    runtime: str = ""
    version: int = TAKE_VERSION

    @property
    def standing(self) -> Standing:
        """How the take ranks among those of one order."""
        return Standing.of(self.measured.seam_score, self.adherence)

    @property
    def key(self) -> Key | None:
        """The key asked for, else the one heard; the one heard first where some of the source
        stays: what is asked of a bar does not change the key of the loop round it."""
        asked, heard = self.request.key, self.measured.key
        made_frames = sum(span.frames for span in self.grafted)
        is_mixed = self.request.task in GRAFTING_TASKS and made_frames < self.frames
        return (heard or asked) if is_mixed else (asked or heard)


@dataclass(frozen=True, order=True)
class Standing:
    """How a graft ranks among others, the best first: joins that cannot be heard before all
    others, then the surroundings' own, then the least audible join."""

    is_heard: bool
    astray: float
    seam: float

    @classmethod
    def of(cls, seam_score: float | None, adherence: float | None) -> Standing:
        """Rank by the worst join and the adherence; what has neither comes last."""
        seam = float("inf") if seam_score is None else seam_score
        return cls(seam > INAUDIBLE_SEAM, 1.0 if adherence is None else 1.0 - adherence, seam)


def encode_take(facts: TakeFacts) -> bytes:
    """Return the facts as canonical JSON."""
    return msgspec.json.encode(facts, order="sorted")


def decode_take(data: bytes | str) -> TakeFacts:
    """Read a take's facts. Raises BadInputFile when they are damaged or from the future."""
    try:
        facts = msgspec.json.decode(data, type=TakeFacts)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadInputFile("The embedded recipe is damaged.", str(error)) from error
    if facts.version > TAKE_VERSION:
        raise BadInputFile(
            f"The embedded recipe has version {facts.version}, but this Loopgraft reads up to "
            f"{TAKE_VERSION}; update Loopgraft to use it."
        )
    return facts
