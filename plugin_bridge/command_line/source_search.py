"""Finding the file that a recipe was grafted into: an exported recipe knows name and content."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from engine.display_name import display_name, display_text
from engine.errors import BadArgument, BadInputFile, WriteProblem
from engine.input_file import file_sha256
from engine.library import Library
from engine.places import library_folder
from engine.request import GenerationRequest, SourceReference

_SHOWN_DIGITS = 12

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourceSearch:
    """Where to look. recipe: what the recipe is called in a sentence. folder: where it lies.

    advice: what a person can do who has the file. given: the file that was named, else "".
    """

    recipe: str
    folder: Path
    advice: str
    given: str = ""

    @classmethod
    def beside(cls, recipe: str, given: str = "") -> SourceSearch:
        """Return the search for a recipe in a file of its own."""
        name = f"“{display_name(recipe)}”"
        advice = f"put it beside {name} or give it with generate --source"
        return cls(name, Path(recipe).absolute().parent, advice, given)

    def complete(self, request: GenerationRequest) -> GenerationRequest:
        """Return the request with its source where it lies here. Raises as `find`, BadArgument."""
        if request.source is not None:
            found = self.find(request.source)
            return replace(request, source=SourceReference.to(found, request.source.sha256))
        if self.given:
            raise BadArgument(f"{self.recipe} was not grafted into a file; leave --source out.")
        return request

    def find(self, source: SourceReference) -> Path:
        """Return the file of the source's content. Raises BadInputFile with what is missing."""
        wanted = f"“{display_text(source.name)}” (SHA-256 {source.sha256[:_SHOWN_DIGITS]}…)"
        if self.given:
            if file_sha256(self.given) == source.sha256:
                return Path(self.given)
            raise BadInputFile(
                f"“{display_name(self.given)}” is not the file that {self.recipe} was grafted "
                f"into, {wanted}; give that one."
            )
        seen: list[Path] = []
        for path in self._places(source):
            if (digest := _digest(path)) == source.sha256:
                return path
            seen += [path] if digest else []
        missing = f"whose file “{display_text(str(seen[0]))}” has changed since" if seen else ""
        raise BadInputFile(
            f"{self.recipe} was grafted into {wanted}, {missing or 'which is not here'}; "
            f"{self.advice}."
        )

    def _places(self, source: SourceReference) -> Iterator[Path]:
        """Yield where it may lie, the library last: opening that takes longest."""
        if source.location.is_absolute():  # recipes of the library, and of early exports
            yield source.location
        yield self.folder / source.name
        yield from _places_in_library(source.sha256)


def _digest(path: Path) -> str:
    try:
        return file_sha256(path)
    except BadInputFile as error:
        _log.debug("no source at %r: %s", path, error.details)
        return ""


def _places_in_library(sha256: str) -> tuple[Path, ...]:
    """Return where takes of this machine had the file; opens no library where there is none."""
    if not library_folder().is_dir():
        return ()
    try:
        with closing(Library(library_folder())) as library:
            return library.source_places(sha256)
    except WriteProblem as error:
        _log.warning("the library was not asked for a source: %s %s", error, error.details)
        return ()
