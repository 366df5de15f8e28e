"""Guidance towards a key, in closed form: the codec tells which note each band holds.

The codec is linear up to the logarithm of each band's level, so the share of a frame's energy
that lies on the notes of a key, and its gradient for the latents, can be written down. Each
estimate of the clean data takes one step along it. A noisy frame, spread over all bands, hardly
moves; a frame with few loud partials outside the key is drawn into it.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from engine.key import SCALE_STEPS, Mode
from engine.models.graft.codec import Codec
from engine.models.graft.conditioning import MODES, UNKNOWN_MODE, UNKNOWN_ROOT, Conditions
from engine.models.graft.sampling import Tuner
from engine.models.graft.spectral import (
    BANDS,
    BINS,
    FRAMES_PER_LATENT,
    N_FFT,
    SAMPLE_RATE,
    band_matrix,
)

#: How far one step goes, in latent units per unit of the gradient of the log share. Measured with
#: Graft 0.4 on 70 prompts of seven families: keys heard (or the relative), families heard by the
#: ear of engine/training/evaluation, share of the root in the notes (in the corpus 0.32):
#: 0.61, 0.86, 0.41 with 2, from 180 Hz on, and degrees 1, .35, .8, .35, .9, .35, .35;
#: 0.74, 0.89, 0.55 with 3 and what stands here;
#: 0.79, 0.90, 0.68 with a root of 1.5, which is more a drone than a tune.
#: A gradient towards the corpus' distribution of notes over the whole window reaches 0.86 and
#: spreads the notes, but the ear then hears 0.43 of the families: it raises noise.
STRENGTH = 3.0
#: Below, a band holds three semitones and a partial cannot be told from its neighbour; above, there
#: is more noise than notes.
LOWEST_HZ, HIGHEST_HZ = 130.0, 4000.0
#: What a note of the scale counts for, from the root up: the triad carries a key, the fifth less
#: than the third, or its own key is heard. With 1 for all of them the notes are as much inside,
#: but the neighbouring keys are heard as often as before.
DEGREES = (1.2, 0.3, 1.0, 0.3, 0.7, 0.3, 0.2)
_POINTS_PER_BAND = 64
_SIDE_SHARE = 0.5
_LOUDEST_LOG = 1.0


def key_tuner(codec: Codec, row: Conditions) -> Tuner:
    """Return what draws an estimate into the key of one row of conditions; without a key, nothing.

    Latents are (T, channels); the row's detune says how far its notes lie beside the grid's.
    """
    root, mode = int(row.root[0]), int(row.mode[0])
    if root == UNKNOWN_ROOT or mode == UNKNOWN_MODE:
        return _unchanged
    shares = note_shares(round(float(row.detune_semitones[0]), 4)).to(codec.basis.device)
    wanted = shares @ degree_weights(root, _MODE_NAMES[mode]).to(shares.device)
    heard = shares.sum(1)

    def tune(latents: Tensor) -> Tensor:
        features = (latents * codec.scale) @ codec.basis.T + codec.mean
        logs = features.reshape(-1, FRAMES_PER_LATENT, 2, BANDS)[:, :, 0]
        uphill = _gradient(logs, wanted, heard)
        both = torch.stack([uphill, _SIDE_SHARE * uphill], dim=2)
        return latents + STRENGTH * (both.reshape(features.shape) @ codec.basis) * codec.scale

    return tune


def degree_weights(root: int, mode: Mode) -> Tensor:
    """Return what each pitch class counts for in a key: (12,), 0 outside it."""
    weights = torch.zeros(12)
    for steps, weight in zip(SCALE_STEPS[mode], DEGREES, strict=True):
        weights[(root + steps) % 12] = weight
    return weights


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def note_shares(detune_semitones: float) -> Tensor:
    """Return how each band's width falls on the pitch classes: (BANDS, 12).

    Rows sum to 1, or to 0 outside LOWEST_HZ to HIGHEST_HZ. detune_semitones: how far a note is
    heard below where the grid has it.
    """
    hertz_per_bin = SAMPLE_RATE / N_FFT
    hertz = torch.arange(BINS, dtype=torch.float64) * hertz_per_bin
    bands = band_matrix(torch.device("cpu")).double()
    first = torch.tensor([int(torch.nonzero(band)[0]) for band in bands])
    last = torch.tensor([int(torch.nonzero(band)[-1]) for band in bands])
    low, high = hertz[first] - hertz_per_bin / 2, hertz[last] + hertz_per_bin / 2
    across = torch.linspace(0, 1, _POINTS_PER_BAND, dtype=torch.float64)
    points = (low[:, None] + (high - low)[:, None] * across).clamp_min(1.0)
    notes = (69 + 12 * torch.log2(points / 440) - detune_semitones).round().long() % 12
    shares = torch.nn.functional.one_hot(notes, 12).double().mean(1)
    centre = bands @ hertz
    is_heard = (centre >= LOWEST_HZ) & (centre <= HIGHEST_HZ)
    return (shares * is_heard[:, None]).float()


def _gradient(logs: Tensor, wanted: Tensor, heard: Tensor) -> Tensor:
    """Return the gradient of a frame's log share of wanted energy, by its log levels.

    logs: (T, frames, BANDS) natural logarithms of amplitudes; energy is their square.
    """
    energy = torch.exp(2 * logs.clamp_max(_LOUDEST_LOG))
    inside = (energy * wanted).sum((1, 2), keepdim=True) + 1e-6
    total = (energy * heard).sum((1, 2), keepdim=True) + 1e-6
    return 2 * energy * (wanted / inside - heard / total)


def _unchanged(latents: Tensor) -> Tensor:
    return latents


_MODE_NAMES: dict[int, Mode] = {index: name for name, index in MODES.items()}
