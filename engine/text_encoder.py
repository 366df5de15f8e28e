"""A frozen sentence encoder (all-MiniLM-L6-v2, rounded): text in, token and text vectors out."""

# onnxruntime and tokenizers are typed in part only.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engine.errors import ModelProblem
from engine.resources import resource_path

MODEL_FILE = "minilm-l6-int8.onnx"
TOKENIZER_FILE = "tokenizer.json"
CARD_FILE = "card.json"
MAX_TOKENS = 32
TOKEN_DIMENSIONS = 384

logger = logging.getLogger(__name__)


class TextEmbedding(NamedTuple):
    """Encoded texts. Padding is zero in `tokens` and False in `mask`.

    tokens: (texts, MAX_TOKENS, TOKEN_DIMENSIONS); mask: (texts, MAX_TOKENS), True = a token;
    pooled: (texts, TOKEN_DIMENSIONS), the mean over the tokens at length 1.
    """

    tokens: NDArray[np.float32]
    mask: NDArray[np.bool_]
    pooled: NDArray[np.float32]


class TextEncoder:
    """The shipped text encoder on the CPU; loads and checks its files at the first text.

    Every text runs alone and unpadded, so its vectors never depend on its neighbours.
    `encode` may run in several threads at once; `threads` is for the matrices of one text.
    """

    def __init__(self, folder: Path | None = None, *, threads: int = 1) -> None:
        self._folder = resource_path("models", "text") if folder is None else folder
        self._threads = threads
        self._parts: tuple[Tokenizer, ort.InferenceSession] | None = None

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of what runs the encoder. Raises ModelProblem."""
        return str(self._load()[1].get_providers()[0])

    def encode(self, texts: Sequence[str]) -> TextEmbedding:
        """Encode each text, cut at MAX_TOKENS. Raises ModelProblem if a file is bad."""
        tokenizer, session = self._load()
        count = len(texts)
        tokens = np.zeros((count, MAX_TOKENS, TOKEN_DIMENSIONS), np.float32)
        mask = np.zeros((count, MAX_TOKENS), np.bool_)
        pooled = np.zeros((count, TOKEN_DIMENSIONS), np.float32)
        for row, text in enumerate(texts):
            states = _encode_one(tokenizer, session, text)
            tokens[row, : len(states)] = states
            mask[row, : len(states)] = True
            pooled[row] = _unit_mean(states)
        return TextEmbedding(tokens, mask, pooled)

    def _load(self) -> tuple[Tokenizer, ort.InferenceSession]:
        if self._parts is None:
            files = _checked_files(self._folder)
            self._parts = (
                _open_tokenizer(files[TOKENIZER_FILE]),
                _open_session(files[MODEL_FILE], self._threads),
            )
            logger.info("text encoder loaded from %s", self._folder)
        return self._parts


def _encode_one(
    tokenizer: Tokenizer, session: ort.InferenceSession, text: str
) -> NDArray[np.float32]:
    ids = np.asarray(tokenizer.encode(_well_formed(text)).ids, np.int64)
    return cast("NDArray[np.float32]", session.run(["states"], {"ids": ids})[0])


def _well_formed(text: str) -> str:
    """Replace lone surrogates, which have no UTF-8 form, by question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _unit_mean(states: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = states.mean(axis=0)
    return mean / np.maximum(np.linalg.norm(mean), np.float32(1e-12))


def _checked_files(folder: Path) -> dict[str, bytes]:
    """Read the model's files and check them against the card."""
    try:
        card: dict[str, Any] = json.loads((folder / CARD_FILE).read_bytes())
        hashes = {name: str(card["sha256"][name]) for name in (MODEL_FILE, TOKENIZER_FILE)}
        files = {name: (folder / name).read_bytes() for name in hashes}
    except OSError as error:
        raise ModelProblem(
            "The text model's files are missing; reinstall Loopgraft.", str(error)
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelProblem(_DAMAGED, f"{folder / CARD_FILE}: {error!r}") from error
    for name, data in files.items():
        if hashlib.sha256(data).hexdigest() != hashes[name]:
            raise ModelProblem(_DAMAGED, f"{folder / name} does not have the hash on its card")
    return files


_DAMAGED = "The text model's files are damaged; reinstall Loopgraft."


def _open_tokenizer(data: bytes) -> Tokenizer:
    tokenizer = Tokenizer.from_str(data.decode("utf-8"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _open_session(data: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
