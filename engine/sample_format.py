"""A file's own numbers: between floats, left-justified int32 and the subtypes of WAV."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.audio import FloatArray
from engine.errors import BadArgument
from engine.take_maker import NativeSamples

PCM_BITS = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
NATIVE_TYPES: dict[str, type[np.int32 | np.float32 | np.float64]] = {
    "PCM_16": np.int32,
    "PCM_24": np.int32,
    "PCM_32": np.int32,
    "FLOAT": np.float32,
    "DOUBLE": np.float64,
}
_FULL_SCALE = 2.0**31


def check_subtype(subtype: str) -> str:
    """Return `subtype`, or raise BadArgument when no result can have it."""
    if subtype not in NATIVE_TYPES:
        raise BadArgument(
            f"“{subtype}” is not a sample format; give one of {', '.join(NATIVE_TYPES)}."
        )
    return subtype


def quantise(samples: npt.NDArray[np.floating[Any]], subtype: str) -> NativeSamples:
    """Return float samples (nominal +-1.0) in the numbers of `subtype`.

    PCM: rounded to the nearest step (ties to even) and clipped at full scale, left-justified in
    int32. No dither: the same request must give the same bytes, and native samples that passed
    through floats must come back bit-exact. FLOAT and DOUBLE keep values beyond +-1.0.
    Raises ValueError on NaN and infinity.
    """
    check_subtype(subtype)
    if not np.isfinite(samples).all():
        raise ValueError("samples contain NaN or infinity; only finite values can be stored")
    if subtype == "DOUBLE":
        return samples.astype(np.float64)
    if subtype == "FLOAT":
        return samples.astype(np.float32)
    bits = PCM_BITS[subtype]
    limit = 1 << (bits - 1)
    steps = np.rint(samples.astype(np.float64) * limit)
    return (np.clip(steps, -limit, limit - 1).astype(np.int64) << (32 - bits)).astype(np.int32)


def dequantise(samples: NativeSamples) -> FloatArray:
    """Return native samples as float32, nominal +-1.0 (exact up to 24 bits)."""
    if samples.dtype == np.int32:
        # Rounded once: the scale is a power of two. No copy in float64, a source may be 1 GiB.
        out = samples.astype(np.float32)
        out *= np.float32(1 / _FULL_SCALE)
        return out
    return samples.astype(np.float32)


def convert(samples: NativeSamples, subtype: str) -> NativeSamples:
    """Return native samples in the numbers of `subtype`; the same values where they fit."""
    check_subtype(subtype)
    scale = 1 / _FULL_SCALE if samples.dtype == np.int32 else 1.0
    return quantise(samples.astype(np.float64) * scale, subtype)
