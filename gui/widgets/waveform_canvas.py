"""Shows a clip on its time axis with all that lies over it. It shows; WaveformEditor edits."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import QRect, QRectF, QSize, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QPainter, QPaintEvent, QPixmap, QRegion, QResizeEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from engine.audio import FrameSpan, merge_spans
from gui.state.clip import Clip, PulledEdges, TimeAxis
from gui.theme import DARK, Palette
from gui.widgets import canvas_overlays as overlays
from gui.widgets.canvas_layout import (
    COMPACT_GUTTER_PX,
    GUTTER_PX,
    KEYBOARD_REASONS,
    CanvasLayout,
    Extent,
    timeline_extent,
)
from gui.widgets.canvas_overlays import Scene
from gui.widgets.gutter import News, paint_gutter, paint_invitation, paint_reading
from gui.widgets.ruler import paint_grid, paint_ruler
from gui.widgets.selection_words import selection_words
from gui.widgets.small_wave import kept_color
from gui.widgets.waveform_painter import WaveLook, peak_of, render_wave

EMPTY_EXTENT = Extent(0.0, 1.0)
#: Views that end within so many frames of the timeline's ends show all of it.
ALL_WITHIN_FRAMES = 1.0


class WaveformCanvas(QWidget):
    """The clip with ruler, grid, selection, pulled edges, context bracket, veil and playhead.

    Frames of selection and veil are those of `clip`, also while `before` is drawn; those of the
    playhead are of what is drawn, as that is what is heard; those of the axis are the timeline's:
    clip.start_frame + frame. axis_changed(TimeAxis, int): the axis and what it counts in, Hz.
    """

    axis_changed = pyqtSignal(object, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.waveform_renders = 0
        self._palette = DARK
        self._clip: Clip | None = None
        self._before: Clip | None = None
        self._before_shown = False
        self._spans: tuple[FrameSpan, ...] = ()
        self._pulled = PulledEdges()
        self._context_seconds: float | None = None
        #: On the timeline, in the axis' frames: it stays where it is when another take is drawn.
        self._playhead: float | None = None
        self._grid_beats = 1.0
        self._veil: tuple[tuple[FrameSpan, ...] | None, float] | None = None
        self._reading = self._making = ""
        self._gutter = float(GUTTER_PX)
        self._peak = 1.0
        self._hot = (False, False)
        self._focus_seen = False
        self._wave: QPixmap | None = None
        self._wave_key: object = None
        self._axis = TimeAxis(*EMPTY_EXTENT, self._gutter, 1.0)
        self._axis_rate = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Waveform")
        self._describe()

    # ------------------------------------------------------------------ what is shown

    @property
    def clip(self) -> Clip | None:
        return self._clip

    @property
    def drawn(self) -> Clip | None:
        """What is drawn: the clip, or what was there before it."""
        return (self._before if self._before_shown else None) or self._clip

    @property
    def axis(self) -> TimeAxis:
        """The stretch in view, in frames of the timeline at the clip's rate."""
        return self._axis

    @property
    def own_axis(self) -> TimeAxis:
        """The same in frames of the clip."""
        return self._axis if self._clip is None else self._axis.in_frames_of(self._clip)

    @property
    def selection(self) -> tuple[FrameSpan, ...]:
        return self._spans

    @property
    def pulled(self) -> PulledEdges:
        return self._pulled

    @property
    def playhead(self) -> float | None:
        """Where the playhead stands on the timeline, in the axis' frames; None when hidden."""
        return self._playhead

    @property
    def layout_px(self) -> CanvasLayout:
        return CanvasLayout.of(self.width(), self.height(), self._gutter)

    @property
    def limits(self) -> Extent:
        """All there is to see, in frames of the timeline."""
        if self._clip is None:
            return EMPTY_EXTENT
        return timeline_extent(self._clip, self._before, self._pulled)

    def show_clip(self, clip: Clip | None, before: Clip | None = None) -> None:
        """Show a clip, and what it was before its graft for `set_before_shown`.

        The view stays where it is while the clips lie on the same timeline, as the takes of
        one source do; else all is shown.
        """
        known = _ids(self._clip, self._before)
        stays = not self._shows_all() and bool(known & _ids(clip, before))
        self._clip, self._before = clip, before
        self._spans = () if clip is None else _inside(self._spans, clip.frames)
        self._peak = max((peak_of(c.peaks) for c in (clip, before) if c is not None), default=1.0)
        self._set_axis(self._clamped(self._axis) if stays else self._fitted())
        self._describe()
        self.update()

    def set_before_shown(self, shown: bool) -> None:
        """Draw what was there before the graft instead."""
        self._before_shown = shown
        self.update()

    def set_palette(self, palette: Palette) -> None:
        self._palette = palette
        self.update()

    def set_compact(self, compact: bool) -> None:
        """Give the lanes' label column to the axis, for when the lanes are a row of letters."""
        self._gutter = float(COMPACT_GUTTER_PX if compact else GUTTER_PX)
        self._refit()

    def set_selection(self, spans: tuple[FrameSpan, ...]) -> None:
        """Show spans as selected. Frames of the clip; parts outside it are left out."""
        frames = 0 if self._clip is None else self._clip.frames
        self._spans = _inside(merge_spans(spans), frames)
        self._describe()
        self.update()

    def set_pulled(self, pulled: PulledEdges) -> None:
        """Show edges as pulled out; the view grows with them."""
        if pulled == self._pulled:
            return
        shown_all, old = self._shows_all(), self.limits
        self._pulled = pulled
        self._set_axis(self._fitted() if shown_all else self._grown(old))
        self._describe()
        self.update()

    def set_context_seconds(self, seconds: float | None) -> None:
        """Bracket what the engine hears around the selection; None for no bracket."""
        self._context_seconds = seconds
        self.update()

    def set_grid_beats(self, beats: float) -> None:
        """Set the distance of two grid lines, in beats above 0."""
        if beats <= 0:
            raise ValueError(f"a grid of {beats} beats: expected more than 0 beats")
        self._grid_beats = beats
        self.update()

    def set_veil(
        self, spans: tuple[FrameSpan, ...] | FrameSpan | None, share: float | None
    ) -> None:
        """Show how far a stretch is made: 0 to 1, None when nothing is being made.

        spans: frames of the clip; None for all that is selected or pulled out.
        """
        if isinstance(spans, FrameSpan):
            spans = (spans,)
        veil = None if share is None else (spans, min(max(0.0, share), 1.0))
        if veil != self._veil:
            self._veil = veil
            self.update()

    def set_reading(self, words: str) -> None:
        """Say what is being read; empty when nothing is."""
        if words != self._reading:
            self._reading = words
            self._describe()
            self.update()

    def set_making(self, words: str) -> None:
        """Say what is being made on an empty canvas, as far as the veil is; empty for nothing."""
        if words != self._making:
            self._making = words
            self._describe()
            self.update()

    def set_playhead(self, frame: int | None) -> None:
        """Move the playhead to a frame of what is drawn; None hides it. Repaints two strips."""
        old = self._playhead_strip()
        self._playhead = None if frame is None else self._on_timeline(frame)
        new = self._playhead_strip()
        if old != new:
            self.update(QRegion(old).united(QRegion(new)))

    def _on_timeline(self, frame: float) -> float:
        """Return a frame of what is drawn in the axis' frames."""
        clip, drawn = self._clip, self.drawn
        if clip is None or drawn is None:
            return frame
        return (frame + drawn.start_frame) * clip.sample_rate / drawn.sample_rate

    def sizeHint(self) -> QSize:
        return QSize(740, 400)

    def minimumSizeHint(self) -> QSize:
        return QSize(280, 160)

    # ------------------------------------------------------------------ the axis

    def _shows_all(self) -> bool:
        low, high = self.limits
        within = ALL_WITHIN_FRAMES
        return self._axis.start <= low + within and self._axis.stop >= high - within

    def _fitted(self) -> TimeAxis:
        area = self.layout_px.wave
        return TimeAxis(*self.limits, area.left(), area.width())

    def _clamped(self, axis: TimeAxis) -> TimeAxis:
        """Keep the view inside of what there is to see."""
        low, high = self.limits
        frames = min(axis.stop - axis.start, high - low)
        start = min(max(low, axis.start), high - frames)
        area = self.layout_px.wave
        return TimeAxis(start, start + frames, area.left(), area.width())

    def _grown(self, old: Extent) -> TimeAxis:
        """Widen a view that reached an end, so that what is pulled out there is seen."""
        low, high = self.limits
        start = low if self._axis.start <= old.low else self._axis.start
        stop = high if self._axis.stop >= old.high else self._axis.stop
        return self._clamped(replace(self._axis, start=start, stop=stop))

    def _set_axis(self, axis: TimeAxis) -> None:
        rate = self._axis_rate if self._clip is None else self._clip.sample_rate
        if (axis, rate) != (self._axis, self._axis_rate):
            self._axis, self._axis_rate = axis, rate
            self.axis_changed.emit(axis, rate)
            self.update()

    def _refit(self) -> None:
        """Fit the axis to the widget; a view of all stays one of all."""
        self._set_axis(self._fitted() if self._shows_all() else self._clamped(self._axis))

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        self._refit()
        super().resizeEvent(a0)

    def focusInEvent(self, a0: QFocusEvent | None) -> None:
        self._focus_seen = a0 is not None and a0.reason() in KEYBOARD_REASONS
        super().focusInEvent(a0)
        self.update()

    def focusOutEvent(self, a0: QFocusEvent | None) -> None:
        self._focus_seen = False
        super().focusOutEvent(a0)
        self.update()

    # ------------------------------------------------------------------ painting

    def _scene(self, clip: Clip) -> Scene:
        return Scene(
            clip=clip,
            axis=self.own_axis,
            layout=self.layout_px,
            palette=self._palette,
            spans=self._spans,
            pulled=self._pulled,
            context_seconds=self._context_seconds,
            veil=self._veil_parts(clip),
            pixel_ratio=self.devicePixelRatioF(),
        )

    def _veil_parts(self, clip: Clip) -> tuple[tuple[Extent, ...], float] | None:
        if self._veil is None:
            return None
        spans, share = self._veil
        parts = tuple(Extent(s.start, s.stop) for s in (self._spans if spans is None else spans))
        if spans is not None:
            return parts, share
        bare = Scene(clip, self._axis, self.layout_px, self._palette, pulled=self._pulled)
        return (*parts, *bare.pulled_parts), share

    def _playhead_x(self) -> float | None:
        """Return the playhead's place on the device's pixels, px; None when hidden."""
        if self._playhead is None or self._clip is None:
            return None
        ratio = self.devicePixelRatioF()
        return round(self._axis.x_of(self._playhead) * ratio) / ratio

    def _playhead_strip(self) -> QRect:
        x = self._playhead_x()
        if x is None:
            return QRect()
        return overlays.playhead_rect(self.layout_px, x).toAlignedRect()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._palette.color("bg"))
        if self._clip is None:
            made = None if not self._making or self._veil is None else self._veil[1]
            news = News(self._reading, self._making, made)
            paint_invitation(painter, QRectF(self.rect()), self._palette, news)
        else:
            self._paint_scene(painter, self._scene(self._clip))
            paint_reading(painter, self.layout_px.wave, self._palette, self._reading)
        if self._focus_seen:
            overlays.paint_focus(painter, self.layout_px.wave, self._palette)
        painter.end()

    def _paint_scene(self, painter: QPainter, scene: Scene) -> None:
        layout, palette = scene.layout, scene.palette
        paint_grid(painter, layout.wave, scene.axis, scene.clip, palette, self._grid_beats)
        overlays.paint_selected(painter, scene)
        overlays.paint_pulled(painter, scene)
        painter.drawPixmap(layout.wave.topLeft(), self._waveform(scene.clip, layout.wave.height()))
        overlays.paint_veil(painter, scene)
        overlays.paint_edges(painter, scene)
        overlays.paint_bracket(painter, scene)
        paint_ruler(painter, layout.ruler, scene.axis, scene.clip, palette)
        paint_gutter(painter, layout.gutter, palette, self._peak, before=self._draws_before)
        overlays.paint_handles(painter, scene, self._hot)
        x = self._playhead_x()
        if x is not None:
            overlays.paint_playhead(painter, scene, x)

    @property
    def _draws_before(self) -> bool:
        return self._before_shown and self._before is not None

    def _waveform(self, clip: Clip, height: float) -> QPixmap:
        """Return the drawn waveform, made anew only when what it shows has changed."""
        shown = self.drawn or clip
        ratio = self.devicePixelRatioF()
        key = (shown.clip_id, shown.grafted, self._axis, self._peak, height, ratio, self._palette)
        if self._wave is None or key != self._wave_key:
            kept = self._palette.color(kept_color(shown))
            look = WaveLook(kept, self._palette.color("graft"), self._peak)
            axis = self._axis.in_frames_of(shown, clip.sample_rate)
            self._wave = render_wave(shown, axis, height, ratio, look)
            self._wave_key = key
            self.waveform_renders += 1
        return self._wave

    # ------------------------------------------------------------------ in words

    @property
    def words(self) -> str:
        """What is selected, in words; empty when nothing is."""
        if self._clip is None:
            return ""
        return selection_words(self._clip, self._spans, self._pulled)

    def _describe(self) -> None:
        if self._clip is None:
            making = f"Making {self._making}." if self._making else ""
            words = self._reading or making or "Nothing is open."
        else:
            selected = self.words
            words = f"{self._clip.name}. {selected or 'Nothing'} selected."
        if words != self.accessibleDescription():
            self.setAccessibleDescription(words)


def _ids(*clips: Clip | None) -> set[str]:
    return {clip.clip_id for clip in clips if clip is not None}


def _inside(spans: tuple[FrameSpan, ...], frames: int) -> tuple[FrameSpan, ...]:
    return tuple(span.within(frames) for span in spans if span.start < frames)
