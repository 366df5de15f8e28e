"""The player in time with a transport: what is rendered, from which frame on, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.audio import FloatArray
from plugin_bridge.player import Player
from plugin_bridge.slots import Grid, LoopRange, Slot
from plugin_bridge.sync.lead import Lead
from plugin_bridge.sync.phase_lock import Begin, Follow, Jump, Moment, PhaseLock, Rest, Score
from plugin_bridge.sync.stream_clock import StreamClock
from plugin_bridge.sync.transport import Transport
from plugin_bridge.varispeed import Varispeed

#: Tells the latest transport, on the audio thread.
Leader = Callable[[], Transport]
#: What stands for so long was stopped: JACK stands for some cycles where a program comes or goes.
_STOPPED_SECONDS = 0.3


class Stage:
    """A player that can follow. One thread: the one that draws audio.

    transport: what the leader told last. While one is followed, play() makes ready to sound and
    the leader starts; a seek is the leader's, too. A player without a grid has no beats to follow
    by, and plays on its own. One who leads asks by his `Lead`, and is heard as he who follows: the
    transport is everybody's, and whoever starts or stops it starts or stops the player.
    """

    def __init__(self, sample_rate: int, now: Callable[[], float] = time.monotonic) -> None:
        self.player = Player(sample_rate)
        self._now = now
        self._leader: Leader | None = None
        self._lead: Lead | None = None
        self._lock = PhaseLock(sample_rate)
        self._clock = StreamClock(sample_rate)
        self._varispeed = Varispeed()
        self._frames = 0
        self._is_armed = False
        self._stands_since: float | None = None
        self.transport: Transport | None = None

    @property
    def is_playing(self) -> bool:
        """Return whether it plays, or would if its leader did."""
        return self.player.is_playing if self._leader is None else self._is_armed

    @property
    def error_seconds(self) -> float | None:
        """Return how late (positive) the last block was against the leader, None: it was
        silent."""
        return None if self._leader is None else self._lock.error_seconds

    def follow(self, leader: Leader | None, lead: Lead | None = None) -> None:
        """Follow somebody from now on, None: nobody. lead: what he does is asked by this, at once
        to play where the player does."""
        if leader is not None and self._leader is None:
            self._is_armed = self.player.is_playing
        if leader is None and self._leader is not None and not self._is_armed:
            self.player.stop()
        self._leader, self._lead = leader, lead
        if lead is not None and self._is_armed:
            lead.play()
        self.transport = self._stands_since = None
        self._lock = PhaseLock(self.player.sample_rate)

    def play(self, frame: int | None = None) -> None:
        self._is_armed, self._stands_since = True, None
        if self._leader is None or self.player.grid is None:
            self.player.play(frame)
        if self._lead is not None:
            self._lead.play()

    def stop(self) -> None:
        self._is_armed = False
        self.player.stop()
        if self._lead is not None:
            self._lead.stop()

    def seek(self, frame: int) -> None:
        """Go to a frame; who leads takes everybody along to its beat."""
        grid, lead = self.player.grid, self._lead
        if lead is not None and grid is not None:
            lead.locate(score_of(grid, self.player.span).beat_of(frame))
        if self._leader is None or grid is None or (lead and not self.player.is_playing):
            self.player.seek(frame)

    def exchange(
        self, slots: tuple[Slot, ...], grid: Grid, loops: bool, chosen: LoopRange | None
    ) -> None:
        """Go on in slots of another tempo, at the same beat: one crossfade."""
        place, old = self._place(), self.player.grid
        beat = None
        if place is not None and old is not None:
            beat = score_of(old, self.player.span).beat_of(place)
        for slot in slots:
            self.player.put(slot)
        self.player.set_grid(grid)
        self.player.set_loop(loops, chosen)
        if beat is not None:
            self._jump(round(score_of(grid, self.player.span).frame_of(beat)))

    def render_into(
        self,
        out: FloatArray,
        latency_seconds: float = 0.0,
        *,
        is_jack: bool = False,
        late_frames: int = 0,
    ) -> None:
        """Write the next frames into `out`, float32 (2, n), which are heard after the latency.

        is_jack: within a cycle of JACK, whose transport then tells of this very block.
        late_frames: by how much plugins hold it up, also in JACK.
        """
        leader, grid = self._leader, self.player.grid
        seen = self._clock.seconds_of(self._frames, self._now())
        self._frames += out.shape[1]
        transport = None if leader is None else leader()
        self._heed(transport)
        self.transport = transport
        if transport is None or grid is None:
            self._render(out)
            return
        shares_cycle = is_jack and transport.source == "jack"
        heard_at = transport.at_seconds if shares_cycle else seen + latency_seconds
        heard_at += late_frames / self.player.sample_rate
        self._render_led(out, transport, Moment(heard_at, out.shape[1], self._place()), grid)

    def _heed(self, transport: Transport | None) -> None:
        """Start or stop with the others where the transport is everybody's."""
        before = self.transport
        if self._lead is None or before is None or transport is None:
            return
        now = self._now()
        if before.is_playing != transport.is_playing:
            self._is_armed |= transport.is_playing
            self._stands_since = None if transport.is_playing else now
        if self._stands_since is not None and now - self._stands_since >= _STOPPED_SECONDS:
            self._is_armed, self._stands_since = False, None
            self.player.stop()

    def _render_led(
        self, out: FloatArray, transport: Transport, moment: Moment, grid: Grid
    ) -> None:
        if not self._is_armed:
            self._lock.watch(transport)
            self._render(out)
            return
        match self._lock.decide(transport, moment, score_of(grid, self.player.span)):
            case Rest():
                self.player.stop()
                self._render(out)
            case Begin(place, after_frames):
                self._render(out[:, :after_frames])
                self._begin(place)
                self._render(out[:, after_frames:])
            case Jump(place):
                self._jump(place)
                self._render(out)
            case Follow(speed):
                self._render(out, speed)

    def _jump(self, place: int) -> None:
        ahead = round(self._varispeed.ahead_frames)
        self.player.seek(place + ahead + self.player.fade_frames)

    def _begin(self, place: int) -> None:
        if self.player.is_silent:  # else what fades out is still to be given
            self._varispeed.reset()
        self.player.begin(place + round(self._varispeed.ahead_frames))

    def _render(self, out: FloatArray, speed: float = 1.0) -> None:
        self._varispeed.read(self.player.render_into, out, speed)

    def _place(self) -> float | None:
        """Return the place of the frame that is given next."""
        place = self.player.running_place
        return None if place is None else place - self._varispeed.ahead_frames


def score_of(grid: Grid, span: LoopRange | None) -> Score:
    """Return where the beats lie. A loop of whole beats has them exactly, however often it comes
    round: its length in frames is rounded, and half a frame a time would add up."""
    frames_per_beat = float(grid.frames_per_beat)
    origin = float(grid.downbeat)
    if span is not None:
        beats = round(span.frames / frames_per_beat)
        if beats and abs(span.frames - beats * frames_per_beat) <= 1.0:
            origin += (span.start - origin) * (1.0 - span.frames / beats / frames_per_beat)
            frames_per_beat = span.frames / beats
    return Score(frames_per_beat, origin)
