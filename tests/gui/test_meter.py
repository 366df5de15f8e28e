"""The output's level: red only where sound is cut off, empty once nothing plays. No window."""

from __future__ import annotations

import pytest
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.theme import DARK
from gui.widgets.transport_bar import Meter, TransportBar

#: What matched loudness may peak at, linear.
LOUDEST_MATCHED = 0.999


def colour_of(meter: Meter) -> str:
    return meter.grab().toImage().pixelColor(10, 4).name()


@pytest.mark.parametrize(
    ("peak", "colour"), [(LOUDEST_MATCHED, DARK.graft), (1.0, DARK.graft), (1.1, DARK.fault)]
)
def test_only_what_is_cut_off_is_a_fault(
    dressed: QApplication, qtbot: QtBot, peak: float, colour: str
) -> None:
    meter = Meter()
    qtbot.addWidget(meter)
    meter.show_peak(peak)
    assert colour_of(meter) == colour


def test_the_meter_is_empty_as_soon_as_nothing_plays(dressed: QApplication, qtbot: QtBot) -> None:
    bar = TransportBar()
    qtbot.addWidget(bar)
    bar.meter.show_peak(1.0)
    bar.show_playing(False)
    assert colour_of(bar.meter) == DARK.raised
