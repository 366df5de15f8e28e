"""The table of bars: what passes, what the card keeps of it, and that the README tells the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.resources import resource_path
from engine.training.evaluation.bars import Bar, bars_of, figures_of, share, table, write_figures
from engine.training.evaluation.report import (
    BEGIN,
    END,
    card_table,
    rewrite_readme,
    table_in,
    with_table,
    write_into_card,
)

README = Path(__file__).parents[4] / "README.md"
BARS = [
    Bar("tempo", 0.975, least=0.97, count=40),
    Bar("error", 0.41, most=0.4, count=7),
    Bar("rounding", 2.5e-13, most=1e-6, count=3),
]


def test_shares_pass_above_their_bar_and_errors_below() -> None:
    assert [bar.passed for bar in BARS] == [True, False, True]
    assert Bar("exactly", 0.97, least=0.97).passed
    assert not Bar("nothing was measured", float("nan"), least=0.97).passed


def test_a_row_tells_bound_value_and_verdict() -> None:
    assert [bar.row() for bar in BARS] == [
        "| tempo | ≥ 0.97 | 0.975 | 40 | yes |",
        "| error | ≤ 0.4 | 0.410 | 7 | no |",
        "| rounding | ≤ 1e-06 | 2.5e-13 | 3 | yes |",
    ]


def test_the_card_keeps_everything_of_the_table(tmp_path: Path) -> None:
    assert table(bars_of(figures_of(BARS))) == table(BARS)
    write_figures(BARS, tmp_path / "figures.json")
    written = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert table(bars_of(written)) == table(BARS)


def test_a_share_of_nothing_is_no_number() -> None:
    assert share([True, False, True, True]) == 0.75
    assert share([]) != share([])


def test_figures_are_replaced_in_the_card_and_the_rest_stays(tmp_path: Path) -> None:
    card = {"version": "9", "figures": {"old": {"value": 1, "items": 1}}}
    (tmp_path / "card.json").write_text(json.dumps(card), "utf-8")
    write_into_card(tmp_path, figures_of(BARS))
    assert json.loads((tmp_path / "card.json").read_text("utf-8"))["version"] == "9"
    assert card_table(tmp_path) == table(BARS)


def test_only_what_is_between_the_markers_is_rewritten(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n", "utf-8")
    (tmp_path / "card.json").write_text("{}", "utf-8")
    write_into_card(tmp_path, figures_of(BARS))
    rewrite_readme(readme, tmp_path)
    written = readme.read_text("utf-8")
    assert table_in(written) == table(BARS)
    assert written.startswith("before\n\n")
    assert written.endswith("\n\nafter\n")
    rewrite_readme(readme, tmp_path)
    assert readme.read_text("utf-8") == written


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="README has no"):
        with_table("a text", "a table")


def test_the_readme_tells_the_figures_of_the_shipped_card() -> None:
    assert table_in(README.read_text("utf-8")) == card_table(resource_path("models", "graft"))
