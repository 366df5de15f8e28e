"""Start phases for Griffin-Lim from the magnitudes alone: every peak goes on as a steady partial.

Single-pass spectrogram inversion (Beauregard, Harish & Wyse 2015): a peak's frequency lies between
bins, where a parabola through the logarithms puts it; its phase advances by that from frame to
frame, and the bins around a peak move with it. A bin is 21 Hz wide, more than a semitone of a bass:
random phases leave it open which note is heard.

On a circle there is no first frame: it begins at the loudest, so that rotating the magnitudes
rotates the phases.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.models.graft.spectral import HOP, N_FFT

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]

_TURN = 2 * math.pi
_LEAST = 1e-9


def steady_phases(magnitudes: Tensor, phases: Tensor) -> Tensor:
    """Return start phases, radians, shape and type of `phases`.

    magnitudes: (channels, frames, BINS) on a circle. phases: what the loudest frame starts from,
    same shape.
    """
    sizes = magnitudes.double().cpu().numpy()
    first = int(np.square(sizes).sum(axis=(0, 2)).argmax())
    sizes = np.roll(sizes, -first, axis=1)
    start = phases[:, first].double().cpu().numpy()
    nearest, steps = _partials(sizes)
    found = np.roll(_followed(start, nearest, steps), first, axis=1)
    return torch.from_numpy(found).to(phases)


def _partials(sizes: FloatArray) -> tuple[IndexArray, FloatArray]:
    """Return each bin's nearest peak, and how far each bin's phase goes on in a frame if it is one:
    (channels, frames, BINS) both."""
    bins = np.arange(sizes.shape[2])
    logs = np.log(sizes + _LEAST)
    below, here, above = logs[..., :-2], logs[..., 1:-1], logs[..., 2:]
    is_peak = np.zeros(sizes.shape, dtype=np.bool_)
    is_peak[..., 1:-1] = (here > below) & (here >= above)
    bend = below - 2 * here + above
    offset = np.zeros(sizes.shape)
    offset[..., 1:-1] = 0.5 * (below - above) / np.where(np.abs(bend) > _LEAST, bend, np.inf)
    steps = _TURN * HOP / N_FFT * (bins + offset.clip(-0.5, 0.5))
    far = sizes.shape[2]
    last = np.maximum.accumulate(np.where(is_peak, bins, -far), axis=2)
    following = np.where(is_peak, bins, 2 * far)[..., ::-1]
    following = np.minimum.accumulate(following, axis=2)[..., ::-1]
    nearest = np.where(bins - last <= following - bins, last, following)
    return np.where((nearest >= 0) & (nearest < far), nearest, bins), steps


def _followed(start: FloatArray, nearest: IndexArray, steps: FloatArray) -> FloatArray:
    """Return the phases frame by frame. start: (channels, BINS), of the first frame.

    Phases are told at a frame's centre, where all bins of a peak agree; the spectrum's are told at
    its start, half a frame before, where every other bin is turned by half a turn.
    """
    turned = math.pi * (np.arange(start.shape[1]) % 2)
    now = np.take_along_axis(start, nearest[:, 0], 1)
    found = np.empty(steps.shape)
    found[:, 0] = now
    for frame in range(1, steps.shape[1]):
        now = np.take_along_axis(now + steps[:, frame], nearest[:, frame], 1)
        found[:, frame] = now
    return (found + turned) % _TURN
