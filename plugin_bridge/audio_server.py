"""The audio process at work: commands in, statuses out, between them the deck and its output."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

import msgspec

from engine.errors import AppError
from engine.pipes import LineWriter, read_lines
from plugin_bridge.audio_blocks import copy_block
from plugin_bridge.audio_deck import Deck
from plugin_bridge.audio_faults import AudioFault, AudioFaults
from plugin_bridge.audio_keeper import (
    OutputKeeper,
    OutputRequest,
    SoundPort,
    ends_the_process_when_it_fails,
)
from plugin_bridge.audio_messages import (
    AudioPing,
    AudioPong,
    ChooseSlot,
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
    SetInsert,
    SetLoop,
    SetSync,
    SlotTaken,
    Status,
    Stop,
    ToAudio,
    UseKept,
    decode_to_audio,
    encode_audio,
)
from plugin_bridge.audio_stage import Stage
from plugin_bridge.audio_sync import SyncKeeper
from plugin_bridge.devices import DeviceProblem
from plugin_bridge.plugins.insert import Insert
from plugin_bridge.plugins.plugin_ring import PluginRing
from plugin_bridge.slots import Grid, Slot, check_gain

_log = logging.getLogger(__name__)

STATUS_SECONDS = 1 / 30
#: While nothing changes.
_REST_STATUS_SECONDS = 0.5
#: A replaced slot is freed here, when no fade can need it: freeing takes time.
_RETIRED_SECONDS = 2.0
_SHOWN_BYTES = 200


class AudioServer:
    """Serves one app until it closes the pipe. `serve` is for the main thread."""

    def __init__(
        self,
        port: SoundPort,
        request: OutputRequest,
        faults: tuple[AudioFault, ...],
        to_app: int,
    ) -> None:
        self._writer = LineWriter(to_app)
        self._deck = Deck(request.sample_rate)
        self._slots: dict[str, Slot] = {}
        self._retired: deque[tuple[float, Slot | PluginRing]] = deque()
        self._ring: PluginRing | None = None
        self._kept: dict[str, Slot] = {}
        self._ended = threading.Event()
        self._keeper = OutputKeeper(port, self._deck, request, self._send)
        self._sync = SyncKeeper(self._deck, self._send)
        self._faults = AudioFaults(faults, self._send_raw, self._keeper.lose)
        self._reporter = threading.Thread(target=self._report, name="reporter", daemon=True)

    def serve(self, from_app: int) -> int:
        """Obey until the app is gone or says so. Returns an exit code."""
        self._reporter.start()
        for line in read_lines(from_app):
            if not self._obey_line(line):
                break
        self._ended.set()
        self._reporter.join()
        self._sync.close()
        self._keeper.close()
        self._retire_ring()
        while self._retired:
            self._free(self._retired.popleft()[1])
        return 0

    def _obey_line(self, line: bytes) -> bool:
        """Do what one line says. Returns whether there is more to come."""
        try:
            message = decode_to_audio(line)
            if isinstance(message, EndAudio):
                return False
            self._obey(message)
        except msgspec.MsgspecError as error:
            _log.warning("Nonsense from the app: %r", line[:_SHOWN_BYTES])
            self._send(Refused("The audio process was sent a line that is no message.", str(error)))
        except AppError as error:
            self._send(Refused(error.sentence, error.details))
        return True

    def _obey(self, message: ToAudio) -> None:
        match message:
            case AudioPing(number=number):
                self._send(AudioPong(number))
            case SetInsert(ring=ring):
                self._go_through(ring)
            case SetDevice(name=name):
                self._keeper.choose(name)
            case SetSync():
                self._sync.choose(message.request)
            case PutSlot():
                self._send(SlotTaken(message.number, self._put(message)))
            case UseKept(grid=SetGrid(grid=Grid() as grid), loop=loop):
                self._use_kept(grid, loop)
            case DropSlot(slot_id=slot_id):
                self._retire(slot_id)
                self._kept.pop(slot_id, None)
                self._deck.post(lambda stage: stage.player.drop(slot_id))
            case SetGain(slot_id=slot_id, gain=gain):
                check_gain(gain)
                self._deck.post(lambda stage: stage.player.set_gain(slot_id, gain))
            case _:
                command, counted = _transport(message)
                self._deck.post(command, counted=counted)

    def _put(self, message: PutSlot) -> str:
        """Copy a block and hand it to the player. Returns why it was refused, "" if not."""
        try:
            samples = copy_block(message.block, message.frames)
            slot = Slot(message.slot_id, samples, message.start, message.gain)
        except (OSError, ValueError, MemoryError) as error:
            _log.warning("Slot %s: %s", message.slot_id, error)
            return f"“{message.slot_id}” did not reach the audio process: {error}."
        if message.is_kept_back:
            self._kept[slot.slot_id] = slot
            return ""
        self._retire(slot.slot_id)
        self._slots[slot.slot_id] = slot
        rate = message.sample_rate

        def put(stage: Stage) -> None:
            if stage.player.sample_rate == rate:  # else the app sends it again at the new rate
                stage.player.put(slot)

        self._deck.post(put)
        return ""

    def _use_kept(self, grid: Grid, loop: SetLoop) -> None:
        kept, self._kept = self._kept, {}
        for slot_id, slot in kept.items():
            self._retire(slot_id)
            self._slots[slot_id] = slot
        on, chosen = loop.on, loop.chosen
        self._deck.post(lambda stage: stage.exchange(tuple(kept.values()), grid, on, chosen))

    def _retire(self, slot_id: str) -> None:
        if (slot := self._slots.pop(slot_id, None)) is not None:
            self._retired.append((time.monotonic(), slot))

    def _go_through(self, ring: str) -> None:
        """Play through a plugin host, or through none. Raises DeviceProblem when it is gone."""
        self._retire_ring()
        if not ring:
            return
        try:
            self._ring = PluginRing.attach(ring)
        except (OSError, ValueError) as error:
            raise DeviceProblem("The plugins are gone; load them again.", str(error)) from error
        self._deck.use_insert(Insert(self._ring))

    def _retire_ring(self) -> None:
        if self._ring is not None:
            self._deck.use_insert(None)
            self._retired.append((time.monotonic(), self._ring))
            self._ring = None

    def _free(self, retired: Slot | PluginRing) -> None:
        if isinstance(retired, PluginRing):
            retired.close()

    def _report(self) -> None:
        with ends_the_process_when_it_fails():
            self._tell_statuses()

    def _tell_statuses(self) -> None:
        last, sent_at = None, 0.0
        while not self._ended.wait(STATUS_SECONDS):
            status, now = self._status(), time.monotonic()
            if status.is_playing:
                self._faults.at_status()
            if status != last or now - sent_at >= _REST_STATUS_SECONDS:
                last, sent_at = status, now
                self._send(status)
            self._sync.look()
            self._tell_fault()
            while self._retired and now - self._retired[0][0] >= _RETIRED_SECONDS:
                self._free(self._retired.popleft()[1])

    def _status(self) -> Status:
        deck = self._deck
        seen = deck.seen
        return Status(
            seen.sample_rate,
            seen.frame,
            seen.slot_id,
            seen.is_playing,
            seen.commands,
            deck.take_peaks(),
            deck.under_runs,
            deck.late,
        )

    def _tell_fault(self) -> None:
        fault, self._deck.fault = self._deck.fault, None
        if fault is not None:
            _log.error("A block failed", exc_info=fault)
            self._send(Refused("A block of audio could not be rendered.", repr(fault)))

    def _send(self, message: FromAudio) -> None:
        self._send_raw(encode_audio(message))

    def _send_raw(self, line: bytes) -> None:
        try:
            self._writer.write(line)
        except OSError:  # the app is gone, which the other pipe says too
            self._ended.set()


def _transport(message: ToAudio) -> tuple[Callable[[Stage], None], bool]:
    """Return what a message does to the stage, and whether it counts in the status."""
    match message:
        case ChooseSlot(slot_id=slot_id, at=at):
            return lambda stage: stage.player.choose(slot_id, at), True
        case Play(frame=frame):
            return lambda stage: stage.play(frame), True
        case Seek(frame=frame):
            return lambda stage: stage.seek(frame), True
        case SetLoop():
            on, chosen = message.on, message.chosen
            return lambda stage: stage.player.set_loop(on, chosen), False
        case SetGrid():
            grid = message.grid
            return lambda stage: stage.player.set_grid(grid), False
        case _:
            assert isinstance(message, Stop)  # the others are obeyed elsewhere
            return lambda stage: stage.stop(), True
