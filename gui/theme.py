"""One palette, one spacing scale, one typeface; every colour in the window comes from here.

Blue is the user's audio, green is made by the engine, amber a warning or a star, red a fault.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from string import Template

from PyQt6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication

from engine.resources import resource_path

#: Spacing in px: between things that belong together up to the edge of a panel.
SPACE = (4, 8, 12, 16)
RADIUS_CONTROL, RADIUS_PANEL = 6, 8
FAMILY = "Inter"
MOTION_MS = 120


@dataclass(frozen=True)
class Palette:
    """Colours as #rrggbb. faint is for decoration only: it is too pale to be read."""

    bg: str
    panel: str
    raised: str
    line: str
    text: str
    dim: str
    faint: str
    source: str
    graft: str
    on_graft: str
    warn: str
    fault: str

    def color(self, name: str, alpha: float = 1.0) -> QColor:
        """Return a colour by its token. alpha: 0 to 1."""
        color = QColor(getattr(self, name))
        color.setAlphaF(alpha)
        return color


DARK = Palette(
    bg="#15171b",
    panel="#1b1e23",
    raised="#24282f",
    line="#2f343d",
    text="#e8eaee",
    dim="#98a1ae",
    faint="#5f6875",
    source="#86aee0",
    graft="#8fd694",
    on_graft="#10231a",
    warn="#f0b45b",
    fault="#e5716b",
)
LIGHT = Palette(
    bg="#f6f7f9",
    panel="#eceef2",
    raised="#ffffff",
    line="#cfd5de",
    text="#1a1d22",
    dim="#55606e",
    faint="#98a1ae",
    source="#2f66ad",
    graft="#2c7d3a",
    on_graft="#ffffff",
    warn="#8a5a00",
    fault="#b3322b",
)


def load_fonts() -> None:
    """Make the shipped typeface known to Qt. Needs a QGuiApplication."""
    for path in sorted(resource_path("fonts").glob("*.otf")):
        QFontDatabase.addApplicationFont(str(path))


def font(size_px: int = 12, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Return the typeface at 11, 12, 13, 16 or 18 px with figures of equal width."""
    chosen = QFont(FAMILY)
    chosen.setPixelSize(size_px)
    chosen.setWeight(weight)
    chosen.setFeature(QFont.Tag("tnum"), 1)
    return chosen


def wanted_palette(choice: str = "auto") -> Palette:
    """Return the palette for "dark", "light" or "auto" (as the desktop is set; else dark)."""
    if choice in ("dark", "light"):
        return LIGHT if choice == "light" else DARK
    hints = QGuiApplication.styleHints()
    is_light = hints is not None and hints.colorScheme().name == "Light"
    return LIGHT if is_light else DARK


def style_sheet(palette: Palette) -> str:
    """Return the application's style sheet in the palette's colours."""
    template = Template(resource_path("theme.qss").read_text("utf-8"))
    arrow = resource_path("icons", "down.svg").as_posix()
    check = resource_path("icons", "check.svg").as_posix()
    return template.substitute(asdict(palette), down_arrow=arrow, check_mark=check)
