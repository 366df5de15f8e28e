"""The adherence table and the keys' table, on pairs whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from engine.key import Key
from engine.taxonomy import FAMILIES
from engine.training.evaluation.adherence import FIELDS, Judge, adherence_table, take_bars
from engine.training.evaluation.asks import Ask
from engine.training.evaluation.by_ear import family_bar, frechet_bars
from engine.training.evaluation.ear import EMBEDDING, Ear, EarNetwork, Heard
from engine.training.evaluation.keys_heard import key_bars, key_table
from engine.training.evaluation.pool_of_takes import Pair, Takes
from engine.training.evaluation.sounds import Sound, Traits

C_MINOR = Key(0, "minor")
NO_LATENTS = np.zeros((8, 128), np.float16)


def sound(brightness: float, key: Key | None = None, in_time: bool | None = None) -> Sound:
    traits = Traits(brightness, 0.5, -10.0, -20.0)
    inside = None if key is None else 0.9
    return Sound(in_time, key, inside, True, traits, NO_LATENTS, None)


def pair(
    index: int, family: str, moods: tuple[str, ...], made: Sound, held_out: Sound, key: Key | None
) -> Pair:
    ask = Ask(index, family, "loop", index)
    return Pair(ask, "a caption", moods, key, True, True, made, held_out)


@pytest.fixture
def pairs() -> list[Pair]:
    """A bright drum take that is dark, a dark one that is; a pad a fifth off, one in its key."""
    return [
        pair(0, "drums", ("bright",), sound(9.0, in_time=True), sound(11.0, in_time=True), None),
        pair(1, "drums", ("dark",), sound(9.0, in_time=False), sound(9.5, in_time=True), None),
        pair(2, "pad", (), sound(10, C_MINOR.transpose(7)), sound(10, C_MINOR), C_MINOR),
        pair(3, "pad", (), sound(10, C_MINOR.relative), sound(10, C_MINOR), C_MINOR),
    ]


def cells(table: str, row: str) -> list[str]:
    line = next(line for line in table.splitlines() if line.startswith(f"| {row} |"))
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_every_field_is_counted_where_it_was_asked(pairs: list[Pair]) -> None:
    drums, pad = FAMILIES.index("drums"), FAMILIES.index("pad")
    judge = Judge.for_pairs(pairs, [drums, pad, pad, pad], [drums, drums, pad, pad])
    text = adherence_table(judge.verdicts(pairs))
    row = dict(zip(("family", "prompts", "read", *FIELDS), cells(text, "drums"), strict=True))
    row.pop("family")
    assert row["prompts"] == "2"
    assert row["tempo"] == "0.50 / 1.00"
    assert row["brightness"] == "0.50 / 1.00"
    assert (row["key"], row["density"]) == ("–", "–")
    ears = cells(text, "drums")[3 + FIELDS.index("family")]
    assert ears == "0.50 / 1.00"
    assert cells(text, "pad")[3 + FIELDS.index("key")] == "0.50 / 1.00"
    assert cells(text, "all")[1] == "4"
    assert "fx" not in text


def test_the_keys_are_counted_by_what_is_heard(pairs: list[Pair]) -> None:
    assert cells(key_table(pairs), "pad") == [
        "pad", "2", "0 / 2", "1 / 0", "1 / 0", "0 / 0", "0 / 0", "0 / 0", "0 / 0",
    ]  # fmt: skip
    hits, inside = key_bars(pairs)
    assert (hits.value, hits.count, inside.value) == (0.5, 2, pytest.approx(0.9))
    assert key_bars(pairs[:2]) == []


def test_tempo_is_counted_on_drums_and_seams_on_loops(pairs: list[Pair]) -> None:
    tempo, seams = take_bars(pairs)
    assert (tempo.value, tempo.count) == (0.5, 2)
    assert (seams.value, seams.count) == (1.0, 4)


def test_few_takes_have_no_frechet_distance(
    pairs: list[Pair], capsys: pytest.CaptureFixture[str]
) -> None:
    heard = Heard(np.array([0, 3, 3, 3]), np.zeros((4, EMBEDDING)))
    takes = Takes(pairs, [NO_LATENTS] * 4)
    assert family_bar(takes, heard).value == 0.75
    assert frechet_bars(takes, heard, heard, Ear(EarNetwork())) == []
    assert "left out" in capsys.readouterr().out
