"""Draws a clip's audio on a time axis: blue what is the user's, green what was grafted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QColor, QImage, QPixmap

from engine.audio import FrameSpan
from engine.peaks import BASE_BLOCK, FACTOR, PeakPyramid
from gui.state.clip import Clip, TimeAxis

#: Each column is read in so many parts: their mean is its body, their extremes its peaks.
PARTS_PER_COLUMN = 4
#: A part takes at least so many blocks of the pyramid's level that it is read from.
BLOCKS_PER_PART = 3
#: The share of the height that the loudest peak takes.
FILL = 0.9
#: How solid the peaks are drawn, and the body in them.
PEAK_ALPHA, BODY_ALPHA = 0.36, 0.65
#: Below so many frames per device pixel a line through the frames is drawn.
LINE_BELOW_FRAMES = 1.5
LINE_PX = 1.4
#: The second channel's line is fainter, so that two that differ are told apart.
LATER_CHANNELS_ALPHA = 0.55
#: From so many px per frame on every frame gets a dot, so many px across; not in low lanes.
DOTS_FROM_PX, DOT_PX, DOTS_FROM_HEIGHT_PX = 7.0, 4.5, 80.0
#: A line is looked at so many times on its way through a column, and drawn in so many shades.
PLACES_PER_COLUMN, SHADES = 4, 127
SILENCE = 1e-6

Line = npt.NDArray[np.float64]
Cells = npt.NDArray[np.int64]
Shades = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class WaveLook:
    """kept: the user's frames. made: what was grafted. peak: the value drawn at full height.
    alpha: how solid, 1.0 as in the editor. bend: exponent of the drawn values; 1.0 is true to
    scale, less lifts what is quiet, for small pictures."""

    kept: QColor
    made: QColor
    peak: float
    alpha: float = 1.0
    bend: float = 1.0


class Outline(NamedTuple):
    """Columns of the waveform, device px; first is right of the axis' left end. Values linear.

    low, high: the extremes of all channels. body_low, body_high: the mean extremes of the parts.
    """

    first: int
    low: Line
    high: Line
    body_low: Line
    body_high: Line


def peak_of(pyramid: PeakPyramid) -> float:
    """Return the largest absolute value; 1.0 for silence."""
    top = pyramid.levels[-1]
    peak = float(np.max(np.abs(top), initial=0.0))
    return peak if peak > SILENCE else 1.0


def made_spans(clip: Clip) -> tuple[FrameSpan, ...]:
    """Return the frames that the engine made: all of a take that was made from words alone."""
    if clip.grafted or clip.facts is None or clip.facts.request.source is not None:
        return clip.grafted
    return (FrameSpan(0, clip.frames),)


class Trace(NamedTuple):
    """One point per frame, at its start: x in device px right of the axis' left end.

    channels: a row of linear values per channel, equal ones left out.
    """

    x: Line
    channels: list[Line]


def _frame_points(clip: Clip, axis: TimeAxis, per_pixel: float) -> Trace:
    """Return the frames in view and one more at both ends."""
    first = max(0, math.floor(axis.start) - 1)
    stop = min(clip.frames, math.ceil(axis.stop) + 2)
    x = (np.arange(first, stop, dtype=np.float64) - axis.start) / per_pixel
    channels: list[Line] = []
    for row in clip.audio.samples[:, first:stop].astype(np.float64):
        if not any(np.array_equal(row, known) for known in channels):
            channels.append(row)
    return Trace(x, channels)


def _columns(clip: Clip, axis: TimeAxis, per_pixel: float, width: int) -> Outline | None:
    """Return one point per device pixel, bridged to its neighbours."""
    first = max(0, math.floor(-axis.start / per_pixel))
    last = min(width, math.ceil((clip.frames - axis.start) / per_pixel))
    start = max(0, round(axis.start + first * per_pixel))
    stop = min(clip.frames, round(axis.start + last * per_pixel))
    if first >= last or start >= stop:
        return None
    parts = PARTS_PER_COLUMN if per_pixel >= 2 * PARTS_PER_COLUMN else 1
    low, high = _extremes(clip, start, stop, (last - first) * parts)
    low, high = low.reshape(-1, parts), high.reshape(-1, parts)
    body_low, body_high = low.mean(axis=1), high.mean(axis=1)
    low, high = _bridged(low.min(axis=1), high.max(axis=1))
    return Outline(first, low, high, body_low, body_high)


def _extremes(clip: Clip, start: int, stop: int, count: int) -> tuple[Line, Line]:
    """Return what all channels reach together in `count` equal parts of [start, stop).

    Read from the audio, or from the coarsest level of the pyramid whose blocks are well below a
    part: a block belongs to one part alone, so that a call costs the same at any zoom.
    """
    part, block = (stop - start) / count, 1
    source = np.broadcast_to(clip.audio.samples, (2, *clip.audio.samples.shape))
    for level, values in enumerate(clip.peaks.levels):
        size = BASE_BLOCK * FACTOR**level
        if size * BLOCKS_PER_PART <= part:
            source, block = values, size
    first, last = start // block, -(-stop // block)
    edges = np.arange(count, dtype=np.int64) * (last - first) // count
    seen = source[:, :, first:last]
    low = np.minimum.reduceat(seen[0].min(axis=0), edges)
    high = np.maximum.reduceat(seen[1].max(axis=0), edges)
    return low.astype(np.float64), high.astype(np.float64)


def _bridged(low: Line, high: Line) -> tuple[Line, Line]:
    """Let neighbours meet, so that a steep slope leaves no gap."""
    joined_low, joined_high = low.copy(), high.copy()
    joined_low[1:] = np.minimum(low[1:], high[:-1])
    joined_high[1:] = np.maximum(high[1:], low[:-1])
    return joined_low, joined_high


def render_wave(
    clip: Clip, axis: TimeAxis, height: float, pixel_ratio: float, look: WaveLook
) -> QPixmap:
    """Draw the clip as wide as the axis, transparent where there is none. axis: its own frames."""
    size = QSize(math.ceil(axis.width * pixel_ratio), max(1, math.ceil(height * pixel_ratio)))
    per_pixel = axis.frames_per_pixel / pixel_ratio
    made = _made_columns(clip, axis, pixel_ratio, size.width())
    pixmap: QPixmap | None = None
    if per_pixel <= 0 or axis.stop <= 0 or axis.start >= clip.frames:
        pass  # out of view
    elif per_pixel < LINE_BELOW_FRAMES:
        trace = _frame_points(clip, axis, per_pixel)
        pixmap = _line_pixmap(trace, size, made, look, pixel_ratio)
    else:
        shape = _columns(clip, axis, per_pixel, size.width())
        pixmap = None if shape is None else _bar_pixmap(shape, size, made, look)
    if pixmap is None:
        pixmap = _clear_pixmap(size)
    pixmap.setDevicePixelRatio(pixel_ratio)
    return pixmap


def _clear_pixmap(size: QSize) -> QPixmap:
    pixmap = QPixmap(size)
    pixmap.fill(Qt.GlobalColor.transparent)
    return pixmap


def _made_columns(
    clip: Clip, axis: TimeAxis, pixel_ratio: float, width: int
) -> list[tuple[int, int]]:
    """Return the columns [left, right), device px, of what was made."""
    found: list[tuple[int, int]] = []
    for span in made_spans(clip):
        left = round((axis.x_of(span.start) - axis.left) * pixel_ratio)
        right = round((axis.x_of(span.stop) - axis.left) * pixel_ratio)
        if max(0, left) < min(width, right):
            found.append((max(0, left), min(width, right)))
    return found


def _rows(values: Line, rows: int, look: WaveLook) -> Line:
    """Return where values lie from the top, device px, bent as the look wants it."""
    shares = values / look.peak
    if look.bend != 1.0:
        shares = np.sign(shares) * np.abs(shares) ** look.bend
    return rows / 2 * (1.0 - FILL * shares)


def _bar_pixmap(
    shape: Outline, size: QSize, made: list[tuple[int, int]], look: WaveLook
) -> QPixmap:
    """Draw a bar per column as an image of five colours, which takes a few ms at any size.

    The colours: nothing, peaks and body of what was kept, peaks and body of what was made.
    """
    height = size.height()
    # Every bar adds 1 where it begins and takes it away below its end; summed up from the top
    # that fills them all in one pass.
    bars = np.zeros((height + 1, size.width()), dtype=np.uint8)
    columns = shape.first + np.arange(shape.low.size)
    for low, high in ((shape.low, shape.high), (shape.body_low, shape.body_high)):
        top = np.clip(np.rint(_rows(high, height, look)).astype(np.int64), 0, height - 1)
        bottom = np.clip(np.rint(_rows(low, height, look)).astype(np.int64), top + 1, height)
        bars[top, columns] += 1
        bars[bottom, columns] -= 1
    for above, row in pairwise(bars):
        np.add(row, above, out=row)
    for left, right in made:
        part = bars[:height, left:right]
        part += 2 * (part > 0).view(np.uint8)
    alphas = [alpha * look.alpha for alpha in (PEAK_ALPHA, BODY_ALPHA)]
    table = [_solid(color, alpha) for color in (look.kept, look.made) for alpha in alphas]
    return _indexed_pixmap(bars[:height], [QColor(Qt.GlobalColor.transparent), *table])


def _line_pixmap(
    trace: Trace, size: QSize, made: list[tuple[int, int]], look: WaveLook, pixel_ratio: float
) -> QPixmap:
    """Draw a line through the frames of each channel, smooth from row to row, as an image of
    shades: Qt takes a hundred times as long to stroke it."""
    shades = np.zeros((size.height(), size.width()), dtype=np.uint8)
    for number, values in enumerate(trace.channels):
        solid = SHADES * (LATER_CHANNELS_ALPHA if number else 1.0)
        y = _rows(values, size.height(), look)
        _shade_line(shades, trace.x, y, LINE_PX * pixel_ratio, solid)
        if trace.x.size > 1 and _has_dots(trace, size, pixel_ratio):
            _shade_dots(shades, trace.x, y, DOT_PX * pixel_ratio, solid)
    for left, right in made:
        part = shades[:, left:right]
        part += (SHADES * (part > 0)).astype(np.uint8)
    table = [_solid(look.kept, look.alpha * n / SHADES) for n in range(SHADES + 1)]
    table += [_solid(look.made, look.alpha * n / SHADES) for n in range(1, SHADES + 1)]
    return _indexed_pixmap(shades, table)


def _has_dots(trace: Trace, size: QSize, pixel_ratio: float) -> bool:
    is_wide = trace.x[1] - trace.x[0] >= DOTS_FROM_PX * pixel_ratio
    return bool(is_wide) and size.height() >= DOTS_FROM_HEIGHT_PX * pixel_ratio


def _shade_line(shades: Shades, x: Line, y: Line, thickness: float, solid: float) -> None:
    """Shade every column where the line goes through it. x, y: device px."""
    first, last = max(0, math.floor(x[0])), min(shades.shape[1], math.ceil(x[-1]))
    if first >= last:
        return
    at = first + np.arange((last - first) * PLACES_PER_COLUMN + 1) / PLACES_PER_COLUMN
    places = np.interp(at, x, y)
    inside = places[:-1].reshape(-1, PLACES_PER_COLUMN)
    after = places[PLACES_PER_COLUMN::PLACES_PER_COLUMN]
    top, bottom = np.minimum(inside.min(axis=1), after), np.maximum(inside.max(axis=1), after)
    # A line that rises by so much per column is so much thicker when it is cut upright.
    half = thickness / 2 * np.sqrt(1.0 + (bottom - top) ** 2)
    middle = (top + bottom) / 2
    _shade_columns(shades, np.arange(first, last), middle - half, middle + half, solid)


def _shade_dots(shades: Shades, x: Line, y: Line, across: float, solid: float) -> None:
    """Shade a disc round every point, column by column. x, y: device px."""
    reach = math.ceil(across / 2)
    for offset in range(-reach, reach + 1):
        column = np.floor(x).astype(np.int64) + offset
        aside = column + 0.5 - x
        half = np.sqrt(np.maximum(0.0, (across / 2) ** 2 - aside**2))
        used = (half > 0) & (column >= 0) & (column < shades.shape[1])
        top, bottom = (y - half)[used], (y + half)[used]
        _shade_columns(shades, column[used], top, bottom, solid)


def _shade_columns(shades: Shades, columns: Cells, top: Line, bottom: Line, solid: float) -> None:
    """Shade columns from top to bottom, their ends by how much of a row they cover.

    Touches only what is covered. solid: the shade of a row that is covered wholly.
    """
    first = np.clip(np.floor(top), 0, shades.shape[0]).astype(np.int64)
    stop = np.clip(np.ceil(bottom), first, shades.shape[0]).astype(np.int64)
    counts = stop - first
    begins = np.cumsum(counts) - counts
    row = np.arange(int(counts.sum())) + np.repeat(first - begins, counts)
    column = np.repeat(columns, counts)
    covered = np.minimum(row + 1, np.repeat(bottom, counts)) - np.maximum(
        row, np.repeat(top, counts)
    )
    shade = np.rint(np.clip(covered, 0.0, 1.0) * solid).astype(np.uint8)
    shades[row, column] = np.maximum(shades[row, column], shade)


def _indexed_pixmap(cells: Shades, table: list[QColor]) -> QPixmap:
    """Return an image whose cells are numbers of colours."""
    height, width = cells.shape
    data = np.ascontiguousarray(cells).tobytes()
    image = QImage(data, width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable([color.rgba() for color in table])
    return QPixmap.fromImage(image)


def _solid(color: QColor, alpha: float) -> QColor:
    """Return the colour as solid as alpha says, 0 to 1."""
    chosen = QColor(color)
    chosen.setAlphaF(alpha)
    return chosen
