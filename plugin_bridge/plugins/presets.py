"""A plugin's settings as files: its own .vstpreset, or a chain's file with a slot of it."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from engine.display_name import display_name
from engine.errors import BadArgument, BadInputFile
from engine.input_file import open_regular_file
from plugin_bridge.plugins.chain import Chain, ChainSlot, encode_chain, read_chain
from plugin_bridge.plugins.hosted_plugin import PluginProblem
from plugin_bridge.plugins.one_shot import ChildFailed, one_shot
from plugin_bridge.plugins.plugin_index import UsablePlugin
from plugin_bridge.plugins.scan import ScanLimits
from plugin_bridge.plugins.scan_messages import REPLY_LIMIT_BYTES, PresetJob, PresetReply

PRESET_SUFFIX, CHAIN_SUFFIX = ".vstpreset", ".json"


def with_preset(plugin: UsablePlugin, slot: ChainSlot, path: Path, limits: ScanLimits) -> ChainSlot:
    """Return a slot as a preset's file has it; parameters that the slot names stay. Blocks.

    Raises BadInputFile, BadArgument when it is no preset of this plugin, PluginProblem.
    """
    if path.suffix.lower() == CHAIN_SUFFIX:
        kept = slot_in_file(path, slot.plugin_id)
        parameters = {**kept.parameters, **slot.parameters}
        return msgspec.structs.replace(slot, state=kept.state, parameters=parameters)
    check_preset_path(path)
    open_regular_file(path).close()
    reply = _set(plugin, slot, path, limits)
    return msgspec.structs.replace(slot, state=reply.state)


def slot_in_file(path: Path, plugin_id: str) -> ChainSlot:
    """Return the first slot of a plugin in a chain's file. Raises BadInputFile."""
    for slot in read_chain(path).slots:
        if slot.plugin_id == plugin_id:
            return slot
    raise BadInputFile(f"The chain in “{display_name(path)}” has no {plugin_id}.")


def preset_bytes(plugin: UsablePlugin, slot: ChainSlot, path: Path, limits: ScanLimits) -> bytes:
    """Return what belongs into a file of this name that keeps the slot's settings. Blocks.

    Raises BadArgument, PluginProblem.
    """
    check_preset_path(path)
    reply = _set(plugin, slot, None, limits)
    if path.suffix.lower() == CHAIN_SUFFIX:
        return slot_file(slot.with_state(reply.state, reply.values))
    if not reply.preset:
        raise PluginProblem(
            f"{plugin.facts.name} has no {PRESET_SUFFIX} files; give a name that ends in "
            f"{CHAIN_SUFFIX}."
        )
    return reply.preset


def slot_file(slot: ChainSlot) -> bytes:
    """Return the chain's file that keeps one slot."""
    return encode_chain(Chain((slot,)))


def check_preset_path(path: Path) -> None:
    """Raise BadArgument for a name that says nothing of what is in it."""
    if path.suffix.lower() not in (PRESET_SUFFIX, CHAIN_SUFFIX):
        raise BadArgument(
            f"“{display_name(path)}” ends in neither {PRESET_SUFFIX} nor {CHAIN_SUFFIX}; "
            "a preset's file does."
        )


def _set(
    plugin: UsablePlugin, slot: ChainSlot, path: Path | None, limits: ScanLimits
) -> PresetReply:
    """Load and set a plugin in a child of its own, and return what it says of itself."""
    facts = plugin.facts
    for key, value in slot.parameters.items():
        facts.parameter(key).check(value)
    where = "" if path is None else os.fspath(path.absolute())
    try:
        where.encode()
    except UnicodeEncodeError as error:
        raise BadInputFile("The name of the preset is no text; give it another.") from error
    job = PresetJob(str(plugin.path), facts.name, slot, where)
    try:
        with one_shot("--preset", job, limits) as result:
            reply = msgspec.json.decode(result.read(REPLY_LIMIT_BYTES), type=PresetReply)
    except (ChildFailed, msgspec.MsgspecError) as error:
        raise PluginProblem(
            f"The plugin {facts.plugin_id} failed while it was set; try another preset.", str(error)
        ) from error
    if reply.problem:
        raise BadArgument(reply.problem, reply.details)
    return reply
