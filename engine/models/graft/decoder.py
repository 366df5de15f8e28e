"""Graft's learned decoder: latents to a mid/side spectrum, whose inverse STFT is the audio.

ConvNeXt blocks at the STFT's rate (Siuzdak 2023, Vocos), every convolution on the circle, so
that rotating the latents by one frame rotates the audio by LATENT_HOP samples.

That symmetry has a price: an input which never changes has an output of period LATENT_HOP, so
a perfectly steady tone lands on multiples of 21.5 Hz. The Griffin-Lim iterations which
decode_with can add are not bound by it where the start phases already differ.
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
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
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
    """The default is for GPUs; CPU_SHAPE trains on two cores."""

    width: int = 384
    depth: int = 7
    kernel: int = 7
    hidden: int = 3


CPU_SHAPE = DecoderShape(256, 5)


@dataclass(frozen=True)
class KnownFrames:
    """Audio that exists. spectrum: complex mid/side (b, 2, 4T, BINS). keep: (b, 4T), 1 = keep;
    the spectrum counts only there."""

    spectrum: Tensor
    keep: Tensor


@lru_cache(maxsize=4)
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


def _polar_features(known: KnownFrames) -> Tensor:
    """Map known frames to (b, 4T, POLAR_CHANNELS): log-magnitude and unit phase, 0 if unknown."""
    turned = _turn(known.spectrum, back=True)
    size = turned.abs()
    log = torch.log(size / _FULL_SCALE + _FLOOR) / -math.log(_FLOOR) + 1.0
    unit = turned / size.clamp_min(_EPSILON)
    stacked = torch.stack([log, unit.real, unit.imag], dim=2)  # (b, 2, 3, 4T, BINS)
    return stacked.permute(0, 3, 1, 2, 4).flatten(2) * known.keep[..., None]


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
    """Predict the spectrum: phases, and a correction to the codec's own magnitudes."""

    def __init__(self, shape: DecoderShape | None = None) -> None:
        super().__init__()
        self.shape = shape or DecoderShape()
        width = self.shape.width
        self.enter = nn.Linear(LATENT_CHANNELS, FRAMES_PER_LATENT * width)
        self.known = nn.Linear(POLAR_CHANNELS + 1, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(self.shape) for _ in range(self.shape.depth))
        self.last_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, POLAR_CHANNELS)

    def forward(
        self, latents: Tensor, magnitudes: Tensor, known: KnownFrames | None = None
    ) -> Tensor:
        """latents: (b, T, LATENT_CHANNELS). magnitudes: the codec's, (b, 2, 4T, BINS). Returns
        a complex mid/side spectrum (b, 2, 4T, BINS), equal to what is known where it is."""
        made = self.to_spectrum(self.features(latents, known), magnitudes)
        return made if known is None else merge(made, known)

    def features(self, latents: Tensor, known: KnownFrames | None = None) -> Tensor:
        """Map latents (b, T, LATENT_CHANNELS) to the head's values (b, 4T, POLAR_CHANNELS)."""
        x = self.enter(latents).unflatten(-1, (FRAMES_PER_LATENT, -1)).flatten(1, 2)
        if known is not None:
            polar = _polar_features(known)
            x = x + self.known(torch.cat([polar, known.keep[..., None]], dim=-1))
        x = self.norm(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.last_norm(x))

    def to_spectrum(self, features: Tensor, magnitudes: Tensor) -> Tensor:
        """Map the head's values and the codec's magnitudes to a spectrum (b, 2, 4T, BINS)."""
        head = features.unflatten(-1, (2, 3, BINS)).permute(3, 0, 2, 1, 4)
        change, real, imaginary = head.unbind(0)
        log = torch.log(magnitudes / _FULL_SCALE + _FLOOR) + change
        size = _FULL_SCALE * log.clamp_max(_LOUDEST).exp()
        size = size * torch.rsqrt(real.square() + imaginary.square() + _EPSILON)
        return _turn(torch.complex(size * real, size * imaginary), back=False)


def merge(made: Tensor, known: KnownFrames) -> Tensor:
    """Return the known spectrum where it is kept, `made` (b, 2, 4T, BINS) elsewhere."""
    return torch.where(known.keep[:, None, :, None] > 0.5, known.spectrum, made)


def find_known(known: KnownAudio, device: torch.device) -> KnownFrames:
    """Return the frames of one canvas whose windows lie wholly outside the spans."""
    spectrum = stft_circular(to_mid_side(known.stereo.to(device)))
    half, count = N_FFT // 2, spectrum.shape[1]
    made = overlapping(count, HOP, half, half, known.spans, circular=known.closes)
    return KnownFrames(spectrum[None], (~made).to(device, spectrum.real.dtype)[None])


def decode_with(
    decoder: Decoder,
    codec: Codec,
    latents: Tensor,
    known: KnownAudio | None = None,
    on_iteration: Callable[[int, int], None] | None = None,
    iterations: int = 0,
) -> Tensor:
    """Map latents (T, channels) to stereo (2, T x 2048). Rotating latents rotates the audio.

    iterations: of Griffin-Lim, from the decoder's phases towards its magnitudes.
    on_iteration(done, total) may raise JobCancelled.
    """
    frames = None if known is None else find_known(known, latents.device)
    with torch.no_grad():
        spectrum = decoder(latents[None], codec.magnitudes(latents)[None], frames)[0]
    if on_iteration is not None:
        on_iteration(1, 1 + iterations)
    if iterations == 0:
        return to_left_right(istft_circular(spectrum))

    def on_refined(done: int, total: int) -> None:
        if on_iteration is not None:
            on_iteration(1 + done, 1 + total)

    mid_side = recover_audio(
        spectrum.abs(),
        spectrum.angle(),
        iterations=iterations,
        known=None if frames is None else frames.spectrum[0],
        known_frames=None if frames is None else frames.keep[0] > 0.5,
        on_iteration=on_refined,
    )
    return to_left_right(mid_side)


def save_decoder(state: dict[str, Tensor], shape: DecoderShape, path: Path) -> None:
    """Write fp16 weights; the shape travels in the file's metadata."""
    half = {name: tensor.half().contiguous() for name, tensor in state.items()}
    save_file(half, path, metadata={"shape": json.dumps(asdict(shape))})


def load_decoder(path: Path) -> Decoder:
    """Read a decoder for inference in float32. Raises ModelProblem when damaged."""
    try:
        with safe_open(path, framework="pt") as file:  # pyright: ignore[reportUnknownVariableType]
            shape = DecoderShape(**json.loads(file.metadata()["shape"]))
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        model = Decoder(shape)
        model.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelProblem(
            f"The model file {path.name} is missing or damaged; reinstall Loopgraft.", str(error)
        ) from error
    return model.eval()


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
