"""Keeps one plugin host alive with the chain that the app wants: deadlines, restart, quarantine."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.child_keeper import ChildKeeper, Tail, Watch
from engine.child_process import ChildPlan, ChildProcess, child_environment, module_command
from engine.errors import WriteProblem
from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.host_events import (
    ChainReady,
    ChainSnapshot,
    HostEvent,
    HostGaveUp,
    HostRestarting,
    PluginQuarantined,
)
from plugin_bridge.plugins.host_messages import (
    EXIT_SPOILED,
    HOST_PROTOCOL_VERSION,
    ChainSet,
    EditorClosed,
    EndHost,
    FromHost,
    HostPing,
    HostPong,
    HostReady,
    HostRefused,
    PresetTaken,
    SetChain,
    Snapshot,
    ToHost,
    decode_from_host,
    encode_host,
)
from plugin_bridge.plugins.plugin_index import CRASH_LIMIT, PluginIndex
from plugin_bridge.plugins.plugin_ring import NO_SLOT, PluginRing

_log = logging.getLogger(__name__)

#: Hosts that may die in a row for no plugin's fault.
HOST_LIMIT = 3
_WELL_SECONDS = 10.0
_LOOK_SECONDS = 0.1
_BACKOFF_SECONDS = 0.25

GAVE_UP_SENTENCE = (
    f"The plugin host stopped {HOST_LIMIT} times in a row; the audio stays dry. "
    "Set the chain again to try once more."
)


_NO_CHAIN = Chain()


@dataclass(frozen=True)
class HostOptions:
    """How the host is started and how much patience there is with it.

    block_frames: what plugins get at once. memory_bytes: beyond what the host needs itself
    (Linux), 0: no limit. hang_seconds: audio that is not processed for so long. crash_limit: of
    one plugin within five minutes. log_path: where stderr is kept (None: its last lines only).
    """

    sample_rate: int = 44_100
    block_frames: int = 256
    memory_bytes: int = 4 << 30
    crash_limit: int = CRASH_LIMIT
    hang_seconds: float = 2.0
    heartbeat_seconds: float = 1.0
    answer_deadline_seconds: float = 5.0
    start_deadline_seconds: float = 20.0
    load_deadline_seconds: float = 20.0
    close_deadline_seconds: float = 1.0
    log_path: Path | None = None


@dataclass(frozen=True)
class ChainWish:
    """A chain and where its plugins are. files, names, anew: as SetChain has them; problems: as
    ChainSet has them, of plugins that are not to be had here."""

    chain: Chain = _NO_CHAIN
    files: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    problems: tuple[tuple[int, str], ...] = ()
    anew: bool = False

    def without(self, slot: int, sentence: str) -> ChainWish:
        """Return the wish with one plugin that is not to be loaded."""
        files = (*self.files[:slot], "", *self.files[slot + 1 :])
        return ChainWish(self.chain, files, self.names, (*self.problems, (slot, sentence)))


HostChild = ChildProcess[ToHost]


class _Watch(Watch[ToHost]):
    """What is known of the present host, in the clock's seconds."""

    def __init__(self, child: HostChild, now: float, options: HostOptions) -> None:
        super().__init__(child, now, options.heartbeat_seconds)
        self.is_ready = False
        self.loading_since: float | None = None
        self.done = -1
        self.moved_at = now


class HostSupervisor(ChildKeeper[_Watch, ToHost]):
    """One thread calls every method; `emit` is called on it."""

    def __init__(
        self,
        ring: PluginRing,
        index: PluginIndex,
        options: HostOptions,
        emit: Callable[[HostEvent], None],
        on_line: Callable[[HostChild, bytes | None], None],
    ) -> None:
        super().__init__("Plugin host", _LOOK_SECONDS)
        self._ring = ring
        self._index = index
        self._options = options
        self._emit = emit
        self._on_line = on_line
        self._wish = ChainWish()
        self._number = 0
        self._deaths = 0

    def _spawn(self) -> _Watch:
        child = ChildProcess(_plan(self._ring, self._options), self._on_line)
        return _Watch(child, self._clock.now, self._options)

    def set_chain(self, wish: ChainWish) -> None:
        """Have a chain heard, by the present host or the next."""
        self._wish = wish
        self._number += 1
        if self._watch is None and self._start_at is None:
            self._deaths = 0
            self.start()
        elif self._watch is not None and self._watch.is_ready:
            self._send_chain(self._watch)

    def send(self, message: ToHost) -> None:
        """Send what only the present host can do; without one it is refused."""
        if self._watch is not None and self._watch.is_ready:
            self._watch.child.send(message)
        else:
            number = getattr(message, "number", 0)
            self._emit(HostRefused(number, "The plugins are not loaded yet; try again."))

    def close(self) -> None:
        """End the host, politely first."""
        self._end_politely(EndHost(), self._options.close_deadline_seconds)

    def _receive(self, watch: _Watch, line: bytes) -> None:
        self._take(watch, decode_from_host(line))

    def _listens(self, watch: _Watch) -> bool:
        return watch.is_ready

    def _ping(self, number: int) -> ToHost:
        return HostPing(number)

    def _send_chain(self, watch: _Watch) -> None:
        wish = self._wish
        watch.loading_since = self._clock.now
        watch.child.send(SetChain(self._number, wish.chain, wish.files, wish.names, wish.anew))

    # --- what the host says -------------------------------------------------------------------

    def _take(self, watch: _Watch, message: FromHost) -> None:
        match message:
            case HostReady(protocol=protocol):
                if protocol != HOST_PROTOCOL_VERSION:
                    self._bury(f"it speaks protocol {protocol}, not {HOST_PROTOCOL_VERSION}")
                    return
                watch.is_ready = True
                self._send_chain(watch)
            case ChainSet(number=number):
                if number == self._number:
                    watch.loading_since = None
                    watch.moved_at = self._clock.now
                    problems = (*self._wish.problems, *message.problems)
                    self._emit(ChainReady(self._wish.chain, message.latency_frames, problems))
            case Snapshot():
                self._take_snapshot(message)
            case HostPong(number=number):
                watch.heartbeat.answered(number)
                if self._clock.now - watch.started_at > _WELL_SECONDS:
                    self._deaths = 0
            case HostRefused() | PresetTaken() | EditorClosed():
                self._emit(message)

    def _take_snapshot(self, message: Snapshot) -> None:
        wish = self._wish
        if message.number != self._number or len(message.slots) != len(wish.chain.slots):
            return
        chain = wish.chain
        for index, taken in enumerate(message.slots):
            if taken is not None:
                slot = chain.slots[index].with_state(taken.state, taken.values)
                chain = chain.with_slot(index, slot)
        self._wish = ChainWish(chain, wish.files, wish.names, wish.problems)
        self._emit(ChainSnapshot(chain))

    # --- life and death -----------------------------------------------------------------------

    def _overdue(self, watch: _Watch) -> str | None:
        """Return why the host must be ended now, None while all is well."""
        options, now = self._options, self._clock.now
        if not watch.is_ready:
            late = now - watch.started_at > options.start_deadline_seconds
            return "it did not start" if late else None
        if watch.loading_since is not None:
            patience = options.load_deadline_seconds * max(1, len(self._wish.files))
            return "it did not load" if now - watch.loading_since > patience else None
        if watch.heartbeat.silent_seconds(now) > options.answer_deadline_seconds:
            return "it did not answer"
        return "it hung" if self._is_stuck(watch) else None

    def _is_stuck(self, watch: _Watch) -> bool:
        """Whether audio has been waiting for hang_seconds and none of it was processed."""
        ring, now = self._ring, self._clock.now
        done = ring.done + ring.latency_frames
        if done != watch.done or ring.sent - done < self._options.block_frames:
            watch.done, watch.moved_at = done, now
        return now - watch.moved_at > self._options.hang_seconds

    def _ended(self, watch: _Watch, reason: str, exit_code: int | None, tail: Tail) -> None:
        spoiled = exit_code == EXIT_SPOILED
        self._is_gone("it gave nothing but NaN" if spoiled else reason, exit_code, tail)

    def _is_gone(self, reason: str, exit_code: int | None, tail: Tail) -> None:
        culprit = self._culprit()
        self._ring.active = self._ring.loading = NO_SLOT
        plugin_id = "" if culprit is None else self._wish.chain.slots[culprit].plugin_id
        lines = "\n".join(tail)
        _log.warning(
            "Plugin host lost, %s; exit code %s, in %s\n%s", reason, exit_code, plugin_id, lines
        )
        if culprit is not None:
            self._emit(HostRestarting(reason, plugin_id, exit_code, tail))
            self._blame(culprit, plugin_id)
            self.start()
            return
        self._deaths += 1
        if self._deaths >= HOST_LIMIT:
            details = f"{reason}; exit code {exit_code}\n{lines}"
            self._emit(HostGaveUp(GAVE_UP_SENTENCE, details))
            return
        self._emit(HostRestarting(reason, "", exit_code, tail))
        self._start_at = self._clock.now + _BACKOFF_SECONDS * (self._deaths - 1)

    def _culprit(self) -> int | None:
        """Return the slot whose plugin was at work when the host was lost."""
        for slot in (self._ring.loading, self._ring.active):
            if 0 <= slot < len(self._wish.files) and self._wish.files[slot]:
                return slot
        return None

    def _blame(self, slot: int, plugin_id: str) -> None:
        """Count a crash, and go on without a plugin that had too many."""
        path = Path(self._wish.files[slot])
        try:
            if not self._index.note_crash(path, time.time(), self._options.crash_limit):
                return
        except WriteProblem as error:  # who cannot count must not try for ever
            _log.warning("%s", error.details)
        sentence = (
            f"{plugin_id} crashed or hung too often and is passed by now; "
            "“loopgraft plugins allow” lets it out of quarantine."
        )
        self._wish = self._wish.without(slot, sentence)
        self._emit(PluginQuarantined(plugin_id, sentence))


def _plan(ring: PluginRing, options: HostOptions) -> ChildPlan[ToHost]:
    words = ("--ring", ring.name, "--rate", str(options.sample_rate))
    words += ("--block", str(options.block_frames), "--memory", str(options.memory_bytes))
    words += ("--parent", str(os.getpid()))
    return ChildPlan(
        "plugins",
        tuple(module_command("plugin_bridge.plugins.host_process", *words)),
        encode_host,
        child_environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),
        options.log_path,
        has_own_group=True,
    )
