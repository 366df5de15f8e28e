"""Brings one audio process to what the app wants: slots as blocks, the transport in order.

The stream has a rate of its own; here, and only here, timeline frames become stream frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from plugin_bridge.audio_blocks import SampleBlock
from plugin_bridge.audio_messages import (
    ChooseSlot,
    DropSlot,
    Play,
    PutSlot,
    Seek,
    SetGain,
    SetGrid,
    SetLoop,
    SetSync,
    Status,
    Stop,
    ToAudio,
    UseKept,
)
from plugin_bridge.audio_wish import Placed, Wish
from plugin_bridge.stretch import Bend

Transport = ChooseSlot | Play | Seek


class Receiver(Protocol):
    """An audio process, as far as it is fed."""

    def send(self, message: ToAudio) -> None: ...


@dataclass(frozen=True, eq=False)
class Order:
    """A clip to be made ready for a stream: resampled, stretched where `bend` is given, in frames
    of that rate, and copied into a block."""

    placed: Placed
    sample_rate: int
    bend: Bend | None = None


@dataclass(eq=False)
class _Conforming:
    """Slots that are made ready for another tempo. orders: those that are not yet sent."""

    ratio: Fraction
    orders: dict[str, Order] = field(default_factory=dict[str, Order])


class Feed:
    """Reads the wish, changes none of it but slots that cannot be played. One thread.

    `prepare` must not block; its result comes back by `on_prepared` or `on_not_prepared`. A choice
    of a slot that is not ready yet, and what follows that choice, is held until it is.
    """

    def __init__(
        self,
        receiver: Receiver,
        wish: Wish,
        timeline_rate: int,
        prepare: Callable[[Order], None],
    ) -> None:
        self._receiver = receiver
        self._wish = wish
        self._timeline_rate = timeline_rate
        self._prepare = prepare
        self._rate: int | None = None
        self._chosen: str | None = None
        self._commands = 0
        self._blocks: dict[int, SampleBlock] = {}
        self._preparing: dict[str, Order] = {}
        self._held: list[Transport] = []
        self._ratio_of_tempo = Fraction(1)
        self._conforming: _Conforming | None = None

    @property
    def stream_rate(self) -> int | None:
        """Return the stream's rate, None while nothing is known of it: nothing is sent then."""
        return self._rate

    @property
    def is_all_sent(self) -> bool:
        """Return whether nothing of the transport is held."""
        return not self._held

    def begin(self, stream_rate: int) -> None:
        """Tell all of the wish to a process that has nothing of it at this rate."""
        self._rate = stream_rate
        self._chosen = None
        self._preparing.clear()
        self._ratio_of_tempo, self._conforming = Fraction(1), None
        self._held = [ChooseSlot(self._wish.chosen), *self._start()]
        if self._wish.grid is not None:
            self.send_grid()
        self.send_loop()
        if self._wish.sync is not None:
            self.send_sync()
        for placed in self._wish.put_anew():
            self.put(placed)
        self._send_held()

    def _start(self) -> list[Transport]:
        """Return how it goes on where it was; who leads does not take the others elsewhere."""
        wish = self._wish
        if wish.sync is not None and wish.sync.leads:
            return [Play()] if wish.is_playing else []
        return [Play(wish.frame) if wish.is_playing else Seek(wish.frame)]

    def put(self, placed: Placed) -> None:
        """Have a slot made ready."""
        if self._rate is not None:
            order = Order(placed, self._rate, self._bend(self._ratio_of_tempo))
            self._preparing[placed.slot_id] = order
            self._prepare(order)
            if self._conforming is not None:
                self.conform(self._conforming.ratio)

    def conform(self, ratio: Fraction) -> None:
        """Have all slots made `ratio` times as long as they are, and go on in them at once when
        the last is ready. Without a grid nothing has a tempo."""
        if self._rate is None or self._wish.grid is None:
            return
        self._conforming = _Conforming(ratio)
        for placed in self._wish.numbered_anew():
            order = Order(placed, self._rate, self._bend(ratio))
            self._conforming.orders[placed.slot_id] = order
            self._prepare(order)
        self._end_conforming()

    @property
    def ratio_of_tempo(self) -> Fraction:
        """Return how long the slots that are heard are, in their own length."""
        return self._ratio_of_tempo

    def on_prepared(self, order: Order, block: SampleBlock) -> None:
        """Send a block that is ready, unless it is not wanted any more."""
        slot_id = order.placed.slot_id
        if self._preparing.get(slot_id) is order:
            del self._preparing[slot_id]
            self._put(order, block, self._ratio(), is_kept_back=False)
            self._send_held()
        elif (conforming := self._conforming) and conforming.orders.get(slot_id) is order:
            self._put(order, block, self._ratio(conforming.ratio), is_kept_back=True)
            self._forget_conformed(slot_id)
        else:
            block.close()

    def _put(
        self, order: Order, block: SampleBlock, ratio: Fraction, *, is_kept_back: bool
    ) -> None:
        slot_id = order.placed.slot_id
        placed = self._wish.slots[slot_id]  # its gain may be newer than the order's
        self._blocks[order.placed.number] = block
        start = round(placed.start * ratio)
        self._receiver.send(
            PutSlot(
                order.placed.number,
                slot_id,
                block.name,
                block.frames,
                order.sample_rate,
                start,
                placed.gain,
                is_kept_back,
            )
        )

    def _forget_conformed(self, slot_id: str) -> None:
        assert self._conforming is not None  # callers hold one
        del self._conforming.orders[slot_id]
        self._end_conforming()

    def _end_conforming(self) -> None:
        """Have the conformed slots used once the last of them is there."""
        conforming = self._conforming
        if conforming is None or conforming.orders:
            return
        self._conforming = None
        self._ratio_of_tempo = conforming.ratio
        if (grid := self._wish.grid) is not None:
            self._send(UseKept(SetGrid.of(grid.scaled(self._ratio())), self._loop()))

    def on_not_prepared(self, order: Order) -> bool:
        """Go on without a slot. Returns whether it was wanted."""
        slot_id = order.placed.slot_id
        if (conforming := self._conforming) and conforming.orders.get(slot_id) is order:
            self._conforming = None  # the others go on as they are, too
            return False
        if self._preparing.get(slot_id) is not order:
            return False
        del self._preparing[slot_id]
        self._wish.slots.pop(slot_id, None)
        self._send_held()
        return True

    def on_taken(self, number: int) -> Placed | None:
        """Unlink a block that was copied or refused. Returns its slot if it is still that one."""
        if (block := self._blocks.pop(number, None)) is None:
            return None
        block.close()
        slots = self._wish.slots.values()
        return next((placed for placed in slots if placed.number == number), None)

    def drop(self, slot_id: str) -> None:
        self._preparing.pop(slot_id, None)
        self._send(DropSlot(slot_id))
        if self._conforming is not None and slot_id in self._conforming.orders:
            self._forget_conformed(slot_id)
        self._send_held()

    def set_gain(self, slot_id: str, gain: float) -> None:
        self._send(SetGain(slot_id, gain))

    def move(self, command: Transport) -> None:
        """Send a command, after those that wait for a slot which is being prepared."""
        if self._rate is not None:
            self._held.append(command)
            self._send_held()

    def stop(self) -> None:
        """Stop, and start nothing that is still held; its place stays."""
        self._held = [kept for command in self._held for kept in _without_start(command)]
        self._command(Stop())

    def send_loop(self) -> None:
        self._send(self._loop())

    def _loop(self) -> SetLoop:
        loop = self._wish.loop
        span = loop.span
        if span is not None:
            start = self._to_stream(span[0])
            span = (start, max(start + 1, self._to_stream(span[1])))
        return SetLoop(loop.on, span)

    def send_grid(self) -> None:
        """Tell where the bars lie, or that there are none."""
        grid = self._wish.grid
        self._send(SetGrid.of(None if grid is None else grid.scaled(self._ratio())))

    def send_sync(self) -> None:
        self._send(SetSync.of(self._wish.sync))

    def knows_all(self, status: Status) -> bool:
        """Return whether a status is from after all that was sent; one from before would flicker.

        A process that opens a device of another rate has no transport until `begin`.
        """
        return status.sample_rate == self._rate and status.commands >= self._commands

    def to_timeline(self, frame: int) -> int:
        return round(frame / self._ratio())

    def close(self) -> None:
        """Unlink what the process has not taken. Nothing is sent any more."""
        self._rate = None
        self._held.clear()
        self._preparing.clear()
        for block in self._blocks.values():
            block.close()
        self._blocks.clear()

    def _send_held(self) -> None:
        while self._held and not self._must_wait(self._held[0]):
            command = self._held.pop(0)
            match command:
                case ChooseSlot(slot_id=slot_id):
                    self._chosen = slot_id
                    self._command(command)
                case Play(frame=frame):
                    self._command(Play(None if frame is None else self._to_stream(frame)))
                case Seek(frame=frame):
                    self._command(Seek(self._to_stream(frame)))

    def _must_wait(self, command: Transport) -> bool:
        if isinstance(command, ChooseSlot):
            return command.slot_id in self._preparing
        return isinstance(command, Play) and self._chosen in self._preparing

    def _command(self, command: Transport | Stop) -> None:
        if self._rate is not None:
            self._commands += 1
            self._receiver.send(command)

    def _send(self, message: ToAudio) -> None:
        if self._rate is not None:
            self._receiver.send(message)

    def _bend(self, ratio: Fraction) -> Bend | None:
        """Return how slots become `ratio` times as long, None where they need not."""
        grid = self._wish.grid
        if ratio == 1 or grid is None:
            return None
        scaled = grid.scaled(self._ratio(Fraction(1)))
        return Bend(ratio, scaled.frames_per_beat, scaled.downbeat)

    def _ratio(self, ratio_of_tempo: Fraction | None = None) -> Fraction:
        """Return stream frames per timeline frame, by default at the present tempo."""
        rates = Fraction(self._rate or self._timeline_rate, self._timeline_rate)
        return rates * (self._ratio_of_tempo if ratio_of_tempo is None else ratio_of_tempo)

    def _to_stream(self, frame: int) -> int:
        return round(frame * self._ratio())


def _without_start(command: Transport) -> list[Transport]:
    """Return what is left of a held command when playback is stopped."""
    if not isinstance(command, Play):
        return [command]
    return [] if command.frame is None else [Seek(command.frame)]
