"""One value says where the music is; pure functions say where it will be.

Times are seconds of this machine's monotonic clock (`time.monotonic`). Beats count the meter's own
beat from the start of the song, 0 the first downbeat; every bar begins at a multiple of
beats_per_bar. They are floats: what others tell is measured, and 2^-52 of a day's beats is nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from engine.errors import AppError, BadArgument
from engine.tempo import COMMON_TIME, TimeSignature

SourceName = Literal["internal", "link", "jack", "midi"]
SOURCES: tuple[SourceName, ...] = ("internal", "link", "jack", "midi")

#: Wider than what is made here (40 to 300): a DAW may be slower or faster.
BPM_RANGE = (1.0, 1000.0)
#: A beat that is this near is the one meant: a bar line that was just computed is not yet past.
_BEAT_ROUNDING = 1e-9


class SyncProblem(AppError):
    """What leads the music is missing, or has gone."""

    exit_code = 4


@dataclass(frozen=True)
class Transport:
    """At `at_seconds` the music is at `beat`, and moves on at `bpm` while it plays."""

    source: SourceName
    is_playing: bool
    bpm: float
    beat: float
    at_seconds: float
    signature: TimeSignature = COMMON_TIME

    def __post_init__(self) -> None:
        check_bpm(self.bpm)
        if not math.isfinite(self.beat) or not math.isfinite(self.at_seconds):
            raise BadArgument(
                f"Beat {self.beat} at {self.at_seconds} s is no place; give two numbers."
            )

    @property
    def beats_per_second(self) -> float:
        """Return the speed: 0 while it stands."""
        return self.bpm / 60.0 if self.is_playing else 0.0

    def beat_at(self, seconds: float) -> float:
        """Return the beat at a time, if nothing changes until then."""
        return self.beat + (seconds - self.at_seconds) * self.beats_per_second

    def seconds_of(self, beat: float) -> float | None:
        """Return when a beat comes (or came), None while the music stands elsewhere."""
        if beat == self.beat:
            return self.at_seconds
        speed = self.beats_per_second
        return self.at_seconds + (beat - self.beat) / speed if speed else None

    def at(self, seconds: float) -> Transport:
        """Return the same music, said of another time."""
        return replace(self, beat=self.beat_at(seconds), at_seconds=seconds)

    def next_beat(self, seconds: float, unit_beats: float = 1.0) -> float:
        """Return the first multiple of `unit_beats` that is not before the beat at a time."""
        place = self.beat_at(seconds) / unit_beats
        return math.ceil(place - _BEAT_ROUNDING * max(1.0, abs(place))) * unit_beats

    def next_bar_seconds(self, seconds: float) -> float | None:
        """Return when the first bar line at or after a time comes, None while it stands off one."""
        return self.seconds_of(self.next_beat(seconds, self.signature.beats_per_bar))

    def bar_and_beat(self, seconds: float) -> tuple[int, float]:
        """Return the bar, counted from 1, and the beat in it, from 1.0 on, as DAWs show them."""
        per_bar = self.signature.beats_per_bar
        bar, beat = divmod(self.beat_at(seconds), per_bar)
        return int(bar) + 1, beat + 1.0


def phase_error_seconds(
    transport: Transport, beat: float, seconds: float, period_beats: float | None = None
) -> float:
    """Return how late (positive) someone is who is at `beat` at a time, in seconds of the music.

    period_beats: only the place within such a period counts, as in a loop or within a bar.
    """
    behind = transport.beat_at(seconds) - beat
    if period_beats is not None:
        behind = math.remainder(behind, period_beats)
    return behind * 60.0 / transport.bpm


def check_bpm(bpm: float) -> float:
    """Return a tempo, or raise BadArgument outside 1 to 1000 bpm."""
    low, high = BPM_RANGE
    if not low <= bpm <= high:  # also for what is no number
        raise BadArgument(
            f"A tempo of {bpm:g} bpm is outside {low:g} to {high:g} bpm; "
            "give a tempo in that range."
        )
    return bpm


class TransportSource(Protocol):
    """Someone who knows where the music is. Made running; `close` ends it.

    The methods below `close` lead: they ask for a change, which `transport` tells once it is so.
    """

    @property
    def is_gone(self) -> bool:
        """Return whether it has ended by itself, as a server does."""
        ...

    def transport(self) -> Transport:
        """Return the latest. One thread, and if it is the audio thread: it waits for nothing."""
        ...

    def close(self) -> None:
        """End it, its threads and ports too. Again is no fault."""
        ...

    def play(self) -> None: ...

    def stop(self) -> None: ...

    def locate(self, beat: float) -> None:
        """Go to a beat, playing or not."""
        ...

    def set_bpm(self, bpm: float) -> None:
        """Change the tempo from now on. Raises BadArgument outside 1 to 1000 bpm."""
        ...
