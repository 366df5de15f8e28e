"""What a player asks of the transport that he leads, from the audio thread to another one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from plugin_bridge.sync.transport import TransportSource


@dataclass(frozen=True)
class Asked:
    """A change that is wanted; None: as it is. What is asked later counts."""

    is_playing: bool | None = None
    beat: float | None = None

    def then(self, later: Asked) -> Asked:
        """Return both as one."""
        return Asked(
            self.is_playing if later.is_playing is None else later.is_playing,
            self.beat if later.beat is None else later.beat,
        )


class Lead:
    """`play`, `stop` and `locate` are for the audio thread, the rest for one other; none waits."""

    def __init__(self) -> None:
        self._asked: deque[Asked] = deque()

    def play(self) -> None:
        self._asked.append(Asked(is_playing=True))

    def stop(self) -> None:
        self._asked.append(Asked(is_playing=False))

    def locate(self, beat: float) -> None:
        """Have everybody go to a beat; before the first is the first."""
        self._asked.append(Asked(beat=max(0.0, beat)))

    def forget(self) -> None:
        """Drop what was asked of nobody."""
        self._asked.clear()

    def move(self, source: TransportSource) -> None:
        """Have a source do what was asked since the last time: the place first, then the start."""
        asked = Asked()
        while self._asked:
            asked = asked.then(self._asked.popleft())
        if asked.beat is not None:
            source.locate(asked.beat)
        if asked.is_playing is not None:
            (source.play if asked.is_playing else source.stop)()
