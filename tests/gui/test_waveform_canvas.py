"""The waveform: what is drawn where."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PyQt6.QtCore import QEvent, QObject, QPointF, QRect
from PyQt6.QtGui import QColor, QPaintEvent, QRegion
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.audio import AudioClip, FrameSpan
from engine.peaks import build_peaks
from gui import theme
from gui.state.clip import PulledEdges
from gui.widgets.waveform_editor import WaveformEditor
from tests.gui.canvas_parts import (
    BAR,
    BEAT,
    RATE,
    click,
    is_blue,
    is_green,
    picture,
    tone_clip,
)
from tests.gui.editor_parts import Heard, at, colors_at, shown_editor

GRAFTED = FrameSpan(BAR, 2 * BAR)


@pytest.fixture
def editor(qtbot: QtBot) -> Iterator[WaveformEditor]:
    yield from shown_editor(qtbot)


@pytest.fixture
def heard(editor: WaveformEditor) -> Heard:
    return Heard(editor)


def test_the_users_frames_are_blue_and_grafted_ones_green(editor: WaveformEditor) -> None:
    editor.show_clip(tone_clip(grafted=(GRAFTED,)))
    step = BAR // 20
    assert all(map(is_blue, colors_at(editor, range(step, BAR - step, step))))
    assert all(map(is_green, colors_at(editor, range(BAR + step, 2 * BAR - step, step))))
    assert all(map(is_blue, colors_at(editor, range(2 * BAR + step, 4 * BAR - step, step))))


def test_green_begins_and_ends_at_the_graft_to_the_pixel(editor: WaveformEditor) -> None:
    editor.show_clip(tone_clip(grafted=(FrameSpan(BAR + 700, 2 * BAR + 300),)))
    image = picture(editor)
    row = at(editor, 0, 0.4).toPoint().y()
    left, right = round(editor.axis.left), round(editor.axis.right)
    green = [x for x in range(left, right) if is_green(image.pixelColor(x, row))]
    start, stop = (round(editor.own_axis.x_of(f)) for f in (BAR + 700, 2 * BAR + 300))
    assert green == list(range(start, stop))


def test_a_quiet_sound_fills_the_height_like_a_loud_one(editor: WaveformEditor) -> None:
    rows: list[list[QColor]] = []
    for level in (0.9, 0.01):
        editor.show_clip(tone_clip(clip_id=f"level {level}", level=level))
        image = picture(editor)
        x = at(editor, BAR // 2).toPoint().x()
        rows.append([image.pixelColor(x, y) for y in range(30, 400)])
    assert rows[0] == rows[1]


def test_before_is_drawn_at_the_same_place_on_the_timeline(editor: WaveformEditor) -> None:
    source = tone_clip()
    intro = tone_clip(5 * BAR, "intro", grafted=(FrameSpan(0, BAR),), start_frame=-BAR)
    editor.show_clip(intro, source)
    axis = editor.axis
    assert is_green(colors_at(editor, range(BAR // 2, BAR // 2 + 1))[0])
    editor.set_before_shown(True)
    assert editor.axis == axis
    # Where the intro was there is nothing; where the source lies it is drawn.
    off_the_grid = BAR // 2 + 500
    empty, user = colors_at(editor, range(off_the_grid, 2 * BAR, BAR))
    assert empty == QColor(theme.DARK.bg)
    assert is_blue(user)
    image, row = picture(editor), at(editor, 0, 0.4).toPoint().y()
    start = round(editor.axis.x_of(0))
    edge = [is_blue(image.pixelColor(x, row)) for x in range(start - 3, start + 3)]
    assert edge == [False, False, False, True, True, True]


def test_the_view_stays_when_another_take_of_the_same_sound_is_shown(
    editor: WaveformEditor,
) -> None:
    source = tone_clip()
    editor.show_clip(tone_clip(clip_id="a"), source)
    editor.zoom(4.0)
    axis = editor.axis
    editor.show_clip(tone_clip(clip_id="b"), source)
    assert editor.axis == axis
    editor.show_clip(tone_clip(2 * BAR, clip_id="another"))
    assert (editor.axis.start, editor.axis.stop) == (0.0, 2.0 * BAR)


def test_an_empty_canvas_invites_in_words(editor: WaveformEditor) -> None:
    editor.show_clip(None)
    image = picture(editor)
    middle = image.height() // 2
    for rows in (range(middle - 24, middle - 6), range(middle, middle + 18)):
        written = {image.pixelColor(x, y).name() for x in range(200, 540) for y in rows}
        assert len(written) > 1
    assert "Nothing is open" in editor.accessibleDescription()


def test_light_and_dark_are_drawn_anew(editor: WaveformEditor) -> None:
    for palette in (theme.LIGHT, theme.DARK):
        editor.set_palette(palette)
        assert picture(editor).pixelColor(2, 2) == QColor(palette.bg)


# ---------------------------------------------------------------------- the playhead


def test_the_playhead_moves_without_drawing_the_waveform_again(editor: WaveformEditor) -> None:
    editor.set_playhead(0)
    picture(editor)
    renders = editor.waveform_renders
    for frame in range(0, 4 * BAR, BAR // 8):
        editor.set_playhead(frame)
        picture(editor)
    assert editor.waveform_renders == renders


class PaintedRegions(QObject):
    """Notes what a widget is asked to paint."""

    def __init__(self) -> None:
        super().__init__()
        self.regions: list[QRegion] = []

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802
        if isinstance(a1, QPaintEvent):
            self.regions.append(a1.region())
        return super().eventFilter(a0, a1)


def test_the_playhead_repaints_two_thin_strips(editor: WaveformEditor, qtbot: QtBot) -> None:
    editor.set_playhead(BAR)
    watch = PaintedRegions()
    editor.installEventFilter(watch)
    qtbot.waitUntil(editor.isVisible)
    QApplication.processEvents()
    watch.regions.clear()
    places = itertools.cycle((3 * BAR, BAR))

    def moves_alone() -> bool:
        """The screen may ask for the whole at the same time; then the next move is looked at."""
        editor.set_playhead(next(places))
        qtbot.wait(30)
        return any(region.rectCount() == 2 for region in watch.regions)

    qtbot.waitUntil(moves_alone)
    editor.removeEventFilter(watch)
    region = next(region for region in watch.regions if region.rectCount() == 2)
    middle = round(editor.own_axis.x_of(2 * BAR))
    for side in (QRect(0, 0, middle, 420), QRect(middle, 0, 740, 420)):
        assert 0 < region.intersected(side).boundingRect().width() <= 8


def test_the_playhead_and_a_seek_are_in_frames_of_what_is_drawn(
    editor: WaveformEditor, heard: Heard
) -> None:
    """An intro puts the take's first frame in front of the source's."""
    intro = tone_clip(5 * BAR, "intro", grafted=(FrameSpan(0, BAR),), start_frame=-BAR)
    editor.show_clip(intro, tone_clip())
    x = editor.axis.x_of(2 * BAR)
    for before, frame in ((False, 3 * BAR), (True, 2 * BAR)):
        editor.set_before_shown(before)
        editor.set_playhead(frame)
        assert editor.playhead == 2 * BAR
        click(editor, QPointF(x, 10))
        assert heard.seeks[-1] == frame
    editor.set_before_shown(False)
    assert editor.playhead == 2 * BAR


def test_single_frames_are_drawn_as_a_line_per_channel(editor: WaveformEditor) -> None:
    """Left rises from frame to frame while right falls; a mono sound has one line."""
    ramp = np.linspace(-0.8, 0.8, 4_000, dtype=np.float32)
    crossed = np.stack((ramp, -ramp))
    counts: list[int] = []
    for name, samples in (("stereo", crossed), ("mono", crossed[:1]), ("both", crossed[[0, 0]])):
        clip = replace(
            tone_clip(4_000, name),
            audio=AudioClip(samples, RATE),
            peaks=build_peaks(samples),
            tempo_bpm=None,
        )
        editor.show_clip(clip)
        editor.set_selection((FrameSpan(600, 640),))
        editor.zoom_to_selection()
        editor.set_selection(())
        image, area = picture(editor), editor.layout_px.wave
        x = round(editor.own_axis.x_of(620)) + 4
        rows = range(round(area.top()), round(area.bottom()))
        blue = [is_blue(image.pixelColor(x, y)) for y in rows]
        counts.append(sum(now and not then for then, now in pairwise([False, *blue])))
    assert counts == [2, 1, 1]


def test_every_zoom_draws_the_tone_from_top_to_bottom(editor: WaveformEditor) -> None:
    """From all of it down to single frames: no gap, nothing over the edge."""
    for _ in range(14):
        image, area = picture(editor), editor.layout_px.wave
        xs = range(round(area.left()) + 20, round(area.right()) - 20, 7)
        ys = range(round(area.top()), round(area.bottom()))
        assert all(any(is_blue(image.pixelColor(x, y)) for y in ys) for x in xs)
        editor.zoom(2.0)
    assert editor.axis.stop - editor.axis.start == 64.0


def test_the_playhead_is_white_where_its_frame_is(editor: WaveformEditor) -> None:
    editor.set_playhead(2 * BAR + BEAT // 2)
    point = at(editor, 2 * BAR + BEAT // 2, 0.05).toPoint()
    assert picture(editor).pixelColor(point) == QColor(theme.DARK.text)


# ---------------------------------------------------------------------- veil and bracket


def test_the_veil_grows_over_what_is_made(editor: WaveformEditor) -> None:
    plain = picture(editor)
    editor.set_veil(GRAFTED, 0.5)
    veiled = picture(editor)
    row = at(editor, 0, 0.02).toPoint().y()
    changed = [
        x
        for x in range(round(editor.axis.left), round(editor.axis.right))
        if plain.pixelColor(x, row) != veiled.pixelColor(x, row)
    ]
    assert changed[0] == pytest.approx(editor.own_axis.x_of(BAR), abs=1)
    assert changed[-1] + 1 == pytest.approx(editor.own_axis.x_of(1.5 * BAR), abs=1)
    editor.set_veil(None, None)
    assert picture(editor) == plain


def test_the_veil_covers_every_stretch_that_is_made(editor: WaveformEditor) -> None:
    plain = picture(editor)
    spans = (FrameSpan(0, BEAT), FrameSpan(2 * BAR, 3 * BAR))
    editor.set_veil(spans, 1.0)
    veiled = picture(editor)
    for frame, covered in ((0.5 * BEAT, True), (BAR, False), (2.5 * BAR, True)):
        point = at(editor, frame, 0.02).toPoint()
        assert (plain.pixelColor(point) != veiled.pixelColor(point)) is covered
    editor.set_veil(None, None)
    editor.set_pulled(PulledEdges(0, 2))
    bare = picture(editor)
    editor.set_veil(None, 1.0)
    point = at(editor, 5 * BAR, 0.5).toPoint()
    assert bare.pixelColor(point) != picture(editor).pixelColor(point)


def test_the_bracket_shows_the_context_beside_the_selection(editor: WaveformEditor) -> None:
    editor.set_selection((FrameSpan(2 * BAR, 3 * BAR),))
    editor.set_context_seconds(2.0)
    image = picture(editor)
    area = editor.layout_px.bracket
    row = round(area.top()) + 6
    drawn = [
        x
        for x in range(round(area.left()), round(area.right()))
        if image.pixelColor(x, row) == QColor(theme.DARK.dim)
    ]
    for frame, found in ((BAR, min(drawn)), (4 * BAR, max(drawn))):
        assert found == pytest.approx(editor.own_axis.x_of(frame), abs=6)
    inside = round(editor.own_axis.x_of(2.5 * BAR))
    assert inside not in drawn


def test_two_selections_that_hear_the_same_share_a_bracket(editor: WaveformEditor) -> None:
    """A foot in the middle would look like two stretches."""
    editor.set_selection((FrameSpan(0, BEAT), FrameSpan(3 * BAR, 4 * BAR)))
    editor.set_context_seconds(4.0)
    image = picture(editor)
    area = editor.layout_px.bracket
    feet = [
        x
        for x in range(round(area.left()), round(area.right()))
        if image.pixelColor(x, round(area.top()) + 3) == QColor(theme.DARK.dim)
    ]
    assert len(feet) == 2
