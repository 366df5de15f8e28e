"""The loaded plugins of a chain at work: block in, block out, dry and wet in step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from engine.audio import FloatArray
from plugin_bridge.slots import CHANNELS

#: So many blocks in a row that hold NaN or infinity are no slip: 0.4 s at 44.1 kHz.
SPOILED_LIMIT = 64


class Effect(Protocol):
    """What a slot needs of its plugin."""

    latency_frames: int

    def process(self, block: FloatArray) -> FloatArray: ...


class Spoiled(Exception):
    """A plugin gives nothing but NaN and infinity."""


class RackSlot:
    """A plugin with its mix. effect None: it could not be had, what comes in goes out.

    `mix` may be set by any thread; the rest is for the one that processes.
    """

    def __init__(self, effect: Effect | None, mix: float) -> None:
        self.effect = effect
        self.mix = mix
        self.latency_frames = 0 if effect is None else effect.latency_frames
        self._heard_mix = mix
        self._kept = np.zeros((CHANNELS, self.latency_frames), np.float32)
        self._spoiled = 0

    def process(self, block: FloatArray) -> FloatArray:
        """Return (2, frames), late by latency_frames. Raises Spoiled."""
        if self.effect is None:
            return block
        dry = self._delay(block)
        wet = self.effect.process(block)
        if wet.shape != block.shape or not np.isfinite(wet).all():
            self._spoiled += 1
            if self._spoiled >= SPOILED_LIMIT:
                raise Spoiled
            return dry
        self._spoiled = 0
        return self._blend(dry, wet)

    def _delay(self, block: FloatArray) -> FloatArray:
        """Return what came in latency_frames ago."""
        if not self.latency_frames:
            return block
        both = np.concatenate((self._kept, block), axis=1)
        self._kept = both[:, block.shape[1] :]
        return both[:, : block.shape[1]]

    def _blend(self, dry: FloatArray, wet: FloatArray) -> FloatArray:
        """Mix, gliding over the block where the mix has changed."""
        mix, was = self.mix, self._heard_mix
        self._heard_mix = mix
        if mix == was and mix in (0.0, 1.0):
            return wet if mix else dry
        out = wet - dry
        out *= mix if mix == was else np.linspace(was, mix, dry.shape[1], dtype=np.float32)
        out += dry
        return out


class Rack:
    """Slots in a row. `on_active` is told which one runs, -1 for none."""

    def __init__(self, slots: Sequence[RackSlot], on_active: Callable[[int], None]) -> None:
        self.slots = tuple(slots)
        self.latency_frames = sum(slot.latency_frames for slot in self.slots)
        self._on_active = on_active

    def process(self, block: FloatArray) -> FloatArray:
        """Return (2, frames), late by latency_frames. Raises Spoiled."""
        for index, slot in enumerate(self.slots):
            self._on_active(index)
            block = slot.process(block)
        self._on_active(-1)
        return block
