"""Keeps one audio process alive and in the state that the app wants: heartbeat, restart, refill."""

from __future__ import annotations

import logging
from collections.abc import Callable

from engine.audio import AudioClip
from engine.child_keeper import ChildKeeper, Tail, Watch
from plugin_bridge.audio_blocks import SampleBlock
from plugin_bridge.audio_child import AudioChild, AudioOptions, start_audio
from plugin_bridge.audio_events import (
    AudioEvent,
    AudioGaveUp,
    AudioRestarting,
    Playback,
    SlotFailed,
    SlotReady,
    SlotsStretched,
)
from plugin_bridge.audio_feed import Feed, Order
from plugin_bridge.audio_messages import (
    AUDIO_PROTOCOL_VERSION,
    EXIT_STUCK,
    AudioPing,
    AudioPong,
    ChooseSlot,
    DeviceGone,
    DeviceList,
    DeviceOpened,
    EndAudio,
    FromAudio,
    Play,
    Refused,
    Seek,
    SetDevice,
    SetInsert,
    SetLoop,
    SlotTaken,
    Status,
    SyncStatus,
    ToAudio,
    decode_from_audio,
)
from plugin_bridge.audio_wish import Wish
from plugin_bridge.slots import At, Grid, LoopRange
from plugin_bridge.sync.sources import SyncRequest
from plugin_bridge.sync.tempo_watch import TempoWatch

_log = logging.getLogger(__name__)

#: Processes that may die in a row, none of them well for WELL_SECONDS, before it is given up.
CRASH_LIMIT = 3
WELL_SECONDS = 10.0
_LONGEST_WAIT_SECONDS = 0.25

GAVE_UP_SENTENCE = (
    f"Playback stopped {CRASH_LIMIT} times in a row; choose another output, or press play again."
)


class _Watch(Watch[ToAudio]):
    """What is known of the present process, in the clock's seconds."""

    def __init__(self, child: AudioChild, feed: Feed, now: float, heartbeat_seconds: float) -> None:
        super().__init__(child, now, heartbeat_seconds)
        self.feed = feed
        self.tempo = TempoWatch()
        self.under_runs = 0


class AudioSupervisor(ChildKeeper[_Watch, ToAudio]):
    """One thread calls every method; `emit` is called on it. `prepare` must not block."""

    def __init__(
        self,
        options: AudioOptions,
        emit: Callable[[AudioEvent], None],
        on_line: Callable[[AudioChild, bytes | None], None],
        prepare: Callable[[Order], None],
    ) -> None:
        longest = min(options.heartbeat_seconds / 2, _LONGEST_WAIT_SECONDS)
        super().__init__("Audio process", longest)
        self._options = options
        self._emit = emit
        self._on_line = on_line
        self._prepare = prepare
        self._wish = Wish(options.device, options.sample_rate)
        self._faults = options.faults
        self._crashes = 0
        self._under_runs = 0

    # --- what the app wants -----------------------------------------------------------------

    def _spawn(self) -> _Watch:
        """Start a process, with the ordered faults when it is the first."""
        faults, self._faults = self._faults, ()
        child = start_audio(self._options, self._wish.device, faults, self._on_line)
        feed = Feed(child, self._wish, self._options.sample_rate, self._prepare)
        return _Watch(child, feed, self._clock.now, self._options.heartbeat_seconds)

    def _begin(self, watch: _Watch) -> None:
        if self._wish.insert:
            watch.child.send(SetInsert(self._wish.insert))

    def put(self, slot_id: str, clip: AudioClip, start: int, gain: float) -> None:
        placed = self._wish.place(slot_id, clip, start, gain)
        if (feed := self._feed) is not None:
            feed.put(placed)

    def set_gain(self, slot_id: str, gain: float) -> None:
        self._wish.set_gain(slot_id, gain)
        if (feed := self._feed) is not None:
            feed.set_gain(slot_id, gain)

    def drop(self, slot_id: str) -> None:
        self._wish.slots.pop(slot_id, None)
        if (feed := self._feed) is not None:
            feed.drop(slot_id)

    def choose(self, slot_id: str | None, at: At) -> None:
        self._wish.chosen = slot_id
        self._move(ChooseSlot(slot_id, at))

    def play(self, frame: int | None) -> None:
        self._wish.is_playing = True
        self._wish.frame = self._wish.frame if frame is None else frame
        self._wake()
        self._move(Play(frame))

    def seek(self, frame: int) -> None:
        self._wish.frame = frame
        self._move(Seek(frame))

    def stop(self) -> None:
        """Stop, and start nothing that still waits for its slot."""
        self._wish.is_playing = False
        if (feed := self._feed) is not None:
            feed.stop()

    def set_loop(self, on: bool, chosen: LoopRange | None) -> None:
        self._wish.loop = SetLoop(on, None if chosen is None else (chosen.start, chosen.stop))
        if (feed := self._feed) is not None:
            feed.send_loop()

    def set_grid(self, grid: Grid | None) -> None:
        self._wish.grid = grid
        if (feed := self._feed) is None:
            return
        feed.send_grid()
        if grid is None and feed.ratio_of_tempo != 1 and feed.stream_rate is not None:
            feed.begin(feed.stream_rate)  # at their own length again: nothing has a tempo now

    def set_sync(self, request: SyncRequest | None) -> None:
        self._wish.sync = request
        if (watch := self._watch) is not None:
            watch.tempo.wait(self._clock.now)
            watch.feed.send_sync()

    def set_device(self, name: str) -> None:
        self._wish.device = name
        self._wake()
        if self._watch is not None:
            self._watch.child.send(SetDevice(name))

    def set_insert(self, ring: str) -> None:
        self._wish.insert = ring
        if self._watch is not None:
            self._watch.child.send(SetInsert(ring))

    # --- what the process says --------------------------------------------------------------

    def _receive(self, watch: _Watch, line: bytes) -> None:
        self._take(watch, decode_from_audio(line))

    def on_prepared(self, order: Order, block: SampleBlock) -> None:
        """Send a block that is ready, or unlink it."""
        if (feed := self._feed) is None:
            block.close()
            return
        before = feed.ratio_of_tempo
        feed.on_prepared(order, block)
        if feed.ratio_of_tempo != before:
            self._emit(SlotsStretched(float(feed.ratio_of_tempo)))

    def on_not_prepared(self, order: Order, sentence: str, details: str) -> None:
        """Tell that a clip cannot be played, and go on without it."""
        feed = self._feed
        if feed is not None and feed.on_not_prepared(order):
            self._emit(SlotFailed(order.placed.slot_id, sentence, details))

    def close(self) -> None:
        """End the process, politely first, and unlink every block."""
        watch = self._end_politely(EndAudio(), self._options.close_deadline_seconds)
        if watch is not None:
            watch.feed.close()

    def _ping(self, number: int) -> ToAudio:
        return AudioPing(number)

    @property
    def _feed(self) -> Feed | None:
        """What is wanted while there is none is told to the next process."""
        return None if self._watch is None else self._watch.feed

    def _move(self, command: ChooseSlot | Play | Seek) -> None:
        if (feed := self._feed) is not None:
            feed.move(command)

    def _take(self, watch: _Watch, message: FromAudio) -> None:
        match message:
            case AudioPong(number=number):
                watch.heartbeat.answered(number)
            case Status():
                self._take_status(watch, message)
            case SlotTaken():
                self._take_receipt(watch, message)
            case DeviceOpened() | DeviceGone():
                self._take_device(watch, message)
            case SyncStatus():
                self._take_sync(watch, message)
            case Refused() | DeviceList():
                self._emit(message)

    def _take_device(self, watch: _Watch, message: DeviceOpened | DeviceGone) -> None:
        if message.protocol != AUDIO_PROTOCOL_VERSION:
            self._bury(f"it speaks protocol {message.protocol}, not {AUDIO_PROTOCOL_VERSION}")
            return
        is_new = watch.feed.stream_rate != message.sample_rate
        self._emit(message)
        if is_new:
            watch.feed.begin(message.sample_rate)

    def _take_status(self, watch: _Watch, status: Status) -> None:
        if self._clock.now - watch.started_at > WELL_SECONDS:
            self._crashes = 0
        watch.under_runs = status.under_runs + status.late
        if not watch.feed.knows_all(status):
            return
        frame = watch.feed.to_timeline(status.frame)
        if watch.feed.is_all_sent:
            self._wish.frame, self._wish.is_playing = frame, status.is_playing
        under_runs = self._under_runs + watch.under_runs
        self._emit(Playback(frame, status.slot_id, status.is_playing, status.peaks, under_runs))

    def _take_sync(self, watch: _Watch, status: SyncStatus) -> None:
        self._emit(status)
        ratio = watch.tempo.ratio_for(status.bpm, self._wish.bpm, self._clock.now)
        if ratio is not None:
            watch.feed.conform(ratio)

    def _take_receipt(self, watch: _Watch, message: SlotTaken) -> None:
        if (placed := watch.feed.on_taken(message.number)) is None:
            return
        if message.sentence:
            self._emit(SlotFailed(placed.slot_id, message.sentence))
        else:
            self._emit(SlotReady(placed.slot_id))

    # --- life and death ---------------------------------------------------------------------

    def _wake(self) -> None:
        """Give playback that was given up a new chance."""
        if self._watch is None and self._start_at is None:
            self._crashes = 0
            self._start_at = self._clock.now

    def _overdue(self, watch: _Watch) -> str | None:
        """Return why the process must be ended now, None while all is well."""
        options, now = self._options, self._clock.now
        is_starting = watch.feed.stream_rate is None
        deadline = (
            options.start_deadline_seconds if is_starting else options.answer_deadline_seconds
        )
        if watch.heartbeat.silent_seconds(now) > deadline:
            return "it did not answer"
        if is_starting and now - watch.started_at > deadline:
            return "it did not come to open a device"
        return None

    def _ended(self, watch: _Watch, reason: str, exit_code: int | None, tail: Tail) -> None:
        self._under_runs += watch.under_runs
        watch.feed.close()
        self._is_gone(reason, exit_code, tail)

    def _is_gone(self, reason: str, exit_code: int | None, tail: Tail) -> None:
        lines = "\n".join(tail)
        _log.warning("Audio process lost, %s; exit code %s\n%s", reason, exit_code, lines)
        if exit_code == EXIT_STUCK:
            reason = "the sound system held it up"
        else:
            self._crashes += 1
        if self._crashes >= CRASH_LIMIT:
            self._wish.is_playing = False
            details = f"{reason}; exit code {exit_code}\n{lines}"
            self._emit(AudioGaveUp(GAVE_UP_SENTENCE, details))
            return
        delay = self._options.backoff_seconds * 2.0 ** max(0, self._crashes - 1)
        self._start_at = self._clock.now + delay
        self._emit(AudioRestarting(reason, exit_code, tail, delay))
