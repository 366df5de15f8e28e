"""The plugin host at work: chains in, snapshots out, on the main thread; audio on another."""

from __future__ import annotations

import logging
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.errors import AppError, BadArgument
from engine.pipes import LineWriter, read_lines
from plugin_bridge.plugins.chain import MOST_SLOTS, STATES_LIMIT_BYTES, ChainSlot
from plugin_bridge.plugins.editor_screen import what_the_screen_lacks
from plugin_bridge.plugins.facts import ParameterValue
from plugin_bridge.plugins.host_messages import (
    ChainSet,
    CloseEditor,
    EditorClosed,
    EndHost,
    FromHost,
    HostPing,
    HostPong,
    HostReady,
    HostRefused,
    LoadPreset,
    PresetTaken,
    SetChain,
    ShowEditor,
    SlotSnapshot,
    Snapshot,
    TakePreset,
    ToHost,
    decode_to_host,
    encode_host,
)
from plugin_bridge.plugins.hosted_plugin import HostedPlugin
from plugin_bridge.plugins.plugin_ring import NO_SLOT, PluginRing
from plugin_bridge.plugins.rack import RackSlot
from plugin_bridge.plugins.ring_loop import RingLoop

_log = logging.getLogger(__name__)

#: A snapshot is taken once nothing was set for so long.
_SETTLED_SECONDS = 0.5
_SHOWN_BYTES = 200
#: How long the main thread may take to end once the app is gone.
_END_SECONDS = 2.0

Load = Callable[[str, str | None], Any]


@dataclass(eq=False)
class _Loaded:
    """A slot's plugin and what it was last told. plugin None: it could not be had."""

    file: str
    name: str
    plugin: HostedPlugin | None
    slot: RackSlot
    is_new: bool = False
    state: bytes = b""
    parameters: dict[str, ParameterValue] = field(default_factory=dict[str, ParameterValue])


class HostServer:
    """Serves one app until it closes the pipe. `serve` is for the main thread."""

    def __init__(
        self, load: Load, ring: PluginRing, sample_rate: int, block_frames: int, to_app: int
    ) -> None:
        self._load = load
        self._ring = ring
        self._sample_rate, self._block_frames = sample_rate, block_frames
        self._writer = LineWriter(to_app)
        self._loop = RingLoop(ring, block_frames)
        self._orders: queue.SimpleQueue[ToHost] = queue.SimpleQueue()
        self._loaded: list[_Loaded] = []
        #: Of other chains that were heard: what comes back need not be loaded again.
        self._spares: list[_Loaded] = []
        self._chain_number = 0
        #: One for each editor that was asked for, in that order: a wish to close it may come
        #: before it is open.
        self._editor_ends: queue.SimpleQueue[threading.Event] = queue.SimpleQueue()
        self._open_ends: list[threading.Event] = []

    def serve(self, from_app: int) -> int:
        """Obey until the app is gone or says so. Returns an exit code."""
        threading.Thread(target=self._read, args=(from_app,), name="orders", daemon=True).start()
        self._send(HostReady())
        is_settled = True
        while True:
            try:
                order = self._orders.get(timeout=None if is_settled else _SETTLED_SECONDS)
            except queue.Empty:
                is_settled = True
                self._tell_snapshot()
                continue
            if isinstance(order, EndHost):
                return 0
            is_settled = self._obey(order) and is_settled

    # --- on the thread that reads -------------------------------------------------------------

    def _read(self, from_app: int) -> None:
        """Answer what must be answered while a plugin's window is open, and queue the rest."""
        for line in read_lines(from_app):
            try:
                order = decode_to_host(line)
            except msgspec.MsgspecError as error:
                _log.warning("Nonsense from the app: %r", line[:_SHOWN_BYTES])
                sentence = "The plugin host was sent a line that is no message."
                self._send(HostRefused(0, sentence, str(error)))
                continue
            match order:
                case HostPing(number=number):
                    self._send(HostPong(number))
                case CloseEditor():
                    self._close_editors()
                case ShowEditor():
                    end = threading.Event()
                    self._open_ends.append(end)
                    self._editor_ends.put(end)
                    self._orders.put(order)
                case _:
                    self._orders.put(order)
        self._close_editors()
        self._orders.put(EndHost())
        time.sleep(_END_SECONDS)
        os._exit(0)  # a plugin holds up the main thread, and nobody is there to end this process

    def _close_editors(self) -> None:
        for end in self._open_ends:
            end.set()
        self._open_ends.clear()

    # --- on the main thread ---------------------------------------------------------------------

    def _obey(self, order: ToHost) -> bool:
        """Do what one message says. Returns whether every plugin is as it was."""
        try:
            match order:
                case SetChain():
                    self._set_chain(order)
                    return False
                case LoadPreset(slot=slot, path=path):
                    with self._loop.resting:
                        self._plugin(slot).load_preset(path)
                    return False
                case TakePreset(number=number, slot=slot):
                    self._send(PresetTaken(number, self._plugin(slot).preset))
                case ShowEditor(slot=slot):
                    self._show_editor(slot)
                    return False
                case _:
                    pass
        except AppError as error:
            number = getattr(order, "number", 0)
            self._send(HostRefused(number, error.sentence, error.details))
        return True

    def _set_chain(self, order: SetChain) -> None:
        unused = list(self._loaded)
        self._loaded = [self._have(index, order, unused) for index in range(len(order.files))]
        if order.anew:
            self._spares = [*unused, *self._spares][:MOST_SLOTS]
        new = [index for index, loaded in enumerate(self._loaded) if loaded.is_new]
        known = [index for index, loaded in enumerate(self._loaded) if not loaded.is_new]
        problems = [*self._settle_some(order, new)]
        # Another chain may have the same plugins, set otherwise: the present one must not be heard
        # with these settings.
        with self._loop.resting if order.anew else nullcontext():
            problems += self._settle_some(order, known)
            for loaded in self._loaded if order.anew else ():
                loaded.slot = RackSlot(loaded.plugin, loaded.slot.mix)
            self._loop.use([loaded.slot for loaded in self._loaded])
        self._chain_number = order.number
        self._send(ChainSet(order.number, self._loop.latency_frames, tuple(sorted(problems))))

    def _settle_some(self, order: SetChain, places: list[int]) -> Iterator[tuple[int, str]]:
        """Give plugins their settings; yields (slot, sentence) of those that do not take them."""
        for index in places:
            loaded = self._loaded[index]
            if loaded.is_new:
                self._ring.loading = index  # if the process ends now, it was this plugin
            try:
                self._settle(loaded, order.chain.slots[index])
            except BadArgument as error:
                yield index, error.sentence
        self._ring.loading = NO_SLOT

    def _have(self, index: int, order: SetChain, unused: list[_Loaded]) -> _Loaded:
        """Return a slot's plugin: one that is loaded already, or a new one."""
        file, name = order.files[index], order.names[index]
        for loaded in unused:
            if (loaded.file, loaded.name) == (file, name):
                unused.remove(loaded)
                return loaded
        for loaded in self._spares:
            if (loaded.file, loaded.name) == (file, name):
                self._spares.remove(loaded)
                loaded.is_new = True  # to be prepared again: it keeps what it heard last
                return loaded
        slot = order.chain.slots[index]
        if not file:
            return _Loaded(file, name, None, RackSlot(None, 0.0))
        self._ring.loading = index
        plugin = HostedPlugin(lambda: self._load(file, name or None))
        return _Loaded(file, name, plugin, RackSlot(plugin, _mix_of(slot)), is_new=True)

    def _settle(self, loaded: _Loaded, slot: ChainSlot) -> None:
        """Give a plugin its settings, as far as they are new. Raises BadArgument."""
        loaded.slot.mix = _mix_of(slot)
        plugin = loaded.plugin
        if plugin is None:
            return
        if slot.state and slot.state != loaded.state:
            with self._loop.resting:
                plugin.set_state(slot.state)
            loaded.state = slot.state
            loaded.parameters = {}
        for key, value in slot.parameters.items():
            if loaded.parameters.get(key) != value:
                plugin.set_parameter(key, value)
                loaded.parameters[key] = value
        if loaded.is_new or plugin.latency_changed:
            # After the settings: it is the silence of this that brings them into the state.
            with self._loop.resting:
                plugin.prepare(self._sample_rate, self._block_frames)
            loaded.slot = RackSlot(plugin, _mix_of(slot))
            loaded.is_new = False

    def _tell_snapshot(self) -> None:
        slots: list[SlotSnapshot | None] = []
        room = STATES_LIMIT_BYTES
        for loaded in self._loaded:
            taken = None if loaded.plugin is None else self._snapshot(loaded, loaded.plugin, room)
            room -= 0 if taken is None else len(taken.state)
            slots.append(taken)
        self._send(Snapshot(self._chain_number, tuple(slots), self._loop.latency_frames))

    def _snapshot(self, loaded: _Loaded, plugin: HostedPlugin, room_bytes: int) -> SlotSnapshot:
        state = plugin.state
        if len(state) > room_bytes:
            _log.warning("A state of %d bytes is too large to keep", len(state))
            state = b""
        values: dict[str, ParameterValue] = {
            key: value
            for key, value in plugin.values().items()
            if not isinstance(value, float) or math.isfinite(value)
        }
        loaded.state = state
        loaded.parameters = values
        return SlotSnapshot(state, values)

    def _show_editor(self, slot: int) -> None:
        end = self._editor_ends.get()
        plugin = self._plugin(slot)
        sentence = what_the_screen_lacks()
        if not sentence:
            self._ring.loading = slot  # if the process ends now, it was this plugin's window
            try:
                plugin.show_editor(end)
            except RuntimeError as error:
                _log.warning("No editor: %s", error)
                sentence = "The plugin has no window of its own; set its parameters instead."
            self._ring.loading = NO_SLOT
        self._send(EditorClosed(slot, sentence))

    def _plugin(self, index: int) -> HostedPlugin:
        loaded = self._loaded[index] if 0 <= index < len(self._loaded) else None
        if loaded is None or loaded.plugin is None:
            raise BadArgument(f"There is no plugin in slot {index + 1} of the chain.")
        return loaded.plugin

    def _send(self, message: FromHost) -> None:
        try:
            self._writer.write(encode_host(message))
        except OSError:  # the app is gone, which the other pipe says too
            self._orders.put(EndHost())


def _mix_of(slot: ChainSlot) -> float:
    return 0.0 if slot.bypass else slot.mix
