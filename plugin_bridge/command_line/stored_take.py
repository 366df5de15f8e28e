"""A take of the library as a file for the user."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

import soundfile  # pyright: ignore[reportMissingTypeStubs]

from engine.display_name import display_name
from engine.errors import BadInputFile
from engine.sample_format import NATIVE_TYPES, check_subtype
from engine.take import TakeFacts
from engine.take_maker import NativeSamples
from plugin_bridge.exporter import export_take

_Kind = Literal["int32", "float32", "float64"]


def export_stored(path: str | Path, facts: TakeFacts, target: Path, subtype: str | None) -> Path:
    """Export a stored take to a folder or a new file. Raises as export_take does."""
    return export_take(facts, read_stored(path, facts), target, subtype)


def read_stored(path: str | Path, facts: TakeFacts) -> NativeSamples:
    """Return the samples of a file that the library wrote: (channels, frames), its own numbers."""
    kind = cast("_Kind", NATIVE_TYPES[check_subtype(facts.subtype)].__name__)
    try:
        # Opened here, because soundfile knows only names that are text.
        with Path(path).open("rb") as file:
            read = soundfile.read(file, dtype=kind, always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise BadInputFile(
            f"The take “{display_name(path)}” of the library could not be read.", repr(error)
        ) from error
    return cast("NativeSamples", read[0].T)
