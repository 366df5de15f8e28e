"""Keeps one audio process alive and in the state that the app wants: heartbeat, restart, refill."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import msgspec

from engine.audio import AudioClip
from engine.supervisor import PatienceClock
from plugin_bridge.audio_blocks import SampleBlock
from plugin_bridge.audio_child import AudioChild, AudioOptions
from plugin_bridge.audio_messages import (
    AUDIO_PROTOCOL_VERSION,
    EXIT_STUCK,
    AudioPing,
    AudioPong,
    ChooseSlot,
    DeviceGone,
    DeviceList,
    DeviceOpened,
    DropSlot,
    EndAudio,
    FromAudio,
    Play,
    PutSlot,
    Refused,
    Seek,
    SetDevice,
    SetGain,
    SetGrid,
    SetLoop,
    SlotTaken,
    Status,
    Stop,
    ToAudio,
    decode_from_audio,
)
from plugin_bridge.player import At, Grid, LoopRange

_log = logging.getLogger(__name__)

#: Processes that may die in a row, none of them well for WELL_SECONDS, before it is given up.
CRASH_LIMIT = 3
WELL_SECONDS = 10.0
_LONGEST_WAIT_SECONDS = 0.25
_FLUSH_WAIT_SECONDS = 0.02
_EXIT_PATIENCE_SECONDS = 0.5

GAVE_UP_SENTENCE = (
    f"Playback stopped {CRASH_LIMIT} times in a row; choose another output, or press play again."
)


@dataclass(frozen=True)
class Playback:
    """Where playback is, about 30 times a second. frame: on the timeline, the next to be rendered
    in the slot that is heard. peaks: left and right since the last one, linear. under_runs: audible
    gaps since the start of the app."""

    frame: int
    slot_id: str | None
    is_playing: bool
    peaks: tuple[float, float]
    under_runs: int


@dataclass(frozen=True)
class SlotReady:
    """The slot can be heard at once from now on."""

    slot_id: str


@dataclass(frozen=True)
class SlotFailed:
    """The slot cannot be played."""

    slot_id: str
    sentence: str
    details: str = ""


@dataclass(frozen=True)
class AudioRestarting:
    """The audio process ended unasked or was ended; another one goes on in `in_seconds`."""

    reason: str
    exit_code: int | None
    stderr_tail: tuple[str, ...]
    in_seconds: float


@dataclass(frozen=True)
class AudioGaveUp:
    """There is no audio process, and none is started until play() or set_device()."""

    sentence: str
    details: str


AudioEvent = (
    Playback
    | SlotReady
    | SlotFailed
    | DeviceOpened
    | DeviceGone
    | DeviceList
    | Refused
    | AudioRestarting
    | AudioGaveUp
)


@dataclass(frozen=True, eq=False)
class Placed:
    """A clip on the timeline. number: which put it came with."""

    number: int
    slot_id: str
    clip: AudioClip
    start: int
    gain: float


@dataclass(frozen=True, eq=False)
class Order:
    """A clip to be made ready for a stream: resampled and copied into a block."""

    placed: Placed
    sample_rate: int


@dataclass
class _Wish:
    """What the app wants to be so, whichever process does it. Frames of the timeline."""

    device: str
    slots: dict[str, Placed] = field(default_factory=dict[str, Placed])
    chosen: str | None = None
    is_playing: bool = False
    frame: int = 0
    loop: SetLoop = field(default_factory=lambda: SetLoop(True))
    grid: Grid | None = None


class _Watch:
    """What is known of the present process, in the clock's seconds."""

    def __init__(self, child: AudioChild, now: float) -> None:
        self.child = child
        self.started_at = now
        self.stream_rate: int | None = None
        self.pings = 0
        self.ping_sent_at = now
        self.pong_missing = False
        self.commands = 0
        self.chosen: str | None = None
        self.under_runs = 0


class AudioSupervisor:
    """One thread calls every method; `emit` is called on it. `prepare` must not block."""

    def __init__(
        self,
        options: AudioOptions,
        emit: Callable[[AudioEvent], None],
        on_line: Callable[[AudioChild, bytes | None], None],
        prepare: Callable[[Order], None],
    ) -> None:
        self._options = options
        self._emit = emit
        self._on_line = on_line
        self._prepare = prepare
        self._wish = _Wish(options.device)
        self._clock = PatienceClock()
        self._numbers = itertools.count(1)
        self._watch: _Watch | None = None
        self._start_at: float | None = None
        self._faults = options.faults
        self._crashes = 0
        self._under_runs = 0
        self._blocks: dict[int, tuple[SampleBlock, str]] = {}
        self._preparing: dict[str, Order] = {}
        self._held: list[ChooseSlot | Play | Seek] = []

    @property
    def child_pid(self) -> int | None:
        watch = self._watch
        return None if watch is None else watch.child.pid

    def wait_seconds(self) -> float:
        """Send what is left to send, and return how long nothing needs to be looked at."""
        if self._start_at is not None:
            return min(max(0.0, self._start_at - self._clock.now), _LONGEST_WAIT_SECONDS)
        if self._watch is not None and not self._watch.child.flush():
            return _FLUSH_WAIT_SECONDS
        return min(self._options.heartbeat_seconds / 2, _LONGEST_WAIT_SECONDS)

    # --- what the app wants -----------------------------------------------------------------

    def start(self) -> None:
        """Start a process, with the ordered faults when it is the first."""
        self._start_at = None
        faults, self._faults = self._faults, ()
        try:
            child = AudioChild(self._options, self._wish.device, faults, self._on_line)
        except OSError as error:
            self._child_is_gone(f"it could not be started: {error}", None, ())
            return
        _log.info("Audio process %s started", child.pid)
        self._watch = _Watch(child, self._clock.now)

    def put(self, slot_id: str, clip: AudioClip, start: int, gain: float) -> None:
        placed = Placed(next(self._numbers), slot_id, clip, start, gain)
        self._wish.slots[slot_id] = placed
        self._order(placed)

    def set_gain(self, slot_id: str, gain: float) -> None:
        if (placed := self._wish.slots.get(slot_id)) is None:
            return
        self._wish.slots[slot_id] = replace(placed, gain=gain)
        self._send(SetGain(slot_id, gain))

    def drop(self, slot_id: str) -> None:
        self._wish.slots.pop(slot_id, None)
        self._preparing.pop(slot_id, None)
        self._send(DropSlot(slot_id))
        self._send_held()

    def choose(self, slot_id: str | None, at: At) -> None:
        self._wish.chosen = slot_id
        self._hold(ChooseSlot(slot_id, at))

    def play(self, frame: int | None) -> None:
        self._wish.is_playing = True
        self._wish.frame = self._wish.frame if frame is None else frame
        self._wake()
        self._hold(Play(frame))

    def seek(self, frame: int) -> None:
        self._wish.frame = frame
        self._hold(Seek(frame))

    def stop(self) -> None:
        """Stop, and start nothing that still waits for its slot."""
        self._wish.is_playing = False
        self._held = [
            Seek(held.frame) if isinstance(held, Play) and held.frame is not None else held
            for held in self._held
            if not isinstance(held, Play) or held.frame is not None
        ]
        self._transport(Stop())

    def set_loop(self, on: bool, chosen: LoopRange | None) -> None:
        self._wish.loop = SetLoop(on, None if chosen is None else (chosen.start, chosen.stop))
        self._send_loop()

    def set_grid(self, grid: Grid | None) -> None:
        self._wish.grid = grid
        self._send_grid()

    def set_device(self, name: str) -> None:
        self._wish.device = name
        self._wake()
        if self._watch is not None:
            self._watch.child.send(SetDevice(name))

    # --- what the process says --------------------------------------------------------------

    def on_line(self, child: AudioChild, line: bytes | None) -> None:
        """Take one line from a process, None when it sends no more."""
        watch = self._watch
        if watch is None or watch.child is not child:
            return
        self._clock.advance()
        if line is None:
            self._bury("it ended by itself", _EXIT_PATIENCE_SECONDS)
            return
        try:
            self._take(watch, decode_from_audio(line))
        except msgspec.MsgspecError as error:
            _log.warning("Audio process %s sent nonsense: %s", child.pid, error)
            self._bury("it sent a message that makes no sense")

    def on_prepared(self, order: Order, block: SampleBlock) -> None:
        """Send a block that is ready, unless it is not wanted any more."""
        slot_id, watch = order.placed.slot_id, self._watch
        if watch is None or self._preparing.get(slot_id) is not order:
            block.close()
            return
        del self._preparing[slot_id]
        placed = self._wish.slots[slot_id]  # its gain may be newer than the order's
        self._blocks[placed.number] = (block, slot_id)
        watch.child.send(
            PutSlot(
                placed.number,
                slot_id,
                block.name,
                block.frames,
                order.sample_rate,
                self._to_stream(placed.start),
                placed.gain,
            )
        )
        self._send_held()

    def on_not_prepared(self, order: Order, sentence: str, details: str) -> None:
        """Tell that a clip cannot be played, and go on without it."""
        slot_id = order.placed.slot_id
        if self._preparing.get(slot_id) is order:
            del self._preparing[slot_id]
            self._wish.slots.pop(slot_id, None)
            self._emit(SlotFailed(slot_id, sentence, details))
            self._send_held()

    def tick(self) -> None:
        """Look at the deadlines."""
        self._clock.advance()
        if self._start_at is not None and self._clock.now >= self._start_at:
            self.start()
        if (watch := self._watch) is None:
            return
        if (reason := self._overdue(watch)) is not None:
            self._bury(reason)
        else:
            self._beat(watch)

    def close(self) -> None:
        """End the process, politely first, and unlink every block."""
        self._start_at = None
        if (watch := self._watch) is not None:
            self._watch = None
            watch.child.send(EndAudio())
            exit_code = watch.child.end(self._options.close_deadline_seconds)
            watch.child.stderr_tail()
            _log.info("Audio process %s closed with exit code %s", watch.child.pid, exit_code)
        self._forget_blocks()

    def _take(self, watch: _Watch, message: FromAudio) -> None:
        match message:
            case AudioPong(number=number):
                watch.pong_missing = watch.pong_missing and number != watch.pings
            case Status():
                self._take_status(watch, message)
            case SlotTaken():
                self._take_receipt(message)
            case DeviceOpened() | DeviceGone():
                self._take_device(watch, message)
            case Refused() | DeviceList():
                self._emit(message)

    def _take_device(self, watch: _Watch, message: DeviceOpened | DeviceGone) -> None:
        if message.protocol != AUDIO_PROTOCOL_VERSION:
            self._bury(f"it speaks protocol {message.protocol}, not {AUDIO_PROTOCOL_VERSION}")
            return
        is_new = watch.stream_rate != message.sample_rate
        watch.stream_rate = message.sample_rate
        self._emit(message)
        if is_new:
            self._refill(watch)

    def _take_status(self, watch: _Watch, status: Status) -> None:
        if self._clock.now - watch.started_at > WELL_SECONDS:
            self._crashes = 0
        watch.under_runs = status.under_runs + status.late
        if watch.stream_rate is None or status.commands < watch.commands:
            return  # from before the last command: it would flicker
        frame = self._from_stream(status.frame)
        if not self._held:
            self._wish.frame, self._wish.is_playing = frame, status.is_playing
        self._emit(
            Playback(
                frame,
                status.slot_id,
                status.is_playing,
                status.peaks,
                self._under_runs + watch.under_runs,
            )
        )

    def _take_receipt(self, message: SlotTaken) -> None:
        if (found := self._blocks.pop(message.number, None)) is None:
            return
        block, slot_id = found
        block.close()
        placed = self._wish.slots.get(slot_id)
        if placed is None or placed.number != message.number:
            return
        if message.sentence:
            self._emit(SlotFailed(slot_id, message.sentence))
        else:
            self._emit(SlotReady(slot_id))

    # --- what is sent -----------------------------------------------------------------------

    def _refill(self, watch: _Watch) -> None:
        """Bring a process without slots to the state that is wanted, the chosen slot first."""
        watch.chosen = None
        self._preparing.clear()
        self._held = [ChooseSlot(self._wish.chosen)]
        frame = self._wish.frame
        self._held.append(Play(frame) if self._wish.is_playing else Seek(frame))
        self._send_grid()
        self._send_loop()
        wanted = sorted(self._wish.slots.values(), key=lambda p: p.slot_id != self._wish.chosen)
        for placed in wanted:
            # A new number: the receipt of a block for the old rate is not this one's.
            fresh = replace(placed, number=next(self._numbers))
            self._wish.slots[placed.slot_id] = fresh
            self._order(fresh)
        self._send_held()

    def _order(self, placed: Placed) -> None:
        watch = self._watch
        if watch is not None and watch.stream_rate is not None:
            order = Order(placed, watch.stream_rate)
            self._preparing[placed.slot_id] = order
            self._prepare(order)

    def _hold(self, command: ChooseSlot | Play | Seek) -> None:
        """Send a command, after those that wait for a slot which is being prepared."""
        if self._watch is not None and self._watch.stream_rate is not None:
            self._held.append(command)
            self._send_held()

    def _send_held(self) -> None:
        watch = self._watch
        while self._held and watch is not None and not self._must_wait(watch, self._held[0]):
            command = self._held.pop(0)
            match command:
                case ChooseSlot(slot_id=slot_id):
                    watch.chosen = slot_id
                    self._transport(command)
                case Play(frame=frame):
                    self._transport(Play(None if frame is None else self._to_stream(frame)))
                case Seek(frame=frame):
                    self._transport(Seek(self._to_stream(frame)))

    def _must_wait(self, watch: _Watch, command: ChooseSlot | Play | Seek) -> bool:
        if isinstance(command, ChooseSlot):
            return command.slot_id in self._preparing
        return isinstance(command, Play) and watch.chosen in self._preparing

    def _transport(self, command: ChooseSlot | Play | Seek | Stop) -> None:
        if self._watch is not None and self._watch.stream_rate is not None:
            self._watch.commands += 1
            self._watch.child.send(command)

    def _send(self, message: ToAudio) -> None:
        """Send, if there is a process that knows of the state; else it will be told all of it."""
        if self._watch is not None and self._watch.stream_rate is not None:
            self._watch.child.send(message)

    def _send_loop(self) -> None:
        loop = self._wish.loop
        span = loop.span
        if span is not None:
            start = self._to_stream(span[0])
            span = (start, max(start + 1, self._to_stream(span[1])))
        self._send(SetLoop(loop.on, span))

    def _send_grid(self) -> None:
        if (grid := self._wish.grid) is not None:
            ratio = self._ratio()
            self._send(SetGrid.of(Grid(grid.frames_per_bar * ratio, grid.downbeat * ratio)))

    def _ratio(self) -> Fraction:
        """Return stream frames per timeline frame."""
        watch = self._watch
        rate = None if watch is None else watch.stream_rate
        timeline_rate = self._options.sample_rate
        return Fraction(rate or timeline_rate, timeline_rate)

    def _to_stream(self, frame: int) -> int:
        return round(frame * self._ratio())

    def _from_stream(self, frame: int) -> int:
        return round(frame / self._ratio())

    # --- life and death ---------------------------------------------------------------------

    def _wake(self) -> None:
        """Give playback that was given up a new chance."""
        if self._watch is None and self._start_at is None:
            self._crashes = 0
            self._start_at = self._clock.now

    def _beat(self, watch: _Watch) -> None:
        due = self._clock.now - watch.ping_sent_at >= self._options.heartbeat_seconds
        if due and not watch.pong_missing:
            watch.pings += 1
            watch.ping_sent_at, watch.pong_missing = self._clock.now, True
            watch.child.send(AudioPing(watch.pings))

    def _overdue(self, watch: _Watch) -> str | None:
        """Return why the process must be ended now, None while all is well."""
        options, now = self._options, self._clock.now
        is_starting = watch.stream_rate is None
        deadline = (
            options.start_deadline_seconds if is_starting else options.answer_deadline_seconds
        )
        if watch.pong_missing and now - watch.ping_sent_at > deadline:
            return "it did not answer"
        if is_starting and now - watch.started_at > deadline:
            return "it did not come to open a device"
        return None

    def _bury(self, reason: str, patience_seconds: float = 0.0) -> None:
        watch, self._watch = self._watch, None
        assert watch is not None  # callers hold one
        self._under_runs += watch.under_runs
        exit_code = watch.child.end(patience_seconds)
        self._child_is_gone(reason, exit_code, watch.child.stderr_tail())

    def _child_is_gone(self, reason: str, exit_code: int | None, tail: tuple[str, ...]) -> None:
        lines = "\n".join(tail)
        _log.warning("Audio process lost, %s; exit code %s\n%s", reason, exit_code, lines)
        self._forget_blocks()
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

    def _forget_blocks(self) -> None:
        """Unlink what a process that is gone has not taken."""
        self._held.clear()
        self._preparing.clear()
        for block, _slot_id in self._blocks.values():
            block.close()
        self._blocks.clear()
