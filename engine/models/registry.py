"""The models that are installed, told by their cards: resources/models/<folder>/card.json."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from engine.display_name import display_text
from engine.errors import BadArgument, ModelProblem
from engine.resources import resource_path

CARD_NAME = "card.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelFile:
    """A file that belongs to a model. name: relative to the card's folder."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ModelCard:
    """What is said of a model. figures and training: free, as measured."""

    id: str
    name: str
    version: str
    licence: str
    files: tuple[ModelFile, ...]
    folder: Path
    description: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict[str, Any])
    training: Mapping[str, Any] = field(default_factory=dict[str, Any])
    hardware: str = ""
    steps: int | None = None

    @property
    def total_bytes(self) -> int:
        return sum(file.bytes for file in self.files)


class _CardText(msgspec.Struct, frozen=True):
    """A card as it is written: files one by one, or as two tables by name (the text encoder's)."""

    name: str
    licence: str
    version: str | int
    id: str = ""
    description: str = ""
    files: tuple[ModelFile, ...] = ()
    figures: dict[str, Any] = {}
    training: dict[str, Any] = {}
    hardware: str = ""
    steps: int | None = None
    sha256: dict[str, str] = {}
    size_bytes: dict[str, int] = {}


def models_folder() -> Path:
    return resource_path("models")


def installed_models(root: Path | None = None) -> tuple[ModelCard, ...]:
    """Return every card below `root`, by id. Raises ModelProblem on a damaged one."""
    folder = models_folder() if root is None else root
    cards = [read_card(path) for path in folder.glob(f"*/{CARD_NAME}")]
    return tuple(sorted(cards, key=lambda card: card.id))


def find_model(name: str, root: Path | None = None) -> ModelCard:
    """Return one model's card. Raises BadArgument when there is none, ModelProblem."""
    cards = installed_models(root)
    for card in cards:
        if card.id == name:
            return card
    known = ", ".join(card.id for card in cards) or "none is installed"
    raise BadArgument(f"There is no model called “{display_text(name)}”; choose from: {known}.")


def read_card(path: Path) -> ModelCard:
    """Read one card. Raises ModelProblem."""
    try:
        text = msgspec.json.decode(path.read_bytes(), type=_CardText)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelProblem(
            f"The model card of “{display_text(path.parent.name)}” is damaged; "
            "install Loopgraft again.",
            repr(error),
        ) from error
    tabled = tuple(
        ModelFile(name, text.size_bytes.get(name, -1), digest)
        for name, digest in text.sha256.items()
    )
    files = text.files or tabled
    _check_files(path, files)
    return ModelCard(
        id=text.id or path.parent.name,
        name=text.name,
        version=str(text.version),
        licence=text.licence,
        files=files,
        folder=path.parent,
        description=text.description,
        figures=text.figures,
        training=text.training,
        hardware=text.hardware,
        steps=text.steps,
    )


def verify(card: ModelCard) -> list[str]:
    """Return what is wrong with the files, one sentence each; empty when all is well."""
    return list(_faults(card))


def _faults(card: ModelCard) -> Iterator[str]:
    if not card.files:
        yield f"The card of {card.id} names no files."
    for file in card.files:
        path = card.folder / file.name
        try:
            size = path.stat().st_size
            if size != file.bytes:
                yield f"{file.name} has {size} bytes instead of {file.bytes}."
                continue
            with path.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
        except FileNotFoundError:
            yield f"{file.name} is missing."
        except OSError as error:
            yield f"{file.name} cannot be read: {error.strerror}."
        else:
            if digest != file.sha256:
                yield f"{file.name} has been changed: its checksum is another one."


def _check_files(path: Path, files: tuple[ModelFile, ...]) -> None:
    """Raise ModelProblem where a card points outside of its folder or has no real checksum."""
    for file in files:
        outside = Path(file.name).is_absolute() or ".." in Path(file.name).parts
        if outside or not _SHA256.fullmatch(file.sha256):
            raise ModelProblem(
                f"The model card of “{display_text(path.parent.name)}” is damaged; "
                "install Loopgraft again.",
                f"file {file}",
            )
