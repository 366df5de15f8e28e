"""Which beat lies at which captured frame: few stamps instead of one per block. Pure."""

from __future__ import annotations

import msgspec

from plugin_bridge.sync.transport import SourceName, Transport

#: A beat that is told nearer to what a stamp says belongs to it. Half a tick of the coarsest usual
#: 480 at 60 bpm, and twice what a stream's clock is off at its start.
_SAME_SECONDS = 0.001
#: Measured tempos (a MIDI clock's) waver by less.
_SAME_BPM = 2e-4
#: A clock of its own drifts against the sound card: 100 ppm of this are 0.4 ms.
_RENEWED_SECONDS = 4.0
#: What is worth telling again, in frames.
_FINER_FRAMES = 0.01


class Stamp(msgspec.Struct, frozen=True):
    """From captured frame `frame` on the music is at `beat` and goes on at `bpm` while it plays.

    source None: nobody's transport. is_break: what was captured before does not join this.
    """

    frame: int
    beat: float = 0.0
    bpm: float = 120.0
    is_playing: bool = False
    beats_per_bar: int = 4
    beat_unit: int = 4
    source: SourceName | None = None
    is_break: bool = False

    def beats_per_frame(self, sample_rate: int) -> float:
        """Return the speed: 0 while it stands."""
        return self.bpm / (60.0 * sample_rate) if self.is_playing else 0.0

    def beat_at(self, frame: int, sample_rate: int) -> float:
        return self.beat + (frame - self.frame) * self.beats_per_frame(sample_rate)


def stamp_of(frame: int, transport: Transport | None, seconds: float | None = None) -> Stamp:
    """Return what a transport says of a frame. seconds: when that frame is, on the transport's
    clock; None: it is what the transport speaks of."""
    if transport is None:
        return Stamp(frame)
    signature = transport.signature
    return Stamp(
        frame,
        transport.beat if seconds is None else transport.beat_at(seconds),
        transport.bpm,
        transport.is_playing,
        signature.beats_per_bar,
        signature.beat_unit,
        transport.source,
    )


class Course:
    """Hears of every block and tells what is news. One thread.

    JACK tells whole ticks, which many blocks together narrow down: so a stamp of JACK's is told
    again, with the same frame, whenever it is known more exactly.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._last: Stamp | None = None

    def hear(self, seen: Stamp) -> Stamp | None:
        """Return the stamp that takes the last one's place or follows it, None: it still holds."""
        last = self._last
        if last is None or seen.is_break or not self._goes_on(last, seen):
            self._last = seen
            return seen
        if seen.source != "jack" or not seen.is_playing:
            return None
        return self._finer(last, seen)

    def goes_on(self, seen: Stamp) -> bool:
        """Return whether a stamp says what was to be expected at its frame of music that plays."""
        last = self._last
        return last is not None and seen.is_playing and self._goes_on(last, seen)

    def _goes_on(self, last: Stamp, seen: Stamp) -> bool:
        same = (last.source, last.is_playing, last.beats_per_bar, last.beat_unit)
        if same != (seen.source, seen.is_playing, seen.beats_per_bar, seen.beat_unit):
            return False
        if seen.source is None:
            return True
        if abs(seen.bpm - last.bpm) > _SAME_BPM * last.bpm:
            return False
        off_seconds = abs(seen.beat - last.beat_at(seen.frame, self._rate)) * 60.0 / last.bpm
        is_old = seen.frame - last.frame > _RENEWED_SECONDS * self._rate
        return off_seconds <= _SAME_SECONDS and (seen.source == "jack" or not is_old)

    def _finer(self, last: Stamp, seen: Stamp) -> Stamp | None:
        """Lay the present beat back to where the stamp began."""
        beat = seen.beat - (seen.frame - last.frame) * last.beats_per_frame(self._rate)
        if abs(beat - last.beat) < _FINER_FRAMES * last.beats_per_frame(self._rate):
            return None
        self._last = finer = msgspec.structs.replace(last, beat=beat)
        return finer
