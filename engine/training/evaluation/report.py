"""Where the figures go: the model's card, and the README's table between its two markers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.training.evaluation.bars import bars_of, table

BEGIN = "<!-- bars: written by `python -m engine.training readme` -->"
END = "<!-- end of bars -->"


def write_into_card(folder: Path, figures: Mapping[str, Any]) -> None:
    """Put the figures into a model's card, in place of those that stand there."""
    path = folder / "card.json"
    card = json.loads(path.read_text("utf-8"))
    card["figures"] = dict(figures)
    path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", "utf-8")


def card_table(folder: Path) -> str:
    """Return a card's figures as the table of bars."""
    card = json.loads((folder / "card.json").read_text("utf-8"))
    return table(bars_of(card["figures"]))


def table_in(readme: str) -> str:
    """Return what stands between the markers. Raises ValueError without them."""
    begin, end = readme.find(BEGIN), readme.find(END)
    if begin < 0 or end < begin:
        raise ValueError(f"The README has no “{BEGIN}” before a “{END}”; put the table there.")
    return readme[begin + len(BEGIN) : end].strip()


def with_table(readme: str, text: str) -> str:
    """Return the README with another table between the markers. Raises ValueError."""
    table_in(readme)
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{text}\n{END}{tail}"


def rewrite_readme(path: Path, folder: Path) -> None:
    """Write the card's table into the README. Raises ValueError without markers."""
    path.write_text(with_table(path.read_text("utf-8"), card_table(folder)), "utf-8")
