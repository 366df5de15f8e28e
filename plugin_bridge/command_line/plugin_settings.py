"""Settings of plugins as a person writes them: KEY=VALUE, and presets as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.errors import BadArgument
from plugin_bridge.plugins.chain import ChainSlot
from plugin_bridge.plugins.facts import ParameterValue, PluginFacts
from plugin_bridge.plugins.plugin_index import UsablePlugin
from plugin_bridge.plugins.presets import with_preset
from plugin_bridge.plugins.scan import ScanLimits

LOAD_LIMITS = ScanLimits(seconds=120.0)


def slot_of(plugin: UsablePlugin, parameters: dict[str, ParameterValue], preset: str) -> ChainSlot:
    """Return a slot with a preset, if one is named, and then these parameters. Blocks.

    Raises BadInputFile, BadArgument, PluginProblem.
    """
    slot = ChainSlot(plugin.facts.plugin_id, parameters=parameters)
    return with_preset(plugin, slot, Path(preset), LOAD_LIMITS) if preset else slot


def read_settings(
    plugins: Sequence[PluginFacts], texts: Sequence[str]
) -> list[dict[str, ParameterValue]]:
    """Return each plugin's parameters; a key means the last plugin that has it.

    Raises BadArgument for what is no setting of any of them.
    """
    settings: list[dict[str, ParameterValue]] = [{} for _ in plugins]
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise BadArgument(f"--set “{text[:40]}” is not KEY=VALUE.")
        for facts, chosen in reversed(list(zip(plugins, settings, strict=True))):
            if any(parameter.key == key for parameter in facts.parameters):
                chosen[key] = _value(facts, key, value)
                break
        else:
            plugins[-1].parameter(key)  # says which there are
    return settings


def _value(facts: PluginFacts, key: str, text: str) -> ParameterValue:
    parameter = facts.parameter(key)
    value: ParameterValue = text
    if parameter.kind == "switch" and text.lower() in ("true", "false"):
        value = text.lower() == "true"
    if parameter.kind == "number":
        try:
            value = float(text)
        except ValueError:
            raise BadArgument(f"“{key}” “{text[:40]}” is not a number.") from None
    return parameter.check(value)
