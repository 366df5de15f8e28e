"""The window as leader: what other programs see of its play, stop, places and tempo."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jack
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from gui.app import App
from plugin_bridge.sync.midi_tracker import CLOCK, START, STOP
from tests.gui.conftest import OpenApp
from tests.gui.hands import CTRL, SHIFT, Key, make, press, said, wait
from tests.gui.test_sync import bar, choose
from tests.integration.jack_parts import jack_server, what_jack_lacks
from tests.plugin_bridge.sync.test_link import peer

needs_jack = pytest.mark.skipif(bool(what_jack_lacks()), reason=what_jack_lacks())


@pytest.fixture(autouse=True)
def no_jack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "loopgraft-nobody")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with jack_server(tmp_path / "jackd.log") as name:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        yield name


def run_command(app: App, words: str) -> None:
    press(app, Key.Key_K, CTRL)
    app.window.palette_.search.setText(words)
    press(app, Key.Key_Return)


def pick(app: App, qtbot: QtBot, words: str) -> None:
    """Choose from the chip's menu; the keys go to the window again."""
    choose(app, words)
    app.window.activateWindow()
    wait(qtbot, app.window.isActiveWindow)
    app.window.regions.waveform.setFocus()


def stop_playing(app: App, qtbot: QtBot) -> None:
    """A take plays as soon as it is there."""
    wait(qtbot, lambda: app.parts.playback.is_playing)
    press(app, Key.Key_Space)
    wait(qtbot, lambda: not app.parts.playback.is_playing)


@pytest.mark.skipif(
    importlib.util.find_spec("aalink") is None, reason="needs Ableton Link: pip install aalink"
)
def test_link_starts_stops_and_goes_at_the_tempo_of_the_window(app: App, qtbot: QtBot) -> None:
    make(app, qtbot, "dry drums, 126 bpm", takes=1)
    stop_playing(app, qtbot)
    with peer(97.0) as other:
        pick(app, qtbot, "Lead Link")
        wait(qtbot, lambda: other.last.peers >= 1 and abs(other.last.bpm - 126.0) < 1e-3)
        wait(qtbot, lambda: bar(app).sync.text() == "Leads Link · stopped")
        assert not other.last.is_playing
        assert said(app) == "Link goes by this window now."
        press(app, Key.Key_Space)
        wait(qtbot, lambda: other.last.is_playing)
        wait(qtbot, lambda: bar(app).sync.text() == "Leads Link · 126.0")
        assert app.parts.playback.is_playing
        press(app, Key.Key_T)
        bar(app).tempo.setText("131,5")
        press(app, Key.Key_Return)
        wait(qtbot, lambda: abs(other.last.bpm - 131.5) < 1e-3)
        wait(qtbot, lambda: bar(app).tempo.text() == "131.50")
        press(app, Key.Key_Space)
        wait(qtbot, lambda: not other.last.is_playing)
        other.tell("play")
        wait(qtbot, lambda: app.parts.playback.is_playing)
        other.tell("stop")
        wait(qtbot, lambda: not app.parts.playback.is_playing)


class Daw:
    """Another program on the server."""

    def __init__(self, server: str) -> None:
        self.client = jack.Client("daw", no_start_server=True, servername=server)
        self.client.activate()

    @property
    def position(self) -> dict[str, Any]:
        return self.client.transport_query()[1]

    @property
    def is_rolling(self) -> bool:
        return self.client.transport_state == jack.ROLLING

    def lead(self, bpm: float) -> None:
        """Become timebase master in place of whoever it is."""

        def tell(_state: int, _frames: int, position: Any, _is_new: bool) -> None:
            beat = position.frame * bpm / 60 / self.client.samplerate
            position.valid = 0x10
            position.bar, position.beat = int(beat // 4) + 1, int(beat % 4) + 1
            position.tick, position.ticks_per_beat = int(beat % 1 * 960), 960
            position.beats_per_bar, position.beat_type = 4, 4
            position.beats_per_minute = bpm

        self.client.set_timebase_callback(tell)

    def close(self) -> None:
        self.client.deactivate()
        self.client.close()


#: Slow, and so by itself: a JACK client of the test's own process brought later tests down.
@pytest.mark.slow
@needs_jack
def test_jack_rolls_and_counts_by_the_window(server: str, open_app: OpenApp, qtbot: QtBot) -> None:
    app = open_app()
    wait(qtbot, lambda: app.parts.playback.output != "")
    make(app, qtbot, "dry drums, 126 bpm", takes=1)
    stop_playing(app, qtbot)
    with closing(Daw(server)) as daw:
        run_command(app, "sync: lead jack")
        wait(qtbot, lambda: daw.position.get("beats_per_minute") == 126.0)
        wait(qtbot, lambda: bar(app).sync.text() == "Leads JACK · stopped")
        assert not daw.is_rolling, "what stands is not started by who begins to lead"
        press(app, Key.Key_Space)
        wait(qtbot, lambda: daw.is_rolling and app.parts.playback.is_playing)
        wait(qtbot, lambda: daw.position["bar"] >= 2)
        told, rate = daw.position, daw.client.samplerate
        beat = (told["bar"] - 1) * 4 + told["beat"] - 1 + told["tick"] / told["ticks_per_beat"]
        assert beat == pytest.approx(told["frame"] * 126 / 60 / rate, abs=1e-3)
        press(app, Key.Key_Space)
        wait(qtbot, lambda: not daw.is_rolling)
        press(app, Key.Key_Home)
        wait(qtbot, lambda: daw.is_rolling and daw.position["bar"] == 1)
        clip = app.actions.heard
        assert clip is not None
        assert clip.bar_frames is not None
        app.actions.seek(round(clip.bar_frames))
        wait(qtbot, lambda: daw.position["bar"] == 2)
        daw.client.transport_stop()
        wait(qtbot, lambda: not app.parts.playback.is_playing)
        daw.client.transport_start()
        wait(qtbot, lambda: app.parts.playback.is_playing)
        daw.lead(99.0)  # by force
        wait(qtbot, lambda: bar(app).sync.text() == "Leads JACK · waiting")
        wait(qtbot, lambda: "timebase master" in said(app))
        press(app, Key.Key_S, SHIFT)
        wait(qtbot, lambda: bar(app).sync.text() == "JACK · 99.0")
        press(app, Key.Key_S, SHIFT)
        wait(qtbot, lambda: bar(app).sync.text() == "Leads JACK · waiting")
        daw.client.release_timebase()
        wait(qtbot, lambda: bar(app).sync.text() == "Leads JACK · 126.0")
        pick(app, qtbot, "Off")
        wait(qtbot, lambda: "beats_per_minute" not in daw.position)
        wait(qtbot, lambda: daw.is_rolling)  # JACK may begin anew when a client leaves
        assert app.parts.playback.is_playing, "what is heard goes on, too"
    app.close()


#: Slow, and so by itself: a JACK client of the test's own process brought later tests down.
@pytest.mark.slow
@needs_jack
def test_midi_clock_is_sent_while_the_window_plays(
    server: str, open_app: OpenApp, qtbot: QtBot
) -> None:
    rtmidi: Any = pytest.importorskip("rtmidi")
    heard: list[bytes] = []
    midi = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="drums")
    midi.ignore_types(timing=False)
    midi.open_virtual_port("in")

    def hear(event: tuple[list[int], float], _data: object) -> None:
        heard.append(bytes(event[0]))

    midi.set_callback(hear)
    app = open_app()
    wait(qtbot, lambda: app.parts.playback.output != "")
    make(app, qtbot, "dry drums, 126 bpm", takes=1)
    stop_playing(app, qtbot)
    pick(app, qtbot, "Lead MIDI")
    with closing(jack.Client("patchbay", no_start_server=True, servername=server)) as client:
        wait(qtbot, lambda: bool(client.get_ports("loopgraft-midi:clock")))
        client.connect("loopgraft-midi:clock", client.get_ports("drums", is_input=True)[0])
    wait(qtbot, lambda: CLOCK in heard)
    assert START not in heard
    press(app, Key.Key_Space)
    wait(qtbot, lambda: START in heard and heard[heard.index(START) :].count(CLOCK) >= 96)
    press(app, Key.Key_Space)
    wait(qtbot, lambda: STOP in heard)
    del heard[:]
    press(app, Key.Key_Space)
    wait(qtbot, lambda: any(message[0] == 0xF2 for message in heard))
    assert b"\xfb" in heard, "it continues from the song position"
    del heard[:]
    pick(app, qtbot, "Off")
    wait(qtbot, lambda: STOP in heard)
    assert app.parts.playback.is_playing
    app.close()
    midi.close_port()
    midi.delete()


#: Slow, and so by itself: a JACK client of the test's own process brought later tests down.
@pytest.mark.slow
@needs_jack
def test_what_is_recorded_while_the_window_leads_begins_on_its_bar_line(
    server: str, open_app: OpenApp, qtbot: QtBot
) -> None:
    """MIDI clock is told by nobody but us: the bars are those of what is heard."""
    app = open_app()
    wait(qtbot, lambda: app.parts.playback.output != "")
    make(app, qtbot, "dry drums, 126 bpm", takes=1)
    take = app.actions.heard
    assert take is not None
    choose(app, "Lead MIDI")
    wait(qtbot, lambda: bar(app).sync.text() == "Leads MIDI · 126.0")
    recorder = app.parts.recorder
    with closing(jack.Client("look", no_start_server=True, servername=server)) as client:
        (ours, _) = (
            p.name for p in client.get_ports(is_output=True, is_audio=True) if p.name[:4] != "syst"
        )
    recorder.set_input(ours.split(":")[0])
    recorder.set_bars(1)
    app.actions.record()
    wait(qtbot, lambda: app.parts.session.canvas.clip is not None)
    heard = app.parts.session.canvas.clip
    assert heard is not None
    bar_frames = round(4 * 60 / 126 * heard.sample_rate)
    assert heard.frames == bar_frames
    loop, part = take.audio.samples[0], np.zeros(take.frames)
    part[:bar_frames] = heard.audio.samples[0]
    found = np.argmax(np.fft.irfft(np.fft.rfft(loop) * np.fft.rfft(part).conj(), take.frames))
    late = [abs(int(found) - round(number * take.frames / 4)) for number in range(5)]
    print(f"off by {min(late)} frames")  # noqa: T201
    # The lock's 2 ms, and callbacks that come late on a busy machine: a beat is 476 ms.
    assert min(late) < 0.01 * heard.sample_rate
    app.close()


def test_what_cannot_be_led_is_one_sentence_and_remembered(open_app: OpenApp, qtbot: QtBot) -> None:
    first = open_app()
    press(first, Key.Key_S, SHIFT)
    assert "Follow Link, JACK or MIDI first" in said(first)
    press(first, Key.Key_T)
    assert "lead, and it is yours" in said(first)
    pick(first, qtbot, "Lead JACK")
    wait(qtbot, lambda: bar(first).sync.property("level") == "warn")
    assert bar(first).sync.text() == "Leads JACK · waiting"
    assert "No JACK server is running" in said(first)
    first.close()
    app = open_app()
    assert (app.parts.sync.source, app.parts.sync.leads) == ("jack", True)
    press(app, Key.Key_T)
    bar(app).tempo.setText("900")
    press(app, Key.Key_Return)
    assert "outside 40 to 300 bpm" in said(app)
    assert bar(app).tempo.text() == "–"
