"""Clips for the canvas, and a pointer that presses, moves and lets go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PyQt6.QtCore import QEvent, QPoint, QPointF, Qt
from PyQt6.QtGui import QColor, QImage, QMouseEvent, QWheelEvent
from PyQt6.QtWidgets import QApplication, QWidget

from engine.audio import AudioClip, FrameSpan
from engine.peaks import build_peaks
from engine.tempo import COMMON_TIME, TimeSignature
from gui.state.clip import Clip, Lane, LaneState

RATE = 8_000
#: At 120 bpm and 8 kHz: frames of a beat and of a bar.
BEAT, BAR = 4_000, 16_000
LEFT = Qt.MouseButton.LeftButton
NONE, CTRL, ALT, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ShiftModifier,
)


def tone_clip(
    frames: int = 4 * BAR,
    clip_id: str = "source",
    *,
    tempo_bpm: float | None = 120.0,
    grafted: tuple[FrameSpan, ...] = (),
    start_frame: int = 0,
    downbeat_frame: int = 0,
    level: float = 0.8,
    sample_rate: int = RATE,
    seam_score: float | None = None,
    signature: TimeSignature = COMMON_TIME,
) -> Clip:
    """Return a steady tone whose waveform fills its height everywhere."""
    wave = level * np.sign(np.sin(0.9 * np.arange(frames) + 0.5))
    samples = np.stack((wave, wave)).astype(np.float32)
    return Clip(
        clip_id=clip_id,
        name=clip_id,
        path=Path(f"/nowhere/{clip_id}.wav"),
        audio=AudioClip(samples, sample_rate),
        peaks=build_peaks(samples),
        tempo_bpm=tempo_bpm,
        signature=signature,
        downbeat_frame=downbeat_frame,
        grafted=grafted,
        start_frame=start_frame,
        seam_score=seam_score,
        lufs=-9.8,
    )


def done_lane(letter: str, clip: Clip, rating: int = 0) -> Lane:
    return Lane(letter, LaneState.DONE, clip, 1.0, rating)


def move(
    widget: QWidget, point: QPointF, buttons: Qt.MouseButton, modifiers: Qt.KeyboardModifier
) -> None:
    """Move the pointer. QTest's own moves know no modifiers."""
    _send(widget, QEvent.Type.MouseMove, point, Qt.MouseButton.NoButton, buttons, modifiers)


def press(widget: QWidget, point: QPointF, modifiers: Qt.KeyboardModifier = NONE) -> None:
    _send(widget, QEvent.Type.MouseButtonPress, point, LEFT, LEFT, modifiers)


def release(widget: QWidget, point: QPointF, modifiers: Qt.KeyboardModifier = NONE) -> None:
    none = Qt.MouseButton.NoButton
    _send(widget, QEvent.Type.MouseButtonRelease, point, LEFT, none, modifiers)


def drag(
    widget: QWidget, start: QPointF, stop: QPointF, modifiers: Qt.KeyboardModifier = NONE
) -> None:
    """Press at one place, move in steps and let go at another."""
    press(widget, start, modifiers)
    for share in (0.3, 0.7, 1.0):
        move(widget, start + (stop - start) * share, LEFT, modifiers)
    release(widget, stop, modifiers)


def click(widget: QWidget, point: QPointF, modifiers: Qt.KeyboardModifier = NONE) -> None:
    press(widget, point, modifiers)
    release(widget, point, modifiers)


def double_click(widget: QWidget, point: QPointF, modifiers: Qt.KeyboardModifier = NONE) -> None:
    """Click twice as a hand does: the second press arrives as a double click."""
    click(widget, point, modifiers)
    _send(widget, QEvent.Type.MouseButtonDblClick, point, LEFT, LEFT, modifiers)
    release(widget, point, modifiers)


def swipe(widget: QWidget, point: QPointF, pixels: QPoint) -> None:
    """Move two fingers on a touchpad."""
    event = QWheelEvent(
        point,
        widget.mapToGlobal(point),
        pixels,
        2 * pixels,
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.ScrollUpdate,
        False,
    )
    QApplication.sendEvent(widget, event)


def wheel(
    widget: QWidget, point: QPointF, notches: float, modifiers: Qt.KeyboardModifier = NONE
) -> None:
    """Turn the wheel away from the hand by notches."""
    event = QWheelEvent(
        point,
        widget.mapToGlobal(point),
        QPoint(),
        QPoint(0, round(120 * notches)),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def picture(widget: QWidget) -> QImage:
    return widget.grab().toImage()


def is_blue(color: QColor) -> bool:
    """Return whether it is the blue of the user's frames; the background is bluish too."""
    return color.blue() > color.green() > color.red() + 10


def is_green(color: QColor) -> bool:
    return color.green() > color.blue() and color.green() > color.red()


def is_grey(color: QColor) -> bool:
    channels = (color.red(), color.green(), color.blue())
    return max(channels) - min(channels) < 30


def _send(
    widget: QWidget,
    kind: QEvent.Type,
    point: QPointF,
    button: Qt.MouseButton,
    buttons: Qt.MouseButton,
    modifiers: Qt.KeyboardModifier,
) -> None:
    event = QMouseEvent(kind, point, widget.mapToGlobal(point), button, buttons, modifiers)
    QApplication.sendEvent(widget, event)
