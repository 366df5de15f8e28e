"""Evaluation as a whole, with a tiny model: every bar, the tables, the sheets, the card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import save_file

from engine.models.graft.codec import load_codec, save_codec
from engine.models.graft.denoiser import save_denoiser
from engine.resources import resource_path
from engine.text_encoder import TextEncoder
from engine.training import evaluate as evaluation
from engine.training.__main__ import main as stages
from engine.training.corpus import make_item
from engine.training.dataset import HELD_OUT_SEED, encode_item, write_shard
from engine.training.evaluation import codec_bars, context_bar, diversity
from engine.training.evaluation.ear import EarNetwork
from engine.training.evaluation.report import card_table
from tests.engine.models.graft.tiny_model import random_denoiser


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Write a model of random weights with the shipped codec."""
    folder = tmp_path / "weights"
    folder.mkdir()
    save_codec(load_codec(resource_path("models", "graft", "codec.safetensors")),
               folder / "codec.safetensors")  # fmt: skip
    denoiser = random_denoiser()
    save_denoiser(denoiser.state_dict(), denoiser.shape, folder / "denoiser.safetensors")
    (folder / "card.json").write_text('{"version": "0", "figures": {}}', "utf-8")
    return folder


@pytest.fixture
def work(tmp_path: Path, weights: Path) -> Path:
    """Write a shard of four held-out items and an ear that knows nothing."""
    folder = tmp_path / "work"
    (folder / "held_out").mkdir(parents=True)
    codec, text = load_codec(weights / "codec.safetensors"), TextEncoder(threads=1)
    items = [make_item(HELD_OUT_SEED + n, "held_out", family="drums") for n in range(4)]
    shard = [encode_item(item, codec, text) for item in items]
    write_shard(shard, folder / "held_out" / "00000.npz")
    save_file(EarNetwork().state_dict(), folder / "ear.safetensors")
    return folder


def test_evaluation_measures_writes_and_ships(
    weights: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec_bars, "LEAST_ITEMS", 1)
    monkeypatch.setattr(codec_bars, "ROTATED_ITEMS", 1)
    monkeypatch.setattr(context_bar, "CONTEXT_ITEMS", 2)
    monkeypatch.setattr(diversity, "SEEDS", 2)
    evaluation.main(
        [
            *("--work", str(work), "--workers", "1", "--weights", str(weights), "--count", "2"),
            *("--recordings", str(tmp_path / "none"), "--report", str(tmp_path / "report.md")),
            *("--sheets", str(tmp_path / "sheets"), "--card"),
        ]
    )
    figures = json.loads((weights / "card.json").read_text("utf-8"))["figures"]
    for what in ("codec: log-mel L1", "in context", "tempo of drums", "loop seam", "asked key",
                 "the ear's families", "family of takes", "one-shots: the drum", "diversity",
                 "size on disk"):  # fmt: skip
        assert any(name.startswith(what) for name in figures), what
    report = (tmp_path / "report.md").read_text("utf-8")
    assert card_table(weights) in report
    assert "| one-shots |" not in report
    assert "| drums | 1 |" in report
    assert {path.name for path in (tmp_path / "sheets").iterdir()} == {"drums.png", "keys.png"}


def test_without_an_ear_and_shards_evaluation_says_what_to_make(
    weights: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="make some with"):
        stages(["--work", str(tmp_path), "evaluate", "--weights", str(weights), "--count", "1"])


@pytest.mark.parametrize("count", ["0", "-3", "many"])
def test_a_count_that_is_none_is_refused_in_a_sentence(
    count: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        evaluation.main([f"--count={count}"])
    assert "give a whole number from 1 up" in capsys.readouterr().err
