"""The record chip bound to the recorder: its words, its menu, and the same as commands."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QMenu, QWidget

from gui.commands import Command
from gui.state.playback import Playback
from gui.state.recorder import BARS, Ear, Recorder
from gui.widgets.transport_bar import TransportBar
from plugin_bridge.capture.punch import Running, Waiting
from plugin_bridge.devices import InputDevice

RECORD, KEEP, LISTEN = (
    "Record from the next bar on, or do not",
    "Keep what I just heard",
    "Listen, or stop listening",
)
_GROUP = "Record"

Deed = Callable[[], None]


def record_commands(recorder: Recorder, record: Deed) -> list[Command]:
    """Return what can be recorded."""
    return [
        Command(RECORD, _GROUP, ("R",), record),
        Command(KEEP, _GROUP, ("Shift+R",), recorder.keep_last),
        Command(LISTEN, _GROUP, ("Alt+R",), recorder.toggle_listening),
        *[
            Command(f"Record {_bars(bars)} at a time", _GROUP, (), partial(recorder.set_bars, bars))
            for bars in BARS
        ],
    ]


def record_words(recorder: Recorder) -> str:
    """Return what the chip says."""
    match recorder.progress:
        case Running(bars=done):
            return f"Rec {min(recorder.bars, int(done) + 1)} of {recorder.bars}"
        case Waiting(seconds=None):
            return "Rec · waits"
        case Waiting(seconds=seconds):
            return f"Rec · in {seconds or 0.0:.1f} s"
        case None:
            return _WORDS[recorder.ear]


_WORDS = {
    Ear.OFF: "Rec",
    Ear.OPENING: "Rec · opening",
    Ear.ON: "Listening",
    Ear.LOST: "No input",
}


class RecordHands(QObject):
    """UI thread only."""

    def __init__(
        self,
        recorder: Recorder,
        playback: Playback,
        bar: TransportBar,
        record: Deed,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._recorder, self._bar, self._window = recorder, bar, parent
        self._record = record
        self._inputs: tuple[InputDevice, ...] = ()
        recorder.changed.connect(self._show)
        playback.inputs_changed.connect(self._list_inputs)
        bar.record_wanted.connect(self._show_menu)
        self._show()

    def _list_inputs(self, inputs: tuple[InputDevice, ...]) -> None:
        self._inputs = inputs

    def _show(self) -> None:
        recorder = self._recorder
        is_on = recorder.ear is not Ear.OFF
        level = "warn" if recorder.ear is Ear.LOST else ""
        self._bar.show_record(record_words(recorder), _tip(recorder), is_on=is_on, level=level)

    def _show_menu(self) -> None:
        recorder = self._recorder
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(f"Record {_bars(recorder.bars)}\tR", self._record)
        menu.addAction(f"{KEEP}\tShift+R", recorder.keep_last)
        listen = menu.addAction("Listen: keep the last 32 bars\tAlt+R", recorder.toggle_listening)
        if listen is not None:
            listen.setCheckable(True)
            listen.setChecked(recorder.ear is not Ear.OFF)
        menu.addSeparator()
        self._add_choices(menu, [(_bars(bars), bars) for bars in BARS], recorder.bars, "Length")
        names = [("System input", ""), *[(device.label, device.label) for device in self._inputs]]
        self._add_choices(menu, names, recorder.input, "Input")
        chip = self._bar.record
        menu.popup(chip.mapToGlobal(chip.rect().bottomLeft()))

    def _add_choices(
        self, menu: QMenu, choices: list[tuple[str, int]] | list[tuple[str, str]],
        chosen: int | str, title: str,
    ) -> None:  # fmt: skip
        inner = menu.addMenu(title)
        if inner is None:
            return
        for words, value in choices:
            entry = inner.addAction(words.replace("&", "&&"), partial(self._choose, value))
            if entry is not None:
                entry.setCheckable(True)
                entry.setChecked(value == chosen)

    def _choose(self, value: int | str) -> None:
        if isinstance(value, int):
            self._recorder.set_bars(value)
        else:
            self._recorder.set_input(value)


def _tip(recorder: Recorder) -> str:
    if recorder.ear is Ear.OFF:
        return "Record the next bars (R); nothing is listened to"
    kept = "" if recorder.bars_kept is None else f", {_bars(min(32, recorder.bars_kept))} kept"
    return f"Listening to {recorder.heard_name or 'the input'}{kept}: R records, Shift+R keeps"


def _bars(bars: int) -> str:
    return f"{bars} bar" + ("" if bars == 1 else "s")
