"""The table of bars: each a figure, what it has to reach, and from how many items it comes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEAD = "| what | bar | measured | items | met |\n|---|---|---|---|---|\n"


@dataclass(frozen=True)
class Bar:
    """One line of the table. Shares pass at or above `least`, errors at or below `most`."""

    what: str
    value: float
    least: float | None = None
    most: float | None = None
    count: int = 0

    @property
    def passed(self) -> bool:
        above = self.least is None or self.value >= self.least
        return above and (self.most is None or self.value <= self.most)

    def row(self) -> str:
        """Return the line of the Markdown table."""
        bound = f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"
        mark = "yes" if self.passed else "no"
        return f"| {self.what} | {bound} | {spoken(self.value)} | {self.count} | {mark} |"

    def figures(self) -> dict[str, float | int]:
        """Return everything but the name, as it stands in the card."""
        bound = {"most": self.most} if self.least is None else {"least": self.least}
        known = {name: value for name, value in bound.items() if value is not None}
        return {"value": float(f"{self.value:.6g}"), "items": self.count, **known}


def spoken(value: float) -> str:
    """Write a figure: three decimals, or its size where it is too small for them."""
    return f"{value:.3f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.1e}"


def table(bars: Sequence[Bar]) -> str:
    """Return the bars as a Markdown table."""
    return HEAD + "\n".join(bar.row() for bar in bars)


def figures_of(bars: Sequence[Bar]) -> dict[str, Any]:
    """Return the bars as the card keeps them."""
    return {bar.what: bar.figures() for bar in bars}


def bars_of(figures: Mapping[str, Any]) -> list[Bar]:
    """Read the bars of a card's figures. Raises KeyError where one lacks its value."""
    return [
        Bar(what, f["value"], f.get("least"), f.get("most"), f["items"])
        for what, f in figures.items()
    ]


def write_figures(bars: Sequence[Bar], path: Path) -> None:
    """Write the figures as JSON."""
    path.write_text(json.dumps(figures_of(bars), indent=1, ensure_ascii=False) + "\n", "utf-8")


def share(hits: Sequence[bool]) -> float:
    """Return the share of hits; nan of nothing."""
    return sum(hits) / len(hits) if hits else float("nan")
