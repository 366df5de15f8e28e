"""The takes to choose from, one lane each, under the waveform and on its time axis."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
)
from PyQt6.QtWidgets import QApplication, QSizePolicy, QToolTip, QWidget

from gui.state.clip import Clip, Lane, LaneState, TimeAxis
from gui.state.provenance import made_last
from gui.theme import DARK, Palette
from gui.widgets.canvas_layout import GUTTER_PX, KEYBOARD_REASONS, RIGHT_PX
from gui.widgets.canvas_overlays import paint_focus
from gui.widgets.lane_layout import CHIP_SIZE, LEAST_ROW_PX, ROW_PX, LanesLayout, lane_words
from gui.widgets.lane_painter import (
    NEXT_BAR,
    WAVE_INSET_PX,
    paint_chip,
    paint_next_bar,
    paint_row,
    paint_tempo,
    paint_unmade,
    render_lane_wave,
)

PLAYHEAD_ALPHA = 0.7


class LanesView(QWidget):
    """Lanes A to H. Signals tell only what the user did; indices count from 0. UI thread only.

    drag_wanted: a finished take was dragged; whoever listens starts the drag.
    menu_wanted: index and the global position for a menu. Keys: the arrows along the lanes, *.
    """

    lane_chosen = pyqtSignal(int)
    star_toggled = pyqtSignal(int)
    drag_wanted = pyqtSignal(int)
    menu_wanted = pyqtSignal(int, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._palette = DARK
        self._lanes: tuple[Lane, ...] = ()
        self._notes: tuple[str, ...] = ()
        self._active: int | None = None
        self._pending: int | None = None
        self._axis = TimeAxis(0.0, 1.0, GUTTER_PX, 1.0)
        self._sample_rate: int | None = None
        self._playhead: float | None = None
        self._compact = False
        self._hot: int | None = None
        self._focus_seen = False
        self._press: tuple[int, QPointF] | None = None
        self._waves: dict[int, tuple[object, QPixmap]] = {}
        self.wave_renders = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Takes")

    # ------------------------------------------------------------------ what is shown

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return self._lanes

    @property
    def layout_px(self) -> LanesLayout:
        width = float(self.width())
        return LanesLayout(
            len(self._lanes), width, float(self.height()), width - RIGHT_PX, self._compact
        )

    def set_lanes(self, lanes: tuple[Lane, ...], notes: tuple[str, ...] = ()) -> None:
        """Show lanes. notes: per lane how far it is ("step 7 of 12") or why it failed."""
        count = len(self._lanes)
        self._lanes, self._notes = lanes, notes
        self._waves = {i: wave for i, wave in self._waves.items() if i < len(lanes)}
        if len(lanes) != count:
            self.updateGeometry()
        self._describe()
        self.update()

    def set_active(self, index: int | None) -> None:
        """Show a lane as the chosen one."""
        self._active = index
        self._describe()
        self.update()

    def set_pending(self, index: int | None) -> None:
        """Show a lane as chosen, but not heard before the next bar; None for none."""
        if index != self._pending:
            self._pending = index
            self._describe()
            self.update()

    def set_axis(self, axis: TimeAxis, sample_rate: int | None = None) -> None:
        """Follow the editor's axis. sample_rate: what it counts in, Hz; None: as the takes."""
        self._axis, self._sample_rate = axis, sample_rate or None
        self.update()

    def set_palette(self, palette: Palette) -> None:
        self._palette = palette
        self.update()

    def set_compact(self, compact: bool) -> None:
        """Show the letters alone, beside each other."""
        if compact != self._compact:
            self._compact = compact
            self.updateGeometry()
            self.update()

    def set_playhead(self, frame: float | None) -> None:
        """Show the playhead in the chosen lane. frame: of the timeline, in the axis' frames."""
        old = self._playhead_rect()
        self._playhead = frame
        new = self._playhead_rect()
        if old != new:
            self.update(old.toAlignedRect())
            self.update(new.toAlignedRect())

    def sizeHint(self) -> QSize:
        return self._size(ROW_PX)

    def minimumSizeHint(self) -> QSize:
        return self._size(LEAST_ROW_PX)

    def _size(self, row_px: int) -> QSize:
        if self._compact:
            return QSize(int(CHIP_SIZE[0]), int(CHIP_SIZE[1]) if self._lanes else 0)
        return QSize(2 * GUTTER_PX, row_px * len(self._lanes))

    def _note(self, index: int) -> str:
        return self._notes[index] if index < len(self._notes) else ""

    def words(self, index: int) -> str:
        """Return what is known of a lane, in one line."""
        return lane_words(self._lanes[index], self._note(index))

    def _describe(self) -> None:
        lines = [self.words(index) for index in range(len(self._lanes))]
        for index, words in ((self._active, "chosen"), (self._pending, NEXT_BAR)):
            if index is not None and index < len(lines):
                lines[index] += f" · {words}"
        words = "; ".join(lines) or "No takes yet."
        if words != self.accessibleDescription():
            self.setAccessibleDescription(words)

    # ------------------------------------------------------------------ painting

    def _wave_area(self, index: int) -> QRectF:
        row = self.layout_px.row(index)
        return QRectF(self._axis.left, row.top(), self._axis.width, row.height())

    def _playhead_rect(self) -> QRectF:
        """Return the playhead's strip in the chosen lane; empty where it is not seen."""
        active = self._active
        if self._playhead is None or active is None or self._compact:
            return QRectF()
        ratio = self.devicePixelRatioF()
        x = round(self._axis.x_of(self._playhead) * ratio) / ratio
        if active >= len(self._lanes) or not self._axis.left <= x < self._axis.right:
            return QRectF()
        row = self.layout_px.row(active)
        return QRectF(x, row.top() + 1.0, 1.0, row.height() - 1.0)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._palette.color("bg"))
        seen = QRectF(self.rect() if a0 is None else a0.rect())
        for index, lane in enumerate(self._lanes):
            if self.layout_px.row(index).intersects(seen):
                self._paint_lane(painter, index, lane)
        playhead = self._playhead_rect()
        if not playhead.isEmpty():
            painter.fillRect(playhead, self._palette.color("text", PLAYHEAD_ALPHA))
        if self._focus_seen:
            paint_focus(painter, QRectF(self.rect()), self._palette)
        painter.end()

    def _paint_lane(self, painter: QPainter, index: int, lane: Lane) -> None:
        active, hot = index == self._active, index == self._hot
        layout, palette = self.layout_px, self._palette
        if self._compact:
            chip, pending = layout.row(index), index == self._pending
            paint_chip(painter, chip, lane, palette, active=active, hot=hot, pending=pending)
            return
        paint_row(painter, layout, index, lane, palette, active=active, hot=hot)
        if index == self._pending:
            paint_next_bar(painter, layout.tempo(index), palette)
        else:
            paint_tempo(painter, layout.tempo(index), lane, palette)
        area = self._wave_area(index)
        if lane.clip is not None and lane.state is LaneState.DONE:
            top = QPointF(area.left(), area.top() + WAVE_INSET_PX)
            painter.drawPixmap(top, self._wave(index, lane.clip))
        else:
            paint_unmade(painter, area, lane, self._note(index), palette)

    def _wave(self, index: int, clip: Clip) -> QPixmap:
        """Return a lane's drawn waveform, made anew only when what it shows has changed.

        Green is what its own order made: what lanes differ in. Earlier grafts are green on the
        canvas.
        """
        height = self.layout_px.row_px - 2 * WAVE_INSET_PX
        ratio = self.devicePixelRatioF()
        clip = made_last(clip)
        key = (clip.clip_id, clip.grafted, self._axis, self._sample_rate, height, ratio)
        key = (*key, self._palette)
        known = self._waves.get(index)
        if known is None or known[0] != key:
            axis = self._axis.in_frames_of(clip, self._sample_rate)
            known = (key, render_lane_wave(clip, axis, height, ratio, self._palette))
            self._waves[index] = known
            self.wave_renders += 1
        return known[1]

    def focusInEvent(self, a0: QFocusEvent | None) -> None:
        self._focus_seen = a0 is not None and a0.reason() in KEYBOARD_REASONS
        super().focusInEvent(a0)
        self.update()

    def focusOutEvent(self, a0: QFocusEvent | None) -> None:
        self._focus_seen = False
        super().focusOutEvent(a0)
        self.update()

    # ------------------------------------------------------------------ by pointer and keyboard

    def _is_ready(self, index: int | None) -> bool:
        if index is None or not 0 <= index < len(self._lanes):
            return False  # lanes may go while one is pressed
        return self._lanes[index].state is LaneState.DONE

    def _on_star(self, index: int, point: QPointF) -> bool:
        return self._is_ready(index) and self.layout_px.star(index).contains(point)

    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None or a0.button() is not Qt.MouseButton.LeftButton:
            return
        index = self.layout_px.index_at(a0.position())
        self._press = None if index is None else (index, a0.position())

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is None:
            return
        if self._press is None or not a0.buttons() & Qt.MouseButton.LeftButton:
            self._press = None
            self._hover(a0.position())
            return
        index, start = self._press
        far = (a0.position() - start).manhattanLength() >= QApplication.startDragDistance()
        if far and self._is_ready(index):
            self._press = None
            self.drag_wanted.emit(index)

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        press, self._press = self._press, None
        if a0 is None or press is None or a0.button() is not Qt.MouseButton.LeftButton:
            return
        index, start = press
        if self.layout_px.index_at(a0.position()) != index:
            return
        if self._on_star(index, start):
            self.star_toggled.emit(index)
        elif self._is_ready(index):
            self.lane_chosen.emit(index)

    def _hover(self, point: QPointF) -> None:
        index = self.layout_px.index_at(point)
        is_hand = index is not None and self._is_ready(index)
        shape = Qt.CursorShape.PointingHandCursor if is_hand else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)
        self._set_hot(index)

    def _set_hot(self, index: int | None) -> None:
        if index != self._hot:
            self._hot = index
            self.update()

    def leaveEvent(self, a0: QEvent | None) -> None:
        self._set_hot(None)
        super().leaveEvent(a0)

    def contextMenuEvent(self, a0: QContextMenuEvent | None) -> None:
        if a0 is None:
            return
        if a0.reason() is QContextMenuEvent.Reason.Keyboard:
            index = self._active
            point = None if index is None else self.layout_px.row(index).center().toPoint()
        else:
            point = a0.pos()
            index = self.layout_px.index_at(QPointF(point))
        if index is not None and point is not None:
            self.menu_wanted.emit(index, self.mapToGlobal(point))

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        """Choose with the arrows along the lanes; * gives or takes the star."""
        if a0 is None:
            return
        back, forth = self._step_keys
        if a0.key() in (back, forth):
            self._step(1 if a0.key() == forth else -1)
        elif a0.text() == "*" and self._active is not None and self._is_ready(self._active):
            self.star_toggled.emit(self._active)
        else:
            super().keyPressEvent(a0)

    @property
    def _step_keys(self) -> tuple[Qt.Key, Qt.Key]:
        if self._compact:
            return Qt.Key.Key_Left, Qt.Key.Key_Right
        return Qt.Key.Key_Up, Qt.Key.Key_Down

    def _step(self, by: int) -> None:
        """Choose the next or previous lane that is ready."""
        ready = [i for i in range(len(self._lanes)) if self._is_ready(i)]
        here = -1 if self._active is None else self._active
        ahead = [i for i in ready if (i > here if by > 0 else i < here)]
        if ahead:
            self.lane_chosen.emit(ahead[0] if by > 0 else ahead[-1])

    def event(self, a0: QEvent | None) -> bool:
        if isinstance(a0, QHelpEvent) and a0.type() is QEvent.Type.ToolTip:
            QToolTip.showText(a0.globalPos(), self.tip_at(QPointF(a0.pos())), self)
            return True
        if isinstance(a0, QKeyEvent) and self._claims(a0):
            a0.accept()
            return True
        return super().event(a0)

    def _claims(self, event: QKeyEvent) -> bool:
        """Tell whether the arrows step along the letters, as for those who came here by Tab;
        for all others the window's own meaning of them comes first."""
        is_asked = event.type() is QEvent.Type.ShortcutOverride
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        is_plain = held == Qt.KeyboardModifier.NoModifier
        return is_asked and is_plain and self._focus_seen and event.key() in self._step_keys

    def tip_at(self, point: QPointF) -> str:
        """Return what was measured in the lane under the pointer, or what its star does."""
        index = self.layout_px.index_at(point)
        if index is None:
            return ""
        if self._on_star(index, point):
            return "Take the star away  *" if self._lanes[index].rating else "Give a star  *"
        return self.words(index)
