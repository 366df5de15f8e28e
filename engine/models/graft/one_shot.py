"""Bring a single sound, decoded on a circle, to its start, its length and a natural end.

The decoder wraps round, and the weights may put a sound anywhere on the circle; its quietest
stretch is where it ends and begins.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.audio import FloatArray

BLOCK_FRAMES = 88
#: What is this far below the peak, or this near to the quietest block, is the pause between.
QUIET_DB = -40.0
NEAR_QUIETEST_DB = 6.0
#: An attack: how loud it must become, against what was before it, within how many blocks.
LOUD_DB, REST_BLOCKS, RISE_BLOCKS = -12.0, 24, 3
#: The flams of a clap belong to it: what is not this quiet for GAP_BLOCKS before the attack.
GRACE_DB, GRACE_BLOCKS, GAP_BLOCKS = -30.0, 30, 6
#: A sound that starts with its attack begins this long before it, so that nothing of it is cut.
LEAD_FRAMES = 88
FADE_IN_FRAMES = 44
#: The last part of a sound that dies away fades with the square of what is left, as the corpus'
#: one-shots do, over 60 ms at least; a rising one ends at its height, with just no click.
FALL_SHARE = 1 / 6
LEAST_FALL_FRAMES = 2646
RISE_END_FRAMES = 441


def finish_one_shot(stereo: FloatArray, frames: int, *, has_attack: bool) -> FloatArray:
    """Return a decoded circle (2, n) as one sound of exactly `frames` frames.

    has_attack: it is something struck or played; else its shape tells whether it swells.
    What is longer than the circle is silent.
    """
    if frames > stereo.shape[1]:
        whole = finish_one_shot(stereo, stereo.shape[1], has_attack=has_attack)
        return np.pad(whole, ((0, 0), (0, frames - whole.shape[1])))
    start, rises = find_start(stereo, has_attack=has_attack)
    samples = np.roll(stereo, -start, axis=1)[:, :frames].copy()
    lead = min(FADE_IN_FRAMES, frames)
    samples[:, :lead] *= np.linspace(0, 1, lead, dtype=np.float32)
    fall = RISE_END_FRAMES if rises else max(LEAST_FALL_FRAMES, round(FALL_SHARE * frames))
    fall = min(fall, frames)
    samples[:, -fall:] *= np.linspace(1, 0, fall, dtype=np.float32) ** 2
    return samples


def find_start(stereo: FloatArray, *, has_attack: bool) -> tuple[int, bool]:
    """Return where a sound on a circle (2, n) begins, in frames, and whether it rises."""
    levels = _levels_db(stereo)
    first, count = _pause(levels)
    middle = first + count // 2
    energy = 10 ** (np.roll(levels, -middle) / 10)
    place = float((energy * np.arange(len(energy))).sum() / energy.sum()) / len(energy)
    if not has_attack and place > 0.5:  # it swells, from right behind the pause's beginning
        return first * BLOCK_FRAMES % stereo.shape[1], True
    block = _attack(levels) if has_attack else first + count
    return (block * BLOCK_FRAMES - LEAD_FRAMES) % stereo.shape[1], False


def _attack(levels: npt.NDArray[np.float64]) -> int:
    """Return the block in which the hardest attack begins, with the grace notes before it."""
    around = np.concatenate([levels[-REST_BLOCKS:], levels, levels[:RISE_BLOCKS]])
    views = np.lib.stride_tricks.sliding_window_view
    before = views(around, REST_BLOCKS)[: len(levels)].mean(axis=1)
    after = views(around[REST_BLOCKS:], RISE_BLOCKS)[: len(levels)].max(axis=1)
    rise = np.where(after >= LOUD_DB, after - before, -np.inf)
    block = int(rise.argmax())
    for step in range(GRACE_BLOCKS):
        behind = (block - step - 1 - np.arange(GAP_BLOCKS)) % len(levels)
        if levels[behind].max() < GRACE_DB:
            return block - step
    return block


def _levels_db(stereo: FloatArray) -> npt.NDArray[np.float64]:
    """Return the peak of each block in dB below the loudest: (n // BLOCK_FRAMES,)."""
    blocks = stereo.shape[1] // BLOCK_FRAMES
    heights = np.abs(stereo).max(axis=0)[: blocks * BLOCK_FRAMES].reshape(blocks, -1).max(axis=1)
    return 20 * np.log10(np.maximum(heights / max(float(heights.max()), 1e-9), 1e-5))


def _pause(levels: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Return the first block and the length of the quiet run round the quietest moment."""
    smooth = np.convolve(np.concatenate([levels, levels[:8]]), np.ones(9) / 9, "valid")
    quietest = int(smooth.argmin()) + 4
    limit = max(float(smooth.min()) + NEAR_QUIETEST_DB, QUIET_DB)
    ahead = np.roll(levels, -quietest) > limit
    if not ahead.any():
        return 0, 0
    after = int(ahead.argmax())
    before = int(ahead[::-1].argmax())
    return (quietest - before) % len(levels), before + after
