"""The threads behind the chain: the plugins' index, their host, their scan. No Qt."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engine.action_loop import Action, ActionLoop, Turns
from engine.atomic_file import write_atomically, write_problem
from engine.display_name import display_name
from engine.errors import AppError, BadInputFile
from engine.input_file import open_regular_file
from gui.state.take_chains import APP
from plugin_bridge.plugins.chain import Chain, ChainSlot, encode_chain, read_chain
from plugin_bridge.plugins.facts import PluginFacts
from plugin_bridge.plugins.folders import default_folders, find_candidates
from plugin_bridge.plugins.host_client import HostOptions
from plugin_bridge.plugins.host_events import HostEvent
from plugin_bridge.plugins.host_messages import PresetTaken
from plugin_bridge.plugins.hosted_plugin import PluginProblem
from plugin_bridge.plugins.live import LivePlugins, Output
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.presets import (
    CHAIN_SUFFIX,
    PRESET_SUFFIX,
    check_preset_path,
    slot_file,
    slot_in_file,
)
from plugin_bridge.plugins.scan import ScanLimits, allow, scan

_log = logging.getLogger(__name__)

#: Whoever lets one plugin out of quarantine waits for it longer than for one of a hundred.
_ALLOWED_SECONDS = 60.0
#: A plugin that hangs while it is scanned does not hold up the end.
_SCAN_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class ChainPlaces:
    """app: the file of the app's chain. takes: a folder with one for each take that has its own."""

    app: Path
    takes: Path

    def of(self, owner: str) -> Path:
        return self.app if owner == APP else self.takes / f"{owner}{CHAIN_SUFFIX}"


@dataclass(frozen=True)
class PluginsKnown:
    """Every effect that may be used, by name, and the ids of those in quarantine."""

    effects: tuple[PluginFacts, ...]
    quarantined: frozenset[str]


@dataclass(frozen=True)
class ChainRead:
    """The chain of the last session."""

    chain: Chain


@dataclass(frozen=True)
class TakeChainsRead:
    """The chains of takes that have one of their own, by their ids."""

    chains: dict[str, Chain]


@dataclass(frozen=True)
class ScanMoved:
    """So many of the candidates are known, the last of them this one."""

    done: int
    total: int
    name: str


@dataclass(frozen=True)
class ScanEnded:
    """sentence: what was found, or why the scan broke off."""

    sentence: str
    level: str = ""


@dataclass(frozen=True)
class RackFailed:
    """Something came to nothing."""

    sentence: str


@dataclass(frozen=True)
class PresetRead:
    """A chain's file had this slot, for the plugin in this place."""

    index: int
    slot: ChainSlot
    name: str


@dataclass(frozen=True)
class PresetWritten:
    """A preset's file is there."""

    name: str


RackEvent = (
    HostEvent
    | PluginsKnown
    | ChainRead
    | TakeChainsRead
    | ScanMoved
    | ScanEnded
    | RackFailed
    | PresetRead
    | PresetWritten
)


class RackThread:
    """Does what the rack wants. Methods: any thread, none blocks but close().

    `tell` is called on several threads and must not block. places: where chains are kept.
    """

    def __init__(
        self,
        output: Output,
        options: HostOptions,
        places: ChainPlaces,
        tell: Callable[[RackEvent], None],
    ) -> None:
        self._output, self._options, self._places = output, options, places
        self._tell = tell
        self._index: PluginIndex | None = None
        self._live: LivePlugins | None = None
        self._wanted: Chain | None = None
        self._anew = False
        #: Where what was asked of the host goes, by the number of the question.
        self._presets: dict[int, Path] = {}
        self._stopped = threading.Event()
        self._scanner: threading.Thread | None = None
        self._loop = ActionLoop[RackEvent]("rack", tell)
        self._loop.start(
            Turns(partial(self._try, self._open), lambda: None, lambda: None, self._end)
        )

    def set_chain(self, chain: Chain, *, anew: bool = False) -> None:
        """Have a chain heard; of several in a row the last. anew: it is another owner's."""
        self._wanted, self._anew = chain, self._anew or anew
        self._loop.do(partial(self._try, self._set_wanted))

    def save(self, chain: Chain, owner: str) -> None:
        """Keep a chain for the next session. owner: the take whose it is, or APP."""
        self._loop.do(partial(self._try, partial(self._save, chain, self._places.of(owner))))

    def forget(self, owner: str) -> None:
        """Keep no chain of this take any more."""
        self._loop.do(partial(self._try, partial(_delete, self._places.of(owner))))

    def use_rate(self, sample_rate: int, chain: Chain) -> None:
        """Go on at the output's rate. chain: with the settings that its plugins last told."""
        self._loop.do(partial(self._try, partial(self._use_rate, sample_rate, chain)))

    def show_editor(self, slot: int) -> None:
        """Show a plugin's own window."""
        self._loop.do(partial(self._show_editor, slot))

    def close_editor(self) -> None:
        """Close the window that is open; until then the host sets no chain."""
        self._loop.do(self._close_editor)

    def load_preset(self, index: int, slot: ChainSlot, path: Path) -> None:
        """Set a plugin as a file says: a .vstpreset, or a chain's, of which PresetRead tells."""
        self._loop.do(partial(self._try, partial(self._load_preset, index, slot, path)))

    def save_preset(self, index: int, slot: ChainSlot, path: Path) -> None:
        """Keep a plugin's settings in a file; PresetWritten tells. slot: its settings."""
        self._loop.do(partial(self._try, partial(self._save_preset, index, slot, path)))

    def allow(self, plugin_id: str, chain: Chain) -> None:
        """Let a plugin out of quarantine and set the chain anew."""
        self._loop.do(partial(self._try, partial(self._allow, plugin_id, chain)))

    def scan(self, places: Sequence[Path] | None = None) -> None:
        """Find out what plugins there are, by default in this platform's folders; ScanEnded tells.

        While one scan runs, another is not begun.
        """
        if self._scanner is None or not self._scanner.is_alive():
            folders = default_folders() if places is None else tuple(places)
            self._scanner = threading.Thread(
                target=self._scan, args=(folders,), name="rack-scan", daemon=True
            )
            self._scanner.start()

    def close(self) -> None:
        """End the plugin host; nothing is heard through plugins any more."""
        self._stopped.set()
        self._loop.close()
        if self._scanner is not None:
            self._scanner.join(_SCAN_PATIENCE_SECONDS)

    # --- on the rack's own thread -----------------------------------------------------------------

    def _try(self, action: Action) -> None:
        try:
            action()
        except AppError as error:
            _log.warning("%s %s", error.sentence, error.details)
            self._loop.emit(RackFailed(error.sentence))

    def _open(self) -> None:
        self._index = PluginIndex()
        self._live = LivePlugins(self._output, self._index, self._options, self._on_host_event)
        self._tell_plugins()
        self._read_take_chains()
        if self._places.app.exists():
            self._loop.emit(ChainRead(read_chain(self._places.app)))

    def _read_take_chains(self) -> None:
        chains: dict[str, Chain] = {}
        for path in sorted(self._places.takes.glob(f"*{CHAIN_SUFFIX}")):
            try:
                chains[path.stem] = read_chain(path)
            except BadInputFile as error:
                self._loop.emit(RackFailed(error.sentence))
        if chains:
            self._loop.emit(TakeChainsRead(chains))

    def _end(self) -> None:
        if self._live is not None:
            self._live.close()
        if self._index is not None:
            self._index.close()

    def _set_wanted(self) -> None:
        chain, self._wanted = self._wanted, None
        anew, self._anew = self._anew, False
        if chain is not None and self._live is not None:
            self._live.set_chain(chain, anew=anew)

    def _save(self, chain: Chain, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_problem(path, error) from error
        write_atomically(path, (encode_chain(chain),), overwrite=True)

    def _use_rate(self, sample_rate: int, chain: Chain) -> None:
        if self._live is not None:
            self._live.set_chain(chain)  # the next host begins with the settings of this one
            self._live.use_rate(sample_rate)

    def _show_editor(self, slot: int) -> None:
        if self._live is not None and self._live.host is not None:
            self._live.host.show_editor(slot)

    def _close_editor(self) -> None:
        if self._live is not None and self._live.host is not None:
            self._live.host.close_editor()

    def _load_preset(self, index: int, slot: ChainSlot, path: Path) -> None:
        check_preset_path(path)
        if path.suffix.lower() == CHAIN_SUFFIX and self._index is not None:
            kept = slot_in_file(path, slot.plugin_id)
            kept.check(self._index.find(slot.plugin_id).facts)
            self._loop.emit(PresetRead(index, kept, display_name(path)))
        elif self._live is not None and self._live.host is not None:
            open_regular_file(path).close()
            self._live.host.load_preset(index, str(path))

    def _save_preset(self, index: int, slot: ChainSlot, path: Path) -> None:
        check_preset_path(path)
        if path.suffix.lower() == CHAIN_SUFFIX:
            self._write_preset(path, slot_file(slot))
        elif self._live is not None and self._live.host is not None:
            self._presets[self._live.host.take_preset(index)] = path

    def _on_host_event(self, event: HostEvent) -> None:
        """Keep what belongs into a file, and pass on the rest. The host's thread."""
        if isinstance(event, PresetTaken):
            self._loop.do(partial(self._try, partial(self._on_preset, event)))
        else:
            self._tell(event)

    def _on_preset(self, event: PresetTaken) -> None:
        path = self._presets.pop(event.number, None)
        if path is None:
            return
        if not event.data:
            raise PluginProblem(
                f"This plugin has no {PRESET_SUFFIX} files; choose a name that ends in "
                f"{CHAIN_SUFFIX}."
            )
        self._write_preset(path, event.data)

    def _write_preset(self, path: Path, data: bytes) -> None:
        write_atomically(path, (data,), overwrite=True)
        self._loop.emit(PresetWritten(display_name(path)))

    def _allow(self, plugin_id: str, chain: Chain) -> None:
        if self._index is None or self._live is None:
            return
        for entry in self._index.entries():
            if entry.denied and any(facts.plugin_id == plugin_id for facts in entry.plugins):
                allow(self._index, entry.path, ScanLimits(_ALLOWED_SECONDS))
        self._tell_plugins()
        self._live.set_chain(chain)

    def _tell_plugins(self) -> None:
        if self._index is not None:
            self._loop.emit(_known(self._index))

    # --- on the thread that scans -----------------------------------------------------------------

    def _scan(self, places: Sequence[Path]) -> None:
        try:
            sentence, level = self._scan_all(places), ""
        except AppError as error:
            sentence, level = error.sentence, "fault"
        if not self._stopped.is_set():
            self._tell(ScanEnded(sentence, level))

    def _scan_all(self, places: Sequence[Path]) -> str:
        total = len(find_candidates(places))
        denied = 0
        with PluginIndex() as index, closing(scan(index, places)) as found:
            for done, scanned in enumerate(found, start=1):
                if self._stopped.is_set():
                    return ""
                denied += scanned.entry.denied
                self._tell(ScanMoved(done, total, display_name(scanned.entry.path)))
            known = _known(index)
        self._tell(known)
        count = len(known.effects)
        words = f"{count} effect can be used" if count == 1 else f"{count} effects can be used"
        more = f"; {denied} of {total} files are in quarantine" if denied else ""
        return f"{words}{more}."


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise write_problem(path, error) from error


def _known(index: PluginIndex) -> PluginsKnown:
    effects = [plugin.facts for plugin in index.usable() if not plugin.facts.is_instrument]
    denied = (entry.plugins for entry in index.entries() if entry.denied)
    ids = frozenset(facts.plugin_id for plugins in denied for facts in plugins)
    return PluginsKnown(tuple(sorted(effects, key=lambda facts: facts.name.casefold())), ids)
