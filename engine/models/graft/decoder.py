"""Graft's learned decoder: latents to a mid/side spectrum, whose inverse STFT is the audio.

ConvNeXt blocks at the STFT's rate (Siuzdak 2023, Vocos), every convolution on the circle, so
that rotating the input by one latent frame rotates the audio by LATENT_HOP samples.

That symmetry forbids making phases from latents alone: an input which never changes has an
output of period LATENT_HOP, and a steady 440 Hz sine came out with 99.9 % of its energy on
multiples of 21.5 Hz, out of tune. So the blocks correct a start whose random phases a few
Griffin-Lim iterations have brought together: the head shifts its log-magnitudes and adds a
vector to its unit phases, short where the start is right (tones), long where the latents know
better (onsets). Untrained weights leave the start as it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.diffusion.masks import overlapping
from engine.errors import ModelProblem
from engine.models.graft.codec import LATENT_CHANNELS, Codec
from engine.models.graft.decoding import KnownAudio
from engine.models.graft.griffin_lim import recover_audio
from engine.models.graft.spectral import (
    BINS,
    FRAMES_PER_LATENT,
    HOP,
    N_FFT,
    istft_circular,
    stft_circular,
    to_left_right,
    to_mid_side,
)
from engine.models.graft.weights import load_weights, save_weights

#: Values per frame in and out: a logarithm and a point of the plane, per bin, mid and side.
POLAR_CHANNELS = 2 * 3 * BINS
_FULL_SCALE = N_FFT / 4
#: -100 dB: the faintest bin the decoder starts from.
_FLOOR = 1e-5
#: Four full-scale sines at once: the loudest bin it may make.
_LOUDEST = math.log(4.0)
_EPSILON = 1e-8


@dataclass(frozen=True)
class DecoderShape:
    """The default is for GPUs; CPU_SHAPE trains on two cores.

    start_iterations: of Griffin-Lim, under the starts that the weights have seen."""

    width: int = 384
    depth: int = 7
    kernel: int = 7
    hidden: int = 3
    start_iterations: int = 8


CPU_SHAPE = DecoderShape(256, 5)


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # kept for training too, which inference tensors cannot serve
def _carrier(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return (FRAMES_PER_LATENT, BINS): the phases of an impulse at the latent frame's centre.

    Measured against it, a tone on a bin's centre keeps its phase from frame to frame.
    """
    frame = torch.arange(FRAMES_PER_LATENT)[:, None]
    quarters = torch.arange(BINS)[None] * (frame - N_FFT // HOP // 2) % 4
    angles = quarters.double() * (math.pi / 2)
    return torch.polar(torch.ones_like(angles), angles).to(device, dtype)


def _turn(spectrum: Tensor, *, back: bool) -> Tensor:
    """Multiply (..., 4T, BINS) by the carrier, or by its conjugate."""
    carrier = _carrier(spectrum.dtype, spectrum.device)
    latents = spectrum.unflatten(-2, (-1, FRAMES_PER_LATENT))
    return (latents * (carrier.conj() if back else carrier)).flatten(-3, -2)


def _unit(spectrum: Tensor) -> Tensor:
    return spectrum / spectrum.abs().clamp_min(_EPSILON)


def _log_size(spectrum: Tensor) -> Tensor:
    return torch.log(spectrum.abs() / _FULL_SCALE + _FLOOR)


def _polar_features(start: Tensor) -> Tensor:
    """Map (b, 2, 4T, BINS) to (b, 4T, POLAR_CHANNELS): log-magnitude (0 to 1) and unit phase."""
    unit = _unit(_turn(start, back=True))
    log = 1.0 - _log_size(start) / math.log(_FLOOR)
    stacked = torch.stack([log, unit.real, unit.imag], dim=2)  # (b, 2, 3, 4T, BINS)
    return stacked.permute(0, 3, 1, 2, 4).flatten(2)


class Block(nn.Module):
    """ConvNeXt (Liu et al. 2022) over (b, frames, width), on the circle."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        width, hidden = shape.width, shape.width * shape.hidden
        self.reach = shape.kernel // 2
        self.depthwise = nn.Conv1d(width, width, shape.kernel, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)
        self.gain = nn.Parameter(torch.full((width,), 1.0 / shape.depth))

    def forward(self, x: Tensor) -> Tensor:
        padded = torch.cat([x[:, -self.reach :], x, x[:, : self.reach]], dim=1)
        mixed = self.depthwise(padded.transpose(1, 2)).transpose(1, 2)
        return x + self.gain * self.down(F.gelu(self.up(self.norm(mixed))))


class Decoder(nn.Module):
    """Correct the magnitudes and phases of a start."""

    def __init__(self, shape: DecoderShape | None = None) -> None:
        super().__init__()
        self.shape = shape or DecoderShape()
        width = self.shape.width
        self.enter = nn.Linear(LATENT_CHANNELS, FRAMES_PER_LATENT * width)
        self.start = nn.Linear(POLAR_CHANNELS + 1, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(self.shape) for _ in range(self.shape.depth))
        self.last_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, POLAR_CHANNELS)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, latents: Tensor, start: Tensor, keep: Tensor) -> Tensor:
        """latents: (b, T, LATENT_CHANNELS). start: complex mid/side (b, 2, 4T, BINS). keep:
        (b, 4T), 1 where the start is audio that exists. Returns a spectrum like start, equal to
        it where kept."""
        made = self.correct(start, self.features(latents, start, keep))
        return torch.where(keep[:, None, :, None] > 0.5, start, made)

    def features(self, latents: Tensor, start: Tensor, keep: Tensor) -> Tensor:
        """Return the head's corrections: (b, 4T, POLAR_CHANNELS)."""
        x = self.enter(latents).unflatten(-1, (FRAMES_PER_LATENT, -1)).flatten(1, 2)
        x = x + self.start(torch.cat([_polar_features(start), keep[..., None]], dim=-1))
        x = self.norm(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.last_norm(x))

    def correct(self, start: Tensor, features: Tensor) -> Tensor:
        """Apply the head's corrections (b, 4T, POLAR_CHANNELS) to a spectrum (b, 2, 4T, BINS)."""
        head = features.unflatten(-1, (2, 3, BINS)).permute(3, 0, 2, 1, 4)
        change, real, imaginary = head.unbind(0)
        unit = _unit(start) + _turn(torch.complex(real, imaginary), back=False)
        parts = torch.view_as_real(unit)
        size = (_log_size(start) + change).clamp_max(_LOUDEST).exp() - _FLOOR
        size = _FULL_SCALE * size.clamp_min(0.0)  # without its floor: bins in phase would click
        size = size * torch.rsqrt(parts.square().sum(-1) + _EPSILON)
        return torch.view_as_complex(parts * size[..., None])


def start_from(
    magnitudes: Tensor,
    phases: Tensor,
    iterations: int,
    known: Tensor | None = None,
    keep: Tensor | None = None,
    on_iteration: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Return the decoder's start (channels, 4T, BINS): the codec's magnitudes with the phases of
    so many Griffin-Lim iterations. known: a spectrum that holds where keep (4T,) is 1."""
    hold = None if keep is None else keep > 0.5
    if hold is not None and known is not None:
        magnitudes = torch.where(hold[None, :, None], known.abs(), magnitudes)
    if iterations > 0:
        audio = recover_audio(
            magnitudes,
            phases,
            iterations=iterations,
            known=known,
            known_frames=hold,
            on_iteration=on_iteration,
        )
        phases = stft_circular(audio).angle()
    start = torch.polar(magnitudes, phases)
    if hold is None or known is None:
        return start
    return torch.where(hold[None, :, None], known, start)


def find_known(known: KnownAudio, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return a canvas' mid/side spectrum (2, 4T, BINS), and keep (4T,): 1 where the whole window
    lies outside the spans."""
    spectrum = stft_circular(to_mid_side(known.stereo.to(device)))
    half, count = N_FFT // 2, spectrum.shape[1]
    made = overlapping(count, HOP, half, half, known.spans, circular=known.closes)
    return spectrum, (~made).to(device, spectrum.real.dtype)


def decode_with(
    decoder: Decoder,
    codec: Codec,
    latents: Tensor,
    phases: Tensor,
    known: KnownAudio | None = None,
    on_iteration: Callable[[int, int], None] | None = None,
    iterations: int | None = None,
) -> Tensor:
    """Map latents (T, channels) to stereo (2, T x 2048), as decoding.decode does. Rotating
    latents and phases rotates the audio. iterations: of the start; None: as in training.
    on_iteration may raise JobCancelled."""
    count = decoder.shape.start_iterations if iterations is None else iterations
    magnitudes = codec.magnitudes(latents)
    spectrum, keep = None, None
    if known is not None:
        spectrum, keep = find_known(known, latents.device)
    start = start_from(magnitudes, phases, count, spectrum, keep, on_iteration)
    kept = start.real.new_zeros(start.shape[1]) if keep is None else keep
    with torch.no_grad():
        made = decoder(latents[None], start[None], kept[None])[0]
    return to_left_right(istft_circular(made))


def save_decoder(state: dict[str, Tensor], shape: DecoderShape, path: Path) -> None:
    """Write fp16 weights with their shape."""
    save_weights(state, asdict(shape), path)


def load_decoder(path: Path) -> Decoder:
    """Read a decoder for inference in float32. Raises ModelProblem when damaged."""
    return load_weights(path, lambda shape: Decoder(DecoderShape(**shape)))


class ShippedDecoder(NamedTuple):
    decoder: Decoder
    iterations: int


def load_winner(folder: Path) -> ShippedDecoder | None:
    """Read the folder's decoder if its card says that it beat Griffin-Lim, else return None.

    The card says {"decoder": {"won": true, "iterations": 8}}, as compare_decoders writes it.
    Raises ModelProblem when the card or the decoder it names is damaged.
    """
    path, card = folder / "decoder.safetensors", folder / "card.json"
    if not (path.exists() and card.exists()):
        return None
    try:
        verdict = json.loads(card.read_text("utf-8")).get("decoder", {})
        won, iterations = bool(verdict.get("won", False)), int(verdict.get("iterations", 0))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ModelProblem(
            "The model's card is damaged; reinstall Loopgraft.", str(error)
        ) from error
    return ShippedDecoder(load_decoder(path), iterations) if won else None
