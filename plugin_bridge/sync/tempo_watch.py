"""When audio is worth stretching anew: a tempo that has come to stay. Pure."""

from __future__ import annotations

from fractions import Fraction

from plugin_bridge.stretch import BEND_RANGE

#: So long a tempo must stay: one that is being turned by hand is many.
SETTLED_SECONDS = 0.3
#: Tempos as near as this are one: the phase lock holds the rest by speed.
_SAME = 5e-4
#: Ratios are rounded to this, so that the same tempo is the same ratio.
_STEPS = 1_000_000


class TempoWatch:
    """Sees tempos, and tells ratios. One thread."""

    def __init__(self) -> None:
        self._ratio = Fraction(1)
        self._seen = 0.0
        self._seen_since = 0.0

    def wait(self, now: float) -> None:
        """Believe no tempo before it has stayed anew: another one was just asked for."""
        self._seen_since = now

    def ratio_for(self, bpm: float, own_bpm: Fraction | None, now: float) -> Fraction | None:
        """Return how long audio of `own_bpm` should become from now on, in its own length; None
        where it is right as it is, or the tempo has not settled."""
        if own_bpm is None:
            return None
        if abs(bpm - self._seen) > _SAME * bpm:
            self._seen, self._seen_since = bpm, now
        if now - self._seen_since < SETTLED_SECONDS:
            return None
        wanted = Fraction(round(float(own_bpm) / bpm * _STEPS), _STEPS)
        if abs(wanted - 1) <= _SAME:
            wanted = Fraction(1)
        low, high = BEND_RANGE
        if abs(wanted / self._ratio - 1) <= _SAME or not low <= wanted <= high:
            return None
        self._ratio = wanted
        return wanted
