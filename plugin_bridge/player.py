"""Which sample sounds at which frame: pure, no I/O, no clock but the frames that were rendered.

All slots lie on one timeline, counted in frames at the stream's rate. The transport has one place
on it, which runs on and never wraps; a slot that loops is heard at that place modulo its range. So
what a slot plays depends on the place alone, not on which slots were heard before.

Every audible jump is an equal-gain crossfade of FADE_SECONDS on a raised cosine. Equal gain,
because the two sides are mostly the same music: an identical pair passes unchanged, to the bit.
A jump that is known ahead (a start, a seek, a bar line, the end of a range) is faded *before* its
frame, so that the frame aimed at, a downbeat mostly, sounds exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np

from engine.audio import FloatArray
from engine.errors import BadArgument

CHANNELS = 2
#: 221 frames at 44.1 kHz. The curvature that a fade adds is at most 2 (pi / frames)^2 / 2 between
#: +1 and -1, which is 2.0e-4 or -74 dBFS, and 4.1e-4 or -68 dBFS between two opposite tones of any
#: frequency; a hard cut of -60 dBFS would be 1e-3. Longer fades only blur what is switched to.
FADE_SECONDS = 0.005
#: Below this a fade between opposite tones would pass -60 dBFS.
LEAST_FADE_FRAMES = 160
#: A shorter range is not looped: at 44.1 kHz it would be a tone of 275 Hz.
LEAST_LOOP_FRAMES = 160
LOUDEST_PEAK = 0.999
HIGHEST_GAIN = 1000.0
TARGET_LUFS = -18.0
SAMPLE_RATE_RANGE = (8_000, 384_000)

At = Literal["now", "bar"]


@dataclass(frozen=True, eq=False)
class Slot:
    """Audio on the timeline. samples: float32 (2, frames); start: the frame of its first sample,
    negative for an intro; gain: linear."""

    slot_id: str
    samples: FloatArray
    start: int = 0
    gain: float = 1.0

    def __post_init__(self) -> None:
        shape = self.samples.shape
        if self.samples.dtype != np.float32 or len(shape) != 2 or shape[0] != CHANNELS:
            raise BadArgument(
                f"A slot of shape {shape} and type {self.samples.dtype} cannot be played; "
                "give float32 of (2, frames)."
            )
        if shape[1] < 1:
            raise BadArgument("A slot of 0 frames cannot be played; give at least 1 frame.")
        check_gain(self.gain)

    @property
    def stop(self) -> int:
        """Return the timeline frame after its last sample."""
        return self.start + self.samples.shape[1]


@dataclass(frozen=True)
class LoopRange:
    """Timeline frames [start, stop)."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if self.start >= self.stop:
            raise BadArgument(
                f"The loop {self.start}-{self.stop} frames is empty; give an end after its start."
            )

    @property
    def frames(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Grid:
    """Where the bars lie, in exact frames: line k is at downbeat + k x frames_per_bar."""

    frames_per_bar: Fraction
    downbeat: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if self.frames_per_bar < 1:
            raise BadArgument(
                f"A bar of {float(self.frames_per_bar):g} frames is too short; give at least 1."
            )

    def line_from(self, frame: int) -> int:
        """Return the first bar line at or after `frame`, rounded to its nearest frame."""
        index = math.floor((frame - self.downbeat) / self.frames_per_bar)
        while (line := self._line(index)) < frame:
            index += 1
        return line

    def _line(self, index: int) -> int:
        return math.floor(self.downbeat + index * self.frames_per_bar + Fraction(1, 2))


def match_gain(lufs: float | None, peak: float, target_lufs: float = TARGET_LUFS) -> float:
    """Return the linear gain to `target_lufs` that keeps the peak at 0.999 or below.

    lufs None (not measurable): 1.0, or what the peak allows. Never above HIGHEST_GAIN.
    """
    wanted = 1.0 if lufs is None else min(HIGHEST_GAIN, 10.0 ** ((target_lufs - lufs) / 20.0))
    return min(wanted, LOUDEST_PEAK / peak) if peak > 0.0 else wanted


def fade_in(frames: int) -> FloatArray:
    """Return the raised cosine from 0 to 1, (frames,); neither end is reached."""
    x = (np.arange(frames, dtype=np.float64) + 0.5) / frames
    return (0.5 - 0.5 * np.cos(np.pi * x)).astype(np.float32)


def fade_frames(sample_rate: int) -> int:
    """Return how long a fade is. Raises BadArgument for a rate that nothing plays."""
    low, high = SAMPLE_RATE_RANGE
    if not low <= sample_rate <= high:
        raise BadArgument(f"A sample rate of {sample_rate} Hz is outside {low} to {high} Hz.")
    return max(LEAST_FADE_FRAMES, round(FADE_SECONDS * sample_rate))


@dataclass(frozen=True)
class _Loop:
    """How a slot goes on at its end. chosen None: over the whole slot."""

    on: bool = True
    chosen: LoopRange | None = None

    def range_of(self, slot: Slot) -> LoopRange:
        """Return what loops: the chosen range inside the slot, or all of it where too little of
        the range is inside to be more than a buzz."""
        if self.chosen is None or not self.on:
            return LoopRange(slot.start, slot.stop)
        start, stop = max(self.chosen.start, slot.start), min(self.chosen.stop, slot.stop)
        if stop - start < LEAST_LOOP_FRAMES:
            return LoopRange(slot.start, slot.stop)
        return LoopRange(start, stop)

    def heard(self, slot: Slot, place: int) -> int:
        """Return the frame of the slot that is heard at a place of the transport.

        Before a chosen range the slot runs into it; without a loop the place is the frame.
        """
        span = self.range_of(slot)
        if not self.on or slot.start <= place < span.stop:
            return place
        return span.start + (place - span.start) % span.frames


@dataclass(frozen=True, eq=False)
class _Voice:
    """A slot as it is heard. place = rendered frames + offset; slot None: silence."""

    slot: Slot | None
    offset: int
    loop: _Loop
    fade: FloatArray

    def add_to(self, out: FloatArray, clock: int) -> None:
        """Write (2, n) frames from the clock on into `out`."""
        slot = self.slot
        if slot is None:
            out.fill(0.0)
            return
        done, frames = 0, out.shape[1]
        while done < frames:
            heard = self.loop.heard(slot, clock + done + self.offset)
            count = min(frames - done, self._unbroken(slot, heard))
            self._read(slot, heard, out[:, done : done + count])
            done += count
        if slot.gain != 1.0:
            out *= np.float32(slot.gain)

    def _unbroken(self, slot: Slot, heard: int) -> int:
        """Return how many frames from `heard` on follow each other in the slot."""
        if heard < slot.start:
            return slot.start - heard
        stop = self.loop.range_of(slot).stop
        # Beyond the end of a slot that does not loop there is silence without end.
        return stop - heard if heard < stop else 2**62

    def _read(self, slot: Slot, heard: int, out: FloatArray) -> None:
        count = out.shape[1]
        if not slot.start <= heard < slot.stop:
            out.fill(0.0)
            return
        first = heard - slot.start
        out[:] = slot.samples[:, first : first + count]
        self._fade_end(slot, heard, out)

    def _fade_end(self, slot: Slot, heard: int, out: FloatArray) -> None:
        """Fade the last frames before the end into what comes next, where that is a jump."""
        span = self.loop.range_of(slot)
        is_whole = span.start == slot.start and span.stop == slot.stop
        if self.loop.on and is_whole:  # a loop's own seam is its maker's
            return
        length = min(self.fade.size, span.frames)
        begin = max(heard, span.stop - length)
        stop = heard + out.shape[1]
        if begin >= stop:
            return
        weights = self.fade if length == self.fade.size else fade_in(length)
        first = begin - (span.stop - length)
        part = out[:, begin - heard :]
        part += (self._next(slot, span, begin, stop) - part) * weights[first : first + stop - begin]

    def _next(self, slot: Slot, span: LoopRange, begin: int, stop: int) -> FloatArray:
        """Return what leads up to the start of the range, or silence where nothing follows."""
        if not self.loop.on:
            return np.zeros((CHANNELS, stop - begin), np.float32)
        frames = np.arange(begin, stop) - span.frames - slot.start
        return slot.samples[:, frames % slot.samples.shape[1]]


@dataclass(frozen=True, eq=False)
class _Layer:
    """A voice that fades in over everything below it, from the clock `begin` on."""

    voice: _Voice
    begin: int


@dataclass(frozen=True)
class _Waiting:
    """A choice that waits for its bar: the fade begins at the clock `begin`."""

    slot_id: str | None
    begin: int


class Player:
    """The slots, the transport and the fades. One thread.

    What is rendered does not depend on how it is cut into blocks; a command takes effect at the
    next frame that is rendered.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._fade = fade_in(fade_frames(sample_rate))
        self._slots: dict[str, Slot] = {}
        self._loop = _Loop()
        self._grid: Grid | None = None
        self._chosen: str | None = None
        self._waiting: _Waiting | None = None
        self._clock = 0
        self._offset: int | None = None
        self._aim = 0
        self._silence = _Voice(None, 0, self._loop, self._fade)
        self._layers = [_Layer(self._silence, -self._fade.size)]
        self._scratch = np.zeros((CHANNELS, 0), np.float32)

    @property
    def fade_frames(self) -> int:
        return self._fade.size

    @property
    def is_playing(self) -> bool:
        return self._offset is not None

    @property
    def slot_id(self) -> str | None:
        """Return the slot that is chosen; one that waits for its bar is not yet."""
        return self._chosen

    @property
    def place(self) -> int:
        """Return the transport's place: what is next, not wrapped."""
        return self._aim if self._offset is None else max(self._aim, self._clock + self._offset)

    @property
    def position(self) -> int:
        """Return the timeline frame that is heard next in the chosen slot."""
        slot = self._slot()
        return self.place if slot is None else self._loop.heard(slot, self.place)

    def put(self, slot: Slot) -> None:
        """Add a slot, or replace the one of the same name, in phase if it is heard."""
        self._slots[slot.slot_id] = slot
        if slot.slot_id == self._chosen:
            self._refresh()

    def drop(self, slot_id: str) -> None:
        """Take a slot away; if it is heard, the transport runs on in silence."""
        self._slots.pop(slot_id, None)
        if slot_id == self._chosen:
            self._refresh()

    def set_gain(self, slot_id: str, gain: float) -> None:
        """Change the linear gain of a slot, faded. Raises BadArgument; a missing slot has none."""
        check_gain(gain)
        if slot_id in self._slots:
            self.put(replace(self._slots[slot_id], gain=gain))

    def choose(self, slot_id: str | None, at: At = "now") -> None:
        """Go on in another slot at the same place: at once, or from the next bar line on.

        None, or a slot that is not there, is silence until it is put. Without a grid or while
        stopped, at once.
        """
        self._waiting = None
        if at == "bar" and self._offset is not None and self._grid is not None:
            bar = self._next_bar(self._grid, self._offset)
            self._waiting = _Waiting(slot_id, bar - self._fade.size)
            self._start_what_waits()
        else:
            self._switch(slot_id)

    def play(self, frame: int | None = None) -> None:
        """Start, from a timeline frame or from where it stands. It sounds after one fade."""
        if frame is None:
            if self.is_playing:
                return
            frame = self._resting_frame()
        self._jump(frame, play=True)

    def stop(self) -> None:
        """Fade out and stay where it stands."""
        if self.is_playing:
            self._rest(self.place)

    def seek(self, frame: int) -> None:
        """Go to a timeline frame, playing or not."""
        self._jump(frame, play=self.is_playing)

    def set_loop(self, on: bool, chosen: LoopRange | None = None) -> None:
        """Loop over a range (None: each slot's whole) or, when off, stop at the slot's end."""
        loop = _Loop(on, chosen)
        if loop == self._loop:
            return
        self._hurry()
        shift = self.position - self.place
        self._loop = loop
        self._aim += shift
        if self._offset is not None:
            self._offset += shift
        self._refresh()

    def set_grid(self, grid: Grid | None) -> None:
        """Set where the bars lie; a choice that waits for one is made at once."""
        if grid != self._grid:
            self._hurry()
            self._grid = grid

    def render(self, frames: int) -> FloatArray:
        """Return the next (2, frames)."""
        out = np.empty((CHANNELS, frames), np.float32)
        self.render_into(out)
        return out

    def render_into(self, out: FloatArray) -> None:
        """Write the next frames into `out`, float32 (2, n) of any strides."""
        frames = out.shape[1]
        if self._scratch.shape[1] < frames:
            self._scratch = np.empty((CHANNELS, frames), np.float32)
        done = 0
        while done < frames:
            self._start_what_waits()
            self._end_at_the_end()
            count = min(frames - done, self._until_next_change())
            self._render_steady(out[:, done : done + count])
            self._clock += count
            done += count
        self._end_at_the_end()

    def _render_steady(self, out: FloatArray) -> None:
        """Render frames in which no voice begins or ends."""
        self._forget_faded()
        bottom, *rest = self._layers
        bottom.voice.add_to(out, self._clock)
        scratch = self._scratch[:, : out.shape[1]]
        for layer in rest:
            first = self._clock - layer.begin
            layer.voice.add_to(scratch, self._clock)
            # Not a x (1 - w) + b x w: this is exactly `out` where both are the same.
            scratch -= out
            scratch *= self._fade[first : first + out.shape[1]]
            out += scratch

    def _forget_faded(self) -> None:
        """Drop what lies below a layer that has fully come in."""
        for index in range(len(self._layers) - 1, 0, -1):
            if self._layers[index].begin + self._fade.size <= self._clock:
                del self._layers[:index]
                return

    def _until_next_change(self) -> int:
        """Return the frames until a fade ends, a waiting choice begins or a slot ends."""
        return min(event - self._clock for event in self._changes_ahead())

    def _changes_ahead(self) -> Iterator[int]:
        yield self._clock + 2**40
        for layer in self._layers[1:]:
            end = layer.begin + self._fade.size
            if end > self._clock:
                yield end
        if self._waiting is not None:
            yield self._waiting.begin
        if (end := self._end_clock()) is not None:
            yield end

    def _end_clock(self) -> int | None:
        """Return the clock at which the chosen slot ends for good, None where it never does."""
        slot = self._slot()
        if slot is None or self._offset is None or self._loop.on:
            return None
        return max(self._clock, slot.stop - self._offset)

    def _end_at_the_end(self) -> None:
        end = self._end_clock()
        if end is not None and end <= self._clock:
            self._rest(self.place)

    def _start_what_waits(self) -> None:
        if self._waiting is not None and self._waiting.begin <= self._clock:
            self._hurry()

    def _hurry(self) -> None:
        """Make the waiting choice now."""
        if (waiting := self._waiting) is not None:
            self._waiting = None
            self._switch(waiting.slot_id)

    def _switch(self, slot_id: str | None) -> None:
        if slot_id != self._chosen:
            self._chosen = slot_id
            self._refresh()

    def _jump(self, frame: int, *, play: bool) -> None:
        self._hurry()
        self._aim = frame
        if play:
            self._offset = frame - self._clock - self._fade.size
            self._fade_to(self._voice())

    def _rest(self, place: int) -> None:
        """Stop at a place; the waiting choice is made, for the next start."""
        self._hurry()
        self._aim = place
        self._offset = None
        self._fade_to(self._silence)

    def _resting_frame(self) -> int:
        """Return where a start without a place begins: a slot that has ended, at its start."""
        slot = self._slot()
        if slot is None or self._loop.on or self._aim < slot.stop:
            return self._aim
        return slot.start

    def _refresh(self) -> None:
        if self.is_playing:
            self._fade_to(self._voice())

    def _voice(self) -> _Voice:
        if (slot := self._slot()) is None or self._offset is None:
            return self._silence
        return _Voice(slot, self._offset, self._loop, self._fade)

    def _fade_to(self, voice: _Voice) -> None:
        """Let a voice come in from now on, in place of one that would begin at this same frame."""
        self._layers = [layer for layer in self._layers if layer.begin != self._clock]
        self._layers.append(_Layer(voice, self._clock))

    def _slot(self) -> Slot | None:
        return None if self._chosen is None else self._slots.get(self._chosen)

    def _next_bar(self, grid: Grid, offset: int) -> int:
        """Return the clock of the next bar line that is heard, over the loop's end if need be."""
        heard = self.position
        to_clock = self.place - heard - offset
        line = grid.line_from(heard + 1)
        slot = self._slot()
        if slot is None or not self._loop.on:
            return line + to_clock
        span = self._loop.range_of(slot)
        if line < span.stop:
            return line + to_clock
        again = grid.line_from(span.start)
        # A range without a line in it is a bar of its own.
        return span.frames + (again if again < span.stop else span.start) + to_clock


def check_gain(gain: float) -> None:
    """Raise BadArgument for a linear gain outside 0 to 1000."""
    if not 0.0 <= gain <= HIGHEST_GAIN:
        raise BadArgument(
            f"A gain of {gain} is outside 0 to {HIGHEST_GAIN:g} (linear); 1 leaves it as it is."
        )
