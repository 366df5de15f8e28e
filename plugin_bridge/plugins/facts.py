"""What is known of a plugin without running it: learnt by a scan, kept in the index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from engine.display_name import display_text
from engine.errors import BadArgument

ParameterValue = float | bool | str
Kind = Literal["number", "switch", "choice"]

_CHOICES_SHOWN = 12
#: JUCE's identifier holds a hash of the plugin's path in between, which differs per machine.
_PATH_HASH = re.compile(r"-[0-9a-f]{1,8}(-[0-9a-f]{1,8})$")


class ParameterFacts(msgspec.Struct, frozen=True):
    """One knob. key: how a chain names it. low, high: of a number, in `unit`; step 0: no steps.

    choices: the texts that a choice can be. default: its value in a fresh plugin.
    """

    key: str
    name: str
    kind: Kind
    default: ParameterValue
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    step: float = 0.0
    choices: tuple[str, ...] = ()

    def check(self, value: ParameterValue) -> ParameterValue:
        """Return a value that this parameter can have. Raises BadArgument."""
        if self.kind == "number":
            return self._check_number(value)
        if self.kind == "switch":
            if not isinstance(value, bool):
                raise BadArgument(f"“{self.key}” cannot be {value!r}; give true or false.")
            return value
        if value not in self.choices:
            shown = ", ".join(map(display_text, self.choices[:_CHOICES_SHOWN]))
            more = ", …" if len(self.choices) > _CHOICES_SHOWN else ""
            raise BadArgument(f"“{self.key}” cannot be {value!r}; give one of {shown}{more}.")
        return value

    def _check_number(self, value: ParameterValue) -> float:
        unit = f" {self.unit}" if self.unit else ""
        if isinstance(value, (bool, str)) or not self.low <= value <= self.high:
            shown = f"{value:g}" if isinstance(value, float) else repr(value)
            raise BadArgument(
                f"“{self.key}” {shown}{unit} is outside {self.low:g} to {self.high:g}{unit}."
            )
        return float(value)


class PluginFacts(msgspec.Struct, frozen=True):
    """One plugin of a file. plugin_id: the same on every machine that has it.

    channels: how many it takes at once, 1 or 2. latency_frames: as it reports it at 44.1 kHz.
    """

    plugin_id: str
    name: str
    maker: str
    version: str
    category: str
    is_instrument: bool
    channels: int
    latency_frames: int
    parameters: tuple[ParameterFacts, ...]

    def parameter(self, key: str) -> ParameterFacts:
        """Return one parameter. Raises BadArgument."""
        for parameter in self.parameters:
            if parameter.key == key:
                return parameter
        known = ", ".join(parameter.key for parameter in self.parameters)
        raise BadArgument(
            f"{self.name} has no parameter “{display_text(key)}”; it has {known or 'none'}."
        )


def id_of(identifier: str) -> str:
    """Return a plugin's id from what JUCE calls it: format, name and the maker's own number."""
    return _PATH_HASH.sub(r"\1", identifier)


def find_plugin(plugins: Sequence[PluginFacts], text: str) -> PluginFacts:
    """Return the plugin with this id or name, or the only one whose name begins so.

    Raises BadArgument.
    """
    wanted = text.casefold()
    for fitting in (
        [plugin for plugin in plugins if plugin.plugin_id == text],
        [plugin for plugin in plugins if plugin.name.casefold() == wanted],
        [plugin for plugin in plugins if plugin.name.casefold().startswith(wanted)],
    ):
        found = {plugin.plugin_id: plugin for plugin in fitting}
        if len(found) == 1:
            return next(iter(found.values()))
        if found:
            names = ", ".join(map(display_text, found))
            raise BadArgument(f"“{display_text(text)}” may be {names}; give one of these ids.")
    raise BadArgument(
        f"There is no usable plugin “{display_text(text)}”; see “loopgraft plugins list”."
    )
