"""Model cards: read, found, and their files checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BadArgument, ModelProblem
from engine.models.registry import find_model, installed_models, verify


def write_model(root: Path, content: bytes = b"weights", **changes: Any) -> Path:
    folder = root / "tiny"
    folder.mkdir(parents=True)
    (folder / "w.bin").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    card = {
        "id": "tiny",
        "name": "Tiny",
        "version": "1",
        "licence": "MIT",
        "description": "",
        "files": [{"name": "w.bin", "bytes": len(content), "sha256": digest}],
        "figures": {"tempo": 0.97},
        "training": {"steps": 10},
    }
    (folder / "card.json").write_text(json.dumps({**card, **changes}))
    return folder


def test_a_card_is_read_and_its_files_are_whole(tmp_path: Path) -> None:
    write_model(tmp_path)
    card = find_model("tiny", tmp_path)
    assert (card.total_bytes, card.figures["tempo"]) == (7, 0.97)
    assert verify(card) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"longer than before", "bytes"), (b"weighty", "checksum"), (None, "missing")],
)
def test_a_changed_file_is_noticed(content: bytes | None, says: str, tmp_path: Path) -> None:
    path = write_model(tmp_path) / "w.bin"
    path.unlink() if content is None else path.write_bytes(content)
    (fault,) = verify(find_model("tiny", tmp_path))
    assert says in fault


@pytest.mark.parametrize("name", ["../w.bin", "/etc/passwd"])
def test_a_card_cannot_point_outside_of_its_folder(name: str, tmp_path: Path) -> None:
    files = [{"name": name, "bytes": 1, "sha256": "0" * 64}]
    write_model(tmp_path, files=files)
    with pytest.raises(ModelProblem, match="damaged"):
        installed_models(tmp_path)


def test_a_damaged_card_and_an_unknown_model_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match="none is installed"):
        find_model("tiny", tmp_path)
    folder = write_model(tmp_path)
    (folder / "card.json").write_text("{")
    with pytest.raises(ModelProblem, match="damaged"):
        find_model("tiny", tmp_path)


def test_what_ships_is_as_its_cards_say() -> None:
    assert {card.id: verify(card) for card in installed_models()} == {
        card.id: [] for card in installed_models()
    }
