"""A batch's takes through a chain of plugins: what is kept of each, and what is there already."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadArgument
from engine.request import GenerationRequest
from plugin_bridge.command_line.console import Console
from plugin_bridge.command_line.destination import Destination
from plugin_bridge.command_line.options import Options
from plugin_bridge.plugins.chain import Chain, read_chain
from plugin_bridge.plugins.offline import check_chain
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.wet_file import write_wet
from plugin_bridge.plugins.wet_mark import mark_of, marks_in

NO_CHAIN = Chain()


@dataclass(frozen=True)
class Kept:
    """Which files of a take a batch leaves. marks: of the wet ones that are there."""

    destination: Destination
    marks: set[str]
    chain: Chain = NO_CHAIN
    dry: bool = True
    wet: bool = False

    def is_there(self, take: GenerationRequest, dry: Mapping[str, Path]) -> bool:
        """Whether nothing of a take is missing. dry: the folder's dry files by digest."""
        has_dry = take.digest in dry or not self.dry
        return has_dry and (self._mark(take) in self.marks or not self.wet)

    def write(
        self,
        take: GenerationRequest,
        is_loop: bool,
        write_dry: Callable[[Path], Path],
        console: Console,
    ) -> dict[str, Path]:
        """Write what is missing and return where it is. write_dry: writes the dry file into a
        folder and returns its path, or one that is there.

        Raises what render raises, with the dry file written.
        """
        folder = self.destination.path
        if not self.wet or self._mark(take) in self.marks:
            return {"dry": write_dry(folder)}
        if self.dry:
            dry = write_dry(folder)
            return {"dry": dry, "wet": self._write_wet(dry, take, is_loop, console)}
        with tempfile.TemporaryDirectory() as elsewhere:
            dry = write_dry(Path(elsewhere))
            return {"wet": self._write_wet(dry, take, is_loop, console)}

    def _write_wet(
        self, dry: Path, take: GenerationRequest, is_loop: bool, console: Console
    ) -> Path:
        mark, subtype = self._mark(take), self.destination.subtype
        folder = self.destination.path
        wet = write_wet(dry, self.chain, folder, subtype, is_loop=is_loop, mark=mark)
        if wet.warning:
            console.progress.say(wet.warning)
        self.marks.add(mark)
        return wet.path

    def _mark(self, take: GenerationRequest) -> str:
        return mark_of(take.digest, self.chain, self.destination.subtype or "")


def what_is_kept(options: Options, destination: Destination) -> Kept:
    """Return what the options say, checked. Raises BadInputFile, BadArgument, PluginProblem."""
    if not options.chain:
        if options.keep:
            raise BadArgument("--keep says what leaves a chain; give one with --chain FILE.")
        return Kept(destination, set())
    chain = read_chain(Path(options.chain))
    with PluginIndex() as index:
        check_chain(chain, index)
    keep = options.keep or "wet"
    marks = set(marks_in(destination.path))
    return Kept(destination, marks, chain, dry=keep != "wet", wet=keep != "dry")
