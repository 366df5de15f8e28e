"""Which captured frames are the bars that are wanted. Pure: everything is looked at afterwards.

What is captured is kept anyway, so nothing has to happen at the bar line itself. Frames here are
those of the music: an input's latency is added where the samples are cut out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from engine.errors import BadArgument
from engine.tempo import COMMON_TIME, Tempo, TimeSignature, loop_frames
from plugin_bridge.capture.beat_map import BeatMap, Run, is_one_tempo
from plugin_bridge.sync.transport import SourceName

#: As many as are always kept of what was heard.
BARS_RANGE = (1, 32)
#: A bar where nobody tells a tempo: 120 bpm.
FREE_BAR_SECONDS = 2
#: What ends earlier is no recording: the transport was only touched.
_LEAST_BEATS = 1
#: A told tempo this near to a thousandth of a bpm is that one.
_SAME_BPM = 1e-6


@dataclass(frozen=True)
class PunchRequest:
    """Record so many bars from the first bar line at or after a frame on.

    follows: whether a transport is to tell the bars; else it begins at once. bpm: the tempo then.
    """

    bars: int
    armed_at: int = 0
    follows: bool = True
    bpm: float = 120.0
    signature: TimeSignature = COMMON_TIME

    def __post_init__(self) -> None:
        check_record_bars(self.bars)


@dataclass(frozen=True)
class Waiting:
    """Not yet. seconds: until the bar line, None while the transport stands."""

    seconds: float | None = None


@dataclass(frozen=True)
class Running:
    """Being recorded. bars: how many have passed, with their fraction."""

    start: int
    stop: int
    bars: float


@dataclass(frozen=True)
class Cut:
    """The captured frames [start, start + frames) are `bars` bars, or end before they do.

    tempo: None where nobody told one, or where it changed: mean_bpm is what the bars then have.
    bpm_range: slowest and fastest, None where nobody told any. first_bar: of the song, from 0 on.
    """

    start: int
    frames: int
    bars: int
    sample_rate: int
    is_whole: bool = True
    tempo: Tempo | None = None
    bpm_range: tuple[float, float] | None = None
    signature: TimeSignature = COMMON_TIME
    source: SourceName | None = None
    first_bar: int = 0

    @property
    def stop(self) -> int:
        return self.start + self.frames

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate

    @property
    def has_changing_tempo(self) -> bool:
        return self.bpm_range is not None and not is_one_tempo(*self.bpm_range)

    @property
    def mean_bpm(self) -> float | None:
        """Return the tempo that the whole bars have by their length, None where nobody told one."""
        if self.tempo is not None:
            return float(self.tempo)
        if self.bpm_range is None or not self.is_whole:
            return None
        return self.bars * self.signature.beats_per_bar * 60.0 / self.seconds


Progress = Waiting | Running | Cut


def look(beats: BeatMap, request: PunchRequest, known: int, *, is_over: bool = False) -> Progress:
    """Return how far a recording is. known: all before this frame is captured and stamped.

    is_over: nothing more will come; what is there of the bars is a Cut then.
    """
    if not request.follows:
        return _look_free(beats, request, known, is_over)
    for run in beats.runs:
        if run.stop is not None and run.stop <= max(request.armed_at, run.start):
            continue
        found = _look_into(run, request, known, is_over)
        if found is not None:
            return found
    return Waiting()


def last_bars(beats: BeatMap, bars: int, known: int, oldest: int) -> Cut | None:
    """Return the last whole bars, at most so many, None where there is none.

    oldest: the first frame that is still kept. Without a transport: seconds, with no tempo.
    """
    check_record_bars(bars)
    for run in reversed(beats.runs):
        stop = known if run.stop is None else min(run.stop, known)
        last = run.bar_until(stop)
        last -= run.frame_of_bar(last) > known  # which was about to begin
        first = max(last - bars, run.bar_from(max(run.start, oldest)))
        if first < last:
            return _cut(run, first, last - first, known)
    if beats.runs or beats.last is None or beats.last.source is not None:
        return None
    start = max(oldest, beats.unbroken_from(known))
    start = max(start, known - bars * FREE_BAR_SECONDS * beats.sample_rate)
    if start >= known:
        return None
    return Cut(start, known - start, bars, beats.sample_rate)


def tempo_of(bpm: float) -> Tempo:
    """Return a told tempo as exactly as it was told. Raises BadArgument outside 40 to 300 bpm."""
    rounded = Fraction(round(bpm * 1000), 1000)
    is_rounded = abs(float(rounded) - bpm) < _SAME_BPM
    return Tempo(rounded if is_rounded else Fraction(bpm).limit_denominator(1_000_000))


def check_record_bars(bars: int) -> int:
    """Return `bars`, or raise BadArgument outside 1 to 32."""
    low, high = BARS_RANGE
    if not low <= bars <= high:
        raise BadArgument(
            f"{bars} bars cannot be recorded at once; give {low} to {high}, "
            f"which is as much as is kept."
        )
    return bars


def _look_free(beats: BeatMap, request: PunchRequest, known: int, is_over: bool) -> Progress:
    tempo = tempo_of(request.bpm)
    frames = loop_frames(tempo, request.bars, request.signature, beats.sample_rate)
    start = request.armed_at
    stop = min((place for place in beats.breaks if place > start), default=known)
    bpm_range = (request.bpm, request.bpm)
    cut = Cut(start, frames, request.bars, beats.sample_rate, True, tempo, bpm_range,
              request.signature)  # fmt: skip
    if min(stop, known) >= cut.stop:
        return cut
    if is_over or stop < known:
        return _short(cut, min(stop, known))
    return Running(start, cut.stop, request.bars * max(0, known - start) / frames)


def _look_into(run: Run, request: PunchRequest, known: int, is_over: bool) -> Progress | None:
    """Return how far it is with a run, None where the run has no bar for it."""
    bar = run.bar_from(max(request.armed_at, run.start))
    start = run.frame_of_bar(bar)
    end = run.stop if run.stop is not None else (known if is_over else None)
    if end is not None and start >= end:
        return None
    if known <= start:
        return Waiting(max(0, start - known) / run.sample_rate)
    cut = _cut(run, bar, request.bars, known if end is None else end)
    if known >= cut.stop and (end is None or end >= cut.stop - _near_frames(run)):
        return cut
    if end is None:
        return Running(start, cut.stop, _bars_since(run, bar, known))
    if run.beat_at(end) - bar * run.signature.beats_per_bar < _LEAST_BEATS:
        return None
    return _short(cut, min(end, known))


def _near_frames(run: Run) -> int:
    """Return by how much a transport that stops on its bar line may seem to stop before it."""
    return round(0.002 * run.sample_rate)


def _bars_since(run: Run, bar: int, frame: int) -> float:
    return run.beat_at(frame) / run.signature.beats_per_bar - bar


def _cut(run: Run, bar: int, bars: int, known: int) -> Cut:
    """Return bars of a run: exactly as long as their tempo says, where it is one."""
    start, stop = run.frame_of_bar(bar), run.frame_of_bar(bar + bars)
    bpms = run.tempos(start, min(stop, known))
    tempo = None
    if is_one_tempo(*bpms):
        tempo = tempo_of(run.piece_at(start).bpm)
        stop = start + loop_frames(tempo, bars, run.signature, run.sample_rate)
    frames, rate = stop - start, run.sample_rate
    return Cut(start, frames, bars, rate, True, tempo, bpms, run.signature, run.source, bar)


def _short(cut: Cut, stop: int) -> Cut:
    """Return what there is of a cut."""
    return replace(cut, frames=max(0, stop - cut.start), is_whole=False)
