"""A slot as it is heard: over its end, around its loop, and faded where that is a jump."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.audio import FloatArray
from plugin_bridge.slots import CHANNELS, LEAST_LOOP_FRAMES, LoopRange, Slot, fade_in


@dataclass(frozen=True)
class Loop:
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
class Voice:
    """A slot as it is heard. place = rendered frames + offset; slot None: silence."""

    slot: Slot | None
    offset: int
    loop: Loop
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
class Layer:
    """A voice that fades in over everything below it, from the clock `begin` on."""

    voice: Voice
    begin: int
