"""Play, loop, tempo, bar position; output device, level and under-runs; how the engine is."""

from __future__ import annotations

import math

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from gui.state.clip import LANE_LETTERS, Clip
from gui.theme import DARK, Palette
from gui.widgets.labels import button, label, set_level
from gui.widgets.tempo_field import TempoField
from plugin_bridge.audio_messages import SyncStatus
from plugin_bridge.devices import VIRTUAL_NAME, OutputDevice

HEIGHT_PX = 48
SWITCH_TIP, SWITCH_WIDTH_PX = "When another take is switched to (S)", 112
RECORD_TIP, RECORD_WIDTH_PX = "Record the next bars (R)", 92
SYNC_TIP = "Whose bars playback follows"
LEAD_TIP = "Others follow: Space starts and stops them, and they go at this tempo"
DEVICE_PX, LEAST_DEVICE_PX = 150, 100
#: The entry of the outputs that makes one.
_VIRTUAL_WANTED = "\0make an output"
_TOOL_TIP = Qt.ItemDataRole.ToolTipRole
#: The quietest level that the meter shows.
METER_FLOOR_DB = -48.0


class Meter(QWidget):
    """The output's peak, falling back slowly."""

    FALL_DB = 1.2

    def __init__(self) -> None:
        super().__init__()
        self._db = METER_FLOOR_DB
        self._palette: Palette = DARK
        self.setFixedSize(90, 8)
        self.setAccessibleName("Output level")

    def set_palette(self, palette: Palette) -> None:
        self._palette = palette
        self.update()

    def show_peak(self, peak: float) -> None:
        """Show a linear peak, 1.0 = full scale."""
        db = 20 * math.log10(max(peak, 1e-6))
        shown = max(db, self._db - self.FALL_DB, METER_FLOOR_DB)
        if abs(shown - self._db) > 0.05:
            self._db = shown
            self.update()

    def show_silence(self) -> None:
        """Show that nothing sounds."""
        self._db = METER_FLOOR_DB
        self.update()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        """Draw the bar; red above full scale, where what is heard is cut off."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._palette.color("raised"))
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        share = 1 - max(self._db, METER_FLOOR_DB) / METER_FLOOR_DB
        if share > 0.01:
            painter.setBrush(self._palette.color("fault" if self._db > 0.0 else "graft"))
            painter.drawRoundedRect(QRectF(0, 0, self.width() * share, self.height()), 4, 4)


class TransportBar(QWidget):
    """The top bar. device_chosen(str): the name of an output; "" is the system's own."""

    play_wanted = pyqtSignal()
    loop_wanted = pyqtSignal(bool)
    switch_wanted = pyqtSignal()
    sync_wanted = pyqtSignal()
    record_wanted = pyqtSignal()
    device_chosen = pyqtSignal(str)
    virtual_output_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("transport")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT_PX)
        self._compact, self._is_lost, self._under_runs = False, False, 0
        self._leader, self._leads = "", False
        self._status: SyncStatus | None = None
        self._clip: Clip | None = None
        self.play = button("▶", "play", "Play or stop (Space)", self.play_wanted.emit)
        self.play.setFixedSize(QSize(30, 30))
        self.play.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.loop = button("⟳", "", "Play round and round (L)", self._loop, checkable=True)
        self.loop.setChecked(True)
        self.switch = button("", "chip", SWITCH_TIP, self.switch_wanted.emit, checkable=True)
        self.switch.setFixedWidth(SWITCH_WIDTH_PX)
        self.sync = button("Sync off", "chip", SYNC_TIP, self.sync_wanted.emit, checkable=True)
        self.record = button("Rec", "chip", RECORD_TIP, self.record_wanted.emit, checkable=True)
        self.record.setFixedWidth(RECORD_WIDTH_PX)
        self.tempo = TempoField()
        self.bar = label("1.1.1", "number", "Position in bars, beats and sixteenths")
        self.device = QComboBox()
        self.device.setAccessibleName("Output device")
        self.device.setMinimumWidth(DEVICE_PX)
        self.device.setMaximumWidth(240)
        self.device.activated.connect(self._choose)
        self.meter = Meter()
        self.under_runs = label("0 under-runs", "chip", "Under-runs")
        self.engine = label("Engine: loading", "chip", "Engine")
        self._build()
        self.show_devices((), "")
        self.show_switch(at_bar=False, pending=None)

    def show_playing(self, playing: bool) -> None:
        self.play.setText("■" if playing else "▶")
        self.play.setAccessibleName("Stop" if playing else "Play")
        if not playing:  # what is told while nothing plays comes too seldom to fall back by
            self.meter.show_silence()

    def show_switch(self, *, at_bar: bool, pending: int | None) -> None:
        """Show when another take is switched to, and which one waits for its bar."""
        when = "at the bar" if at_bar else "at once"
        words = f"Switch {when}" if pending is None else f"{LANE_LETTERS[pending]} · next bar"
        self.switch.setText(words)
        self.switch.setChecked(at_bar or pending is not None)

    def show_lost(self, lost: bool) -> None:
        """Show that there is no output."""
        self._is_lost = lost
        self.out_label.setText("No output" if lost else "Out")
        self._fold()
        for widget in (self.out_label, self.device):
            set_level(widget, "warn" if lost else "")

    def show_clip(self, clip: Clip | None) -> None:
        self._clip = clip
        self._show_tempo()

    def show_sync(self, leader: str, status: SyncStatus | None, *, leads: bool = False) -> None:
        """Show whose bars are followed, its tempo and place. leader: "" is nobody. leads: it is
        led from here."""
        was_led, self._leader, self._status = bool(self._leader), leader, status
        self._leads = leads
        self._show_chip()
        self.sync.setChecked(bool(leader))
        set_level(self.sync, "warn" if status is not None and status.sentence else "")
        problem = status.sentence if status is not None else ""
        tip = LEAD_TIP if leads else SYNC_TIP
        self.sync.setToolTip(problem or tip)
        self.sync.setAccessibleName(f"{tip}: {sync_words(leader, status, leads=leads)}")
        if self._is_led and status is not None:
            self.bar.setText(beat_text(status.beat, status.beats_per_bar))
        elif was_led:
            self.bar.setText(bar_text(self._clip, 0))
        self._show_tempo()

    def show_record(self, words: str, tip: str, *, is_on: bool, level: str) -> None:
        """Show what is recorded or listened to. is_on: whether anything is."""
        self.record.setText(words)
        self.record.setToolTip(tip)
        self.record.setAccessibleName(f"{words}: {tip}")
        self.record.setChecked(is_on)
        set_level(self.record, level)

    @property
    def _is_led(self) -> bool:
        """Return whether a transport says where the music is, and how fast."""
        return self._status is not None and not self._status.sentence

    def _show_tempo(self) -> None:
        clip, status = self._clip, self._status
        bpm = None if clip is None else clip.tempo_bpm
        if self._is_led and status is not None:
            bpm = status.bpm
        self.tempo.show_tempo(bpm)

    def show_position(self, clip: Clip | None, frame: int) -> None:
        """Show a frame of the clip as bar.beat.sixteenth, unless a transport says the bar."""
        if not self._is_led:
            self.bar.setText(bar_text(clip, frame))

    def show_devices(self, devices: tuple[OutputDevice, ...], current: str) -> None:
        """List the outputs, virtual ones marked; the first entry is the system's default.

        current: the name or the label of the chosen one.
        """
        self.device.clear()
        self.device.addItem("System output", "")
        for device in devices:
            name = f"{device.name} (virtual)" if device.is_virtual else device.name
            self.device.addItem(name, device.label)
            self.device.setItemData(self.device.count() - 1, device.label, _TOOL_TIP)
        if not any(device.name == VIRTUAL_NAME for device in devices):
            self.device.insertSeparator(self.device.count())
            self.device.addItem("Make an output for the DAW", _VIRTUAL_WANTED)
        chosen = next((d.label for d in devices if current in (d.name, d.label)), "")
        self._listed = max(0, self.device.findData(chosen))
        self.device.setCurrentIndex(self._listed)

    def show_under_runs(self, count: int) -> None:
        self._under_runs = count
        self._fold()
        self.under_runs.setText(f"{count} under-run" + ("" if count == 1 else "s"))
        set_level(self.under_runs, "warn" if count else "")

    def show_engine(self, words: str, level: str = "") -> None:
        self.engine.setText(words)
        set_level(self.engine, level)

    def set_palette(self, palette: Palette) -> None:
        self.meter.set_palette(palette)

    def set_compact(self, compact: bool, *, narrow: bool = False) -> None:
        """Leave out what is not news, beside a DAW. narrow: there is little room, but some."""
        self._compact = compact
        self.device.setMinimumWidth(LEAST_DEVICE_PX if compact or narrow else DEVICE_PX)
        self._fold()

    def _fold(self) -> None:
        self.out_label.setVisible(self._is_lost or not self._compact)
        self.under_runs.setVisible(self._under_runs > 0 or not self._compact)
        self.meter.setVisible(not self._compact)
        self._show_chip()

    def _show_chip(self) -> None:
        words = sync_words(self._leader, self._status, leads=self._leads, short=self._compact)
        self.sync.setText(words)

    def _loop(self) -> None:
        self.loop_wanted.emit(self.loop.isChecked())

    def _choose(self, index: int) -> None:
        if self.device.currentData() == _VIRTUAL_WANTED:
            self.device.setCurrentIndex(self._listed)
            self.virtual_output_wanted.emit()
            return
        self._listed = index
        self.device_chosen.emit(self.device.currentData() or "")

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 14, 0)
        row.setSpacing(12)
        row.addWidget(self.play)
        row.addWidget(self.loop)
        row.addWidget(self.switch)
        row.addLayout(_with_unit(self.tempo, "bpm"))
        row.addWidget(self.sync)
        row.addLayout(_with_unit(self.bar, "bar"))
        row.addWidget(self.record)
        row.addStretch(1)
        self.out_label = label("Out", "dim")
        for widget in (self.out_label, self.device, self.meter, self.under_runs, self.engine):
            row.addWidget(widget)


def _with_unit(number: QWidget, unit: str) -> QHBoxLayout:
    pair = QHBoxLayout()
    pair.setSpacing(4)
    pair.addWidget(number)
    pair.addWidget(label(unit, "dim"))
    return pair


def sync_words(
    leader: str, status: SyncStatus | None, *, leads: bool = False, short: bool = False
) -> str:
    """Return what the chip says. short: the tempo stands beside it anyway."""
    if not leader:
        return "Sync off"
    if leads:
        leader = f"Leads {leader}"
    if status is None or status.sentence:
        return f"{leader} · waiting"
    if not status.is_playing:
        return f"{leader} · stopped"
    return leader if short else f"{leader} · {status.bpm:.1f}"


def beat_text(beat: float, beats_per_bar: int) -> str:
    """Return a transport's beat as bar.beat.sixteenth, counted from 1."""
    whole, sixteenth = divmod(math.floor(beat * 4 + 1e-6), 4)
    bar, beat_in_bar = divmod(whole, beats_per_bar)
    return f"{bar + 1}.{beat_in_bar + 1}.{sixteenth + 1}"


def bar_text(clip: Clip | None, frame: int) -> str:
    """Return a frame of a clip as bar.beat.sixteenth, counted from 1; seconds without a tempo."""
    if clip is None:
        return "1.1.1"
    if clip.beat_frames is None:
        return f"{frame / clip.sample_rate:.1f} s"
    sixteenths = math.floor((frame - clip.downbeat_frame) / clip.beat_frames * 4 + 1e-6)
    beat, sixteenth = divmod(sixteenths, 4)
    bar, beat = divmod(beat, clip.signature.beats_per_bar)
    return f"{bar + 1}.{beat + 1}.{sixteenth + 1}"
