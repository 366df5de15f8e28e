"""The app's side of the plugins: a chain in, events out, a host kept alive. No pedalboard here."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

from engine.action_loop import ActionLoop, Turns
from engine.errors import BadArgument
from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.host_events import HostEvent
from plugin_bridge.plugins.host_messages import (
    CloseEditor,
    LoadPreset,
    ShowEditor,
    TakePreset,
    ToHost,
)
from plugin_bridge.plugins.host_supervisor import (
    ChainWish,
    HostChild,
    HostOptions,
    HostSupervisor,
)
from plugin_bridge.plugins.plugin_index import PluginIndex, UsablePlugin
from plugin_bridge.plugins.plugin_ring import PluginRing

__all__ = ["HostOptions", "PluginHost"]


class PluginHost:
    """Owns a ring and the process that serves it. Methods: any thread, none blocks but close().

    `on_event` is called on this object's own thread and must not block.
    """

    def __init__(
        self,
        index: PluginIndex,
        options: HostOptions,
        on_event: Callable[[HostEvent], None],
    ) -> None:
        """Raises WriteProblem when there is no shared memory."""
        self.options = options
        self._index = index
        self._ring = PluginRing.create()
        self._numbers = itertools.count(1)
        self._loop = ActionLoop[HostEvent]("plugin-host", on_event)
        self._supervisor = supervisor = HostSupervisor(
            self._ring, index, options, self._loop.emit, self._on_line
        )
        self._loop.start(
            Turns(supervisor.start, supervisor.wait_seconds, supervisor.tick, supervisor.close)
        )

    def __enter__(self) -> PluginHost:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def ring_name(self) -> str:
        """Return what another process attaches to."""
        return self._ring.name

    @property
    def pid(self) -> int | None:
        """Return the host's process id, None while there is none."""
        return self._supervisor.child_pid

    @property
    def ring(self) -> PluginRing:
        """Return the ring, for a stream in this process. One stream at a time."""
        return self._ring

    def set_chain(self, chain: Chain, *, anew: bool = False) -> None:
        """Have a chain heard; a plugin that is not to be had is passed by, which ChainReady says.

        anew: it is another one, not the present one changed: no setting of a plugin that both have
        is heard to jump.

        Raises BadArgument for values that a plugin cannot have, WriteProblem without an index.
        """
        wish = replace(find_plugins(chain, self._index), anew=anew)
        self._loop.do(lambda: self._supervisor.set_chain(wish))

    def load_preset(self, slot: int, path: str) -> int:
        """Give a plugin a .vstpreset file. Returns the number that a HostRefused would bear."""
        number = next(self._numbers)
        self._send(LoadPreset(number, slot, path))
        return number

    def take_preset(self, slot: int) -> int:
        """Ask for what belongs into a .vstpreset file; PresetTaken bears the returned number."""
        number = next(self._numbers)
        self._send(TakePreset(number, slot))
        return number

    def show_editor(self, slot: int) -> None:
        """Show a plugin's own window; EditorClosed comes when it is gone."""
        self._send(ShowEditor(slot))

    def close_editor(self) -> None:
        self._send(CloseEditor())

    def close(self) -> None:
        """End the host and unlink the ring, which nothing may use any more."""
        self._loop.close()
        self._ring.close()

    def _send(self, message: ToHost) -> None:
        self._loop.do(lambda: self._supervisor.send(message))

    def _on_line(self, child: HostChild, line: bytes | None) -> None:
        self._loop.do(lambda: self._supervisor.on_line(child, line))


def find_plugins(chain: Chain, index: PluginIndex) -> ChainWish:
    """Return a chain with its plugins' places. Raises BadArgument for impossible values."""
    usable = {plugin.facts.plugin_id: plugin for plugin in index.usable()}
    found: list[UsablePlugin | None] = []
    problems: list[tuple[int, str]] = []
    for number, slot in enumerate(chain.slots):
        plugin = usable.get(slot.plugin_id)
        found.append(plugin)
        if plugin is not None:
            slot.check(plugin.facts)
            continue
        try:
            index.find(slot.plugin_id)
        except BadArgument as error:
            problems.append((number, error.sentence))
    files = tuple("" if plugin is None else str(plugin.path) for plugin in found)
    names = tuple("" if plugin is None else plugin.facts.name for plugin in found)
    return ChainWish(chain, files, names, tuple(problems))
