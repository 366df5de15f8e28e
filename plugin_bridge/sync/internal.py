"""The internal clock: nobody else leads, so the app does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from engine.tempo import COMMON_TIME, TimeSignature
from plugin_bridge.sync.transport import Transport, check_bpm


class InternalClock:
    """A transport on this machine's own clock. Any thread."""

    def __init__(
        self,
        bpm: float = 120.0,
        signature: TimeSignature = COMMON_TIME,
        *,
        is_playing: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start at beat 0. Raises BadArgument outside 1 to 1000 bpm."""
        self._now = now
        self._changing = threading.Lock()  # between those who lead; readers need none
        self._transport = Transport("internal", is_playing, bpm, 0.0, now(), signature)

    @property
    def is_gone(self) -> bool:
        return False

    def transport(self) -> Transport:
        return self._transport

    def play(self) -> None:
        """Go on from where it stands."""
        with self._changing:
            self._transport = replace(self._here(), is_playing=True)

    def stop(self) -> None:
        with self._changing:
            self._transport = replace(self._here(), is_playing=False)

    def locate(self, beat: float) -> None:
        """Go to a beat, playing or not."""
        with self._changing:
            self._transport = replace(self._here(), beat=beat)

    def set_bpm(self, bpm: float) -> None:
        """Change the tempo from here on. Raises BadArgument outside 1 to 1000 bpm."""
        check_bpm(bpm)
        with self._changing:
            self._transport = replace(self._here(), bpm=bpm)

    def go_as(self, transport: Transport) -> None:
        """Be where another is, from now on."""
        with self._changing:
            self._transport = replace(transport, source="internal")

    def close(self) -> None:
        """There is nothing to free."""

    def _here(self) -> Transport:
        return self._transport.at(self._now())
