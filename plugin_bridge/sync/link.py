"""Ableton Link: tempo, beat and start/stop of every peer in the local network."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from engine.tempo import COMMON_TIME, TimeSignature
from plugin_bridge.sync.transport import SyncProblem, Transport, check_bpm

_log = logging.getLogger(__name__)

LINK_MISSING = "Ableton Link is not installed; run “pip install aalink”."
#: How often the session is looked at. Between two looks the beat is exact by its tempo.
LOOK_SECONDS = 0.01
#: A reading that took longer was interrupted: the beat and the time of it do not belong together.
_QUICK_SECONDS = 100e-6
_READINGS = 8
_START_SECONDS = 10.0
#: A leader starts so much later, at a bar line of the others: until then all have heard of it.
_LEAD_IN = datetime.timedelta(seconds=0.25)
#: Who joins takes the session's tempo, a while after the peers are seen; a leader gives it his.
_JOINING_SECONDS = 3.0
_SAME_BPM = 1e-3
#: A session was joined 0.52 to 0.56 s after the start (aalink 0.2.3, one machine); who has met
#: nobody by now is alone. Until then beats are nobody's: what began on them would jump.
_ALONE_AFTER_SECONDS = 1.5


class LinkClock:
    """One peer of the session, on a thread of its own. Methods: any thread.

    Many programs share their tempo but not their start and stop (Live has that off at first). So
    it counts as playing until somebody starts or stops; from then on that is followed. Until it has
    joined the others it stands, and a start waits.
    """

    def __init__(
        self,
        bpm: float = 120.0,
        signature: TimeSignature = COMMON_TIME,
        *,
        leads: bool = False,
    ) -> None:
        """Join the session, or begin one at `bpm`. leads: have the session go at `bpm`, and play
        only once it is started. Raises SyncProblem, BadArgument."""
        self._bpm = check_bpm(bpm)
        self._leads = leads
        self._joined_at = -_JOINING_SECONDS
        self._alone_at = time.monotonic() + _ALONE_AFTER_SECONDS
        self._is_settled = self._is_start_wanted = False
        self._signature = signature
        self._aalink = _load()
        self._transport = Transport("link", False, bpm, 0.0, time.monotonic(), signature)
        self._peers = 0
        self._is_led = leads  # somebody has started or stopped
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._link: Any = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="link-clock", daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_SECONDS) or self._failure is not None:
            self.close()
            raise SyncProblem(
                "Ableton Link could not be started; look whether this machine has a network.",
                repr(self._failure),
            )

    @property
    def peers(self) -> int:
        """Return how many others there are."""
        return self._peers

    @property
    def is_gone(self) -> bool:
        return not self._thread.is_alive()

    def transport(self) -> Transport:
        return self._transport

    def play(self) -> None:
        """Start everybody at beat 0, which is the others' next bar line."""

        def want(_link: Any) -> None:
            self._is_start_wanted = True

        self._do(want)

    def stop(self) -> None:
        """Stop everybody."""

        def stop(link: Any) -> None:
            link.playing = self._is_start_wanted = False
            self._is_led = True

        self._do(stop)

    def locate(self, beat: float) -> None:
        """Go to a beat. Among peers the bar stays theirs: it is moved to the next such place."""
        self._do(lambda link: link.request_beat(beat))

    def set_bpm(self, bpm: float) -> None:
        """Change everybody's tempo. Raises BadArgument outside 1 to 1000 bpm."""
        check_bpm(bpm)

        def change(link: Any) -> None:
            self._bpm = link.tempo = bpm

        self._do(change)

    def close(self) -> None:
        """Leave the session."""
        loop, closing = self._loop, self._closing
        if loop is not None and closing is not None and self._thread.is_alive():
            loop.call_soon_threadsafe(closing.set)
        self._thread.join()

    def _do(self, change: Callable[[Any], None]) -> None:
        """Have a change made, and seen, on the clock's own thread."""
        loop = self._loop
        if loop is not None and self._thread.is_alive():
            loop.call_soon_threadsafe(lambda: change(self._link))
            loop.call_soon_threadsafe(self._look)

    def _run(self) -> None:
        try:
            asyncio.run(self._follow())
        except Exception as fault:  # noqa: BLE001 - the top of this thread
            self._failure = fault
            _log.exception("Ableton Link failed")
        self._loop = None
        self._ready.set()

    async def _follow(self) -> None:
        # aalink needs a running loop, and calls back on it.
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        link = self._link = self._aalink.Link(self._bpm)
        link.quantum = self._signature.beats_per_bar
        link.start_stop_sync_enabled = True
        link.add_start_stop_callback(self._on_start_stop)
        link.enabled = True
        try:
            while not self._closing.is_set():
                self._look()
                self._ready.set()
                await _wait(self._closing, LOOK_SECONDS)
        finally:
            link.enabled = False
            self._link = None

    def _on_start_stop(self, _is_playing: bool) -> None:
        self._is_led = True
        self._look()

    def _look(self) -> None:
        link = self._link
        if link is None:  # it has left
            return
        self._lead_those_who_join(link)
        self._start_once_joined(link)
        beat, seconds = _beat_now(link)
        is_playing = self._is_settled and (bool(link.playing) or not self._is_led)
        self._transport = Transport("link", is_playing, link.tempo, beat, seconds, self._signature)

    def _start_once_joined(self, link: Any) -> None:
        self._is_settled |= self._peers > 0 or time.monotonic() >= self._alone_at
        if self._is_settled and self._is_start_wanted:
            self._is_start_wanted, self._is_led = False, True
            link.set_is_playing_and_request_beat_at_time(True, link.time + _LEAD_IN, 0.0)

    def _lead_those_who_join(self, link: Any) -> None:
        """Count the others, and give a session that we have just met our tempo."""
        peers, self._peers = self._peers, link.num_peers
        if not self._leads or not self._peers:
            return
        now = time.monotonic()
        if not peers:
            self._joined_at = now
        is_joining = now - self._joined_at < _JOINING_SECONDS
        if is_joining and abs(link.tempo - self._bpm) > _SAME_BPM:
            link.tempo = self._bpm


def _beat_now(link: Any) -> tuple[float, float]:
    """Return a beat and its time, from the quickest of some readings."""
    best = (0.0, 0.0, float("inf"))
    for _ in range(_READINGS):
        before = time.monotonic()
        beat = link.beat
        after = time.monotonic()
        best = min(best, (beat, (before + after) / 2, after - before), key=lambda read: read[2])
        if best[2] <= _QUICK_SECONDS:
            break
    return best[0], best[1]


async def _wait(closing: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(closing.wait(), seconds)


def _load() -> Any:
    try:
        import aalink
    except ImportError as error:
        raise SyncProblem(LINK_MISSING, str(error)) from error
    return aalink
