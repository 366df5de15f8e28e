"""Playback through a chain: a plugin host at the stream's rate, while there is a chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.host_client import HostOptions, PluginHost
from plugin_bridge.plugins.host_events import HostEvent
from plugin_bridge.plugins.plugin_index import PluginIndex


class Output(Protocol):
    """What is played through the plugins: an AudioClient, or who owns one."""

    def set_insert(self, ring: str) -> None: ...


class LivePlugins:
    """One chain in front of one output. One thread; `on_event` is called on another one."""

    def __init__(
        self,
        audio: Output,
        index: PluginIndex,
        options: HostOptions,
        on_event: Callable[[HostEvent], None],
    ) -> None:
        """options: its sample rate is the one that counts until a stream has told its own."""
        self._audio = audio
        self._index = index
        self._options = options
        self._on_event = on_event
        self._chain = Chain()
        self._host: PluginHost | None = None

    @property
    def host(self) -> PluginHost | None:
        """Return the host, for presets and editors; None while the chain is empty."""
        return self._host

    def set_chain(self, chain: Chain, *, anew: bool = False) -> None:
        """Have a chain heard; an empty one costs nothing. anew: as PluginHost.set_chain has it.

        Raises BadArgument for values that a plugin cannot have, WriteProblem.
        """
        if not chain.slots:
            self._end_host()
        else:
            if self._host is None:
                self._host = PluginHost(self._index, self._options, self._on_event)
                self._audio.set_insert(self._host.ring_name)
            self._host.set_chain(chain, anew=anew)
        self._chain = chain

    def use_rate(self, sample_rate: int) -> None:
        """Go on at the rate that DeviceOpened or DeviceGone told: plugins are loaded for one."""
        if sample_rate == self._options.sample_rate:
            return
        self._options = replace(self._options, sample_rate=sample_rate)
        if self._host is not None:
            self._end_host()
            self.set_chain(self._chain)

    def close(self) -> None:
        """Play through no plugins any more."""
        self._end_host()

    def _end_host(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            self._audio.set_insert("")
            host.close()
