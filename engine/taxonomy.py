"""The words Loopgraft's model knows: families, instruments, styles and moods.

One table for the corpus synthesiser (which names what it made), for the prompt parser
(which recognises what was asked) and for the denoiser (which embeds the index).
The order of FAMILIES and STYLES is part of the weights: append, never reorder.
"""

from __future__ import annotations

FAMILIES: tuple[str, ...] = (
    "drums",
    "bass",
    "keys",
    "pad",
    "pluck",
    "lead",
    "arp",
    "stab",
    "fx",
    "mix",
)

STYLES: tuple[str, ...] = (
    "house",
    "techno",
    "trap",
    "boom-bap",
    "lo-fi",
    "drum and bass",
    "dubstep",
    "ambient",
    "synthwave",
    "funk",
    "afrobeat",
    "reggaeton",
    "cinematic",
)

#: Families whose items have a key; drums and fx have none.
TONAL_FAMILIES: tuple[str, ...] = ("bass", "keys", "pad", "pluck", "lead", "arp", "stab", "mix")

#: Index that stands for "not said" in the denoiser's embedding tables.
UNKNOWN_FAMILY = len(FAMILIES)
UNKNOWN_STYLE = len(STYLES)
