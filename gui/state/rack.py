"""The chain as the window sees it: which plugins, how each of them is, what the user wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

import msgspec
from PyQt6.QtCore import QObject, pyqtSignal

from engine.display_name import display_name, display_text
from gui.state.rack_thread import (
    ChainPlaces,
    ChainRead,
    PluginsKnown,
    PresetRead,
    PresetWritten,
    RackEvent,
    RackFailed,
    RackThread,
    ScanEnded,
    ScanMoved,
    TakeChainsRead,
)
from gui.state.take_chains import APP, TakeChains
from plugin_bridge.plugins.chain import MOST_SLOTS, Chain, ChainSlot
from plugin_bridge.plugins.facts import PluginFacts
from plugin_bridge.plugins.host_client import HostOptions
from plugin_bridge.plugins.host_events import (
    ChainReady,
    ChainSnapshot,
    HostGaveUp,
    HostRestarting,
    PluginQuarantined,
)
from plugin_bridge.plugins.host_messages import EditorClosed, HostRefused
from plugin_bridge.plugins.live import Output


class SlotState(Enum):
    """How a plugin is. The value is the word that is shown; empty: it is heard."""

    ON = ""
    LOADING = "loading"
    BYPASSED = "bypassed"
    CRASHED = "crashed, bypassed"
    QUARANTINED = "in quarantine"
    MISSING = "missing"

    @property
    def is_fault(self) -> bool:
        return self in (SlotState.CRASHED, SlotState.QUARANTINED, SlotState.MISSING)


@dataclass(frozen=True)
class HeldSlot:
    """A slot of the chain with what is known of its plugin. fault: None while it is well."""

    slot: ChainSlot
    name: str
    fault: SlotState | None = None
    is_loaded: bool = False

    @property
    def state(self) -> SlotState:
        if self.fault is not None:
            return self.fault
        if self.slot.bypass:
            return SlotState.BYPASSED
        return SlotState.ON if self.is_loaded else SlotState.LOADING


class Rack(QObject):
    """Owns the chain that playback goes through: the app's, or the heard take's own where it has
    one. UI thread only; nothing blocks but close().

    A plugin that crashes costs a sentence: playback goes on, and after the second crash without
    it. changed: the slots. plugins_changed: what can be added. said(sentence, level): the answer
    to a wish. noted(sentence, level): news nobody asked for.
    """

    changed = pyqtSignal()
    plugins_changed = pyqtSignal()
    said = pyqtSignal(str, str)
    noted = pyqtSignal(str, str)
    _arrived = pyqtSignal(object)

    def __init__(
        self,
        output: Output,
        places: ChainPlaces,
        options: HostOptions | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.slots: tuple[HeldSlot, ...] = ()
        self.effects: tuple[PluginFacts, ...] = ()
        self.is_scanning = False
        self._quarantined: frozenset[str] = frozenset()
        self._crashed: set[str] = set()
        self._editor_open = False
        self._is_read = False
        self._chains = TakeChains()
        self._heard_take = APP
        #: Another owner's chain, until it is heard: what plugins told before is of the last one.
        self._awaited: Chain | None = None
        self._arrived.connect(self._on_event)
        options = options or HostOptions()
        self._rate = options.sample_rate
        self._thread = RackThread(output, options, places, self._arrived.emit)

    @property
    def chain(self) -> Chain:
        """Return the chain as a value, with the settings that its plugins last told."""
        return Chain(tuple(held.slot for held in self.slots))

    @property
    def is_own(self) -> bool:
        """Whether the chain that is shown is the heard take's own."""
        return self._chains.owner != APP

    def wet_chain(self, take_id: str = APP) -> Chain:
        """Return what is heard of a take's chain: the plugins that are on. APP: of the app's."""
        owner = self._chains.owner_for(take_id)
        slots = self.slots
        if owner != self._chains.owner:
            held = map(self._held, self._chains.others.get(owner, Chain()).slots)
            slots = tuple(replace(h, fault=self._fault(h) if self.effects else None) for h in held)
        on = (SlotState.ON, SlotState.LOADING)
        return Chain(tuple(held.slot for held in slots if held.state in on))

    def hear(self, take_id: str) -> None:
        """Go over to the chain of what is heard now. take_id: APP where it is no take."""
        self._heard_take = take_id
        owner = self._chains.owner_for(take_id)
        if owner != self._chains.owner:
            self._save()
            chains, chain = self._chains.turned_to(owner, self.chain)
            self._turn(chains, chain)

    def give_own_chain(self) -> None:
        """Give the take that is heard a chain of its own, to begin with as the shown one."""
        if not self._heard_take:
            self.said.emit("This sound is no take; choose one first, with A to H.", "")
        elif self.is_own:
            self.said.emit("This take has a chain of its own already.", "")
        else:
            self._save()
            self._chains = self._chains.given_to(self._heard_take, self.chain)
            self._save()
            self.changed.emit()
            self.said.emit("This take has a chain of its own now; the others keep theirs.", "")

    def share_chain(self) -> None:
        """Have the heard take go through the app's chain again; its own is given up."""
        if not self.is_own:
            self.said.emit("This sound goes through the app's chain already.", "")
            return
        self._thread.forget(self._chains.owner)
        self._turn(*self._chains.taken_away())
        self.said.emit("This take goes through the app's chain again.", "")

    def add(self, plugin_id: str) -> None:
        """Put a plugin at the end of the chain."""
        if len(self.slots) >= MOST_SLOTS:
            self.said.emit(f"A chain has at most {MOST_SLOTS} plugins; remove one first.", "warn")
            return
        self._set((*self.slots, self._held(ChainSlot(plugin_id))))

    def remove(self, index: int) -> None:
        """Take a plugin out of the chain."""
        if self._has(index):
            name = self.slots[index].name
            self._set((*self.slots[:index], *self.slots[index + 1 :]))
            self.said.emit(f"{name} is out of the chain.", "")

    def move(self, index: int, by: int) -> None:
        """Have a plugin heard earlier (negative) or later."""
        place = index + by
        if self._has(index) and self._has(place):
            slots = list(self.slots)
            slots.insert(place, slots.pop(index))
            self._set(tuple(slots))

    def toggle_bypass(self, index: int) -> None:
        """Pass a plugin by, or hear it again. One that failed is loaded again."""
        if not self._has(index):
            self.said.emit(f"There is no plugin {index + 1} in the chain.", "")
            return
        held = self.slots[index]
        if held.state.is_fault:
            self.reload(index)
        else:
            self._change(index, bypass=not held.slot.bypass)
            words = "is heard again" if held.slot.bypass else "is bypassed"
            self.said.emit(f"{held.name} {words}.", "")

    def toggle_all(self) -> None:
        """Pass every plugin by, or hear all of them."""
        if not self.slots:
            self.said.emit("There is no plugin in the chain.", "")
            return
        bypass = not all(held.slot.bypass for held in self.slots)
        self._set(tuple(_changed(held, bypass=bypass) for held in self.slots))
        self.said.emit("The chain is bypassed." if bypass else "The chain is heard again.", "")

    def set_mix(self, index: int, mix: float) -> None:
        """Hear so much of a plugin. mix: 0 = dry, 1 = wet."""
        if self._has(index) and self.slots[index].slot.mix != mix:
            self._change(index, mix=mix)

    def show_editor(self, index: int) -> None:
        """Open a plugin's own window."""
        if self._has(index):
            self._close_editor()
            self._editor_open = True
            self._thread.show_editor(index)

    def load_preset(self, index: int, path: Path) -> None:
        """Set a plugin as a file says."""
        if self._has(index):
            self._close_editor()
            held = self.slots[index]
            self._thread.load_preset(index, held.slot, path)
            self.said.emit(f"{held.name} is set as “{display_name(path)}” says.", "")

    def save_preset(self, index: int, path: Path) -> None:
        """Keep a plugin's settings in a file, in place of one that is there."""
        if self._has(index):
            self._close_editor()
            self._thread.save_preset(index, self.slots[index].slot, path)

    def reload(self, index: int) -> None:
        """Try a plugin again that crashed, is in quarantine, or was not found."""
        if self._has(index):
            held = self.slots[index]
            self._crashed.discard(held.slot.plugin_id)
            again = replace(held, fault=None, is_loaded=False)
            self._show((*self.slots[:index], again, *self.slots[index + 1 :]))
            self._thread.allow(held.slot.plugin_id, self.chain)
            self.said.emit(f"{held.name} is loaded again.", "")

    def scan(self, places: Sequence[Path] | None = None) -> None:
        """Find out in the background what plugins there are."""
        if not self.is_scanning:
            self.is_scanning = True
            self.said.emit("Looking for plugins.", "")
            self._thread.scan(places)

    def use_rate(self, sample_rate: int) -> None:
        """Go on at the output's rate: plugins are loaded for one."""
        if sample_rate != self._rate:
            self._rate = sample_rate
            self._show(tuple(replace(held, is_loaded=False) for held in self.slots))
            self._thread.use_rate(sample_rate, self.chain)

    def close(self) -> None:
        """End the plugin host and keep the chain; nothing is told any more."""
        self._arrived.disconnect(self._on_event)
        self._close_editor()
        self._save()
        self._thread.close()

    def _has(self, index: int) -> bool:
        return 0 <= index < len(self.slots)

    def _held(self, slot: ChainSlot) -> HeldSlot:
        return HeldSlot(slot, self._name(slot.plugin_id))

    def _name(self, plugin_id: str) -> str:
        names = {facts.plugin_id: facts.name for facts in self.effects}
        parts = plugin_id.split("-")
        return display_text(names.get(plugin_id) or "-".join(parts[1:-1]) or plugin_id)

    def _change(self, index: int, *, bypass: bool | None = None, mix: float | None = None) -> None:
        held = _changed(self.slots[index], bypass=bypass, mix=mix)
        self._set((*self.slots[:index], held, *self.slots[index + 1 :]))

    def _set(self, slots: tuple[HeldSlot, ...]) -> None:
        """Show and hear other slots."""
        self._close_editor()
        self._is_read = True
        self._show(slots)
        self._thread.set_chain(self.chain)
        if self._awaited is not None:
            self._awaited = self.chain
        if not slots:
            self._save()

    def _turn(self, chains: TakeChains, chain: Chain) -> None:
        """Show and hear another owner's chain."""
        self._close_editor()
        self._chains = chains
        self.slots = tuple(map(self._held, chain.slots))
        self.changed.emit()
        self._awaited = chain
        self._thread.set_chain(chain, anew=True)

    def _save(self) -> None:
        """Keep the shown chain; the app's only once it is known what it was."""
        if self.is_own or self._is_read:
            self._thread.save(self.chain, self._chains.owner)

    def _show(self, slots: tuple[HeldSlot, ...]) -> None:
        if slots != self.slots:
            self.slots = slots
            self.changed.emit()

    def _close_editor(self) -> None:
        """While a plugin's window is open its host sets no chain."""
        if self._editor_open:
            self._editor_open = False
            self._thread.close_editor()

    # --- what comes back ------------------------------------------------------------------------

    def _on_event(self, event: RackEvent) -> None:
        match event:
            case PluginsKnown():
                self.effects, self._quarantined = event.effects, event.quarantined
                named = (replace(h, name=self._name(h.slot.plugin_id)) for h in self.slots)
                self._show(tuple(named))
                self.plugins_changed.emit()
            case ChainRead(chain=chain):
                self._is_read = True
                self._chains = self._chains.with_app(chain)
                if not self.is_own and not self.slots and chain.slots:
                    self._set(tuple(map(self._held, chain.slots)))
            case TakeChainsRead(chains=chains):
                self._chains = self._chains.with_others(chains)
                self.hear(self._heard_take)
            case ScanMoved() | ScanEnded():
                self._on_scan(event)
            case PresetRead() | PresetWritten():
                self._on_preset(event)
            case RackFailed():
                self.said.emit(event.sentence, "fault")
            case _:
                self._on_host_event(event)

    def _on_scan(self, event: ScanMoved | ScanEnded) -> None:
        if isinstance(event, ScanMoved):
            self.noted.emit(f"Plugins: {event.done} of {event.total}, {event.name}.", "")
            return
        self.is_scanning = False
        self.said.emit(event.sentence, event.level)
        self.plugins_changed.emit()

    def _on_preset(self, event: PresetRead | PresetWritten) -> None:
        if isinstance(event, PresetWritten):
            self.said.emit(f"“{event.name}” is saved.", "")
        elif self._has(event.index):
            held = self.slots[event.index]
            if held.slot.plugin_id == event.slot.plugin_id:
                held = replace(held, slot=slot_like(held.slot, event.slot))
                self._set((*self.slots[: event.index], held, *self.slots[event.index + 1 :]))

    def _on_host_event(self, event: RackEvent) -> None:
        match event:
            case ChainReady():
                self._on_ready(event)
            case ChainSnapshot(chain=chain):
                self._adopt(chain)
            case HostRestarting(plugin_id=plugin_id):
                self._editor_open = False
                who = self._name(plugin_id) if plugin_id else "The plugin host"
                self.noted.emit(f"{who} crashed and is loaded again; playback goes on dry.", "warn")
            case PluginQuarantined(plugin_id=plugin_id):
                self._crashed.add(plugin_id)
                self._quarantined |= {plugin_id}
                sentence = "crashed again and is bypassed; playback goes on, reload tries it again."
                self.noted.emit(f"{self._name(plugin_id)} {sentence}", "fault")
            case HostGaveUp():
                failed = (replace(h, fault=SlotState.CRASHED, is_loaded=False) for h in self.slots)
                self._show(tuple(failed))
                words = "The plugin host stopped again and again; playback goes on dry"
                self.noted.emit(f"{words}, reload tries it again.", "fault")
            case HostRefused(sentence=sentence):
                self._editor_open = False
                self.noted.emit(sentence, "fault")
            case EditorClosed(sentence=sentence):
                self._editor_open = False
                if sentence:
                    self.said.emit(sentence, "warn")
            case _:
                pass

    def _on_ready(self, event: ChainReady) -> None:
        if self._awaited is not None and event.chain != self._awaited:
            return
        self._awaited = None
        if not _same_plugins(event.chain, self.chain):
            return
        problems = dict(event.problems)
        shown: list[HeldSlot] = []
        for index, held in enumerate(self.slots):
            fault = self._fault(held) if index in problems else None
            is_news = index in problems and (held.fault is None or held.fault is not fault)
            if is_news and fault is not SlotState.CRASHED:
                self.noted.emit(problems[index], "warn")
            shown.append(replace(held, fault=fault, is_loaded=fault is None))
        self._show(tuple(shown))

    def _fault(self, held: HeldSlot) -> SlotState | None:
        """Return why a plugin is passed by, None: it is heard, but not set as it should be."""
        plugin_id = held.slot.plugin_id
        if plugin_id in self._crashed:
            return SlotState.CRASHED
        if plugin_id in self._quarantined:
            return SlotState.QUARANTINED
        known = any(facts.plugin_id == plugin_id for facts in self.effects)
        return None if known else SlotState.MISSING

    def _adopt(self, chain: Chain) -> None:
        """Keep what the plugins say of themselves, unless something else is wanted meanwhile."""
        if self._awaited is not None or not _same_plugins(chain, self.chain):
            return
        self.slots = tuple(
            replace(held, slot=slot_like(held.slot, told))
            for held, told in zip(self.slots, chain.slots, strict=True)
        )
        self._save()


def slot_like(slot: ChainSlot, told: ChainSlot) -> ChainSlot:
    """Return a slot with the settings that its plugin told."""
    return msgspec.structs.replace(slot, state=told.state, parameters=told.parameters)


def _same_plugins(one: Chain, other: Chain) -> bool:
    return [slot.plugin_id for slot in one.slots] == [slot.plugin_id for slot in other.slots]


def _changed(held: HeldSlot, *, bypass: bool | None = None, mix: float | None = None) -> HeldSlot:
    slot = held.slot
    bypass, mix = slot.bypass if bypass is None else bypass, slot.mix if mix is None else mix
    return replace(held, slot=msgspec.structs.replace(slot, bypass=bypass, mix=mix))
