"""What is kept of what was captured: the ring, its beats, its gaps, and what is wanted of it.

Pure but for the ring: no process, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from engine.audio import FloatArray
from engine.errors import BadArgument
from engine.tempo import COMMON_TIME
from plugin_bridge.capture.beat_map import BeatMap
from plugin_bridge.capture.capture_messages import Captured
from plugin_bridge.capture.capture_ring import CaptureRing
from plugin_bridge.capture.punch import Cut, Progress, PunchRequest, Running, last_bars, look

_MOST_GAPS = 10_000


@dataclass(frozen=True)
class RecordOrder:
    """What is to be recorded, and where to. out: a folder or a new .wav; subtype: its format.

    bpm: the tempo where no transport is followed.
    """

    bars: int
    out: str
    bpm: float = 120.0
    subtype: str = "FLOAT"


@dataclass(frozen=True, eq=False)
class CutSamples:
    """What was cut out, float32 (2, frames)."""

    cut: Cut
    samples: FloatArray
    gaps: int
    lost_frames: int


@dataclass
class Kept:
    """One listening at one rate. latency_frames: how old what comes is. known: all before this
    captured frame is stamped."""

    ring: CaptureRing
    sample_rate: int
    latency_frames: int = 0
    known: int = 0
    beats: BeatMap = field(init=False)
    gaps: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def __post_init__(self) -> None:
        self.beats = BeatMap(self.sample_rate)

    @property
    def heard(self) -> int:
        """Return the frame of the music that is wholly captured: the input's latency ago."""
        return max(0, self.known - self.latency_frames)

    @property
    def seconds(self) -> float:
        return (self.known - self.ring.oldest) / self.sample_rate

    def take(self, captured: Captured) -> None:
        """Take in what was told."""
        self.beats.add(captured.stamps)
        self.gaps = [*self.gaps, *captured.gaps][-_MOST_GAPS:]
        self.known = max(self.known, captured.position)
        self.beats.forget_before(self.ring.oldest - self.latency_frames)

    def end(self) -> None:
        """Nothing more comes until a new start."""
        self.known = self.ring.written
        self.beats.end(self.heard)

    def request(self, order: RecordOrder, *, follows: bool) -> PunchRequest:
        """Return what an order means from here on."""
        return PunchRequest(order.bars, self.heard, follows, order.bpm, COMMON_TIME)

    def look(self, request: PunchRequest, *, is_over: bool = False) -> Progress:
        """Return how far a recording is. Raises BadArgument where it does not fit."""
        progress = look(self.beats, request, self.heard, is_over=is_over)
        if isinstance(progress, Running):
            self._check_fits(progress.stop - progress.start, request.bars)
        return progress

    def last(self, bars: int) -> Cut:
        """Return the last whole bars. Raises BadArgument where there is none."""
        found = last_bars(self.beats, bars, self.heard, self.ring.oldest)
        if found is None:
            raise BadArgument(
                "No whole bar was heard yet; let the music play for a bar, then take it."
            )
        return found

    def bars_kept(self) -> int | None:
        """Return how many whole bars could be taken now, None without a transport."""
        if not self.beats.runs:
            return None
        run = self.beats.runs[-1]
        stop = self.heard if run.stop is None else run.stop
        return max(0, run.bar_until(stop) - run.bar_from(max(run.start, self.ring.oldest)))

    def cut_out(self, cut: Cut) -> CutSamples:
        """Return a cut's samples. Raises BadArgument where they are kept no more."""
        start = cut.start + self.latency_frames
        frames = min(cut.frames, self.known - start)
        samples = self.ring.read(start, frames) if frames > 0 else None
        if samples is None:
            raise BadArgument("What was heard there is not kept any more; take fewer bars.")
        inside = [lost for frame, lost in self.gaps if start <= frame < start + frames]
        return CutSamples(replace(cut, frames=frames), samples, len(inside), sum(inside))

    def _check_fits(self, frames: int, bars: int) -> None:
        most = self.ring.frames - self.latency_frames - 2 * self.sample_rate
        if frames > most:
            raise BadArgument(
                f"{bars} bars at this tempo are {frames / self.sample_rate:.0f} s; at most "
                f"{most / self.sample_rate:.0f} s are kept, so take fewer bars."
            )
