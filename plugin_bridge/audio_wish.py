"""What the app wants to hear, whichever audio process plays it. Frames of the timeline."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from engine.audio import AudioClip
from plugin_bridge.audio_messages import SetLoop
from plugin_bridge.slots import Grid
from plugin_bridge.sync.sources import SyncRequest


@dataclass(frozen=True, eq=False)
class Placed:
    """A clip on the timeline. number: which put it came with."""

    number: int
    slot_id: str
    clip: AudioClip
    start: int
    gain: float


@dataclass
class Wish:
    """The slots and the transport. frame: where it stands, as far as is known. insert: the name of
    the ring of a plugin host, empty: none."""

    device: str
    timeline_rate: int = 44_100
    slots: dict[str, Placed] = field(default_factory=dict[str, Placed])
    chosen: str | None = None
    is_playing: bool = False
    frame: int = 0
    loop: SetLoop = field(default_factory=lambda: SetLoop(True))
    grid: Grid | None = None
    insert: str = ""
    sync: SyncRequest | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def bpm(self) -> Fraction | None:
        """Return the tempo of the grid, None without one."""
        grid = self.grid
        return None if grid is None else 60 * self.timeline_rate / grid.frames_per_beat

    def place(self, slot_id: str, clip: AudioClip, start: int, gain: float) -> Placed:
        """Add or replace a slot."""
        placed = Placed(next(self._numbers), slot_id, clip, start, gain)
        self.slots[slot_id] = placed
        return placed

    def set_gain(self, slot_id: str, gain: float) -> None:
        """Change a slot's gain; a missing slot has none."""
        if (placed := self.slots.get(slot_id)) is not None:
            self.slots[slot_id] = replace(placed, gain=gain)

    def numbered_anew(self) -> list[Placed]:
        """Return all slots with numbers of their own: their receipts tell nobody anything."""
        return [replace(placed, number=next(self._numbers)) for placed in self.slots.values()]

    def put_anew(self) -> list[Placed]:
        """Return all slots, the chosen one first, with new numbers: a receipt of what was sent
        before is not theirs."""
        slots = sorted(self.slots.values(), key=lambda placed: placed.slot_id != self.chosen)
        return [self.place(old.slot_id, old.clip, old.start, old.gain) for old in slots]
