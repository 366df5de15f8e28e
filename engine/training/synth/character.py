"""The sound character of an item: axes that set parameters, and the mood words they earn."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

#: axis -> (words when low, words when high)
AXIS_WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "brightness": (("dark", "muted"), ("bright", "crisp")),
    "space": (("tight", "dry"), ("roomy", "wet")),
    "dirt": (("clean",), ("dirty", "distorted")),
    "density": (("sparse", "minimal"), ("busy", "dense")),
    "punch": (("soft", "mellow"), ("punchy", "aggressive")),
    "width": (("mono",), ("wide",)),
}

#: style -> additions to (brightness, space, dirt, density, punch, width)
STYLE_LEANING: dict[str, tuple[float, float, float, float, float, float]] = {
    "house": (0.0, 0.0, -0.1, 0.0, 0.1, 0.0),
    "techno": (-0.1, 0.05, 0.15, 0.0, 0.15, 0.0),
    "trap": (0.05, 0.0, 0.0, 0.05, 0.1, 0.0),
    "boom-bap": (-0.15, -0.1, 0.1, 0.0, 0.05, -0.15),
    "lo-fi": (-0.25, 0.0, 0.1, -0.1, -0.2, -0.1),
    "drum and bass": (0.1, 0.0, 0.1, 0.15, 0.15, 0.05),
    "dubstep": (0.05, 0.0, 0.2, 0.0, 0.2, 0.05),
    "ambient": (-0.1, 0.35, -0.2, -0.25, -0.3, 0.25),
    "synthwave": (0.1, 0.15, -0.05, 0.0, 0.0, 0.15),
    "funk": (0.1, -0.15, 0.0, 0.1, 0.05, -0.05),
    "afrobeat": (0.0, -0.05, -0.1, 0.15, 0.0, 0.0),
    "reggaeton": (0.05, -0.05, 0.0, 0.0, 0.1, 0.0),
    "cinematic": (-0.05, 0.35, -0.05, -0.1, 0.0, 0.25),
}


@dataclass(frozen=True)
class Character:
    """Six axes in [0, 1] and a lo-fi switch; parameters are computed from them."""

    brightness: float
    space: float
    dirt: float
    density: float
    punch: float
    width: float
    lofi: bool

    def words(self, rng: Generator, axes: tuple[str, ...] = tuple(AXIS_WORDS)) -> tuple[str, ...]:
        """Name the axes that lie far enough out to be heard, most extreme first."""
        found: list[tuple[float, str]] = []
        for axis in axes:
            value = float(getattr(self, axis))
            low, high = AXIS_WORDS[axis]
            if value < 0.28 or value > 0.72:
                options = low if value < 0.5 else high
                found.append((-abs(value - 0.5), options[int(rng.integers(len(options)))]))
        names = [word for _, word in sorted(found)]
        return (("lo-fi",) if self.lofi else ()) + tuple(names)


def draw_character(style: str | None, rng: Generator) -> Character:
    """Draw the axes, leaning the way the style leans."""
    leaning = STYLE_LEANING.get(style or "", (0.0,) * 6)
    axes = [min(1.0, max(0.0, float(rng.random()) + lean)) for lean in leaning]
    chance = 0.75 if style == "lo-fi" else 0.25 if style == "boom-bap" else 0.05
    lofi = bool(rng.random() < chance)
    if lofi:
        axes[0] = min(axes[0], 0.45)
    return Character(axes[0], axes[1], axes[2], axes[3], axes[4], axes[5], lofi)
