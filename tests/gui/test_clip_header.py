"""Above the waveform: facts that there is no room for are left out whole. No window."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PyQt6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from engine.key import Key
from gui.widgets.clip_header import ClipHeader
from tests.gui.canvas_parts import tone_clip

NARROWEST, WIDE = 430, 1_400


@pytest.fixture
def panel(dressed: QApplication, qtbot: QtBot) -> QWidget:
    """A window of its own could not be narrower than what it shows."""
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(WIDE, 60)
    made.show()
    return made


@pytest.fixture
def header(panel: QWidget) -> ClipHeader:
    made = ClipHeader()
    made.setParent(panel)
    made.resize(WIDE, made.height())
    clip = replace(tone_clip(seam_score=0.4), name="a long name of mine", lufs=-14.6)
    made.show_files(0, 4)
    made.show_clip(replace(clip, key=Key(7, "minor")), has_before=True, before_shown=False)
    made.show()
    return made


def resize(header: ClipHeader, width: int) -> None:
    header.resize(width, header.height())
    QApplication.processEvents()


def facts(header: ClipHeader) -> list[QLabel]:
    return [header.tempo, header.key, header.loudness, header.seam]


def test_every_fact_is_shown_where_there_is_room(header: ClipHeader) -> None:
    assert all(fact.isVisible() for fact in facts(header))


@pytest.mark.parametrize("width", range(NARROWEST, WIDE, 90))
def test_no_fact_is_cut_off(header: ClipHeader, width: int) -> None:
    resize(header, width)
    for shown in (*facts(header), header.before, header.keep, header.files):
        assert shown.isHidden() or shown.width() >= shown.minimumSizeHint().width()


def test_facts_come_back_with_the_room(header: ClipHeader) -> None:
    resize(header, NARROWEST)
    assert not header.loudness.isVisible()
    resize(header, WIDE)
    assert all(fact.isVisible() for fact in facts(header))
