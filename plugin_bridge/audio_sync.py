"""Keeps the transport open that the audio process follows or leads, and tells where it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import msgspec

from engine.errors import AppError
from plugin_bridge.audio_messages import SyncStatus
from plugin_bridge.audio_stage import Leader
from plugin_bridge.sync.internal import InternalClock
from plugin_bridge.sync.lead import Lead
from plugin_bridge.sync.sources import SyncRequest, open_source
from plugin_bridge.sync.transport import Transport, TransportSource

_log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
#: Between two statuses of a transport that goes on as it did.
_STATUS_SECONDS = 0.1


class Told(Protocol):
    """What a leader told at the last block, and how late (positive) that block was."""

    @property
    def transport(self) -> Transport | None: ...

    @property
    def error_seconds(self) -> float | None: ...


class Follower(Protocol):
    """Audio that follows a leader, or is told where it is."""

    @property
    def seen(self) -> Told: ...

    def follow(self, leader: Leader | None, lead: Lead | None = None) -> None: ...

    def wait_for_block(self) -> None: ...


class SyncKeeper:
    """Owns the source. `choose`: one thread; the rest: one thread, often.

    A source that is not there, or has gone, is looked for until it is; meanwhile the music stands.
    """

    def __init__(self, deck: Follower, send: Callable[[SyncStatus], None]) -> None:
        self._deck = deck
        self._send = send
        self._chosen: SyncRequest | None = None
        self._wanted: list[SyncRequest | None] = []
        self._request: SyncRequest | None = None
        self._source: TransportSource | None = None
        self._lead = Lead()
        self._given: Transport | None = None
        self._retry_at = 0.0
        self._sentence = ""
        self._told: SyncStatus | None = None
        self._told_at = 0.0

    def choose(self, request: SyncRequest | None) -> None:
        """Follow, or lead, another transport from the next look on; None: nobody's. Until it is
        open the music stands: what is played meanwhile waits for it. Ours goes on where
        only the tempo is another."""
        before, self._chosen = self._chosen, request
        if request == before:
            return
        if request is not None and not _is_tempo(before, request):
            self._stand(request)
        self._wanted.append(request)

    def give(self, transport: Transport) -> None:
        """Have our own clock go as that of another process does. Any thread."""
        self._given = transport

    def look(self) -> None:
        """Adopt what was chosen, see to the source, and tell."""
        while self._wanted:
            self._adopt(self._wanted.pop(0))
        if self._request is None:
            return
        now = time.monotonic()
        if self._source is not None and self._source.is_gone:
            done = "led" if self._request.leads else "followed"
            self._let_go(f"What was {done} has ended; it is waited for.")
        if self._source is None and now >= self._retry_at:
            self._retry_at = now + RETRY_SECONDS
            self._open(self._request)
        if self._source is not None:
            self._move(self._source, self._request)
        self._tell(self._request, self._deck.seen, now)

    def close(self) -> None:
        """End the source."""
        self._let_go("")

    def _adopt(self, request: SyncRequest | None) -> None:
        if request == self._request:
            return
        if request is not None and _is_tempo(self._request, request):
            self._request = request
            if self._source is not None:
                self._source.set_bpm(request.bpm)
            return
        if request is None:  # before the old one stands: what plays plays on
            self._deck.follow(None)
        self._let_go("", stands=request is not None)
        self._request, self._retry_at, self._told = request, 0.0, None

    def _open(self, request: SyncRequest) -> None:
        try:
            self._source = open_source(request)
        except AppError as error:
            _log.info("No transport: %s %s", error.sentence, error.details)
            self._sentence = error.sentence
            return
        self._sentence = ""
        self._take_given(self._source)
        self._lead.forget()
        self._follow(self._source.transport, request)

    def _move(self, source: TransportSource, request: SyncRequest) -> None:
        """Have an open source do what is asked of it."""
        self._take_given(source)
        if request.leads:
            self._lead.move(source)

    def _take_given(self, source: TransportSource) -> None:
        given = self._given
        if given is not None and isinstance(source, InternalClock):
            self._given = None
            source.go_as(given)

    def _let_go(self, sentence: str, *, stands: bool = True) -> None:
        source, self._source = self._source, None
        self._sentence = sentence
        if source is None:
            return
        if self._request is not None and stands:
            self._stand(self._request)
        self._deck.wait_for_block()  # until then the audio thread may read it
        source.close()

    def _stand(self, request: SyncRequest) -> None:
        """Have the deck follow somebody who stands still."""
        still = Transport(
            request.source, False, request.bpm, 0.0, time.monotonic(), request.signature
        )
        self._follow(lambda: still, request)

    def _follow(self, leader: Leader, request: SyncRequest) -> None:
        self._deck.follow(leader, self._lead if request.leads else None)

    def _tell(self, request: SyncRequest, seen: Told, now: float) -> None:
        transport = seen.transport
        if transport is None or transport.source != request.source:
            return
        error = seen.error_seconds
        status = SyncStatus(
            transport.source,
            transport.is_playing,
            transport.bpm,
            transport.beat_at(now),
            transport.signature.beats_per_bar,
            None if error is None else round(1000.0 * error, 3),
            self._sentence,
            now,
        )
        if self._is_news(status, now):
            self._told, self._told_at = status, now
            self._send(status)

    def _is_news(self, status: SyncStatus, now: float) -> bool:
        if self._told is None:
            return True
        told = msgspec.structs.replace(
            self._told, beat=status.beat, error_ms=status.error_ms, at_seconds=status.at_seconds
        )
        if told != status:
            return True
        is_same = status.beat == self._told.beat and status.error_ms == self._told.error_ms
        return not is_same and now - self._told_at >= _STATUS_SECONDS


def _is_tempo(before: SyncRequest | None, request: SyncRequest) -> bool:
    """Return whether nothing but the tempo changes of a transport that is ours."""
    is_ours = request.leads or request.source == "internal"
    return before is not None and is_ours and replace(before, bpm=request.bpm) == request
