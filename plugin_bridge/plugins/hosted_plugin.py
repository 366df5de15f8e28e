"""One plugin as a slot needs it: stereo in and out, a known delay, its settings as values.

Knows pedalboard's plugins by what they do, and imports nothing of it. Make, prepare and set on
the main thread of a process that may die.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from engine.audio import FloatArray
from engine.errors import AppError, BadArgument
from plugin_bridge.plugins.facts import ParameterFacts, ParameterValue, PluginFacts, id_of
from plugin_bridge.slots import CHANNELS

#: What a plugin is tried with when it is scanned.
PROBE_RATE = 44_100
PROBE_FRAMES = 512
#: Of a plugin that reports more, no latency is compensated.
LATENCY_LIMIT_FRAMES = 1 << 18
_NOTE_ON, _NOTE_OFF = (0x90, 60, 100), (0x80, 60, 0)


class PluginProblem(AppError):
    """A plugin is missing, in quarantine, or failed."""

    exit_code = 4


class HostedPlugin:
    """A loaded plugin; one that takes one channel only is loaded twice, for left and right."""

    def __init__(self, make: Callable[[], Any]) -> None:
        """make: loads one instance. Raises what it raises."""
        first = make()
        self.is_instrument = bool(first.is_instrument)
        self.channels = CHANNELS if self.is_instrument else _channels_of(first)
        self._instances = [first, *(make() for _ in range(CHANNELS - self.channels))]
        self.parameters = tuple(_parameters_of(first))
        self._sample_rate, self._block = PROBE_RATE, PROBE_FRAMES
        self.latency_frames = 0

    def facts(self) -> PluginFacts:
        """Return what a scan keeps."""
        first = self._instances[0]
        self.prepare(PROBE_RATE, PROBE_FRAMES)
        return PluginFacts(
            plugin_id=id_of(str(first.identifier)),
            name=str(first.name),
            maker=str(first.manufacturer_name),
            version=str(first.version),
            category=str(first.category),
            is_instrument=self.is_instrument,
            channels=self.channels,
            latency_frames=self.latency_frames,
            parameters=self.parameters,
        )

    def prepare(self, sample_rate: int, block: int) -> None:
        """Begin anew for blocks of exactly so many frames; latency_frames is right from then on.

        pedalboard cuts the reported latency off the front of what comes out, so that the first
        blocks come back short: silence goes in until they no longer do, and what is missing then
        is the delay that stays.
        """
        self._sample_rate, self._block = sample_rate, block
        if self.is_instrument:
            return
        silence = np.zeros((CHANNELS, block), np.float32)
        self._run(silence, reset=True)  # some report their latency only once they are active
        for instance in self._instances:
            instance.reset()
        limit = min(self._reported() + 2 * block, LATENCY_LIMIT_FRAMES)
        given = returned = 0
        while given < limit:
            given += block
            returned += self._run(silence).shape[1]
        self.latency_frames = given - returned

    @property
    def latency_changed(self) -> bool:
        """Whether the plugin reports another latency than it had when it was prepared."""
        return not self.is_instrument and self._reported() != self.latency_frames

    def process(self, block: FloatArray) -> FloatArray:
        """Return (2, frames), late by latency_frames. block: (2, frames) as prepared. The
        thread that processes audio."""
        return self._run(block)

    def play(self, notes: list[tuple[bytes, float]], seconds: float) -> FloatArray:
        """Return what an instrument makes of MIDI messages at their seconds: (2, frames)."""
        (instrument,) = self._instances
        out = instrument(notes, seconds, self._sample_rate, CHANNELS, self._block, reset=True)
        return cast("FloatArray", out)

    def run_silence(self) -> None:
        """Have some silence processed: it is this that brings parameters into the state."""
        if self.is_instrument:
            self.play([], PROBE_FRAMES / self._sample_rate)
        else:
            self.prepare(self._sample_rate, self._block)

    def set_parameter(self, key: str, value: ParameterValue) -> None:
        """Set one parameter. Raises BadArgument where the plugin does not take it."""
        for instance in self._instances:
            try:
                setattr(instance, key, value)
            except (TypeError, ValueError, AttributeError) as error:
                raise BadArgument(
                    f"{instance.name} does not take {value!r} for “{key}”; give another value.",
                    repr(error),
                ) from error

    def values(self) -> dict[str, ParameterValue]:
        """Return what every parameter is now."""
        first = self._instances[0]
        return {facts.key: _value_of(first, facts.key) for facts in self.parameters}

    @property
    def state(self) -> bytes:
        """The plugin's own state, which says more than its parameters."""
        return bytes(self._instances[0].raw_state)

    def set_state(self, state: bytes) -> None:
        """Give it a state that it once had. Bad bytes may end the process."""
        for instance in self._instances:
            instance.raw_state = state

    def load_preset(self, path: str) -> None:
        """Load a .vstpreset file. Raises BadArgument."""
        for instance in self._instances:
            try:
                instance.load_preset(path)
            except (RuntimeError, ValueError, AttributeError) as error:
                raise BadArgument(
                    f"{instance.name} does not take this preset; give one of its own .vstpreset "
                    "files.",
                    repr(error),
                ) from error

    @property
    def preset(self) -> bytes:
        """What belongs into a .vstpreset file; empty where there is no such thing (AU)."""
        return bytes(getattr(self._instances[0], "preset_data", b""))

    def show_editor(self, closing: Any) -> None:
        """Show the plugin's own window until `closing` (an Event) is set. Blocks."""
        self._instances[0].show_editor(closing)

    def _run(self, block: FloatArray, *, reset: bool = False) -> FloatArray:
        rate, size = self._sample_rate, self._block
        if self.channels == CHANNELS:
            out = self._instances[0].process(block, rate, buffer_size=size, reset=reset)
            return cast("FloatArray", out)
        sides = [
            plugin.process(block[side : side + 1], rate, buffer_size=size, reset=reset)
            for side, plugin in enumerate(self._instances)
        ]
        return np.concatenate(sides)

    def _reported(self) -> int:
        reported = int(getattr(self._instances[0], "reported_latency_samples", 0))
        return min(max(0, reported), LATENCY_LIMIT_FRAMES)


def _channels_of(plugin: Any) -> int:
    """Return how many channels an effect takes: stereo where it can. Raises ValueError."""
    for channels in (CHANNELS, 1):
        silence = np.zeros((channels, PROBE_FRAMES), np.float32)
        try:
            plugin.process(silence, PROBE_RATE, buffer_size=PROBE_FRAMES, reset=True)
        except ValueError:
            if channels == 1:
                raise
        else:
            return channels
    raise AssertionError("either channels were found or the plugin's error was raised")


def try_out(plugin: HostedPlugin) -> None:
    """Have a freshly loaded plugin make some sound: what crashes at that is no good either."""
    if plugin.is_instrument:
        plugin.play([(bytes(_NOTE_ON), 0.0), (bytes(_NOTE_OFF), 0.02)], 0.05)
        return
    rng = np.random.default_rng(1)
    noise = rng.uniform(-0.1, 0.1, (CHANNELS, PROBE_FRAMES)).astype(np.float32)
    for _ in range(4):
        plugin.process(noise)


def _parameters_of(plugin: Any) -> list[ParameterFacts]:
    """Return what a host may turn; the rest (meters, what the host is told) is in the state."""
    return [
        _parameter(key, parameter, plugin)
        for key, parameter in plugin.parameters.items()
        if parameter.is_automatable
    ]


def _parameter(key: str, parameter: Any, plugin: Any) -> ParameterFacts:
    name, unit = str(parameter.name).strip(), str(parameter.label or "").strip()
    value = _value_of(plugin, key)
    if parameter.type is bool:
        return ParameterFacts(key, name, "switch", value)
    if parameter.type is str:
        choices = tuple(map(str, parameter.valid_values))
        return ParameterFacts(key, name, "choice", value, unit, choices=choices)
    low, high, step = parameter.range
    return ParameterFacts(
        key, name, "number", value, unit, float(low), float(high), float(step or 0.0)
    )


def _value_of(plugin: Any, key: str) -> ParameterValue:
    value = getattr(plugin, key)
    if isinstance(value, str):
        return str(value)
    return bool(value) if isinstance(value, (bool, np.bool_)) or _is_switch(value) else float(value)


def _is_switch(value: Any) -> bool:
    """pedalboard wraps a bool, which cannot be derived from, in a class of its own."""
    return type(value).__name__ == "WrappedBool"
