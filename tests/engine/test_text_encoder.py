"""The shipped text encoder: deterministic, sensible about sounds, honest about bad files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ModelProblem
from engine.resources import resource_path
from engine.text_encoder import (
    CARD_FILE,
    MAX_TOKENS,
    MODEL_FILE,
    TOKEN_DIMENSIONS,
    TOKENIZER_FILE,
    TextEncoder,
)

SHIPPED = resource_path("models", "text")
ODD_TEXTS = [
    "",
    " ",
    "🔥🥁",
    "ドラムンベース",
    "барабаны",
    "شارة",
    "é" * 50,
    "\x00",
    "\ud800",
    "a" * 5000,
]
PROMPTS = ["punchy kick", "dusty lo-fi drums at 84 bpm", "", "warm analog pad in C major"]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with the shipped files, to be damaged."""
    return shutil.copytree(SHIPPED, tmp_path / "text")


def test_shapes_and_types_are_as_promised(encoder: TextEncoder) -> None:
    found = encoder.encode(PROMPTS)
    assert found.tokens.shape == (len(PROMPTS), MAX_TOKENS, TOKEN_DIMENSIONS)
    assert found.mask.shape == (len(PROMPTS), MAX_TOKENS)
    assert found.pooled.shape == (len(PROMPTS), TOKEN_DIMENSIONS)
    assert (found.tokens.dtype, found.mask.dtype, found.pooled.dtype) == ("f4", "?", "f4")


def test_no_texts_give_empty_arrays(encoder: TextEncoder) -> None:
    assert encoder.encode([]).tokens.shape == (0, MAX_TOKENS, TOKEN_DIMENSIONS)


def test_a_text_is_encoded_the_same_again_and_by_another_encoder(encoder: TextEncoder) -> None:
    first, again = encoder.encode(PROMPTS), encoder.encode(PROMPTS)
    other = TextEncoder().encode(PROMPTS)
    for one, two, three in zip(first, again, other, strict=True):
        assert np.array_equal(one, two)
        assert np.array_equal(one, three)


def test_a_text_does_not_depend_on_its_neighbours(encoder: TextEncoder) -> None:
    together = encoder.encode([*ODD_TEXTS, *PROMPTS])
    for row, text in enumerate([*ODD_TEXTS, *PROMPTS]):
        alone = encoder.encode([text])
        assert np.array_equal(alone.tokens[0], together.tokens[row])
        assert np.array_equal(alone.pooled[0], together.pooled[row])


def test_threads_that_encode_at_once_get_the_same(encoder: TextEncoder) -> None:
    expected = encoder.encode(PROMPTS).pooled
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: encoder.encode(PROMPTS).pooled, range(8)):
            assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("hard-hitting kick", "punchy kick", "soft ambient pad"),
        ("lush atmospheric strings", "soft ambient pad", "punchy kick"),
        ("gritty bass", "dirty bass", "bright bell arpeggio"),
        ("sad piano", "melancholic piano chords", "aggressive kick drum"),
        ("jazzy rhodes", "electric piano chords", "white noise riser"),
        ("dnb break", "drum and bass drums", "choir pad"),
    ],
)
def test_a_text_is_nearer_to_its_paraphrase(
    encoder: TextEncoder, text: str, near: str, far: str
) -> None:
    one, two, three = encoder.encode([text, near, far]).pooled
    assert one @ two > one @ three


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_every_text_has_a_finite_embedding_of_length_one(encoder: TextEncoder, text: str) -> None:
    found = encoder.encode([text])
    assert np.isfinite(found.tokens).all()
    assert np.linalg.norm(found.pooled[0]) == pytest.approx(1, abs=1e-6)


def test_empty_text_is_its_two_frame_tokens(encoder: TextEncoder) -> None:
    assert encoder.encode([""]).mask.sum() == 2


def test_letter_case_makes_no_difference(encoder: TextEncoder) -> None:
    one, two = encoder.encode(["Punchy KICK", "punchy kick"]).pooled
    assert np.array_equal(one, two)


def test_tokens_come_first_and_padding_is_zero(encoder: TextEncoder) -> None:
    found = encoder.encode([*PROMPTS, *ODD_TEXTS])
    for tokens, mask in zip(found.tokens, found.mask, strict=True):
        count = int(mask.sum())
        assert mask[:count].all()
        assert not tokens[count:].any()
        assert np.abs(tokens[:count]).max(axis=1).min() > 0


def test_long_text_is_cut_at_32_tokens(encoder: TextEncoder) -> None:
    found = encoder.encode(["groove " * 100, "groove " * 200])
    assert found.mask.all()
    assert np.array_equal(found.tokens[0], found.tokens[1])


def test_pooled_is_the_mean_of_the_tokens_at_length_one(encoder: TextEncoder) -> None:
    found = encoder.encode(PROMPTS)
    mean = found.tokens.sum(axis=1) / found.mask.sum(axis=1, keepdims=True)
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    # float32 sums of 32 terms: 32 x 2^-24 relative
    assert np.allclose(found.pooled, mean, atol=2e-6)


@pytest.mark.parametrize("name", [MODEL_FILE, TOKENIZER_FILE])
def test_a_changed_byte_is_a_model_problem(copied: Path, name: str) -> None:
    data = bytearray((copied / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copied / name).write_bytes(data)
    with pytest.raises(ModelProblem, match="damaged") as caught:
        TextEncoder(copied).encode(["kick"])
    assert name in caught.value.details
    assert caught.value.sentence.count(".") == 1


@pytest.mark.parametrize("name", [MODEL_FILE, TOKENIZER_FILE, CARD_FILE])
def test_a_missing_file_is_a_model_problem_when_it_is_needed(copied: Path, name: str) -> None:
    (copied / name).unlink()
    encoder = TextEncoder(copied)
    with pytest.raises(ModelProblem, match="missing"):
        encoder.encode(["kick"])


@pytest.mark.parametrize("card", ["", "[]", "{}", '{"sha256": []}', "\udcff"])
def test_an_unreadable_card_is_a_model_problem(copied: Path, card: str) -> None:
    (copied / CARD_FILE).write_bytes(card.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelProblem, match="damaged"):
        TextEncoder(copied).encode(["kick"])


def test_shipped_files_are_near_the_original_small_and_licensed() -> None:
    card = json.loads((SHIPPED / CARD_FILE).read_bytes())
    assert card["similarity_to_fp32"]["pooled_mean"] >= 0.99
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 20_000_000
    assert "Apache License" in (SHIPPED / "LICENSE").read_text(encoding="utf-8")


def test_encoding_text_imports_no_torch() -> None:
    code = (
        "import sys, engine.text_encoder as t; t.TextEncoder().encode(['a']); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "torch" not in done.stdout.split()
