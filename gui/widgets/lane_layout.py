"""Where the parts of a lane lie, and what a lane is called. In px."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRectF

from gui.state.clip import Clip, Lane, LaneState
from gui.widgets.canvas_layout import GUTTER_PX

ROW_PX, LEAST_ROW_PX = 44, 26
#: A letter of the compact row.
CHIP_SIZE = (40.0, 32.0)
CHIP_GAP_PX = 4.0
LETTER_X, DOT_X, STAR_X, TEMPO_X = 6.0, 27.0, 44.0, 54.0
TEMPO_RIGHT_PX = 14.0
#: The area round the star that takes a click.
STAR_SIZE = (16.0, 26.0)


@dataclass(frozen=True)
class LanesLayout:
    """Rows under each other, or letters in a row when compact. Sizes of the widget in px."""

    count: int
    width: float
    height: float
    axis_right: float
    compact: bool = False

    @property
    def row_px(self) -> float:
        """Rows share what height there is, up to 44 px each."""
        return min(float(ROW_PX), self.height / max(1, self.count))

    def row(self, index: int) -> QRectF:
        """Return the rectangle of a lane."""
        if self.compact:
            width, height = CHIP_SIZE
            return QRectF(index * (width + CHIP_GAP_PX), 0.0, width, height)
        return QRectF(0.0, index * self.row_px, self.axis_right, self.row_px)

    def star(self, index: int) -> QRectF:
        """Return the area of a lane's star; compact lanes have none."""
        width, height = (0.0, 0.0) if self.compact else STAR_SIZE
        centre = QPointF(STAR_X, self.row(index).center().y())
        return QRectF(centre.x() - width / 2, centre.y() - height / 2, width, height)

    def tempo(self, index: int) -> QRectF:
        """Return where a lane's tempo stands, or a word in its place."""
        row = self.row(index)
        return QRectF(TEMPO_X, row.top(), GUTTER_PX - TEMPO_X - TEMPO_RIGHT_PX, row.height())

    def index_at(self, point: QPointF) -> int | None:
        """Return the lane under the pointer."""
        rows = (i for i in range(self.count) if self.row(i).contains(point))
        return next(rows, None)


def lane_words(lane: Lane, note: str = "") -> str:
    """Return what is known of a lane in one line: its state, or what was measured."""
    clip = lane.clip
    if lane.state is not LaneState.DONE or clip is None:
        return f"{lane.letter} · {state_word(lane, note)}"
    parts = [lane.letter, *_measured(clip), state_word(lane)]
    if lane.rating:
        parts.append("starred")
    return " · ".join(parts)


def state_word(lane: Lane, note: str = "") -> str:
    """Return a lane's state as words; they stand beside every colour. note: more of it."""
    if lane.state is LaneState.MAKING:
        return note or f"making, {lane.progress:.0%}"
    if lane.state is not LaneState.DONE:
        return f"{lane.state.value}: {note}" if note else lane.state.value
    seamless = lane.is_seamless
    if seamless is None:
        return "done"
    return "seamless" if seamless else "a joint can be heard"


def tempo_of(clip: Clip) -> float | None:
    """Return the tempo that was measured in a take, bpm; else the one of its grid."""
    measured = None if clip.facts is None else clip.facts.measured.bpm
    return clip.tempo_bpm if measured is None else measured


def _measured(clip: Clip) -> list[str]:
    tempo = tempo_of(clip)
    parts = [] if tempo is None else [f"{tempo:.1f} bpm"]
    if clip.key is not None:
        parts.append(clip.key.name)
    if clip.seam_score is not None:
        parts.append(f"seam {clip.seam_score:.2f}")
    if clip.lufs is not None:
        parts.append(f"{clip.lufs:.1f} LUFS".replace("-", "−"))
    return parts
