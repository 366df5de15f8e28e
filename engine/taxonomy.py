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

#: Instruments the corpus plays, by family (drums: kits, then voices; mix: any of them).
INSTRUMENTS: dict[str, tuple[str, ...]] = {
    "drums": (
        "808 kit",
        "909 kit",
        "acoustic kit",
        "lo-fi kit",
        "trap kit",
        "electro kit",
        "cinematic kit",
        "vintage kit",
        "kick",
        "snare",
        "clap",
        "rim",
        "closed hat",
        "open hat",
        "ride",
        "crash",
        "tom",
        "conga",
        "shaker",
        "cowbell",
    ),
    "bass": (
        "sub bass",
        "808 bass",
        "saw bass",
        "square bass",
        "reese bass",
        "wobble bass",
        "fm bass",
        "acid bass",
        "plucked bass",
    ),
    "keys": ("electric piano", "organ", "bell", "piano", "clavinet"),
    "pad": ("supersaw pad", "choir pad", "string pad", "warm pad", "glass pad"),
    "pluck": ("plucked guitar", "harp", "kalimba", "marimba", "synth pluck", "square pluck"),
    "lead": ("saw lead", "square lead", "supersaw lead", "sine lead", "fm lead"),
    "arp": ("saw arp", "square arp", "bell arp", "chiptune arp"),
    "stab": ("rave stab", "brass stab", "organ stab", "dub chord", "piano stab"),
    "fx": (
        "riser",
        "downlifter",
        "impact",
        "whoosh",
        "reverse cymbal",
        "laser",
        "vinyl crackle",
        "rain",
        "wind",
        "noise texture",
        "drone",
        "room tone",
        "granular",
        "gated noise",
        "noise sweep",
        "glitch",
        "mechanical loop",
    ),
}

#: Mood words, each tied to a parameter of the synthesiser.
MOODS: tuple[str, ...] = (
    "dark",
    "muted",
    "bright",
    "crisp",
    "tight",
    "dry",
    "roomy",
    "wet",
    "clean",
    "dirty",
    "distorted",
    "sparse",
    "minimal",
    "busy",
    "dense",
    "soft",
    "mellow",
    "punchy",
    "aggressive",
    "mono",
    "wide",
    "lo-fi",
    "swung",
    "straight",
)
