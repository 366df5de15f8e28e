"""What is asked: every family in its round, the caption's own words, the rest by the controls."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.key import Key
from engine.prompt import resolve_fields
from engine.taxonomy import FAMILIES
from engine.training.evaluation.asks import (
    MOST_BARS,
    OTHER_SEED,
    bars_for,
    item_for,
    plan,
    request_for,
    words_are_read,
)
from engine.training.evaluation.pool_of_takes import PICTURED
from engine.training.evaluation.sheets import COLUMNS


def test_every_round_holds_every_family_and_two_one_shots() -> None:
    rows = Counter(ask.row for ask in plan(25))
    assert rows["drums"] == 6
    assert rows["one-shots"] == 2
    assert set(rows) == {*FAMILIES, "one-shots"}
    shots = {ask.family for ask in plan(300) if ask.kind == "one_shot"}
    assert shots == set(FAMILIES) - {"mix", "arp"}


def test_no_item_is_asked_for_twice_nor_compared_with_itself() -> None:
    seeds = [ask.seed for ask in plan(2000)] + [ask.seed for ask in plan(2000, OTHER_SEED)]
    assert len(set(seeds)) == len(seeds)


def test_the_pictured_asks_fill_a_sheet_of_every_family() -> None:
    rows = Counter(ask.row for ask in plan(PICTURED))
    assert all(rows[family] >= COLUMNS for family in FAMILIES)


@pytest.mark.parametrize("place", [0, 1, 2, 3, 9])
def test_words_and_controls_together_ask_for_the_item(place: int) -> None:
    item = item_for(plan(25)[place])
    request = request_for(item)
    assert request.prompt == item.captions[0]
    assert words_are_read(item)
    asked, facts = resolve_fields(request), item.facts
    assert asked.bpm == facts.bpm
    assert (asked.bars or request.bars) == bars_for(item) <= MOST_BARS
    if facts.root is not None and facts.mode is not None:
        assert asked.key == Key(facts.root, facts.mode)


def test_a_one_shot_is_asked_for_with_its_length() -> None:
    ask = next(ask for ask in plan(25) if ask.kind == "one_shot")
    item = item_for(ask)
    request = request_for(item)
    assert request.one_shot
    assert request.seconds == pytest.approx(item.audio.shape[1] / 44_100, abs=0.2)
