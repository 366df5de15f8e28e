"""What lies over and under the waveform: selection, pulled edges, veil, bracket, playhead."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PyQt6.QtCore import QLineF, QRectF, Qt
from PyQt6.QtGui import QFont, QFontMetricsF, QLinearGradient, QPainter, QPen, QPixmap

from engine.audio import FrameSpan
from gui import theme
from gui.state.clip import Clip, PulledEdges, TimeAxis
from gui.theme import Palette
from gui.widgets.canvas_layout import CanvasLayout, Extent, extent, handle_rects
from gui.widgets.selection_words import pulled_words

SELECTED_ALPHA, HATCH_ALPHA, VEIL_ALPHA = 0.2, 0.09, 0.3
HATCH_STEP_PX, HATCH_PX = 20.0, 9.0
VEIL_FRONT_PX = 28.0
PLAYHEAD_PX = 1.5
BRACKET_DROP_PX, BRACKET_GAP_PX = 6.0, 4.0
HANDLE_RADIUS = 4.0
LABEL_SIZE_PX, LABEL_INSET_PX = 11, 10.0
NOTHING_PULLED = PulledEdges()


@dataclass(frozen=True)
class Scene:
    """What is drawn. axis: in the clip's own frames. veil: stretches being made, and how far (0-1).

    pixel_ratio: device pixels per px.
    """

    clip: Clip
    axis: TimeAxis
    layout: CanvasLayout
    palette: Palette
    spans: tuple[FrameSpan, ...] = ()
    pulled: PulledEdges = NOTHING_PULLED
    context_seconds: float | None = None
    veil: tuple[tuple[Extent, ...], float] | None = None
    pixel_ratio: float = 1.0

    @property
    def ends(self) -> Extent:
        return extent(self.clip, self.pulled)

    def band(self, low: float, high: float) -> QRectF | None:
        """Return the part of the waveform's area from frame to frame; None when out of view."""
        area = self.layout.wave
        # Whole device pixels: sharp, and many times faster to fill.
        left = max(area.left(), self._sharp(self.axis.x_of(low)))
        right = min(area.right(), self._sharp(self.axis.x_of(high)))
        if right <= left:
            return None
        return QRectF(left, area.top(), right - left, area.height())

    def _sharp(self, x: float) -> float:
        return round(x * self.pixel_ratio) / self.pixel_ratio

    @property
    def pulled_parts(self) -> tuple[Extent, ...]:
        """Return the stretches outside the clip that will be made."""
        clip_end, ends = float(self.clip.frames), self.ends
        parts = (Extent(ends.low, 0.0), Extent(clip_end, ends.high))
        return tuple(part for part in parts if part.frames > 0)


def paint_selected(painter: QPainter, scene: Scene) -> None:
    """Tint the selected bands; goes under the waveform."""
    for span in scene.spans:
        band = scene.band(span.start, span.stop)
        if band is not None:
            painter.fillRect(band, scene.palette.color("graft", SELECTED_ALPHA))


def paint_edges(painter: QPainter, scene: Scene) -> None:
    """Draw the selection's edges; goes over the waveform."""
    area, color = scene.layout.wave, scene.palette.color("graft")
    for span in scene.spans:
        for frame in (span.start, span.stop):
            x = scene.axis.x_of(frame)
            if area.left() <= x <= area.right():
                painter.fillRect(upright(area, x, 1.0, scene.pixel_ratio), color)


def upright(area: QRectF, x: float, width: float, pixel_ratio: float) -> QRectF:
    """Return a line down an area as whole device pixels, so that it is sharp. x, width: px."""
    width = max(1, int(width * pixel_ratio)) / pixel_ratio
    left = min(round(x * pixel_ratio) / pixel_ratio, area.right() - width)
    return QRectF(left, area.top(), width, area.height())


def paint_pulled(painter: QPainter, scene: Scene) -> None:
    """Hatch what will be made outside the clip and say how long it is."""
    counts = [n for n in (scene.pulled.left_bars, scene.pulled.right_bars) if n]
    for part, bars in zip(scene.pulled_parts, counts, strict=True):
        band = scene.band(part.low, part.high)
        if band is None:
            continue
        _hatch(painter, band, scene.palette, scene.pixel_ratio)
        is_intro = part.high <= 0
        seam = 0.0 if is_intro else float(scene.clip.frames)
        _dashed(painter, scene, seam)
        text = f"+{pulled_words(scene.clip, bars)}"
        _label(painter, band, text, scene.palette, at_left=is_intro)


def _hatch(painter: QPainter, band: QRectF, palette: Palette, pixel_ratio: float) -> None:
    """Fill a band with slanted stripes, from a tile: long slanted lines take far longer."""
    step = HATCH_STEP_PX
    size = math.ceil(step * pixel_ratio)
    tile = QPixmap(size, size)
    tile.setDevicePixelRatio(pixel_ratio)
    tile.fill(palette.color("graft", HATCH_ALPHA / 3))
    stripes = QPainter(tile)
    stripes.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(palette.color("graft", HATCH_ALPHA), HATCH_PX)
    pen.setCapStyle(Qt.PenCapStyle.SquareCap)
    stripes.setPen(pen)
    stripes.drawLines(*(QLineF(x, step, x + step, 0.0) for x in (-step, 0.0, step)))
    stripes.end()
    painter.drawTiledPixmap(band, tile)


def _dashed(painter: QPainter, scene: Scene, frame: float) -> None:
    """Mark where the clip ends and what will be made begins."""
    pen = QPen(scene.palette.color("graft"), 1.0)
    pen.setDashPattern([4.0, 3.0])
    painter.setPen(pen)
    x = round(scene.axis.x_of(frame)) + 0.5
    area = scene.layout.wave
    if area.left() <= x <= area.right():
        painter.drawLine(QLineF(x, area.top(), x, area.bottom()))


def _label(painter: QPainter, band: QRectF, text: str, palette: Palette, *, at_left: bool) -> None:
    painter.setFont(theme.font(LABEL_SIZE_PX, QFont.Weight.DemiBold))
    metrics = QFontMetricsF(painter.font())
    if metrics.horizontalAdvance(text) + LABEL_INSET_PX > band.width():
        text = text.split(" ")[0]
    inset = min(LABEL_INSET_PX, max(2.0, (band.width() - metrics.horizontalAdvance(text)) / 2))
    side = Qt.AlignmentFlag.AlignLeft if at_left else Qt.AlignmentFlag.AlignRight
    painter.setPen(palette.color("graft"))
    painter.drawText(band.adjusted(inset, 7.0, -inset, 0.0), side | Qt.AlignmentFlag.AlignTop, text)


def paint_veil(painter: QPainter, scene: Scene) -> None:
    """Cover what is being made, from the left as far as the engine has come."""
    parts, share = scene.veil or ((), 0.0)
    for part in parts:
        band = scene.band(part.low, part.low + part.frames * share)
        if band is not None:
            paint_made(painter, band, scene.palette, VEIL_ALPHA)


def paint_made(painter: QPainter, area: QRectF, palette: Palette, alpha: float) -> None:
    """Cover what is made so far, brightest at its front."""
    if area.width() <= 0:
        return
    painter.fillRect(area, palette.color("graft", alpha / 2))
    front = max(area.left(), area.right() - VEIL_FRONT_PX)
    glow = QLinearGradient(area.right() - VEIL_FRONT_PX, 0.0, area.right(), 0.0)
    glow.setColorAt(0.0, palette.color("graft", 0.0))
    glow.setColorAt(1.0, palette.color("graft", alpha))
    painter.fillRect(QRectF(front, area.top(), area.right() - front, area.height()), glow)


def paint_bracket(painter: QPainter, scene: Scene) -> None:
    """Draw under the selection what the engine hears around it."""
    if scene.context_seconds is None:
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    painter.setPen(QPen(scene.palette.color("dim"), 1.0))
    for low, high in context_parts(scene):
        left = scene.axis.x_of(low) + BRACKET_GAP_PX
        right = scene.axis.x_of(high) - BRACKET_GAP_PX
        _bracket(painter, scene.layout.bracket, left, right)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)


def context_parts(scene: Scene) -> list[tuple[float, float]]:
    """Return the heard stretches beside what is selected or pulled out, within the clip."""
    reach = (scene.context_seconds or 0.0) * scene.clip.sample_rate
    end = float(scene.clip.frames)
    made = [Extent(float(s.start), float(s.stop)) for s in scene.spans]
    made = sorted([*made, *scene.pulled_parts])
    parts: list[tuple[float, float]] = []
    for index, part in enumerate(made):
        before = made[index - 1].high if index else 0.0
        after = made[index + 1].low if index + 1 < len(made) else end
        parts.append((max(part.low - reach, before, 0.0), part.low))
        parts.append((part.high, min(part.high + reach, after, end)))
    return _joined([(low, high) for low, high in parts if high > low])


def _joined(parts: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the stretches with overlapping ones as one: two selections may hear the same bar."""
    joined: list[tuple[float, float]] = []
    for low, high in parts:
        if joined and low < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined


def _bracket(painter: QPainter, area: QRectF, left: float, right: float) -> None:
    low, high = round(max(left, area.left())), round(min(right, area.right() - 1))
    if high <= low:
        return
    top, bottom = area.top(), area.top() + BRACKET_DROP_PX
    painter.drawLine(QLineF(low, bottom, high, bottom))
    # A side that is cut off by the view has no foot.
    if left >= area.left():
        painter.drawLine(QLineF(low, top + 1, low, bottom))
    if right <= area.right():
        painter.drawLine(QLineF(high, top + 1, high, bottom))


def paint_focus(painter: QPainter, area: QRectF, palette: Palette) -> None:
    """Frame what the keyboard acts on."""
    painter.setPen(QPen(palette.color("dim"), 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    radius = float(theme.SPACE[0])
    painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)


def paint_handles(painter: QPainter, scene: Scene, hot: tuple[bool, bool]) -> None:
    """Draw the grips at both ends; green once something is pulled out, or under the pointer."""
    rects = handle_rects(scene.layout, scene.axis, scene.ends)
    out = (scene.pulled.left_bars > 0, scene.pulled.right_bars > 0)
    painter.setPen(Qt.PenStyle.NoPen)
    for rect, is_out, is_hot in zip(rects, out, hot, strict=True):
        if rect is not None:
            painter.setBrush(scene.palette.color("graft" if is_out or is_hot else "faint"))
            painter.drawRoundedRect(rect, HANDLE_RADIUS, HANDLE_RADIUS)


def playhead_rect(layout: CanvasLayout, x: float) -> QRectF:
    """Return the playhead's line with a pixel round it, all that a step of it repaints."""
    area = layout.wave
    return QRectF(x - PLAYHEAD_PX, area.top(), 3 * PLAYHEAD_PX, area.height())


def paint_playhead(painter: QPainter, scene: Scene, x: float) -> None:
    """Draw the playhead. x: px."""
    area = scene.layout.wave
    if area.left() <= x <= area.right():
        line = upright(area, x, PLAYHEAD_PX, scene.pixel_ratio)
        painter.fillRect(line, scene.palette.color("text"))
