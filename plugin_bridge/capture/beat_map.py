"""Where the bars lie in what was captured: runs of music that go on without a jump. No clock."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.tempo import TimeSignature
from plugin_bridge.capture.stamps import Stamp
from plugin_bridge.sync.transport import SourceName

#: A start that lies off a bar line by less is on it.
ON_LINE_SECONDS = 0.002
#: A beat that comes later or earlier by less goes on (a DAW that turns its tempo may slip); a jump
#: that somebody wanted is longer.
_JOINED_SECONDS = 0.02
#: Tempos that differ by less are one.
_SAME_BPM = 5e-4
#: What is corrected by less than this, so soon after the start, began there.
_YOUNG_SECONDS = 0.15


@dataclass(frozen=True)
class Piece:
    """From a frame on, one tempo. beat: counted through jumps by whole bars."""

    frame: int
    beat: float
    bpm: float


@dataclass
class Run:
    """Playing music without a jump but by whole bars (a DAW's own loop).

    stop: the frame after its last, None while it goes on.
    """

    signature: TimeSignature
    source: SourceName
    sample_rate: int
    pieces: list[Piece] = field(default_factory=list[Piece])
    stop: int | None = None

    @property
    def start(self) -> int:
        return self.pieces[0].frame

    def beat_at(self, frame: int) -> float:
        """Return the beat at a frame, also outside the run as if it went on."""
        piece = self.piece_at(frame)
        return piece.beat + (frame - piece.frame) * piece.bpm / (60.0 * self.sample_rate)

    def frame_of(self, beat: float) -> int:
        """Return the frame nearest to a beat, also outside the run as if it went on."""
        index = bisect_right(self.pieces, beat, key=lambda piece: piece.beat) - 1
        piece = self.pieces[max(0, index)]
        return piece.frame + round((beat - piece.beat) * 60.0 * self.sample_rate / piece.bpm)

    def piece_at(self, frame: int) -> Piece:
        index = bisect_right(self.pieces, frame, key=lambda piece: piece.frame) - 1
        return self.pieces[max(0, index)]

    def bar_from(self, frame: int) -> int:
        """Return the first bar (0 begins at beat 0) that begins at or after a frame, or so little
        before it that it is meant."""
        return math.ceil(self.beat_at(frame) / self.signature.beats_per_bar - self._near(frame))

    def bar_until(self, frame: int) -> int:
        """Return the last bar that has begun at a frame, or that is about to."""
        return math.floor(self.beat_at(frame) / self.signature.beats_per_bar + self._near(frame))

    def frame_of_bar(self, bar: int) -> int:
        """Return where a bar begins, never before the run."""
        return max(self.start, self.frame_of(bar * self.signature.beats_per_bar))

    def tempos(self, start: int, stop: int) -> tuple[float, float]:
        """Return the slowest and the fastest tempo between two frames, in bpm."""
        first = self.pieces.index(self.piece_at(start))
        bpms = [piece.bpm for piece in self.pieces[first:] if piece.frame < stop]
        return min(bpms), max(bpms)

    def _near(self, frame: int) -> float:
        """Return how much of a bar is no distance."""
        return ON_LINE_SECONDS * self.piece_at(frame).bpm / 60.0 / self.signature.beats_per_bar


class BeatMap:
    """Runs and breaks out of stamps, in their order. One thread.

    runs: the oldest first; the music stood in between, or was elsewhere. breaks: frames at which
    the capture itself began anew.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.runs: list[Run] = []
        self.breaks: list[int] = []
        self._last: Stamp | None = None

    @property
    def last(self) -> Stamp | None:
        """The latest stamp, None before the first."""
        return self._last

    def add(self, stamps: Sequence[Stamp]) -> None:
        """Take in what was told: a stamp at the last one's frame is that one, more exactly."""
        for stamp in stamps:
            if self._last is not None and stamp.frame == self._last.frame:
                self._replace_last(stamp)
            else:
                self._append(stamp)
            self._last = stamp

    def forget_before(self, frame: int) -> None:
        """Drop what lies wholly before a frame."""
        self.runs = [run for run in self.runs if run.stop is None or run.stop > frame]
        self.breaks = [place for place in self.breaks if place > frame]
        for run in self.runs:
            keep = run.pieces.index(run.piece_at(frame))
            del run.pieces[:keep]

    def end(self, frame: int) -> None:
        """Nothing is captured from a frame on."""
        if self.runs and self.runs[-1].stop is None:
            self.runs[-1].stop = frame
        self._last = None

    def unbroken_from(self, frame: int) -> int:
        """Return the first frame from which on all up to `frame` was captured in one go."""
        return max((place for place in self.breaks if place <= frame), default=0)

    def _replace_last(self, stamp: Stamp) -> None:
        run = self.runs[-1] if self.runs else None
        if run is None or run.stop is not None or not self._fits(run, stamp):
            self._append(stamp)
            return
        piece = run.pieces.pop()
        if run.pieces:
            run.pieces.append(self._joined(run, stamp))
        else:
            run.pieces.append(_laid_back(stamp, piece.frame, self.sample_rate))

    def _append(self, stamp: Stamp) -> None:
        if stamp.is_break:
            self.breaks.append(stamp.frame)
        run = self.runs[-1] if self.runs and self.runs[-1].stop is None else None
        if run is not None and stamp.is_playing and not stamp.is_break and self._joins(run, stamp):
            run.pieces.append(self._joined(run, stamp))
            return
        if run is not None and self._is_false_start(run, stamp):
            run.pieces = [_laid_back(stamp, run.start, self.sample_rate)]
            return
        if run is not None:
            run.stop = stamp.frame
        if stamp.is_playing and stamp.source is not None:
            signature = TimeSignature(stamp.beats_per_bar, stamp.beat_unit)
            first = Piece(stamp.frame, stamp.beat, stamp.bpm)
            self.runs.append(Run(signature, stamp.source, self.sample_rate, [first]))

    def _fits(self, run: Run, stamp: Stamp) -> bool:
        signature = TimeSignature(stamp.beats_per_bar, stamp.beat_unit)
        return stamp.is_playing and (run.source, run.signature) == (stamp.source, signature)

    def _joins(self, run: Run, stamp: Stamp) -> bool:
        """Return whether the music goes on, or jumped by whole bars."""
        if not self._fits(run, stamp):
            return False
        jump = stamp.beat - run.beat_at(stamp.frame)
        off = math.remainder(jump, stamp.beats_per_bar)
        return abs(off) * 60.0 / stamp.bpm <= _JOINED_SECONDS

    def _is_false_start(self, run: Run, stamp: Stamp) -> bool:
        """Return whether the first beats of a run were only told wrong: Ardour 7.3 is a cycle
        ahead in the first two cycles after its start."""
        if stamp.is_break or not self._fits(run, stamp):
            return False
        is_young = stamp.frame - run.start <= _YOUNG_SECONDS * self.sample_rate
        off_beats = abs(stamp.beat - run.beat_at(stamp.frame))
        return is_young and off_beats * 60.0 / stamp.bpm <= _YOUNG_SECONDS

    def _joined(self, run: Run, stamp: Stamp) -> Piece:
        """Return the piece, its beats counted on from those of the run."""
        ahead = stamp.beat - run.beat_at(stamp.frame)
        bars = round(ahead / stamp.beats_per_bar)
        return Piece(stamp.frame, stamp.beat - bars * stamp.beats_per_bar, stamp.bpm)


def _laid_back(stamp: Stamp, frame: int, sample_rate: int) -> Piece:
    """Return what a stamp says of a frame before it."""
    return Piece(frame, stamp.beat_at(frame, sample_rate), stamp.bpm)


def is_one_tempo(slowest: float, fastest: float) -> bool:
    """Return whether two tempos are told apart by nobody."""
    return fastest - slowest <= _SAME_BPM * fastest
