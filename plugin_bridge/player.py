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

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.audio import FloatArray
from plugin_bridge.slots import (
    CHANNELS,
    At,
    Grid,
    Line,
    LoopRange,
    Slot,
    check_gain,
    fade_frames,
    fade_in,
)
from plugin_bridge.voices import Layer, Loop, Voice


@dataclass(frozen=True)
class _Waiting:
    """A choice that waits for its line: the fade begins at the clock `begin`."""

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
        self._loop = Loop()
        self._grid: Grid | None = None
        self._chosen: str | None = None
        self._waiting: _Waiting | None = None
        self._clock = 0
        self._offset: int | None = None
        self._aim = 0
        self._silence = Voice(None, 0, self._loop, self._fade)
        self._layers = [Layer(self._silence, -self._fade.size)]
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
    def running_place(self) -> int | None:
        """Return the place of the very next frame, also within a fade to another; None at rest."""
        return None if self._offset is None else self._clock + self._offset

    @property
    def is_silent(self) -> bool:
        """Return whether nothing sounds, nor fades out any more."""
        self._forget_faded()
        return len(self._layers) == 1 and self._layers[0].voice.slot is None

    @property
    def grid(self) -> Grid | None:
        return self._grid

    @property
    def span(self) -> LoopRange | None:
        """Return what is repeated of the chosen slot, None where nothing is."""
        slot = self._slot()
        return None if slot is None or not self._loop.on else self._loop.range_of(slot)

    @property
    def position(self) -> int:
        """Return the timeline frame that is heard next in the chosen slot."""
        return self.position_before(0)

    def position_before(self, frames: int) -> int:
        """Return the timeline frame that was next so many frames ago, if it has played on so long:
        behind the loop's start that is near its end."""
        slot, place = self._slot(), max(min(self._aim, self.place), self.place - frames)
        return place if slot is None else self._loop.heard(slot, place)

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
        """Go on in another slot at the same place: at once, or from the next bar or beat on.

        None, or a slot that is not there, is silence until it is put. Without a grid or while
        stopped, at once.
        """
        self._waiting = None
        if at != "now" and self._offset is not None and self._grid is not None:
            line = self._next_line(self._grid, at, self._offset)
            self._waiting = _Waiting(slot_id, line - self._fade.size)
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

    def begin(self, frame: int) -> None:
        """Go to a timeline frame and play on from it, with no fade before: the next frame is that
        one. At the start of what loops it is there at full, else it comes in over one fade."""
        self._hurry()
        self._aim = frame
        self._offset = frame - self._clock
        if self._is_attack(frame):
            self._layers = [Layer(self._voice(), self._clock - self._fade.size)]
        else:
            self._fade_to(self._voice())

    def stop(self) -> None:
        """Fade out and stay where it stands."""
        if self.is_playing:
            self._rest(self.place)

    def seek(self, frame: int) -> None:
        """Go to a timeline frame, playing or not."""
        self._jump(frame, play=self.is_playing)

    def set_loop(self, on: bool, chosen: LoopRange | None = None) -> None:
        """Loop over a range (None: each slot's whole) or, when off, stop at the slot's end."""
        loop = Loop(on, chosen)
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

    def _is_attack(self, frame: int) -> bool:
        """Return whether silence is left at a slot's own first sample: that needs no fade."""
        slot = self._slot()
        return self.is_silent and slot is not None and self._loop.heard(slot, frame) == slot.start

    def _refresh(self) -> None:
        if self.is_playing:
            self._fade_to(self._voice())

    def _voice(self) -> Voice:
        if (slot := self._slot()) is None or self._offset is None:
            return self._silence
        return Voice(slot, self._offset, self._loop, self._fade)

    def _fade_to(self, voice: Voice) -> None:
        """Let a voice come in from now on, in place of one that would begin at this same frame."""
        self._layers = [layer for layer in self._layers if layer.begin != self._clock]
        self._layers.append(Layer(voice, self._clock))

    def _slot(self) -> Slot | None:
        return None if self._chosen is None else self._slots.get(self._chosen)

    def _next_line(self, grid: Grid, unit: Line, offset: int) -> int:
        """Return the clock of the next line that is heard, over the loop's end if need be."""
        heard = self.position
        to_clock = self.place - heard - offset
        line = grid.line_from(heard + 1, unit)
        slot = self._slot()
        if slot is None or not self._loop.on:
            return line + to_clock
        span = self._loop.range_of(slot)
        if line < span.stop:
            return line + to_clock
        again = grid.line_from(span.start, unit)
        # A range without a line in it is a bar of its own.
        return span.frames + (again if again < span.stop else span.start) + to_clock
