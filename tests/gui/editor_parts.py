"""An editor to try out: shown, listened to, and where its parts are."""

from __future__ import annotations

from collections.abc import Iterator

from PyQt6.QtCore import QPointF
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.audio import FrameSpan
from gui import theme
from gui.state.clip import PulledEdges, TimeAxis
from gui.widgets.waveform_editor import WaveformEditor
from tests.gui.canvas_parts import (
    picture,
    tone_clip,
)


def shown_editor(qtbot: QtBot) -> Iterator[WaveformEditor]:
    """Show an editor with four bars of a tone; whatever window it leaves behind is a fault."""
    theme.load_fonts()
    before = set(QApplication.topLevelWidgets())
    widget = WaveformEditor()
    qtbot.addWidget(widget)
    widget.resize(740, 420)
    widget.show_clip(tone_clip())
    widget.show()
    yield widget
    widget.close()
    assert set(QApplication.topLevelWidgets()) - before <= {widget}


class Heard:
    """What the editor told."""

    def __init__(self, editor: WaveformEditor) -> None:
        self.selections: list[tuple[FrameSpan, ...]] = []
        self.pulled: list[PulledEdges] = []
        self.seeks: list[int] = []
        self.axes: list[TimeAxis] = []
        self.drags: list[bool] = []
        editor.selection_changed.connect(self.selections.append)
        editor.pulled_changed.connect(self.pulled.append)
        editor.seek_requested.connect(self.seeks.append)
        editor.axis_changed.connect(self.axes.append)
        editor.drag_wanted.connect(lambda: self.drags.append(True))


def at(editor: WaveformEditor, frame: float, height: float = 0.8) -> QPointF:
    """Return the place of a frame in the waveform's area."""
    area = editor.layout_px.wave
    return QPointF(editor.own_axis.x_of(frame), area.top() + height * area.height())


def colors_at(editor: WaveformEditor, frames: range) -> list[QColor]:
    """Return the drawn colours of frames, a little above the zero line."""
    image = picture(editor)
    points = (at(editor, frame, 0.4).toPoint() for frame in frames)
    return [image.pixelColor(point) for point in points]


def handle(editor: WaveformEditor, *, left: bool) -> QPointF:
    area = editor.layout_px.wave
    x = editor.axis.left if left else editor.axis.right
    return QPointF(x, area.center().y())
