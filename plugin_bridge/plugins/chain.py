"""A chain of plugins as a value: what a take goes through, in which order and how set."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.display_name import display_name, display_text
from engine.errors import BadArgument, BadInputFile
from engine.input_file import open_regular_file
from plugin_bridge.plugins.facts import ParameterValue, PluginFacts

CHAIN_VERSION = 1
MOST_SLOTS = 16
#: Of all plugins of a chain: their states travel between processes in one line.
STATES_LIMIT_BYTES = 5 << 19
_FILE_LIMIT_BYTES = 64 << 20


class ChainSlot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One plugin. mix: 0 = dry, 1 = wet. state: the plugin's own, applied before `parameters`.

    parameters: by key, in the plugin's own units; those not named are as its state says.
    """

    plugin_id: str
    bypass: bool = False
    mix: float = 1.0
    parameters: dict[str, ParameterValue] = {}
    state: bytes = b""

    def __post_init__(self) -> None:
        if not 0.0 <= self.mix <= 1.0:
            raise BadArgument(f"A mix of {self.mix:g} is outside 0 (dry) to 1 (wet).")

    def with_state(self, state: bytes, values: dict[str, ParameterValue]) -> ChainSlot:
        """Return this slot as its plugin says it is now. values: of all its parameters."""
        kept = {key: values.get(key, value) for key, value in self.parameters.items()}
        return msgspec.structs.replace(self, state=state, parameters=kept)

    def check(self, facts: PluginFacts) -> None:
        """Check this slot against its plugin. Raises BadArgument."""
        if facts.is_instrument:
            raise BadArgument(f"{facts.name} is an instrument; a chain is made of effects.")
        for key, value in self.parameters.items():
            facts.parameter(key).check(value)


class Chain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Slots in the order in which they are heard."""

    slots: tuple[ChainSlot, ...] = ()
    version: int = CHAIN_VERSION

    def __post_init__(self) -> None:
        if len(self.slots) > MOST_SLOTS:
            raise BadArgument(f"A chain of {len(self.slots)} plugins is outside 0 to {MOST_SLOTS}.")
        size = sum(len(slot.state) for slot in self.slots)
        if size > STATES_LIMIT_BYTES:
            raise BadArgument(
                f"The states of this chain's plugins have {size / 1e6:.1f} MB, more than "
                f"{STATES_LIMIT_BYTES / 1e6:.1f} MB; take a plugin out, or its state."
            )

    def with_slot(self, index: int, slot: ChainSlot) -> Chain:
        """Return a chain with another slot in one place."""
        slots = (*self.slots[:index], slot, *self.slots[index + 1 :])
        return msgspec.structs.replace(self, slots=slots)


class _Versioned(msgspec.Struct, frozen=True):
    version: int = CHAIN_VERSION


def encode_chain(chain: Chain) -> bytes:
    """Return the chain as JSON for a file."""
    return msgspec.json.format(msgspec.json.encode(chain), indent=2) + b"\n"


def decode_chain(data: bytes) -> Chain:
    """Read a chain. Raises BadArgument when it is none, or of a newer version."""
    try:
        version = msgspec.json.decode(data, type=_Versioned).version
        if version > CHAIN_VERSION:
            raise BadArgument(
                f"This chain has version {version}, but this Loopgraft reads up to "
                f"{CHAIN_VERSION}; update Loopgraft."
            )
        return msgspec.json.decode(data, type=Chain)
    except BadArgument:
        raise
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        if isinstance(error.__cause__, BadArgument):  # msgspec's word around ours
            raise error.__cause__ from None
        raise BadArgument(f"This is no chain of plugins: {display_text(str(error))}.") from error


def read_chain(path: Path) -> Chain:
    """Read a chain from a file. Raises BadInputFile."""
    with open_regular_file(path) as file:
        data = file.read(_FILE_LIMIT_BYTES + 1)
    if len(data) > _FILE_LIMIT_BYTES:
        raise BadInputFile(f"“{display_name(path)}” is larger than any chain of plugins.")
    try:
        return decode_chain(data)
    except BadArgument as error:
        raise BadInputFile(f"“{display_name(path)}”: {error.sentence}") from error
