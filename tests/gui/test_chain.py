"""The chain in the window, with the real audio process, the real plugin host and real plugins."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest
import soundfile
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.wav_file import read_chunks
from gui.app import App
from gui.chain_commands import slot_commands
from gui.chain_hands import ADD_TITLE
from gui.drop_in import dropped_paths
from gui.state.rack import SlotState
from gui.state.wet_files import Sides
from gui.widgets.chain_bar import ChainBar
from plugin_bridge.plugins.chain import Chain, ChainSlot, encode_chain, read_chain
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.presets import slot_file
from tests.gui.conftest import OpenApp
from tests.gui.hands import ALT, CTRL, Key, make, press, said, wait
from tests.integration.test_plugin_editor import desktop_settings, windows
from tests.plugin_bridge.plugins.host_parts import PROBE_ID, index_of, probe_slot
from tests.plugin_bridge.plugins.plugin_parts import (
    CRASH,
    debian_plugin,
    needs_plugins,
    probe,
)
from tests.screen import Screen

pytestmark = needs_plugins

ON, BYPASSED, CRASHED = SlotState.ON, SlotState.BYPASSED, SlotState.CRASHED


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The app's folder of data, with two plugins that are known."""
    folder = tmp_path / "data"
    folder.mkdir()
    index_of(folder, probe(), debian_plugin("ZamEQ2")).close()
    return folder


def states(app: App) -> list[SlotState]:
    return [held.state for held in app.parts.rack.slots]


def bar(app: App) -> ChainBar:
    return app.window.regions.export.chain


def add(app: App, qtbot: QtBot, name: str) -> None:
    """Add a plugin as a user does: the list, a part of its name, Return."""
    wait(qtbot, lambda: bool(app.parts.rack.effects))
    count = len(app.parts.rack.slots)
    press(app, Key.Key_P, CTRL)
    assert app.window.palette_.title.text() == ADD_TITLE
    QTest.keyClicks(app.window.palette_.search, name)
    press(app, Key.Key_Return)
    assert len(app.parts.rack.slots) == count + 1
    wait(qtbot, lambda: states(app)[-1] is ON)


def peaks_of(app: App) -> list[float]:
    peaks: list[float] = []
    app.parts.playback.peaked.connect(peaks.append)
    return peaks


def loudest_over(app: App, qtbot: QtBot, count: int = 40) -> float:
    """Return the highest peak of so many reports from now on: of more than a beat."""
    peaks = peaks_of(app)
    wait(qtbot, lambda: len(peaks) >= count)
    app.parts.playback.peaked.disconnect(peaks.append)
    return max(peaks)


def becomes(app: App, qtbot: QtBot, is_so: Callable[[float], bool]) -> None:
    """Wait until the loudest of more than a beat is as it should be."""
    for _ in range(40):
        if is_so(loudest_over(app, qtbot)):
            return
    raise AssertionError("it never sounded so")


def remember(data: Path, *slots: ChainSlot) -> None:
    """Leave a chain as an earlier session would."""
    (data / "chain.json").write_bytes(encode_chain(Chain(slots)))


def test_a_plugin_is_added_heard_bypassed_and_removed(
    data: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    app = open_app()
    rack, window = app.parts.rack, app.window
    add(app, qtbot, "zameq2")
    assert bar(app).cards[0].name.text() == "◉ ZamEQ2"
    press(app, Key.Key_1, CTRL)
    assert states(app) == [BYPASSED]
    add(app, qtbot, "probe")
    assert states(app) == [BYPASSED, ON]
    bar(app).cards[1].name.setFocus()
    press(app, Key.Key_Left, ALT)
    assert [held.name for held in rack.slots] == ["Probe", "ZamEQ2"]
    assert bar(app).cards[0].name.hasFocus(), "the keys go with the plugin"
    press(app, Key.Key_Delete)
    assert [held.name for held in rack.slots] == ["ZamEQ2"]
    assert said(app) == "Probe is out of the chain."
    press(app, Key.Key_0, CTRL)
    wait(qtbot, lambda: states(app) == [ON])
    assert window.regions.status.sentence.property("level") == ""


def test_what_is_heard_goes_through_the_chain_of_the_last_session(
    data: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    remember(data, probe_slot(gain=0.25))
    app = open_app()
    wait(qtbot, lambda: states(app) == [ON])
    make(app, qtbot, "dry drums, 240 bpm", takes=1)
    wait(qtbot, lambda: app.parts.playback.is_playing)
    wet = loudest_over(app, qtbot)
    card = bar(app).cards[0]
    card.name.click()
    assert (card.name.text(), card.state.text()) == ("○ Probe", "bypassed")
    becomes(app, qtbot, lambda peak: peak > 3.5 * wet)
    card.name.click()
    becomes(app, qtbot, lambda peak: peak < 1.1 * wet)
    card.mix.setValue(0)
    becomes(app, qtbot, lambda peak: peak > 3.5 * wet)
    assert app.parts.playback.is_playing
    app.close()
    (kept,) = read_chain(data / "chain.json").slots
    assert (kept.plugin_id, kept.mix, kept.bypass) == (PROBE_ID, 0.0, False)
    assert kept.parameters["gain"] == 0.25
    assert kept.state, "the plugin's own settings are kept too"


def test_a_crashing_plugin_costs_one_sentence_and_can_be_tried_again(
    data: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    loud = {"master_gain_db": 12.0}
    boost = ChainSlot(zam_id(data), parameters=dict(loud))
    remember(data, boost, boost, probe_slot(CRASH, gain=1.0))
    app = open_app()
    wait(qtbot, lambda: states(app) == [ON] * 3)
    sentences: list[str] = []
    app.parts.rack.noted.connect(lambda sentence, _level: sentences.append(sentence))
    make(app, qtbot, "dry drums, 240 bpm", takes=1)
    wait(qtbot, lambda: states(app) == [ON, ON, CRASHED])
    assert sentences[0] == "Probe crashed and is loaded again; playback goes on dry."
    assert sentences[-1].startswith("Probe crashed again and is bypassed; playback goes on")
    assert said(app) == f"Problem: {sentences[-1]}"
    card = bar(app).cards[2]
    assert (card.name.text(), card.state.text()) == ("○ Probe", "crashed, bypassed")
    assert card.reload.isVisible()
    assert app.parts.playback.is_playing
    assert loudest_over(app, qtbot) > 0.0
    app.parts.playback.stop()
    card.reload.click()
    wait(qtbot, lambda: states(app) == [ON] * 3)
    assert not card.reload.isVisible()


def test_playback_goes_on_while_the_host_is_gone(
    data: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    remember(data, probe_slot(gain=0.25))
    app = open_app()
    wait(qtbot, lambda: states(app) == [ON])
    make(app, qtbot, "dry drums, 240 bpm", takes=1)
    wet = loudest_over(app, qtbot)
    os.kill(host_pid(), signal.SIGKILL)
    wait(qtbot, lambda: "playback goes on dry" in said(app))
    becomes(app, qtbot, lambda peak: peak < 1.1 * wet)
    assert app.parts.playback.is_playing


def test_a_chain_that_cannot_be_read_is_one_sentence(
    data: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    (data / "chain.json").write_text("{nonsense")
    app = open_app()
    wait(qtbot, lambda: "chain.json" in said(app))
    assert app.parts.rack.slots == ()
    app.close()
    assert (data / "chain.json").read_text() == "{nonsense", "what was not read is not written over"
    app = open_app()
    add(app, qtbot, "probe")
    app.close()
    assert [slot.plugin_id for slot in read_chain(data / "chain.json").slots] == [PROBE_ID]


def test_a_plugin_that_is_not_there_any_more_says_so(
    data: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    remember(data, ChainSlot("VST3-OldTape-1234abcd"), probe_slot())
    app = open_app()
    wait(qtbot, lambda: states(app) == [SlotState.MISSING, ON])
    card = bar(app).cards[0]
    assert (card.name.text(), card.state.text()) == ("○ OldTape", "missing")
    assert "OldTape" in said(app)


def test_plugins_are_found_in_the_background(
    tmp_path: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    app = open_app()
    press(app, Key.Key_P, CTRL)
    palette = app.window.palette_
    assert [palette.list.item(row).text() for row in range(palette.list.count())] == [
        "Scan for plugins"
    ]
    heard: list[str] = []
    for news in (app.parts.rack.said, app.parts.rack.noted):
        news.connect(lambda sentence, _level: heard.append(sentence))
    app.parts.rack.scan([debian_plugin("ZamEQ2"), debian_plugin("ZamComp")])
    assert app.parts.rack.is_scanning
    wait(qtbot, lambda: not app.parts.rack.is_scanning)
    assert heard[0] == "Looking for plugins."
    assert any(sentence.startswith("Plugins: 1 of 2, ") for sentence in heard)
    assert said(app) == "2 effects can be used."
    assert palette.list.count() == 3, "the open list shows what was found"


def test_dry_and_wet_leave_together_and_a_loop_stays_as_long_as_it_is(
    data: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    remember(data, probe_slot(gain=0.25))
    app = open_app()
    export = app.window.regions.export
    wait(qtbot, lambda: states(app) == [ON])
    assert export.sides.isVisible()
    make(app, qtbot, "dry drums, 240 bpm", takes=1)
    export.show_sides(Sides.BOTH)
    export.sides.activated.emit(export.sides.currentIndex())
    press(app, Key.Key_D, CTRL)
    wait(qtbot, lambda: said(app).startswith("Copied “"))
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    copied = clipboard.mimeData()
    assert copied is not None
    dry, wet = dropped_paths(copied.data("text/uri-list").data()).paths
    assert wet.stem.endswith("-wet")
    (dry_wave, rate), (wet_wave, wet_rate) = soundfile.read(dry), soundfile.read(wet)
    assert (wet_wave.shape, wet_rate) == (dry_wave.shape, rate)
    np.testing.assert_allclose(wet_wave, 0.25 * dry_wave, atol=2e-7)
    assert {name for name, _ in read_chunks(wet)} >= {b"acid", b"smpl"}
    assert len(list(dry.parent.iterdir())) == 2
    press(app, Key.Key_D, CTRL)
    wait(qtbot, lambda: app.window.regions.status.sentence.whole != "")
    assert len(list(dry.parent.iterdir())) == 2, "the same chain is rendered once"


def test_bypassed_plugins_are_in_no_file(data: Path, open_app: OpenApp, qtbot: QtBot) -> None:
    remember(data, msgspec.structs.replace(probe_slot(gain=0.25), bypass=True))
    app = open_app()
    wait(qtbot, lambda: states(app) == [BYPASSED])
    make(app, qtbot, "dry drums, 240 bpm", takes=1)
    app.actions.set_export_sides(Sides.WET)
    files: list[tuple[Path, ...]] = []
    clip = app.parts.session.shown
    assert clip is not None
    app.parts.out.wet.prepare(clip, files.append)
    wait(qtbot, lambda: bool(files))
    assert not files[0][0].stem.endswith("-wet"), "nothing of the chain is heard: the file is dry"


def test_a_plugin_in_quarantine_is_passed_by_until_it_is_reloaded(
    data: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    with PluginIndex(data / "plugins.sqlite3") as index:
        assert not index.note_crash(probe(), 1000.0)
        assert index.note_crash(probe(), 1001.0)
    remember(data, probe_slot())
    app = open_app()
    wait(qtbot, lambda: states(app) == [SlotState.QUARANTINED])
    card = bar(app).cards[0]
    assert card.state.text() == "in quarantine"
    assert "in quarantine" in said(app)
    assert [facts.name for facts in app.parts.rack.effects] == ["ZamEQ2"]
    press(app, Key.Key_1, CTRL)
    wait(qtbot, lambda: states(app) == [ON])
    assert [facts.name for facts in app.parts.rack.effects] == ["Probe", "ZamEQ2"]


def test_a_host_that_ends_again_and_again_leaves_a_sentence_and_a_way_back(
    data: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    remember(data, probe_slot())
    app = open_app()
    killed: set[int] = set()
    while states(app) != [CRASHED]:
        wait(qtbot, lambda: states(app) == [CRASHED] or bool(set(host_pids()) - killed))
        for pid in set(host_pids()) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
    wait(qtbot, lambda: states(app) == [CRASHED])
    assert "reload tries it again" in said(app)
    bar(app).cards[0].reload.click()
    wait(qtbot, lambda: states(app) == [ON])


def test_another_rate_of_the_output_loads_the_chain_for_it(
    data: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    remember(data, probe_slot(gain=0.25))
    app = open_app()
    wait(qtbot, lambda: states(app) == [ON])
    first = host_pid()
    wait(qtbot, lambda: b'"state"' in (data / "chain.json").read_bytes())
    app.parts.playback.rate_changed.emit(48_000)  # as DeviceOpened and DeviceGone do
    assert states(app) == [SlotState.LOADING]
    wait(qtbot, lambda: states(app) == [ON])
    assert host_pid() != first
    assert app.parts.rack.chain.slots[0].parameters["gain"] == 0.25


def take_a(app: App) -> str:
    clip = app.parts.session.lanes[0].clip
    assert clip is not None
    return clip.take_id


def command(app: App, name: str) -> None:
    """Run a command of the palette."""
    (found,) = [command for command in app.window.commands if command.name == name]
    found.run()


def test_a_take_has_a_chain_of_its_own_until_it_is_given_up(
    data: Path, open_app: OpenApp, qtbot: QtBot
) -> None:
    remember(data, probe_slot(gain=0.25))
    app = open_app()
    rack, title = app.parts.rack, bar(app).title
    wait(qtbot, lambda: states(app) == [ON])
    command(app, "Give this take its own chain")
    assert "This sound is no take" in said(app)
    make(app, qtbot, "dry drums, 240 bpm", takes=2)
    press(app, Key.Key_A)
    quiet = loudest_over(app, qtbot)
    command(app, "Give this take its own chain")
    bar(app).cards[0].mix.setValue(0)
    becomes(app, qtbot, lambda peak: peak > 3 * quiet)
    assert title.text() == "Take's chain"
    press(app, Key.Key_B)
    assert (title.text(), bar(app).cards[0].mix.value()) == ("Chain", 100)
    becomes(app, qtbot, lambda peak: peak < 2 * quiet)
    press(app, Key.Key_A)
    becomes(app, qtbot, lambda peak: peak > 3 * quiet)
    take = take_a(app)
    assert [slot.mix for slot in rack.wet_chain(take).slots] == [0.0]
    press(app, Key.Key_B)
    assert [slot.mix for slot in rack.wet_chain(take).slots] == [0.0], "also while B is heard"
    assert [slot.mix for slot in rack.wet_chain().slots] == [1.0]
    app.actions.set_export_sides(Sides.WET)
    files = [wet_file(app, qtbot, index) for index in range(2)]
    loud, soft = (float(np.abs(soundfile.read(file)[0]).max()) for file in files)
    assert loud > 3 * soft
    app.close()
    (kept,) = (data / "takes" / "Chains").iterdir()
    assert (kept.stem, read_chain(kept).slots[0].mix) == (take, 0.0)
    assert read_chain(data / "chain.json").slots[0].mix == 1.0
    app = open_app()
    wait(qtbot, lambda: states(app) == [ON])
    app.parts.rack.hear(take)  # as playback does once it is chosen
    assert [slot.mix for slot in app.parts.rack.chain.slots] == [0.0]
    command(app, "Use the app's chain again")
    assert [slot.mix for slot in app.parts.rack.chain.slots] == [1.0]
    app.close()
    assert not kept.exists()


def wet_file(app: App, qtbot: QtBot, index: int) -> Path:
    """Return the file that leaves the window for the take of a lane."""
    files: list[tuple[Path, ...]] = []
    clip = app.parts.session.lanes[index].clip
    assert clip is not None
    app.parts.out.wet.prepare(clip, files.append)
    wait(qtbot, lambda: bool(files))
    return files[0][-1]


def choose(app: App, command_name: str, path: Path) -> None:
    """Run a command of the first plugin's menu, and choose a file in what it opens."""
    commands = slot_commands(app.parts.rack, 0, app.window.chain.presets)
    (command,) = [command for command in commands if command.name == command_name]
    command.run()
    (dialog,) = [d for d in app.window.findChildren(QFileDialog) if d.isVisible()]
    dialog.selectFile(str(path))
    dialog.accept()


def test_presets_are_saved_and_loaded_from_the_menu_of_a_card(
    data: Path, open_app: OpenApp, qtbot: QtBot, tmp_path: Path
) -> None:
    remember(data, probe_slot(gain=0.25))
    app = open_app()
    rack = app.parts.rack
    wait(qtbot, lambda: states(app) == [ON])
    choose(app, "Save its preset…", tmp_path / "quiet.vstpreset")
    wait(qtbot, lambda: said(app) == "“quiet.vstpreset” is saved.")
    (tmp_path / "loud.json").write_bytes(slot_file(probe_slot(gain=1.5)))
    choose(app, "Load a preset…", tmp_path / "loud.json")
    wait(qtbot, lambda: rack.chain.slots[0].parameters["gain"] == 1.5)
    assert said(app) == "Probe is set as “loud.json” says."
    choose(app, "Load a preset…", tmp_path / "quiet.vstpreset")
    wait(qtbot, lambda: rack.chain.slots[0].parameters["gain"] == 0.25)
    (tmp_path / "bad.vstpreset").write_bytes(b"nothing")
    choose(app, "Load a preset…", tmp_path / "bad.vstpreset")
    wait(qtbot, lambda: "does not take this preset" in said(app))
    assert states(app) == [ON]


@pytest.mark.skipif(shutil.which("xsettingsd") is None, reason="apt install xsettingsd")
def test_a_plugins_own_window_opens_and_gives_way_to_the_next_click(
    data: Path, open_app: OpenApp, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    remember(data, ChainSlot(zam_id(data)))
    screen = Screen()
    with closing(screen), monkeypatch.context() as patch:
        patch.setenv("DISPLAY", screen.display)
        with desktop_settings(tmp_path):
            app = open_app()
            wait(qtbot, lambda: states(app) == [ON])
            commands = slot_commands(app.parts.rack, 0, app.window.chain.presets)
            (show,) = [c for c in commands if c.name == "Open its window"]
            show.run()
            wait(qtbot, lambda: "ZamEQ2" in windows())
            bar(app).cards[0].name.click()
            wait(qtbot, lambda: "ZamEQ2" not in windows())
            assert states(app) == [BYPASSED]
            app.close()


def test_no_screen_for_a_plugins_window_is_one_sentence(
    data: Path, open_app: OpenApp, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(data, ChainSlot(zam_id(data)))
    monkeypatch.delenv("DISPLAY")
    app = open_app()
    wait(qtbot, lambda: states(app) == [ON])
    app.parts.rack.show_editor(0)
    wait(qtbot, lambda: "There is no X screen here" in said(app))
    assert states(app) == [ON]


def zam_id(data: Path) -> str:
    with PluginIndex(data / "plugins.sqlite3") as index:
        return index.find("ZamEQ2").facts.plugin_id


def host_pid() -> int:
    (pid,) = host_pids()
    return pid


def host_pids() -> list[int]:
    """Return the plugin hosts: the children whose command line says so."""
    found: list[int] = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "plugin_bridge.plugins.host_process" in " ".join(child.cmdline()):
                found.append(child.pid)
    return found
