"""Mood words in closed form: dark or bright, mono or wide, as what they do to the codec's bands.

Graft 0.4 does not hear these words: of held-out prompts as many takes lay on the wrong side of the
middle as on the right one. What they mean in the corpus is a curve over the bands, and the codec is
linear in the logarithms of the bands: so the curve is added to what was sampled.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from engine.models.graft.codec import Codec
from engine.models.graft.spectral import BANDS, FRAMES_PER_LATENT
from engine.prompt_spelling import read_text
from engine.prompt_words import NEGATORS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Axis: words at its low and at its high end, as the captions have them and a few more.
TONE_WORDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "brightness": (
        _words("dark darker gloomy moody muted dull muffled filtered murky dim"),
        _words("bright brighter brilliant shiny airy crisp sharp sparkling glittering"),
    ),
    "width": (
        _words("mono narrow centered centred"),
        _words("wide wider stereo widescreen panoramic"),
    ),
}
#: What a step from the middle to an end does, in dB, at evenly spaced bands of mid and side, lowest
#: first: ridge regression of the loud frames' mean over 617 corpus loops, families held apart.
#: Brightness counts twice: by itself it is hardly heard.
_CURVES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "brightness": (
        (1.4, -0.4, 2.4, 3.4, 4.2, 5.2, 5.4, 6.6, 7.0, 6.0, 5.4, 5.0, 4.2, 3.6),
        (1.4, 0.2, 1.0, 1.2, 1.4, 2.4, 2.2, 3.2, 3.4, 3.0, 2.6, 2.4, 2.0, 1.6),
    ),
    "width": (
        (0.7, -0.6, -1.0, -1.5, -1.2, -0.7, -1.2, -0.5, -0.4, -0.1, -0.1, 0.0, 0.1, -0.1),
        (4.0, 13.6, 12.0, 10.7, 9.7, 8.8, 8.0, 7.0, 6.3, 5.2, 4.2, 3.4, 2.6, 1.7),
    ),
}
_DB_PER_NEPER = 20 / math.log(10)
_WORD = re.compile(r"[^\W\d_]+|/")
#: How many words before a word may negate it: "not too bright".
_NEGATION_REACH = 2


@dataclass(frozen=True)
class Tone:
    """Where a prompt lies on both axes, -1 to 1; 0 where it says nothing."""

    brightness: float = 0.0
    width: float = 0.0

    @classmethod
    def of(cls, prompt: str, negative: str = "") -> Tone:
        """Read a prompt, and what it should not sound like, which counts the other way round."""
        said, unwanted = _axes(prompt), _axes(negative)
        return cls(*(max(-1.0, min(1.0, a - b)) for a, b in zip(said, unwanted, strict=True)))

    def scaled(self, share: float) -> Tone:
        """Return so much of it. share: 0 to 1."""
        return Tone(share * self.brightness, share * self.width)


def with_tones(codec: Codec, latents: Tensor, tones: list[Tone], shares: Tensor | None) -> Tensor:
    """Return latents (T, channels) with the tones' curves added, mixed frame by frame by `shares`
    (T, tones), None: the only one."""
    moves = torch.stack([_move(codec, tone) for tone in tones])
    weights = latents.new_ones(len(latents), 1) if shares is None else shares
    return latents + weights @ moves


def _move(codec: Codec, tone: Tone) -> Tensor:
    """Return what a tone adds to every latent frame: (channels,)."""
    bands = tone.brightness * _curve("brightness") + tone.width * _curve("width")
    frame = bands[None].expand(FRAMES_PER_LATENT, -1, -1).flatten().to(codec.basis)
    return (frame @ codec.basis) / codec.scale


@lru_cache(maxsize=2)
@torch.inference_mode(False)
def _curve(axis: str) -> Tensor:
    """Return a curve in nepers for every band of mid and side: (2, BANDS)."""
    points = torch.tensor(_CURVES[axis])
    spread = torch.nn.functional.interpolate(
        points[None], size=BANDS, mode="linear", align_corners=True
    )
    return spread[0] / _DB_PER_NEPER


def _axes(text: str) -> tuple[float, float]:
    words = _WORD.findall(read_text(text).text.lower())
    brightness, width = (
        sum(_sign(words, at, *ends) for at in range(len(words))) for ends in TONE_WORDS.values()
    )
    return float(max(-1, min(1, brightness))), float(max(-1, min(1, width)))


def _sign(words: list[str], at: int, low: frozenset[str], high: frozenset[str]) -> int:
    word = words[at]
    sign = (word in high) - (word in low)
    before = words[max(0, at - _NEGATION_REACH) : at]
    return -sign if sign and any(other in NEGATORS for other in before) else sign
